"""Documents of orders that a person changes before they are sent, and what becomes of that when the order changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import transaction

from integrations import edits, outbox
from integrations import selectors as pipes
from integrations.edits import Basis
from integrations.events import MessagesReleased
from integrations.ports import documents
from integrations.ports.documents import Document, SalesOrder
from integrations.ports.publications import NoteWish, TrackingWish
from integrations.states import Status, StoreOperation
from orders.models import Order
from orders.policies import edits as policy
from orders.policies import posting
from orders.services.effects import AMEND, POST
from orders.services.postings import look_again
from retailhub.core import bus

KINDS: dict[str, type[Document]] = {
    POST: SalesOrder,
    AMEND: SalesOrder,
    StoreOperation.ADD_NOTE.value: NoteWish,
    StoreOperation.SET_TRACKING.value: TrackingWish,
}
"""Operations whose documents may be edited, with their shape. Another refund or status is asked for instead."""


class NotEdited(ValueError):
    """An edit cannot be made; ``detail`` says why in one sentence."""

    code = "not_edited"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class Edited:
    """An edited document that passed: its bytes as they are sent, and what it changes."""

    message_id: int
    subject: str
    operation: str
    document: bytes
    changes: tuple[policy.Change, ...]

    @property
    def changes_money(self) -> bool:
        """Whether another person has to approve it."""
        return any(change.is_money for change in self.changes)


def present(message_id: int) -> tuple[Any, dict[str, Any]]:
    """A message and its present document as JSON values. Raises `NotEdited` where it cannot be edited now."""
    row = pipes.effect_named(message_id)
    if row is None:
        raise NotEdited(f"There is no message msg_o{message_id}.")
    if row.operation not in KINDS:
        raise NotEdited("This kind of message is not edited: give it up, and ask for another.")
    if row.status != Status.PARKED:
        raise NotEdited(f"{row} is {row.status.replace('_', ' ')}: only what is parked can be edited.")
    body = next((bytes(each.body) for each in pipes.bodies_of(message_id=row.pk) if each.revision == row.revision), b"")
    if not body:
        raise NotEdited(f"The document of {row} is not kept any more.")
    return row, msgspec.json.decode(body)


def check(*, message_id: int, wanted: dict[str, Any]) -> Edited:
    """Judge an edit against the document's shape and rules. Raises `NotEdited` with what is wrong."""
    row, before = present(message_id)
    kind = KINDS[row.operation]
    try:
        document = msgspec.convert(wanted, kind, strict=False)
    except msgspec.ValidationError as error:
        raise NotEdited(f"That is no such document: {error}.") from error
    raw = documents.encode(document)
    found = policy.changes(before, msgspec.json.decode(raw))
    refusal = policy.refuse(found)
    if not refusal and isinstance(document, SalesOrder):
        refusal = policy.refuse_sums(document)
    if refusal:
        raise NotEdited(refusal)
    return Edited(message_id=row.pk, subject=row.subject, operation=row.operation, document=raw, changes=tuple(found))


def put(
    *,
    message_id: int,
    document: bytes,
    actor_name: str,
    reason: str,
    now: dt.datetime,
    planned_at: dt.datetime | None = None,
) -> bool:
    """Send a parked message with an edited document. Locks the order, then the message.

    False when it is not parked any more, or got another body after ``planned_at``: an old edit replaces nothing new.
    """
    with transaction.atomic():
        row = pipes.effect_named(message_id)
        if row is None:
            return False
        list(Order.objects.select_for_update().filter(public_id=row.subject.removeprefix("order:")))
        history = outbox.history_by_subject(subjects=[row.subject], operations=[row.operation])
        held = next((each for each in history.get(row.subject, []) if each.id == message_id), None)
        row.refresh_from_db()
        if held is None or held.status is not Status.PARKED or (planned_at and row.body_at > planned_at):
            return False
        why = f"sent with an edit by {actor_name}: {reason}"
        if row.operation not in {POST, AMEND}:
            outbox.replace_document(message_id=message_id, document=document)
            bus.publish(MessagesReleased("s", [row.subject], why, now))
            return True
        changed = policy.changes(msgspec.json.decode(held.document), msgspec.json.decode(document))
        edits.put(
            message_id=message_id,
            document=document,
            basis=_basis(held),
            fields=[change.path for change in changed],
            actor_name=actor_name,
            reason=reason,
            now=now,
        )
        bus.publish(MessagesReleased("o", [row.subject], why, now))
    return True


def _basis(held: outbox.Latest) -> Basis:
    """The order's own document: what the message holds, or what an edit that it holds was made of."""
    known = edits.live(message_ids=[held.id]).get(held.id)
    if known is not None:
        return known.newer or known.basis
    return basis_of(documents.decode(held.document, SalesOrder))


def basis_of(document: SalesOrder) -> Basis:
    """A document by its hashes."""
    return Basis(outbox.hash_of(documents.encode(document)), posting.material_hash(document))


def drop(*, subject: str, message_ids: Sequence[int], now: dt.datetime) -> bool:
    """Give edits up: the order's own document is sent instead, as soon as it is decided on. Locks the order."""
    with transaction.atomic():
        public_id = subject.removeprefix("order:")
        list(Order.objects.select_for_update().filter(public_id=public_id))
        ended = [edits.end(message_id=each, now=now) for each in message_ids]
        if any(ended):
            look_again(public_ids=[public_id], retry=True)
    return any(ended)

"""What is written back to orders in their stores: public status, notes, tracking, refunds.

Each is a message of the store's outbox, stored in the transaction of what causes it, under the order's row lock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from integrations import connections, identity, outbox, selectors
from integrations.events import MessagesReleased
from integrations.ports import documents
from integrations.ports.documents import Document
from integrations.ports.documents import Order as OrderDocument
from integrations.ports.publications import NoteWish, RefundWish, StatusWish, TrackingWish
from integrations.states import STORE_OPERATIONS, Lane, Mode, Outcome, Status, StoreOperation
from integrations.workflow import StoreFacts
from orders.models import Order
from orders.policies import posting, publication
from orders.policies.publication import AskedPart, Promise, Refusal
from retailhub.core import audit, bus, ids

NOTE, TRACKING, REFUND = "note", "tracking", "refund"
"""Document types of references in stores, as `selectors.STORE_DOCUMENTS` names them."""
LETTERS = {NOTE: "N", TRACKING: "T", REFUND: "F"}
LONGEST_NOTE = 5000


class NotPublished(Exception):
    """Something may not be written to the store. ``code`` is stable, ``detail`` one plain sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True, kw_only=True)
class Published:
    """A message that waits to be written to the store."""

    message: str
    reference: str
    operation: str


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A locked order and its store, as far as publishing needs them."""

    row: Order
    store: StoreFacts
    document: OrderDocument
    trace_id: str

    def reference(self, document_type: str, ordinal: int) -> str:
        """Our key of a note, a parcel's tracking or a refund in the store."""
        return f"{self._base}-{LETTERS[document_type]}{ordinal}"

    @property
    def status_reference(self) -> str:
        """Of all its public statuses: a status is a state, and only the last one counts."""
        return f"{self._base}-P"

    @property
    def _base(self) -> str:
        return posting.reference_of(store_code=self.store.code, order_ref=self.row.order_ref, ordinal=1)


@dataclass(frozen=True, kw_only=True)
class Act:
    """Who publishes something by hand, why and when."""

    actor: Any
    reason: str
    now: dt.datetime


def publish_note(*, subject: str, text: str, to_customer: bool, act: Act) -> Published:
    """A note on the order, private or mailed to the customer. Locks the order. Raises `NotPublished`."""
    if not text.strip() or len(text) > LONGEST_NOTE:
        raise NotPublished("bad_note", f"A note has 1 to {LONGEST_NOTE} characters.")
    with transaction.atomic():
        shown = _locked(subject)
        wish = NoteWish(order_ref=shown.row.order_ref, text=text.strip(), to_customer=to_customer)
        facts = {"to_customer": to_customer, "characters": len(wish.text)}
        return _publish_fact(shown, NOTE, StoreOperation.ADD_NOTE, wish, act, facts)


def publish_tracking(*, subject: str, number: str, carrier: str, url: str, act: Act) -> Published:
    """Where a parcel of the order is. Locks the order. Raises `NotPublished`."""
    if not number.strip() or max(len(number), len(carrier), len(url)) > 500:
        raise NotPublished("bad_tracking", "Tracking needs a number, and its parts have at most 500 characters.")
    if url and not url.startswith(("https://", "http://")):
        raise NotPublished("bad_tracking", "The address to follow a parcel at begins with https:// or http://.")
    with transaction.atomic():
        shown = _locked(subject)
        wish = TrackingWish(
            order_ref=shown.row.order_ref, number=number.strip(), carrier=carrier.strip(), url=url.strip()
        )
        facts = {"number": wish.number, "carrier": wish.carrier}
        return _publish_fact(shown, TRACKING, StoreOperation.SET_TRACKING, wish, act, facts)


def publish_refund(*, subject: str, amount: Decimal, parts: Sequence[AskedPart], restock: bool, act: Act) -> Published:
    """Money back, tax included, for named lines or none. No payment provider is asked. Locks the order.

    Raises `NotPublished`.
    """
    with transaction.atomic():
        shown = _locked(subject)
        document = shown.document
        refusal = publication.refuse_refund(
            document, amount=amount, parts=parts, promised=_promised(shown.row, document)
        )
        if refusal is not None:
            raise NotPublished(refusal.code, refusal.detail)
        wish = RefundWish(
            order_ref=shown.row.order_ref,
            amount=amount,
            reason=act.reason,
            parts=publication.refunded_parts(document, parts),
            restock=restock,
        )
        facts = {"amount": str(amount), "currency": document.currency, "lines": [part.line_ref for part in parts]}
        return _publish_fact(shown, REFUND, StoreOperation.REFUND, wish, act, facts, lane=Lane.ORDERS)


def publish_status(*, subject: str, status: str, act: Act) -> Published:
    """The public status that somebody names: one of the store's map, and no step back. Locks the order.

    Replaces one that waits. Raises `NotPublished`.
    """
    with transaction.atomic():
        shown = _locked(subject)
        refusal = publication.refuse_status(status, shown=shown.document, status_map=shown.store.status_map)
        if refusal is not None:
            raise NotPublished(refusal.code, refusal.detail)
        wish = StatusWish(order_ref=shown.row.order_ref, status=status, by_person=True)
        history = outbox.history_by_subject(subjects=[subject], operations=[StoreOperation.SET_STATUS])
        message_id = replace_waiting(history.get(subject, []), wish, act.now, subject)
        if message_id is None:
            (message_id,) = outbox.enqueue([status_effect(shown, wish)])
        _note_act(shown, "publish_status", act, {"status": status, "message": f"msg_o{message_id}"})
    return Published(
        message=f"msg_o{message_id}", reference=shown.status_reference, operation=StoreOperation.SET_STATUS.value
    )


def withdraw(*, subject: str, message_id: int, act: Act) -> None:
    """Give up what waits to be written and was not tried, or is parked; its case closes. Locks the order.

    Raises `NotPublished` for anything else.
    """
    with transaction.atomic():
        shown = _locked(subject, unchecked=True)
        row = selectors.effect_named(message_id)
        ours = row is not None and row.subject == subject and row.operation in STORE_OPERATIONS
        if not ours or not outbox.cancel_unsent(message_id=message_id):
            raise NotPublished(
                "not_withdrawable", f"msg_o{message_id} is nothing of this order that waits untried or is parked."
            )
        bus.publish(MessagesReleased("s", [subject], f"withdrawn: {act.reason}", act.now))
        _note_act(shown, "withdraw_publication", act, {"message": f"msg_o{message_id}"})


def _locked(subject: str, *, unchecked: bool = False) -> Shown:
    row = Order.objects.select_for_update().filter(public_id=subject.removeprefix("order:")).first()
    if row is None or not row.document:
        raise NotPublished("no_such_order", f"There is no order {subject}.")
    store = connections.store_facts({row.store_id})[row.store_id]
    document = documents.decode(row.document, OrderDocument)
    refusal = None if unchecked else closed_to_us(store, document)
    if refusal is not None:
        raise NotPublished(refusal.code, refusal.detail)
    return Shown(row=row, store=store, document=document, trace_id=ids.new_trace_id())


def closed_to_us(store: StoreFacts, document: OrderDocument) -> Refusal | None:
    """Why nothing at all is written about this order; ``None`` when something may be."""
    if store.mode != Mode.LIVE:
        return Refusal("store_not_live", f"{store.name} is {store.mode}, not live: nothing is written to it.")
    if store.live_from is None or document.created_at < store.live_from:
        return Refusal("before_live_from", f"The order was placed before {store.name} went live: it is left as it is.")
    return None


def _promised(row: Order, document: OrderDocument) -> list[Promise]:
    """Our refunds of the order: those that wait, and those that were made and are not known to be deleted again."""
    history = outbox.history_by_subject(subjects=[row.subject], operations=[StoreOperation.REFUND])
    # what is done loses its body to retention, months after the store has shown it
    kept = [each for each in history.get(row.subject, []) if each.document]
    live = [each for each in kept if not _is_over(each, row, document)]
    wishes = [(each.reference, documents.decode(each.document, RefundWish)) for each in live]
    return [Promise(reference=reference, amount=wish.amount, parts=wish.parts) for reference, wish in wishes]


def _is_over(refund: outbox.Latest, row: Order, document: OrderDocument) -> bool:
    """Whether nothing of a refund is in the store or will be: not sent, or seen there once and not any more."""
    if refund.status is not Status.DONE or publication.is_shown(document, refund.reference):
        return False
    if refund.outcome != Outcome.APPLIED:
        return True
    # the answer to our write may have held no order: until a version shows the refund, it is still to be seen
    return row.versions.filter(document__contains=publication.mark_of(refund.reference)).exists()


def _publish_fact(
    shown: Shown,
    document_type: str,
    operation: StoreOperation,
    wish: Document,
    act: Act,
    facts: dict[str, Any],
    *,
    lane: Lane = Lane.SHIPMENTS,
) -> Published:
    (effect,) = reserve_facts([(shown, wish)], document_type, operation, lane)
    (message_id,) = outbox.enqueue([effect])
    message = f"msg_o{message_id}"
    _note_act(shown, f"publish_{document_type}", act, {**facts, "reference": effect.reference, "message": message})
    return Published(message=message, reference=effect.reference, operation=operation.value)


def reserve_facts(
    wishes: Sequence[tuple[Shown, Document]], document_type: str, operation: StoreOperation, lane: Lane
) -> list[outbox.NewEffect]:
    """Effects with the next references of their kind, one for an order; the orders are locked by the caller."""
    subjects = [shown.row.subject for shown, _ in wishes]
    highest = identity.highest_ordinals(subjects=subjects, document_type=document_type)
    ordinals = {subject: highest.get(subject, 0) + 1 for subject in subjects}
    effects = [
        _effect(shown, operation, shown.reference(document_type, ordinals[shown.row.subject]), wish, lane)
        for shown, wish in wishes
    ]
    identity.reserve(
        [
            identity.NewReference(
                connection_id=effect.connection_id,
                subject=effect.subject,
                document_type=document_type,
                ordinal=ordinals[effect.subject],
                reference=effect.reference,
            )
            for effect in effects
        ]
    )
    return effects


def status_effect(shown: Shown, wish: StatusWish) -> outbox.NewEffect:
    """The effect that sets an order's public status."""
    return _effect(shown, StoreOperation.SET_STATUS, shown.status_reference, wish, Lane.SHIPMENTS)


def _effect(shown: Shown, operation: StoreOperation, reference: str, wish: Document, lane: Lane) -> outbox.NewEffect:
    return outbox.NewEffect(
        connection_id=shown.store.id,
        operation=operation.value,
        subject=shown.row.subject,
        reference=reference,
        document=documents.encode(wish),
        trace_id=shown.trace_id,
        lane=lane,
    )


def replace_waiting(history: Sequence[outbox.Latest], wish: StatusWish, now: dt.datetime, subject: str) -> int | None:
    """Put a newer status in the place of one that waits or is parked: its message, or ``None`` where there is none.

    What may be on the wire is left to be answered; the newer one goes behind it.
    """
    last = history[-1] if history else None
    if last is None or not (last.status is Status.PARKED or (last.status is Status.PENDING and not last.on_wire)):
        return None
    if not outbox.replace_document(message_id=last.id, document=documents.encode(wish)):
        return None
    if last.status is Status.PARKED:
        bus.publish(MessagesReleased("s", [subject], f"{wish.status} is to be shown now", now))
    return last.id


def _note_act(shown: Shown, action: str, act: Act, facts: dict[str, Any]) -> None:
    audit.record(actor=act.actor, action=action, subject=shown.row.subject, reason=act.reason, now=act.now, after=facts)

"""Asking the other system what it has: an order in its store, a document in an ERP; and taking over what is there.

Documents are read while no transaction is open. What was found is written down with who asked, and settles a message
only when it is where it was to be, with the right amount.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from integrations import asking, by_hand, identity
from integrations import selectors as pipes
from integrations.delivery import TARGETS
from integrations.events import EffectDone, EffectsAnswered
from integrations.ports import documents
from integrations.ports.capabilities import DocumentReader, How, Target
from integrations.ports.documents import DocumentState, ExternalDocument, SalesOrder
from integrations.states import Status
from orders import selectors as orders
from reconciliation.services import case_notes
from reconciliation.services.case_notes import NotDone
from retailhub.core import audit, bus
from retailhub.core.money import plain_amount


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the other system has under a reference, in words too. ``settled``: the message is done by it."""

    reference: str
    documents: Sequence[ExternalDocument]
    sentence: str
    settled: bool = False


def read_order(*, subject: str, actor: Any, reason: str, now: dt.datetime) -> None:
    """Have the store asked for the order as it has it now, before anything else of it is worked. Raises `NotDone`."""
    order = orders.by_subject(subject)
    if order is None:
        raise NotDone("This is about no order of a store.", code="no_such_order")
    with transaction.atomic():
        case_notes.note(subject=subject, what="read again", actor=actor, text=reason, now=now)
        audit.record(actor=actor, action="read_order_again", subject=subject, reason=reason, now=now)
        by_hand.read_again(store_id=order.store_id, order_refs=[order.order_ref])


def read_document(*, message_id: int, actor: Any, reason: str, now: dt.datetime) -> Found:
    """Look an order's document up in its ERP by our reference; a parked message is done when it is as it was to be.

    Raises `NotDone`, and the connector's errors when the ERP does not answer.
    """
    row, wanted = _message(message_id)
    found = asking.ask(row.connection_id, lambda sink: sink.find([row.reference]).get(row.reference, []))
    good = _as_wanted(row.operation, wanted, found) if row.status == Status.PARKED else None
    sentence = f"{row.connection.name} {_told(row.reference, found)}"
    with transaction.atomic():
        case_notes.note(subject=row.subject, what="read back", actor=actor, text=sentence, now=now)
        audit.record(
            actor=actor,
            action="read_document_back",
            subject=f"message:{row}",
            reason=reason,
            now=now,
            after={"reference": row.reference, "found": [each.external_id for each in found]},
        )
        if good is not None:
            _settle(row, good, now)
    end = " It is as it was to be, so this is done." if good is not None else ""
    return Found(reference=row.reference, documents=found, sentence=sentence + end, settled=good is not None)


def adopt(*, message_id: int, external_id: str, actor: Any, reason: str, now: dt.datetime) -> ExternalDocument:
    """Say that a document of the ERP is this order's: it is read, compared, and taken over. Raises `NotDone`, and
    the connector's errors when the ERP does not answer.

    A document in another state or with another amount is refused: one of the two sides is wrong and stays so.
    """
    row, wanted = _message(message_id)
    if row.status != Status.PARKED or TARGETS[row.operation] is not Target.CONFIRMED:
        raise NotDone(f"{row} does not wait for a document: only a parked posting adopts one.", code="not_parked")

    document: ExternalDocument | None
    document, ours, follows = asking.ask(row.connection_id, lambda sink: _look(sink, external_id, row.reference))
    if document is None:
        raise NotDone(f"{row.connection.name} has no document {external_id}.", code="no_such_document")
    refusal = _refuse(row, wanted, document, ours, follows=follows)
    if refusal:
        raise NotDone(refusal, code="not_adopted")
    with transaction.atomic():
        text = f"{document.number or document.external_id} in {row.connection.name}. {reason}"
        case_notes.note(subject=row.subject, what="adopted", actor=actor, text=text, now=now)
        audit.record(
            actor=actor,
            action="adopt_document",
            subject=row.subject,
            reason=reason,
            now=now,
            before={"message": str(row), "code": row.code},
            after={
                "external_id": document.external_id,
                "number": document.number,
                "reference_there": document.reference,
                "total": str(document.total),
                "currency": document.currency,
            },
        )
        _settle(row, document, now)
    return document


def _look(sink: Any, external_id: str, reference: str) -> tuple[ExternalDocument | None, list[ExternalDocument], bool]:
    """The document of that id, those under our reference, and whether the ERP finds a document by its id later."""
    reader: object = sink
    if not isinstance(reader, DocumentReader):
        raise NotDone("This kind of ERP cannot be asked for a document by its number.", code="cannot_read")
    return sink.read_document(external_id), sink.find([reference])[reference], sink.follows_ids


def _message(message_id: int) -> tuple[Any, SalesOrder]:
    row = pipes.effect_named(message_id)
    if row is None or row.operation not in TARGETS:
        raise NotDone(f"msg_o{message_id} is no document of an order for an ERP.", code="no_such_message")
    body = next((bytes(each.body) for each in pipes.bodies_of(message_id=row.pk) if each.revision == row.revision), b"")
    if not body:
        raise NotDone(f"The document of {row} is not kept any more.", code="no_document")
    return row, documents.decode(body, SalesOrder)


def _as_wanted(operation: str, wanted: SalesOrder, found: Sequence[ExternalDocument]) -> ExternalDocument | None:
    """The one document that is in its target state with the right amount."""
    live = [each for each in found if each.state is not DocumentState.CANCELLED]
    if TARGETS[operation] is Target.CANCELLED:
        return found[-1] if found and not live else None
    if len(live) != 1 or live[0].state is not DocumentState.CONFIRMED or _differs(wanted, live[0]):
        return None
    return live[0]


def _differs(wanted: SalesOrder, found: ExternalDocument) -> str:
    if (found.currency, found.total) == (wanted.currency, wanted.total):
        return ""
    there, here = plain_amount(found.total, found.currency), plain_amount(wanted.total, wanted.currency)
    return f"It has {found.currency} {there}, the order {wanted.currency} {here}: they must agree to the cent."


def _told(reference: str, found: Sequence[ExternalDocument]) -> str:
    if not found:
        return f"has nothing under {reference}."
    each = [
        f"{one.number or one.external_id} ({one.state}, {one.currency} {plain_amount(one.total, one.currency)})"
        for one in found
    ]
    return f"has under {reference}: {', '.join(each)}."


def _refuse(
    row: Any, wanted: SalesOrder, document: ExternalDocument, ours: Sequence[ExternalDocument], *, follows: bool
) -> str:
    """Why a document is not this order's; empty when it is."""
    name = document.number or document.external_id
    if document.state is not DocumentState.CONFIRMED:
        return f"{name} is {document.state} there; it must be confirmed first."
    where = {"connection_id": row.connection_id, "subject": row.subject}
    if asking.is_anothers(**where, external_id=document.external_id):
        return f"{name} is another order's already."
    if document.reference != row.reference and not follows:
        return f"{name} does not carry {row.reference}: without it RetailHub would not find it again."
    if document.reference and asking.is_anothers(**where, reference=document.reference):
        return f"{name} carries {document.reference}, which is another order's."
    rivals = [one for one in ours if one.state is not DocumentState.CANCELLED]
    if any(one.external_id != document.external_id for one in rivals):
        return f"There is another live document under {row.reference}; cancel that there first."
    return _differs(wanted, document)


def _settle(row: Any, document: ExternalDocument, now: dt.datetime) -> None:
    """The message is done, as by the engine: the domain first, then the reference, then the message."""
    done = EffectDone(
        connection_id=row.connection_id,
        message_id=row.pk,
        operation=row.operation,
        subject=row.subject,
        reference=row.reference,
        how=How.ADOPTED.value,
        document=document,
        document_hash=bytes(row.document_hash),
        trace_id=row.trace_id,
    )
    bus.publish(EffectsAnswered([done], [], now))
    identity.fill([done], now=now)
    if not by_hand.settle(message_id=row.pk):
        raise NotDone(f"{row} is not parked any more.", code="not_parked")

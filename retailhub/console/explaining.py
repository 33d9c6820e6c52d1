"""One value of an order, back to the bytes it was made of, and on to what the ERP was sent and holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from integrations import selectors as pipes
from integrations import tracing
from integrations.ports import documents, provenance
from integrations.ports.documents import Order, SalesOrder
from integrations.ports.provenance import UnknownField
from integrations.states import STORE_OPERATIONS
from integrations.tracing import Bytes, Told
from orders import histories
from orders.histories import Kept
from orders.policies import sent
from orders.selectors import OrderView
from retailhub.console.raw_text import Window, window
from retailhub.core import privacy
from retailhub.core.money import plain_amount

NO_BYTES = (
    "The bytes are not kept: retention has dropped them, the answer was too long to be kept whole, or the store said"
    " only that the order is gone."
)
GONE = "set by RetailHub when the store said that the order is gone"


class NoSuchField(LookupError):
    """An order has no such field, or no document yet; ``detail`` says what there is."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = "no_such_field", detail


@dataclass(frozen=True, kw_only=True)
class Spot:
    """One value of the store's order: its pointer, its first byte and length in the stored body, and the text there."""

    pointer: str
    offset: int | None
    length: int | None
    text: Window | None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a message carries for the value: the document's field and value, the last try, and what became of it."""

    message: str
    connection: str
    reference: str
    operation: str
    revision: int
    field: str
    rule: str
    value: str
    status: str
    outcome: str
    code: str
    tried_at: dt.datetime | None
    tries: int
    result: str


@dataclass(frozen=True, kw_only=True)
class Holds:
    """What a document in the ERP was last seen to hold. ``value`` is ``None`` for what is not kept of it."""

    connection: str
    reference: str
    name: str
    state: str
    value: str | None
    seen_at: dt.datetime | None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All there is to say of one value. Personal data is masked unless it was asked for."""

    field: str
    value: str
    version: int
    version_at: dt.datetime
    stored_at: dt.datetime
    message: Told | None
    read_back: bool
    written_by: str
    rule: str
    where: str
    spots: Sequence[Spot]
    sent: Sequence[Sent]
    holds: Sequence[Holds]
    is_masked: bool


def values_of(order: OrderView, *, unmasked: bool = False) -> list[tuple[str, str]]:
    """Every field of the order's document with its value for people."""
    if order.document is None:
        return []
    return [(name, shown(name, value, unmasked=unmasked)) for name, value in provenance.fields(order.document)]


def shown(name: str, value: Any, *, unmasked: bool) -> str:
    """A value for people: amounts as they are, personal data masked."""
    if value is None:
        return "none"
    if isinstance(value, Decimal):
        text = format(value, "f")
    elif isinstance(value, dt.datetime):
        text = value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    else:
        text = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    if unmasked or not text:
        return text
    return privacy.HIDDEN if is_personal(name) else privacy.mask_text(text)


def is_personal(name: str) -> bool:
    """Whether a field of an order, or of a document made of it, is masked."""
    return privacy.is_personal(tuple(int(part) if part.isdigit() else part for part in name.split(".")))


def explain(order: OrderView, name: str, *, unmasked: bool = False) -> Explanation:
    """Where the present value of a field comes from. Raises `NoSuchField`."""
    if order.document is None:
        raise NoSuchField("The store has not told yet what is in this order.")
    try:
        value = provenance.field_of(order.document, name)
    except UnknownField as error:
        raise NoSuchField(str(error)) from error
    version, own = histories.set_by(order_id=order.id, name=name, document=order.document)
    message = tracing.told_by(version.message_id)
    kept = tracing.bytes_of(message_id=version.message_id, order_ref=order.order_ref, content_hash=version.content_hash)
    rule, spots = _origin(kept, order, version, own, unmasked=unmasked)
    return Explanation(
        field=name,
        value=shown(name, value, unmasked=unmasked),
        version=version.number,
        version_at=version.version_at,
        stored_at=version.stored_at,
        message=message,
        read_back=version.read_back,
        written_by=version.written_by,
        rule=rule,
        where=_where(kept),
        spots=spots,
        sent=_sent(order, name, unmasked=unmasked),
        holds=_holds(order, name),
        is_masked=not unmasked,
    )


def _origin(kept: Bytes | None, order: OrderView, version: Kept, own: str, *, unmasked: bool) -> tuple[str, list[Spot]]:
    """The rule in words and the places; ``own`` is the field's name in the version that set it."""
    if kept is None:
        gone = own in {"status", "source_status"} and version.source_status == "deleted"
        return GONE if gone else "", []
    source = tracing.source_of(store_id=order.store_id, name=own, raw=kept.raw)
    if source is None:
        return "", []
    spots = []
    for pointer, place in kept.spots(source.pointers):
        text = window(kept.body, place, base=kept.base, unmasked=unmasked) if place else None
        spots.append(
            Spot(
                pointer=pointer,
                offset=place.offset if place else None,
                length=place.length if place else None,
                text=text,
            )
        )
    return source.rule, spots


def _where(kept: Bytes | None) -> str:
    if kept is None:
        return NO_BYTES
    if kept.call is None:
        return "in the body of the message"
    at = kept.call.started_at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"in the store's answer to {kept.call.method} {kept.call.path} at {at} UTC"


def _sent(order: OrderView, name: str, *, unmasked: bool) -> list[Sent]:
    """By the present body of each document's newest message."""
    newest: dict[str, Any] = {}
    for row in pipes.effects_of(subject=order.subject):
        if row.operation not in STORE_OPERATIONS:
            newest[row.reference] = row
    rows = list(newest.values())
    tries: dict[int, list[Any]] = {}
    for attempt in pipes.attempts_of(direction="o", message_ids=[row.pk for row in rows]):
        tries.setdefault(attempt.message_id, []).append(attempt)
    found = []
    for row in rows:
        body = next((bytes(b.body) for b in pipes.bodies_of(message_id=row.pk) if b.revision == row.revision), b"")
        document = _document(body)
        if document is not None:
            found += [_line(row, document, target, tries.get(row.pk, []), unmasked=unmasked)
                      for target in sent.targets(_order_of(order), name)]  # fmt: skip
    return found


def _order_of(order: OrderView) -> Order:
    if order.document is None:
        raise NoSuchField("The store has not told yet what is in this order.")
    return order.document


def _document(body: bytes) -> SalesOrder | None:
    try:
        return documents.decode(body, SalesOrder) if body else None
    except msgspec.ValidationError:
        return None


def _line(row: Any, document: SalesOrder, target: sent.Target, tries: Sequence[Any], *, unmasked: bool) -> Sent:
    last = tries[-1] if tries else None
    flat = dict(provenance.leaves(document))
    value = shown(target.field, flat[target.field], unmasked=unmasked) if target.field in flat else "not in it"
    return Sent(
        message=str(row),
        connection=row.connection.name,
        reference=row.reference,
        operation=row.operation,
        revision=row.revision,
        field=target.field,
        rule=target.rule,
        value=value,
        status=row.status,
        outcome=row.outcome,
        code=row.code,
        tried_at=last.started_at if last else None,
        tries=len(tries),
        result=last.result if last else "",
    )


def _holds(order: OrderView, name: str) -> list[Holds]:
    found = []
    for row in pipes.references_of(subject=order.subject):
        known = {
            "total": plain_amount(row.total, row.currency) if row.total is not None else None,
            "currency": row.currency or None,
        }
        found.append(
            Holds(
                connection=row.connection.name,
                reference=row.reference,
                name=row.number or row.external_id,
                state=row.state,
                value=known.get(name),
                seen_at=row.confirmed_at,
            )
        )
    return found

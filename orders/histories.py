"""Which version of an order set a value: walked back from the newest, a few versions at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from integrations.ports import documents, provenance
from integrations.ports.documents import Order as OrderDocument
from orders.models import OrderVersion

CHUNK = 25
KEYS = {"lines": "line_ref", "charges": "line_ref", "taxes": "rate_ref", "refunds": "refund_ref", "discounts": "code"}
"""By what an entry of a list is the same one in another version; where there is none its place says so."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One version: its number, when it was so in the store and when it was stored (UTC), and what brought it."""

    number: int
    version_at: dt.datetime
    stored_at: dt.datetime
    content_hash: bytes
    message_id: int
    read_back: bool
    written_by: str
    source_status: str
    document: OrderDocument = field(repr=False)


def set_by(*, order_id: int, name: str, document: OrderDocument) -> tuple[Kept, str]:
    """The version that gave the field the value it has in ``document``, the newest, and the field's name in it.

    Raises ``LookupError`` for an order without versions.
    """
    found: tuple[Kept, str] | None = None
    wanted = provenance.field_of(document, name)
    for version in _backwards(order_id):
        own = _same(document, version.document, name)
        if own is None or dict(provenance.fields(version.document)).get(own, _ABSENT) != wanted:
            break
        found = version, own
    if found is None:
        raise LookupError(f"no version of order {order_id} has {name}")
    return found


_ABSENT = object()


def _backwards(order_id: int) -> Iterator[Kept]:
    last = None
    while True:
        rows = OrderVersion.objects.filter(order_id=order_id)
        rows = rows.filter(number__lt=last) if last is not None else rows
        chunk = list(rows.order_by("-number")[:CHUNK])
        for row in chunk:
            document = documents.decode(row.document, OrderDocument)
            yield Kept(
                number=row.number,
                version_at=row.version_at,
                stored_at=row.stored_at,
                content_hash=bytes(row.content_hash),
                message_id=row.message_id,
                read_back=row.read_back,
                written_by=row.written_by,
                source_status=document.source_status,
                document=document,
            )
        if len(chunk) < CHUNK:
            return
        last = chunk[-1].number


def _same(newest: OrderDocument, older: OrderDocument, name: str) -> str | None:
    """The name under which the older version has the same field; ``None`` where it has no such entry."""
    parts = name.split(".")
    if len(parts) < 3 or parts[0] not in KEYS:
        return name
    key: Any = getattr(getattr(newest, parts[0])[int(parts[1])], KEYS[parts[0]])
    entries = getattr(older, parts[0])
    place = next((at for at, entry in enumerate(entries) if getattr(entry, KEYS[parts[0]]) == key), None)
    return None if place is None else ".".join((parts[0], str(place), *parts[2:]))

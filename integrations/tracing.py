"""The bytes that made a version of an order, and where in them each of its fields stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from integrations import inbox, selectors
from integrations.connectors.registry import Kind, kind_named
from integrations.models import Connection
from integrations.ports import versions
from integrations.ports.errors import ConnectorError
from integrations.ports.provenance import Source
from integrations.selectors import Call
from retailhub.core.json_places import NotJson, Place, parts, places

DEEP = 2
"""An order stands alone, in a list, or in the answer to a batch: no further down than this."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """The message that brought a version: when (UTC) and by which way."""

    name: str
    connection: str
    way: str
    topic: str
    received_at: dt.datetime
    trace_id: str


@dataclass(frozen=True, kw_only=True)
class Bytes:
    """The bytes of a version: a message's own body, or the answer to the ``call`` that it led to.

    ``base`` is where in them the order stands, ``raw`` the order decoded.
    """

    body: bytes = field(repr=False)
    base: Place
    raw: Any = field(repr=False)
    call: Call | None = None

    def spots(self, pointers: Sequence[str]) -> list[tuple[str, Place | None]]:
        """Each pointer with its place in the body; ``None`` where the store sent no such value."""
        known = places(self.body[self.base.offset : self.base.end])
        found: list[tuple[str, Place | None]] = []
        for pointer in pointers:
            place = known.get(pointer)
            path = (*self.base.path, *parts(pointer))
            moved = Place(path, place.offset + self.base.offset, place.length) if place else None
            found.append((pointer, moved))
        return found


def told_by(message_id: int) -> Told | None:
    """The message, if it is still known."""
    row = selectors.delivery_named(message_id)
    if row is None:
        return None
    return Told(
        name=str(row),
        connection=row.connection.name,
        way=row.way,
        topic=row.topic,
        received_at=row.received_at,
        trace_id=row.trace_id,
    )


def bytes_of(*, message_id: int, order_ref: str, content_hash: bytes) -> Bytes | None:
    """The kept bytes that say what a version says, known by the version's hash.

    ``None`` where none do: they are not kept any more, only in part, or the store said that the order is gone.
    """
    row = selectors.delivery_named(message_id)
    if row is None:
        return None
    kind = kind_named(row.connection.kind)
    kept = inbox.fetch_body(message_id)
    found = _bytes(kind, kept[1], content_hash, None) if kept else None
    if found is not None or row.fence is None:
        return found
    calls = selectors.calls_under(fences=[row.fence], names=[order_ref], since=row.received_at, bodies=True)
    answers = (_bytes(kind, call.received, content_hash, call) for call in reversed(calls) if call.received)
    return next((answer for answer in answers if answer is not None), None)


def source_of(*, store_id: int, name: str, raw: Any) -> Source | None:
    """What makes a field of an order of this store. Raises ``provenance.UnknownField``."""
    trace = kind_named(Connection.objects.values_list("kind", flat=True).get(pk=store_id)).trace
    return trace(name, raw) if trace else None


def _bytes(kind: Kind, body: bytes, content_hash: bytes, call: Call | None) -> Bytes | None:
    if kind.read_order is None:
        return None
    for place in _objects(body):
        part = body[place.offset : place.end]
        try:
            order = kind.read_order(part)
        except (ConnectorError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if versions.content_hash(order) == content_hash:
            return Bytes(body=body, base=place, raw=msgspec.json.decode(part), call=call)
    return None


def _objects(body: bytes) -> Iterator[Place]:
    try:
        found = places(body)
    except (NotJson, msgspec.DecodeError, UnicodeDecodeError):
        return
    whole = [
        place for place in found.values() if len(place.path) <= DEEP and body[place.offset : place.offset + 1] == b"{"
    ]
    yield from sorted(whole, key=lambda place: len(place.path))

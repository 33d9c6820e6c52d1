"""What moves and what waits, by connection, direction and lane. Every count stops at `CAP`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db import connection

from integrations.models import Poll
from integrations.states import Lane, PollKind

CAP = 10_000
"""So many are counted; what is beyond is "or more"."""
HEADS = 100
"""Of so many that are due first the oldest is told."""
RATE_MINUTES = 5


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One lane of one direction (``i`` or ``o``) of one connection.

    ``lag_seconds`` is how long the first of what waits has been due, ``oldest_seconds`` how long ago the oldest of it
    came. ``rate`` is in messages a minute over the last five: inbound what came, outbound what was answered.
    """

    connection_id: int
    direction: str
    lane: int
    pending: int = 0
    in_flight: int = 0
    parked: int = 0
    lag_seconds: float = 0.0
    oldest_seconds: float = 0.0
    rate: float = 0.0

    @property
    def waiting(self) -> int:
        return self.pending + self.in_flight


AGE = "greatest(extract(epoch FROM (SELECT rh_now()) - {}), 0)::float"
COUNTS = f"""
SELECT c.id, 'o', l.lane, 'pending', w.number, {AGE.format("w.due_at")}, {AGE.format("h.made_at")}
FROM integrations_connection c CROSS JOIN unnest(%(lanes)s::smallint[]) AS l(lane)
CROSS JOIN LATERAL (
    SELECT count(*) AS number, min(due_at) AS due_at FROM (
        SELECT m.due_at FROM integrations_outboxmessage m
        WHERE m.connection_id = c.id AND m.lane = l.lane AND m.status = 'pending'
        ORDER BY m.due_at LIMIT %(cap)s) each) w
CROSS JOIN LATERAL (
    SELECT min(created_at) AS made_at FROM (
        SELECT m.created_at FROM integrations_outboxmessage m
        WHERE m.connection_id = c.id AND m.lane = l.lane AND m.status = 'pending'
        ORDER BY m.due_at LIMIT %(heads)s) each) h
WHERE w.number > 0
UNION ALL
SELECT c.id, 'i', w.lane, w.status, w.number, {AGE.format("w.due_at")}, {AGE.format("w.made_at")}
FROM integrations_connection c
CROSS JOIN LATERAL (
    SELECT lane, status, count(*) AS number, min(due_at) AS due_at, min(received_at) AS made_at FROM (
        SELECT m.lane, m.status, m.due_at, m.received_at FROM integrations_inboxmessage m
        WHERE m.connection_id = c.id AND m.status IN ('pending', 'in_flight') LIMIT %(cap)s) each
    GROUP BY lane, status) w
UNION ALL
SELECT connection_id, 'o', lane, 'in_flight', count(*), 0, 0
FROM integrations_outboxmessage WHERE status = 'in_flight' GROUP BY connection_id, lane
UNION ALL
SELECT connection_id, 'o', lane, 'parked', count(*), 0, 0
FROM (SELECT connection_id, lane FROM integrations_outboxmessage WHERE status = 'parked' LIMIT %(cap)s) each
GROUP BY connection_id, lane
UNION ALL
SELECT connection_id, 'i', lane, 'parked', count(*), 0, 0
FROM (SELECT connection_id, lane FROM integrations_inboxmessage WHERE status = 'parked' LIMIT %(cap)s) each
GROUP BY connection_id, lane
"""  # noqa: S608 - made of the constants above
RATES = """
SELECT connection_id, 'i', lane, count(*) FROM (
    SELECT connection_id, lane FROM integrations_inboxmessage
    WHERE received_at > (SELECT rh_now()) - %(minutes)s * interval '1 minute' LIMIT %(cap)s) came
GROUP BY connection_id, lane
UNION ALL
SELECT connection_id, 'o', lane, count(*) FROM (
    SELECT DISTINCT m.id, m.connection_id, m.lane FROM (
        SELECT message_id FROM integrations_attempt
        WHERE started_at > (SELECT rh_now()) - %(minutes)s * interval '1 minute' AND direction = 'o'
        LIMIT %(cap)s) a
    JOIN integrations_outboxmessage m ON m.id = a.message_id AND m.status = 'done') answered
GROUP BY connection_id, lane
"""


def flows(*, with_rates: bool = False) -> list[Flow]:
    """Flows in which something waits, is in flight or parked, or moved of late; in order of their key."""
    values: dict[str, Any] = {"lanes": [lane.value for lane in Lane], "cap": CAP, "heads": HEADS}
    found: dict[tuple[int, str, int], Flow] = {}
    for connection_id, direction, lane, status, number, lag, oldest in _read(COUNTS, values):
        key = (connection_id, direction, lane)
        known = found.get(key) or Flow(connection_id=connection_id, direction=direction, lane=lane)
        ages = {"lag_seconds": lag, "oldest_seconds": oldest} if status == "pending" else {}
        found[key] = replace(known, **{status: number}, **ages)
    if with_rates:
        for connection_id, direction, lane, number in _read(RATES, {"minutes": RATE_MINUTES, "cap": CAP}):
            key = (connection_id, direction, lane)
            known = found.get(key) or Flow(connection_id=connection_id, direction=direction, lane=lane)
            found[key] = replace(known, rate=number / RATE_MINUTES)
    return [found[key] for key in sorted(found)]


def _read(sql: str, values: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        yield from cursor.fetchall()


@dataclass(frozen=True, kw_only=True)
class Look:
    """One standing look at one store. ``share`` of the round under way is done, from 0 to 1, where that is known."""

    connection_id: int
    kind: PollKind
    finished_at: dt.datetime | None
    due_at: dt.datetime | None
    began_at: dt.datetime | None
    seen: int
    total: int | None
    failures: int
    code: str

    @property
    def share(self) -> float | None:
        if self.began_at is None or not self.total:
            return None
        return min(self.seen / self.total, 1.0)


def looks(*, connection_id: int | None = None) -> list[Look]:
    """The standing looks at all stores, or at one; in the order in which they are made."""
    rows = Poll.objects.all() if connection_id is None else Poll.objects.filter(connection=connection_id)
    order = list(PollKind)
    found = [
        Look(
            connection_id=row.connection_id,
            kind=PollKind(row.kind),
            finished_at=row.finished_at,
            due_at=row.due_at,
            began_at=row.began_at,
            seen=row.seen,
            total=row.total,
            failures=row.failures,
            code=row.code,
        )
        for row in rows.defer("place", "report")
    ]
    return sorted(found, key=lambda look: (look.connection_id, order.index(look.kind)))


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Documents of orders that no sink has answered yet, counted up to `CAP`, and since when the first is due."""

    number: int
    parked: int
    seconds: float


def postings(found: list[Flow]) -> Waiting:
    """Of all flows, what waits of the orders' own documents on their way out."""
    lanes = [flow for flow in found if flow.direction == "o" and flow.lane == Lane.ORDERS]
    return Waiting(
        number=sum(flow.waiting for flow in lanes),
        parked=sum(flow.parked for flow in lanes),
        seconds=max((flow.oldest_seconds for flow in lanes), default=0.0),
    )


MISSING = """
SELECT c.name, (p.report -> 'deliveries' -> 'last_24_hours' ->> 'percent')::numeric
FROM integrations_poll p JOIN integrations_connection c ON c.id = p.connection_id
WHERE p.kind = 'webhooks' AND p.report -> 'deliveries' -> 'last_24_hours' ->> 'percent' IS NOT NULL
ORDER BY c.name
"""


def missing_percents() -> dict[str, Decimal]:
    """Store → percent of the last day's changes of which no delivery told, as its last look found."""
    return {name: percent for name, percent in _read(MISSING, {})}  # noqa: C416 - pairs, as the types see it


POSTED = """
SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - came_at)) FROM (
    SELECT m.finished_at,
           -- the index holds no empty subjects, which is to be said for it to be used
           (SELECT i.received_at FROM integrations_inboxmessage i WHERE i.subject = m.subject AND i.subject <> ''
            ORDER BY i.id LIMIT 1) AS came_at
    FROM (SELECT DISTINCT message_id FROM integrations_attempt
          WHERE started_at > (SELECT rh_now()) - interval '1 hour' AND direction = 'o' LIMIT %(cap)s) a
    JOIN integrations_outboxmessage m ON m.id = a.message_id
    WHERE m.status = 'done' AND m.operation = 'post_order') posted
WHERE came_at IS NOT NULL
"""


def posted_within() -> float | None:
    """Seconds from an order's first delivery to its being posted, of 95 % of those posted in the last hour.

    ``None`` when none was. A time in which an order was held counts.
    """
    for (seconds,) in _read(POSTED, {"cap": CAP}):
        return None if seconds is None else max(float(seconds), 0.0)
    return None

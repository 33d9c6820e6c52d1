"""How a store's deliveries come: which are missing, how late they are, what polling found alone. Reads only."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection

MERGED_SECONDS = 90
"""A store merges changes until it delivers: a delivery of a state this much newer tells of the older one too."""
GRACE_SECONDS = 900
"""How long a change may be known before its delivery counts as missing."""
LOOKED_AT_LAST = 50
"""Deliveries whose lateness is judged."""
MORE_LATE_BY = "1 hour"
"""What names no version (a move to the trash) is told by a delivery that came at most so long after it."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """Changes of a time, and how many of them no delivery told of."""

    changes: int = 0
    missing: int = 0

    @property
    def percent(self) -> float:
        return 100 * self.missing / self.changes if self.changes else 0.0


@dataclass(frozen=True, kw_only=True)
class Rates:
    """A store's last day. ``late_seconds`` is the median of its last deliveries, ``recently_late_seconds`` of its
    last ten; ``None`` when too few came. ``polled`` are changes that polling found since ``silent_since``.
    """

    day: Share
    since_midnight: Share
    delivered: dict[str, dt.datetime]
    """Topic to last delivery, of those that came at all."""
    late_seconds: float | None
    recently_late_seconds: float | None
    polled: int


FEWEST = 5
DAY = dt.timedelta(days=1)
RATES = """
WITH recent AS MATERIALIZED (
    SELECT m.shard, m.version_at, m.received_at, m.way, m.topic, m.wake, m.lane
    FROM integrations_inboxmessage m
    WHERE m.received_at > %(now)s - interval '1 day' AND m.connection_id = %(connection)s
      AND m.way IN ('webhook', 'poll')
), told AS (
    SELECT shard, version_at, received_at,
           bool_or(way = 'webhook' AND topic IN ('order.updated', 'order.restored')) OVER merged
           OR bool_or(way = 'webhook' AND wake) OVER woken AS by_webhook
    FROM (SELECT *, coalesce(version_at, received_at) AS moment FROM recent WHERE lane = 0) each
    WINDOW merged AS (PARTITION BY shard ORDER BY version_at
                      RANGE BETWEEN CURRENT ROW AND %(merged)s * interval '1 second' FOLLOWING),
           woken AS (PARTITION BY shard ORDER BY moment
                     RANGE BETWEEN %(merged)s * interval '1 second' PRECEDING AND %(woken)s::interval FOLLOWING)
), judged AS (
    SELECT shard, version_at, min(received_at) AS known_at, bool_or(by_webhook) AS by_webhook
    FROM told t WHERE version_at > %(since)s
      -- what a hole explains is counted there
      AND NOT EXISTS (SELECT 1 FROM integrations_webhookhole h WHERE h.connection_id = %(connection)s
                      AND t.version_at BETWEEN h.began_at - %(overlap)s * interval '1 second'
                                           AND coalesce(h.ended_at, 'infinity'))
    GROUP BY shard, version_at
    HAVING min(received_at) < %(now)s - %(grace)s * interval '1 second'
), lateness AS (
    SELECT extract(epoch FROM received_at - version_at) AS seconds, row_number() OVER (ORDER BY received_at DESC) AS n
    FROM recent WHERE way = 'webhook' AND lane = 0 AND version_at IS NOT NULL
)
SELECT count(*), count(*) FILTER (WHERE NOT by_webhook),
       count(*) FILTER (WHERE known_at >= %(midnight)s),
       count(*) FILTER (WHERE known_at >= %(midnight)s AND NOT by_webhook),
       (SELECT coalesce(jsonb_object_agg(topic, at), '{}') FROM (
            SELECT topic, to_char(max(received_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"') AS at
            FROM recent WHERE way = 'webhook' AND topic <> '' GROUP BY topic) each),
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM lateness WHERE n <= %(last)s
        HAVING count(*) >= %(fewest)s),
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM lateness WHERE n <= 10
        HAVING count(*) >= %(fewest)s),
       (SELECT count(DISTINCT (shard, version_at)) FROM recent
        WHERE way = 'poll' AND lane = 0 AND received_at > %(silent_since)s)
FROM judged
"""


def rates(*, connection_id: int, since: dt.datetime, silent_since: dt.datetime, now: dt.datetime) -> Rates:
    """How the deliveries of a store's last 24 hours came; changes before ``since`` are not judged."""
    values: dict[str, Any] = {
        "connection": connection_id,
        "since": max(since, now - DAY),
        "overlap": settings.POLL_OVERLAP_SECONDS,
        "silent_since": silent_since,
        "now": now,
        "midnight": now.replace(hour=0, minute=0, second=0, microsecond=0),
        "merged": MERGED_SECONDS,
        "woken": MORE_LATE_BY,
        "grace": GRACE_SECONDS,
        "last": LOOKED_AT_LAST,
        "fewest": FEWEST,
    }
    with connection.cursor() as cursor:
        cursor.execute(RATES, values)
        row = cursor.fetchone()
    return Rates(
        day=Share(changes=row[0], missing=row[1]),
        since_midnight=Share(changes=row[2], missing=row[3]),
        delivered=_moments(row[4]),
        late_seconds=_seconds(row[5]),
        recently_late_seconds=_seconds(row[6]),
        polled=row[7],
    )


def last_deliveries(*, connection_id: int) -> dict[str, dt.datetime]:
    """Topic to last delivery since the connection was made. Reads all of it: once for each store."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT topic, max(received_at) FROM integrations_inboxmessage"
            " WHERE connection_id = %s AND way = 'webhook' AND topic <> '' GROUP BY topic",
            [connection_id],
        )
        return {topic: at.astimezone(dt.UTC) for topic, at in cursor.fetchall()}


@dataclass(frozen=True, kw_only=True)
class Alone:
    """Orders that came by polling alone, the first and the last of them by the time of their change."""

    orders: int
    first_ref: str
    last_ref: str


ALONE = """
WITH recent AS MATERIALIZED (
    SELECT m.shard, m.way, coalesce(m.version_at, m.received_at) AS moment
    FROM integrations_inboxmessage m
    -- what was delivered last had queued with what was lost first
    WHERE m.received_at >= %(began)s - %(overlap)s * interval '1 second'
      AND m.connection_id = %(connection)s AND m.lane = 0
      AND m.way IN ('webhook', 'poll') AND m.shard ~ '^store:[0-9]+$'
), told AS (
    SELECT shard, way, moment, bool_or(way = 'webhook') OVER merged AS by_webhook FROM recent
    WINDOW merged AS (PARTITION BY shard ORDER BY moment
                      RANGE BETWEEN CURRENT ROW AND %(merged)s * interval '1 second' FOLLOWING)
), polled AS (
    SELECT shard, min(moment) AS moment FROM told
    WHERE way = 'poll' AND NOT by_webhook
      AND moment BETWEEN %(began)s - %(overlap)s * interval '1 second' AND %(ended)s
    GROUP BY shard
), ordered AS (
    SELECT substr(shard, 7) AS ref, row_number() OVER (ORDER BY moment, substr(shard, 7)::numeric) AS n,
           count(*) OVER () AS many FROM polled
)
SELECT coalesce(max(many), 0), coalesce(max(ref) FILTER (WHERE n = 1), ''),
       coalesce(max(ref) FILTER (WHERE n = many), '') FROM ordered
"""


def polled_alone(*, connection_id: int, began_at: dt.datetime, ended_at: dt.datetime) -> Alone:
    """The orders changed in a time of which no delivery told."""
    values: dict[str, Any] = {
        "connection": connection_id,
        "began": began_at,
        "ended": ended_at,
        "merged": MERGED_SECONDS,
        "overlap": settings.POLL_OVERLAP_SECONDS,
    }
    with connection.cursor() as cursor:
        cursor.execute(ALONE, values)
        orders, first, last = cursor.fetchone()
    return Alone(orders=orders, first_ref=first, last_ref=last)


def is_polled_work_open(*, connection_id: int, since: dt.datetime, until: dt.datetime) -> bool:
    """Whether something that polling found in this time is still to be worked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM integrations_inboxmessage WHERE connection_id = %s AND way = 'poll'"
            " AND lane = 0 AND status IN ('pending', 'in_flight') AND received_at BETWEEN %s AND %s)",
            [connection_id, since, until],
        )
        return bool(cursor.fetchone()[0])


def _moments(told: dict[str, str] | str) -> dict[str, dt.datetime]:
    found = msgspec.json.decode(told, type=dict[str, str]) if isinstance(told, str) else told
    return {topic: dt.datetime.fromisoformat(at) for topic, at in found.items()}


def _seconds(value: object) -> float | None:
    return None if value is None else float(str(value))

"""Reads of work that waits for longer than it should, by connection."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Messages of one connection, or looks at it. ``seconds`` is how long the oldest waits."""

    connection_id: int
    direction: str
    """``i`` or ``o``; ``p`` for looks."""
    messages: int
    seconds: float
    failure_code: str
    """What it failed with when it was tried last; empty when nobody has tried."""


OPEN_FOR_WORK = "(s.paused_at IS NULL OR s.paused_until <= (SELECT rh_now()))"
LATE = "(SELECT rh_now()) - %(after)s * interval '1 second'"
NOT_BEHIND_PARKED = """
NOT EXISTS (SELECT 1 FROM integrations_outboxmessage p
            WHERE p.connection_id = m.connection_id AND p.shard = m.shard AND p.sequence < m.sequence
              AND p.status = 'parked')
"""
"""What waits behind a parked message of its shard has that message's case already."""
UNTOUCHED = f"""
((m.status = 'pending' AND m.due_at < {LATE}) OR (m.status = 'in_flight' AND m.lease_until < {LATE}))
"""
SINCE = "CASE m.status WHEN 'pending' THEN m.due_at ELSE m.lease_until END"

BRISK = "('changed', 'trash')"
"""Looks that come before all others: the slow ones wait for them, and for each other."""
PATIENCE = "least(p.every_seconds, 21600) * interval '1 second'"
"""How long a slow look may wait for its next step: a store that is busy with the brisk ones may never come to it."""

UNCLAIMED = f"""
SELECT m.connection_id, 'i', count(*), extract(epoch FROM (SELECT rh_now()) - min({SINCE}))::float, ''
FROM integrations_inboxmessage m
JOIN integrations_connection c ON c.id = m.connection_id AND c.mode <> 'off'
JOIN integrations_connectionstate s ON s.connection_id = c.id AND {OPEN_FOR_WORK}
WHERE {UNTOUCHED} GROUP BY m.connection_id
UNION ALL
SELECT m.connection_id, 'o', count(*), extract(epoch FROM (SELECT rh_now()) - min({SINCE}))::float, ''
FROM integrations_outboxmessage m
JOIN integrations_connection c ON c.id = m.connection_id AND c.mode = 'live'
JOIN integrations_connectionstate s ON s.connection_id = c.id AND {OPEN_FOR_WORK}
  AND coalesce(greatest(s.retry_at, s.writes_retry_at), '-infinity') <= (SELECT rh_now())
WHERE {UNTOUCHED} AND {NOT_BEHIND_PARKED} GROUP BY m.connection_id
UNION ALL
SELECT p.connection_id, 'p', count(*), extract(epoch FROM (SELECT rh_now()) - min(p.due_at))::float, ''
FROM integrations_poll p
JOIN integrations_connection c ON c.id = p.connection_id AND c.mode <> 'off'
JOIN integrations_connectionstate s ON s.connection_id = c.id AND {OPEN_FOR_WORK}
  AND coalesce(s.retry_at, '-infinity') <= {LATE}
WHERE p.due_at < {LATE} AND coalesce(p.lease_until, '-infinity') < {LATE}
  AND (p.kind IN {BRISK} OR p.due_at < (SELECT rh_now()) - {PATIENCE})
GROUP BY p.connection_id
ORDER BY 1, 2
"""  # noqa: S608 - made of the constants above

UNANSWERED = f"""
SELECT m.connection_id, 'i', count(*), extract(epoch FROM (SELECT rh_now()) - min(m.received_at))::float, max(m.code)
FROM integrations_inboxmessage m
JOIN integrations_connection c ON c.id = m.connection_id AND c.mode <> 'off'
JOIN integrations_connectionstate s ON s.connection_id = c.id AND {OPEN_FOR_WORK}
WHERE m.status IN ('pending', 'in_flight') AND m.code <> '' AND m.received_at < {LATE}
GROUP BY m.connection_id
UNION ALL
SELECT m.connection_id, 'o', count(*), extract(epoch FROM (SELECT rh_now()) - min(m.created_at))::float,
       s.last_failure_code
FROM integrations_connectionstate s
JOIN integrations_connection c ON c.id = s.connection_id AND c.mode = 'live'
JOIN integrations_outboxmessage m ON m.connection_id = c.id AND m.status IN ('pending', 'in_flight')
WHERE s.last_failure_code <> '' AND coalesce(s.last_success_at, '-infinity') < {LATE} AND {OPEN_FOR_WORK}
  AND m.created_at < {LATE} AND {NOT_BEHIND_PARKED}
GROUP BY m.connection_id, s.last_failure_code
UNION ALL
SELECT p.connection_id, 'p', count(*), extract(epoch FROM (SELECT rh_now()) - min(p.failing_since))::float, max(p.code)
FROM integrations_poll p
JOIN integrations_connection c ON c.id = p.connection_id AND c.mode <> 'off'
JOIN integrations_connectionstate s ON s.connection_id = c.id AND {OPEN_FOR_WORK}
WHERE p.failing_since < {LATE} GROUP BY p.connection_id
ORDER BY 1, 2
"""  # noqa: S608 - made of the constants above


def unclaimed(*, after_seconds: int) -> list[Waiting]:
    """Work, and looks at stores, due for longer than ``after_seconds`` that no living worker has taken up.

    Only of connections whose work may be done now: not off, not paused, not told to wait; outbound only of live
    ones. What waits behind a parked message does not count.
    """
    return _read(UNCLAIMED, after_seconds)


def unanswered(*, after_seconds: int) -> list[Waiting]:
    """Work older than ``after_seconds`` that was tried, and that the other side did not let through.

    Inbound: what could not be read from its store. Outbound: at live connections where no call has succeeded for
    as long. Looks: those that fail each time.
    """
    return _read(UNANSWERED, after_seconds)


def _read(sql: str, after_seconds: int) -> list[Waiting]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"after": after_seconds})
        return [
            Waiting(connection_id=row[0], direction=row[1], messages=row[2], seconds=row[3], failure_code=row[4])
            for row in cursor.fetchall()
        ]

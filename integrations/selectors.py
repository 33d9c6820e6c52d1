"""Reads of the pipes: what belongs to a subject, how full the queues are, whether the workers live."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from integrations.models import (
    Attempt,
    ConnectionState,
    ExchangeRecord,
    ExternalReference,
    Heartbeat,
    InboxMessage,
    OutboxBody,
    OutboxMessage,
)

MANY = 500
"""Rows of one kind that one page or story shows at most."""


def deliveries_of(*, subject: str) -> list[InboxMessage]:
    """Inbound messages about a subject, oldest first."""
    return list(
        InboxMessage.objects.filter(subject=subject).select_related("connection").order_by("id")[:MANY]
    )


def effects_of(*, subject: str) -> list[OutboxMessage]:
    """Outbound messages of a subject, oldest first."""
    return list(
        OutboxMessage.objects.filter(subject=subject).select_related("connection").order_by("id")[:MANY]
    )


def references_of(*, subject: str) -> list[ExternalReference]:
    """Documents of a subject in other systems, in the order in which their references were given out."""
    return list(ExternalReference.objects.filter(subject=subject).select_related("connection").order_by("id"))


def attempts_of(*, direction: str, message_ids: Sequence[int]) -> list[Attempt]:
    """Tries of these messages, oldest first; those that retention has dropped are gone."""
    found = Attempt.objects.filter(direction=direction, message_id__in=list(message_ids))
    return list(found.order_by("started_at", "message_id")[:MANY])


def exchanges_of(*, fences: Iterable[int], limit: int = 50) -> list[ExchangeRecord]:
    """Calls made under these fences, oldest first. A claim of many messages shares its calls between them."""
    return list(ExchangeRecord.objects.filter(fence__in=list(fences)).order_by("started_at", "id")[:limit])


def bodies_of(*, message_id: int) -> list[OutboxBody]:
    """Every revision of an outbound message's document, oldest first."""
    return list(OutboxBody.objects.filter(message_id=message_id).order_by("revision"))


@dataclass(frozen=True, kw_only=True)
class Queue:
    """Open messages of one connection, direction (``i`` or ``o``), lane and status, and the oldest due of them."""

    connection_id: int
    direction: str
    lane: int
    status: str
    count: int
    oldest_due_seconds: float


QUEUE = """
SELECT connection_id, '{direction}', lane, status, count(*),
       greatest(extract(epoch FROM (SELECT rh_now()) - min(due_at)), 0)::float
FROM {table} WHERE status = '{status}' GROUP BY connection_id, lane, status
"""
QUEUES = " UNION ALL ".join(
    # one query for each status: each has its partial index, and what is done is never counted
    QUEUE.format(direction=direction, table=table, status=status)
    for direction, table in (("i", "integrations_inboxmessage"), ("o", "integrations_outboxmessage"))
    for status in ("pending", "in_flight", "parked")
)


def queues() -> list[Queue]:
    """All open messages, counted. What is done is not counted."""
    with connection.cursor() as cursor:
        cursor.execute(f"{QUEUES} ORDER BY 1, 2, 3, 4")
        return [
            Queue(
                connection_id=row[0],
                direction=row[1],
                lane=row[2],
                status=row[3],
                count=row[4],
                oldest_due_seconds=row[5],
            )
            for row in cursor.fetchall()
        ]


PARKED = " UNION ALL ".join(
    f"SELECT '{direction}', code, count(*) FROM {table} WHERE status = 'parked' GROUP BY code"  # noqa: S608 - constants
    for direction, table in (("i", "integrations_inboxmessage"), ("o", "integrations_outboxmessage"))
)


def parked_by_code() -> list[tuple[str, str, int]]:
    """Direction, code and number of parked messages."""
    with connection.cursor() as cursor:
        cursor.execute(f"{PARKED} ORDER BY 1, 2")
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


@dataclass(frozen=True, kw_only=True)
class Posting:
    """Orders' effects that no sink has answered yet: waiting or in flight, and parked."""

    waiting: int
    parked: int


def postings_open() -> Posting:
    """How many documents of orders still have to reach their sinks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM integrations_outboxmessage WHERE status = 'pending' AND lane = 0)"
            " + (SELECT count(*) FROM integrations_outboxmessage WHERE status = 'in_flight' AND lane = 0),"
            " (SELECT count(*) FROM integrations_outboxmessage WHERE status = 'parked' AND lane = 0)"
        )
        waiting, parked = cursor.fetchone()
    return Posting(waiting=waiting, parked=parked)


def connection_states() -> list[ConnectionState]:
    """Every connection's condition, with the connection, by name. Credentials are not read."""
    rows = ConnectionState.objects.select_related("connection").defer("connection__credentials")
    return list(rows.order_by("connection__name"))


def heartbeats(*, now: dt.datetime) -> dict[str, float]:
    """Seconds since each worker last finished a round of looking for work."""
    rows = Heartbeat.objects.order_by("name").values_list("name", "beat_at")
    return {name: max((now - beat_at).total_seconds(), 0.0) for name, beat_at in rows}

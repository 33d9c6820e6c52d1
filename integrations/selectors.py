"""Reads of the pipes: what belongs to a subject, how full the queues are, whether the workers live."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.db import connection
from django.db.models import CharField, Model, OuterRef, Q, QuerySet, Subquery, Value

from integrations import inbox
from integrations.connectors.registry import kind_named
from integrations.models import (
    Attempt,
    Connection,
    ConnectionState,
    ExchangeRecord,
    ExternalReference,
    Heartbeat,
    InboxMessage,
    OutboxBody,
    OutboxMessage,
    SalesRoute,
)
from integrations.states import GONE_UNSEEN, Status
from integrations.sweep import CHORE

STORE_DOCUMENTS = ("note", "tracking", "refund")
"""Types of references that were given out for what is written back to stores."""
Row = TypeVar("Row", bound=Model)
MANY = 2000
"""Rows of one kind that one page or story shows at most: the newest."""


def _joined(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Rows with their connection, whose credentials stay encrypted where they are."""
    return rows.select_related("connection").defer("connection__credentials")


def deliveries_of(*, subject: str) -> list[InboxMessage]:
    """Inbound messages about a subject, oldest first."""
    return list(_joined(InboxMessage.objects.filter(subject=subject)).order_by("-id")[:MANY])[::-1]


def waiting_deliveries(*, store_id: int, order_ref: str) -> list[InboxMessage]:
    """Inbound messages that seem to be about an order but were not worked yet, or are parked; oldest first."""
    # said in two, as there is an index for what is open and one for what is parked, and none for all three together
    unworked = Q(status__in=[Status.PENDING, Status.IN_FLIGHT]) | Q(status=Status.PARKED)
    rows = InboxMessage.objects.filter(unworked, connection_id=store_id, shard=f"store:{order_ref}", subject="")
    return list(_joined(rows).order_by("id")[:MANY])


def gone_unseen(*, orders: Sequence[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which of these orders (store id, order ref) their stores had deleted before anything of them was known."""
    stores, refs = {store_id for store_id, _ in orders}, [f"store:{ref}" for _, ref in orders]
    told = InboxMessage.objects.filter(connection__in=stores, shard__in=refs, code=GONE_UNSEEN, status=Status.DONE)
    found = {(store_id, shard.partition(":")[2]) for store_id, shard in told.values_list("connection_id", "shard")}
    return found & set(orders)


def waiting_orders(*, connection_id: int, order_refs: Sequence[str]) -> set[str]:
    """Which of these orders of a store an open or parked inbound message speaks of."""
    shards = [f"store:{ref}" for ref in order_refs]
    rows = InboxMessage.objects.filter(connection=connection_id, shard__in=shards)
    found = rows.filter(status__in=[Status.PENDING, Status.IN_FLIGHT]).values_list("shard", flat=True)
    parked = rows.filter(status=Status.PARKED).values_list("shard", flat=True)
    return {shard.partition(":")[2] for shard in (*found, *parked)}


def open_work(*, shards: Iterable[tuple[int, str]], subjects: Sequence[str]) -> list[tuple[int, str, str]]:
    """What is not worked or answered yet of these shards (connection, shard) in the inbox and of these subjects in
    the outbox, as they are in one moment: connection, shard or subject, and operation (empty for the inbox)."""
    waiting = [Status.PENDING, Status.IN_FLIGHT]
    wanted = set(shards)
    inbound = InboxMessage.objects.filter(
        connection__in={pk for pk, _ in wanted}, shard__in={shard for _, shard in wanted}, status__in=waiting
    )
    outbound = OutboxMessage.objects.filter(subject__in=list(subjects), status__in=waiting)
    rows = inbound.values_list("connection_id", "shard", Value("", output_field=CharField())).union(
        outbound.values_list("connection_id", "subject", "operation"), all=True
    )
    return [(pk, key, operation) for pk, key, operation in rows if operation or (pk, key) in wanted]


def delivery_named(message_id: int) -> InboxMessage | None:
    """One inbound message."""
    return _joined(InboxMessage.objects.filter(pk=message_id)).first()


def effect_named(message_id: int) -> OutboxMessage | None:
    """One outbound message."""
    return _joined(OutboxMessage.objects.filter(pk=message_id)).first()


def statuses_of(*, direction: str, message_ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """``id → (status, subject)`` of the messages that exist. ``direction`` is ``i`` or ``o``."""
    model: Any = {"i": InboxMessage, "o": OutboxMessage}[direction]
    rows = model.objects.filter(pk__in=list(message_ids)).values_list("pk", "status", "subject")
    return {pk: (status, subject) for pk, status, subject in rows}


def parked_effects(*, subjects: Sequence[str]) -> list[int]:
    """Ids of the parked outbound messages of these subjects, oldest first."""
    rows = OutboxMessage.objects.filter(subject__in=list(subjects), status=Status.PARKED)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def parked_subjects(*, subjects: Sequence[str]) -> set[str]:
    """Those of these subjects that have a parked outbound message."""
    rows = OutboxMessage.objects.filter(subject__in=list(subjects), status=Status.PARKED)
    return set(rows.values_list("subject", flat=True))


def parked_names(*, direction: str, code: str, limit: int = 100_000) -> list[str]:
    """Names of the parked messages of a code, oldest first."""
    model: Any = {"i": InboxMessage, "o": OutboxMessage}[direction]
    rows = model.objects.filter(status=Status.PARKED, code=code).order_by("pk")
    return [f"msg_{direction}{pk}" for pk in rows.values_list("pk", flat=True)[:limit]]


def effects_of(*, subject: str) -> list[OutboxMessage]:
    """Outbound messages of a subject, oldest first."""
    return list(_joined(OutboxMessage.objects.filter(subject=subject)).order_by("-id")[:MANY])[::-1]


def references_of(*, subject: str) -> list[ExternalReference]:
    """Documents of a subject in the systems behind its store, in the order in which their references were given out."""
    return references_by_subject(subjects=[subject]).get(subject, [])


def references_by_subject(*, subjects: Sequence[str]) -> dict[str, list[ExternalReference]]:
    """As `references_of`, for many subjects in one query; subjects without any are not in the answer."""
    message = OutboxMessage.objects.filter(
        subject=OuterRef("subject"),
        connection=OuterRef("connection"),
        status__in=[Status.PENDING, Status.IN_FLIGHT, Status.PARKED],
    ).order_by("-id")
    references = ExternalReference.objects.filter(subject__in=list(subjects)).exclude(document_type__in=STORE_DOCUMENTS)
    rows = _joined(references).annotate(
        message_status=Subquery(message.values("status")[:1]), message_outcome=Subquery(message.values("outcome")[:1])
    )
    found: dict[str, list[ExternalReference]] = {}
    for row in rows.order_by("id"):
        found.setdefault(row.subject, []).append(row)
    return found


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where the newest document of a subject stands, and the newest message about it that is open or parked.

    ``state`` is the document's, empty while it is not known to be there; ``name`` is how the other system calls
    it. ``status`` and ``outcome`` are the message's, empty when there is none.
    """

    state: str
    name: str
    status: str
    outcome: str


def standing_of(references: Sequence[Any]) -> Standing | None:
    """The standing that these references (of one subject, as read above) tell; ``None`` when there are none."""
    if not references:
        return None
    row = next((row for row in reversed(references) if row.state), references[-1])
    return Standing(
        state=row.state,
        name=row.number or row.external_id or row.reference,
        status=row.message_status or "",
        outcome=row.message_outcome or "",
    )


def subjects_of_reference(reference: str) -> list[str]:
    """Subjects that carry this reference in some sink: one, unless two stores share a code."""
    # naming the connections lets the unique index (connection, reference) answer
    rows = ExternalReference.objects.filter(
        reference=reference, connection_id__in=list(Connection.objects.values_list("pk", flat=True))
    )
    return list(rows.values_list("subject", flat=True).distinct())


def attempts_of(*, direction: str, message_ids: Sequence[int]) -> list[Attempt]:
    """Tries of these messages, oldest first; those that retention has dropped are gone."""
    found = Attempt.objects.filter(direction=direction, message_id__in=list(message_ids))
    return list(found.order_by("-started_at", "-message_id")[:MANY])[::-1]


def exchanges_of(*, fences: Iterable[int], limit: int = 50) -> list[ExchangeRecord]:
    """Calls made under these fences, oldest first. A claim of many messages shares its calls between them."""
    return list(ExchangeRecord.objects.filter(fence__in=list(fences)).order_by("started_at", "id")[:limit])


LATE_CALLS = "30 days"
"""How long after a message came a call about it is looked for: bounds the partitions that are read."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call to another system. Bodies are kept to a bound, and only fetched where asked for."""

    fence: int
    correlation_id: str
    connection: str
    started_at: dt.datetime
    method: str
    path: str
    status: int | None
    seconds: float
    error: str
    sent: bytes
    received: bytes


CALLS = """
SELECT fence, correlation_id, (SELECT name FROM integrations_connection c WHERE c.id = e.connection_id), started_at,
       method, url, status, seconds, error,
       CASE WHEN %(bodies)s THEN sent ELSE ''::bytea END, CASE WHEN %(bodies)s THEN received ELSE ''::bytea END
FROM integrations_exchange e
WHERE fence = ANY(%(fences)s)
  AND started_at BETWEEN %(since)s - interval '1 day' AND %(since)s + %(late)s::interval
  -- a batch shares its fence: what names another document alone is another document's call
  AND (string_to_array(translate(replace(url, '%%2C', ','), '?&=,', '////'), '/') && %(names)s::text[]
       OR (%(kin)s <> ''::bytea AND (
           EXISTS (SELECT 1 FROM unnest(%(quoted)s::bytea[]) AS name
                   WHERE position(name IN sent) > 0 OR position(name IN received) > 0)
           OR position(%(kin)s IN sent) + position(%(kin)s IN received) = 0)))
ORDER BY started_at, id
"""


def calls_under(
    *, fences: Sequence[int], names: Sequence[str], kin: str = "", since: dt.datetime, bodies: bool = False
) -> list[Call]:
    """Calls made under these claims that name one of ``names`` in their address, or as JSON text in a body.

    ``kin`` is how references of other documents begin (``WC-``): calls that name no document at all (a login, a
    batch by numbers) are shown too. Without ``kin`` bodies are not looked into.
    """
    if not fences:
        return []
    values: dict[str, Any] = {
        "fences": list(fences),
        "since": since,
        "late": LATE_CALLS,
        "bodies": bodies,
        "names": list(names),
        "quoted": [f'"{name}"'.encode() for name in names],
        "kin": f'"{kin}'.encode() if kin else b"",
    }
    with connection.cursor() as cursor:
        cursor.execute(CALLS, values)
        rows = cursor.fetchall()
    return [
        Call(
            fence=row[0],
            correlation_id=row[1],
            connection=row[2] or "a connection that is gone",
            started_at=row[3],
            method=row[4],
            path=urlsplit(row[5]).path,
            status=row[6],
            seconds=row[7],
            error=row[8],
            sent=bytes(row[9]),
            received=bytes(row[10]),
        )
        for row in rows
    ]


def delivered_body(message_id: int) -> tuple[dict[str, str], bytes] | None:
    """Headers and raw bytes of an inbound message; ``None`` when retention has dropped them."""
    return inbox.fetch_body(message_id)


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
    return list(_joined(ConnectionState.objects.all()).order_by("connection__name"))


def connection_names() -> dict[int, str]:
    """Name by id."""
    return dict(Connection.objects.values_list("pk", "name"))


def role_of(name: str) -> str:
    """``store`` or ``erp``; empty when there is no connection of that name."""
    kind = Connection.objects.filter(name=name).values_list("kind", flat=True).first()
    return kind_named(kind).role if kind else ""


def stores() -> dict[str, int]:
    """Id by name of the connections that take orders."""
    rows = Connection.objects.order_by("name").values_list("name", "pk", "kind")
    return {name: pk for name, pk, kind in rows if kind_named(kind).role == "store"}


def heartbeats(*, now: dt.datetime) -> dict[str, float]:
    """Seconds since each worker last finished a round of looking for work."""
    rows = Heartbeat.objects.exclude(name__startswith=CHORE).order_by("name").values_list("name", "beat_at")
    return {name: max((now - beat_at).total_seconds(), 0.0) for name, beat_at in rows}


def sinks(*, store_id: int | None = None) -> list[tuple[int, str]]:
    """Id and name of the connections that orders (of one store, if given) are routed to, by name."""
    routes = SalesRoute.objects.all() if store_id is None else SalesRoute.objects.filter(store_id=store_id)
    return list(routes.order_by("sink__name").values_list("sink_id", "sink__name").distinct())

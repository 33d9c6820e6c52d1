"""The outbox: effects that other systems are to have exactly once, as rows of the change that caused them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from django.db import connection, transaction
from psycopg2.extras import execute_values

from integrations.states import Lane, Outcome, Status


@dataclass(frozen=True, kw_only=True)
class NewEffect:
    """One effect to bring about: ``document`` is kept as it is and sent under ``reference``."""

    connection_id: int
    operation: str
    subject: str
    reference: str
    document: bytes
    trace_id: str
    lane: Lane = Lane.ORDERS


ENQUEUE = """
WITH given AS (
    SELECT * FROM (VALUES %s) AS v (connection_id, operation, subject, reference, document, hash, trace_id, lane)
), stored AS (
    INSERT INTO integrations_outboxmessage
        (connection_id, lane, shard, status, outcome, due_at, attempts, deaths, trace_id, code, detail, operation,
         subject, sequence, reference, revision, body_at, document_hash, on_wire, looks, created_at)
    SELECT g.connection_id, g.lane, g.subject, 'pending', '', (SELECT rh_now()), 0, 0, g.trace_id, '', '', g.operation,
           g.subject,
           1 + coalesce((SELECT max(sequence) FROM integrations_outboxmessage o
                         WHERE o.connection_id = g.connection_id AND o.shard = g.subject), 0),
           g.reference, 1, (SELECT rh_now()), g.hash, false, 0, (SELECT rh_now())
    FROM given g
    RETURNING id, connection_id, subject, body_at
), bodies AS (
    INSERT INTO integrations_outboxbody (message_id, created_at, revision, body)
    SELECT s.id, s.body_at, 1, g.document FROM stored s
    JOIN given g ON g.connection_id = s.connection_id AND g.subject = s.subject
)
SELECT id FROM stored
"""
ENQUEUE_ROW = "(%s::bigint, %s, %s, %s, %s::bytea, %s::bytea, %s, %s::smallint)"


def enqueue(effects: Sequence[NewEffect]) -> list[int]:
    """Store effects inside the caller's transaction, at most one for a (connection, subject) in one call.

    The caller holds the subjects' row locks: that is what makes the sequence right. Raises ``RuntimeError``
    outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an effect is enqueued in the transaction of the change that causes it")
    if not effects:
        return []
    rows = [
        (
            effect.connection_id,
            effect.operation,
            effect.subject,
            effect.reference,
            effect.document,
            hash_of(effect.document),
            effect.trace_id,
            effect.lane.value,
        )
        for effect in effects
    ]
    with connection.cursor() as cursor:
        found = execute_values(cursor.cursor, ENQUEUE, rows, template=ENQUEUE_ROW, page_size=len(rows), fetch=True)
    return [message_id for (message_id,) in found]


def replace_document(*, message_id: int, document: bytes) -> bool:
    """Give a message that is not in flight a new body under the same reference; the old body stays.

    A parked message becomes pending again. False when a worker holds the message: nothing was changed.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE integrations_outboxmessage SET revision = revision + 1, body_at = (SELECT rh_now()),"
            " document_hash = %s, status = 'pending', outcome = '', code = '', detail = '', due_at = (SELECT rh_now()),"
            " finished_at = NULL"
            " WHERE id = %s AND status IN ('pending', 'parked') RETURNING revision, body_at",
            [hash_of(document), message_id],
        )
        row = cursor.fetchone()
        if row is None:
            return False
        cursor.execute(
            "INSERT INTO integrations_outboxbody (message_id, created_at, revision, body) VALUES (%s, %s, %s, %s)",
            [message_id, row[1], row[0], document],
        )
    return True


def cancel_unsent(*, message_id: int) -> bool:
    """Fold a message that no attempt has touched, or that is parked: true when it will never be sent (again).

    What an earlier attempt of a parked message may have left in the other system is the caller's to undo.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE integrations_outboxmessage SET status = 'cancelled', outcome = '', finished_at = (SELECT rh_now())"
            " WHERE id = %s AND (status = 'parked' OR (status = 'pending' AND NOT on_wire)) RETURNING id",
            [message_id],
        )
        return cursor.fetchone() is not None


@dataclass(frozen=True, kw_only=True)
class Held:
    """An outbound message that this worker holds, with the document of its present revision."""

    id: int
    connection_id: int
    operation: str
    subject: str
    reference: str
    trace_id: str
    attempts: int
    on_wire: bool
    looks: int
    document: bytes
    external_id: str


GATE = "SELECT 1 FROM integrations_connectionstate WHERE connection_id = %s FOR UPDATE"
"""The row lock that makes the limits hold over all workers."""

CLAIM = """
WITH gate AS (
    SELECT c.id, c.max_in_flight FROM integrations_connectionstate s
    JOIN integrations_connection c ON c.id = s.connection_id
    WHERE s.connection_id = %(connection)s AND c.mode = 'live'
      AND coalesce(greatest(s.retry_at, s.writes_retry_at), '-infinity') <= (SELECT rh_now())
      AND (s.paused_at IS NULL OR s.paused_until <= (SELECT rh_now()))
), heads AS (
    SELECT m.id FROM integrations_outboxmessage m
    WHERE m.connection_id = (
            SELECT id FROM gate WHERE max_in_flight > (
                SELECT count(DISTINCT f.fence) FROM integrations_outboxmessage f
                WHERE f.connection_id = %(connection)s AND f.status = 'in_flight'))
      AND m.status = 'pending' AND m.due_at <= (SELECT rh_now()) AND (m.deaths > 0) = %(suspects)s
      -- the head of its shard; a scalar subquery keeps the walk along the claim index, which a join would leave
      AND m.sequence = (
        SELECT p.sequence FROM integrations_outboxmessage p
        WHERE p.connection_id = m.connection_id AND p.shard = m.shard
          AND p.status IN ('pending', 'in_flight', 'parked')
        ORDER BY p.sequence LIMIT 1)
    ORDER BY m.lane, m.due_at, m.id LIMIT %(limit)s FOR UPDATE OF m SKIP LOCKED
), taken AS (
    UPDATE integrations_outboxmessage m SET
        status = 'in_flight', fence = %(fence)s, attempts = m.attempts + 1,
        lease_until = (SELECT rh_now()) + %(lease)s * interval '1 second'
    WHERE m.id = ANY(ARRAY(SELECT id FROM heads))
    RETURNING m.*
), noted AS (
    INSERT INTO integrations_attempt (message_id, direction, number, fence, started_at, result)
    SELECT id, 'o', attempts, %(fence)s, (SELECT rh_now()), 'started' FROM taken
)
SELECT t.id, t.connection_id, t.operation, t.subject, t.reference, t.trace_id, t.attempts, t.on_wire, t.looks,
       b.body AS document, coalesce(r.external_id, '') AS external_id
FROM taken t
CROSS JOIN LATERAL (
    SELECT body FROM integrations_outboxbody WHERE message_id = t.id AND created_at = t.body_at LIMIT 1) b
LEFT JOIN LATERAL (
    SELECT external_id FROM integrations_externalreference
    WHERE connection_id = t.connection_id AND reference = t.reference LIMIT 1) r ON true
ORDER BY t.lane, t.due_at, t.id
"""


def claim(*, connection_id: int, fence: int, limit: int, lease_seconds: int, suspects: bool = False) -> list[Held]:
    """Take up to ``limit`` due messages of a connection, the head of each shard only; committed on return.

    Nothing is taken while the connection is not live, paused, asked to wait, or at its in-flight limit (a claim
    is one worker and so one call at a time). The intent (reference, document, attempt, fence) is on disk before
    anything is sent.
    """
    values = {
        "connection": connection_id,
        "fence": fence,
        "limit": 1 if suspects else limit,
        "lease": lease_seconds,
        "suspects": suspects,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # a statement of its own: the claim must count what is in flight as it is after the lock was got
        cursor.execute(GATE, [connection_id])
        cursor.execute(CLAIM, values)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [Held(**{**row, "document": bytes(row["document"])}) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What became of one held message and of this attempt. Pending with ``due_in`` seconds puts it back."""

    id: int
    status: Status
    outcome: Outcome = Outcome.NONE
    result: str
    code: str = ""
    detail: str = ""
    evidence: dict[str, str] = field(default_factory=dict)
    due_in: float = 0.0
    on_wire: bool = False
    looks: int = 0
    counted: bool = True
    """Whether this try counts as an attempt (waiting as told does not)."""


FINISH = """
WITH v AS (
    SELECT * FROM (VALUES %s)
        AS v (id, status, outcome, result, code, detail, evidence, due_in, on_wire, looks, counted, fence)
), finished AS (
    UPDATE integrations_outboxmessage m SET
        status = v.status, outcome = v.outcome, code = v.code, detail = v.detail,
        due_at = (SELECT rh_now()) + v.due_in * interval '1 second',
        on_wire = v.on_wire, looks = v.looks, attempts = m.attempts - (NOT v.counted)::int,
        finished_at = CASE WHEN v.status = 'pending' THEN NULL ELSE (SELECT rh_now()) END,
        lease_until = NULL, fence = NULL, deaths = 0
    FROM v WHERE m.id = v.id AND m.fence = v.fence AND m.status = 'in_flight'
    RETURNING m.id, v.fence
), noted AS (
    UPDATE integrations_attempt a SET
        finished_at = (SELECT rh_now()), result = v.result, code = v.code, detail = v.detail, evidence = v.evidence
    FROM finished f JOIN v ON v.id = f.id
    WHERE a.message_id = f.id AND a.direction = 'o' AND a.fence = f.fence
      -- an attempt ends in the month it began or the next: two partitions, not all of them
      AND a.started_at > (SELECT rh_now()) - interval '1 day'
)
SELECT id FROM finished
"""
FINISH_ROW = (
    "(%s::bigint, %s, %s, %s, %s, %s, %s::jsonb, %s::double precision, %s::boolean, %s::smallint,"
    " %s::boolean, %s::bigint)"
)


def finish(results: Iterable[Finish], *, fence: int) -> set[int]:
    """Write results of held messages in the caller's transaction; returns the ids that were still ours.

    What is missing was taken over by another worker: the caller must not write anything that follows from it.
    """
    rows = [
        (
            r.id,
            r.status.value,
            r.outcome.value,
            r.result,
            r.code,
            r.detail[:2000],
            msgspec.json.encode(r.evidence).decode(),
            r.due_in,
            r.on_wire,
            r.looks,
            r.counted,
            fence,
        )
        for r in results
    ]
    if not rows:
        return set()
    with connection.cursor() as cursor:
        done = execute_values(cursor.cursor, FINISH, rows, template=FINISH_ROW, page_size=len(rows), fetch=True)
    return {message_id for (message_id,) in done}


@dataclass(frozen=True)
class Latest:
    """An effect of a subject at a connection, for deciding what a change of the subject needs."""

    id: int
    connection_id: int
    operation: str
    reference: str
    status: Status
    outcome: str
    on_wire: bool
    attempts: int
    document_hash: bytes
    document: bytes


LATEST = """
SELECT m.subject, m.id, m.connection_id, m.operation, m.reference, m.status, m.outcome, m.on_wire, m.attempts,
       m.document_hash, b.body
FROM integrations_outboxmessage m
LEFT JOIN LATERAL (
    SELECT body FROM integrations_outboxbody WHERE message_id = m.id AND created_at = m.body_at LIMIT 1) b ON true
WHERE m.subject = ANY(%s) AND m.operation = ANY(%s) AND m.status <> 'cancelled'
ORDER BY m.id FOR UPDATE OF m
"""


def history_by_subject(*, subjects: Sequence[str], operations: Collection[str]) -> dict[str, list[Latest]]:
    """The messages of each subject with these operations that were not cancelled, oldest first, locked until the
    transaction ends.

    A worker that is about to claim one of them waits or skips it, so the answer stays true.
    """
    found: dict[str, list[Latest]] = {}
    if not subjects:
        return found
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [list(subjects), [str(each) for each in operations]])
        rows = cursor.fetchall()
    for row in rows:
        found.setdefault(row[0], []).append(
            Latest(
                id=row[1],
                connection_id=row[2],
                operation=row[3],
                reference=row[4],
                status=Status(row[5]),
                outcome=row[6],
                on_wire=row[7],
                attempts=row[8],
                document_hash=bytes(row[9]),
                document=bytes(row[10] or b""),
            )
        )
    return found


ADDRESSED = """
SELECT c.id FROM unnest(%s::bigint[]) AS c (id)
WHERE EXISTS (SELECT 1 FROM integrations_outboxmessage m WHERE m.connection_id = c.id AND m.status = 'pending')
"""


def addressed(connection_ids: Sequence[int]) -> set[int]:
    """Those of these connections that something waits to be sent to."""
    if not connection_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(ADDRESSED, [list(connection_ids)])
        return {connection_id for (connection_id,) in cursor.fetchall()}


def hash_of(document: bytes) -> bytes:
    """sha256 of a document's bytes, as stored beside it."""
    return hashlib.sha256(document).digest()


def unpark(message_ids: Sequence[int]) -> dict[int, str]:
    """Make parked messages pending again, in the caller's transaction; id → subject of those that were parked.

    They are looked up before they are sent: somebody may have acted on the other side meanwhile.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE integrations_outboxmessage SET status = 'pending', outcome = '', due_at = (SELECT rh_now()),"
            " deaths = 0, finished_at = NULL WHERE id = ANY(%s) AND status = 'parked' RETURNING id, subject",
            [list(message_ids)],
        )
        return dict(cursor.fetchall())


def parked(*, connection_id: int, code: str) -> dict[int, str]:
    """Messages parked at a connection with this code: id → subject."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, subject FROM integrations_outboxmessage"
            " WHERE status = 'parked' AND code = %s AND connection_id = %s",
            [code, connection_id],
        )
        return dict(cursor.fetchall())

"""The inbox: storing what came in, claiming it for work, writing down what became of it.

Everything is a row before anybody is told that we have it. Claims carry a lease and a fence: every later write
says ``fence = mine``, so a worker whose lease was taken over writes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from django.db import connection
from psycopg2.extras import execute_values

from integrations.events import MessagesReleased
from integrations.leases import LeaseLost
from integrations.states import Lane, Outcome, Status, Way
from retailhub.core import bus, clock, ids


@dataclass(frozen=True, kw_only=True)
class NewMessage:
    """One inbound message to store.

    ``shard`` is what must be worked in order (``order:148``). ``wake`` says that the body names no version: a
    repeat rings again. ``unique`` switches deduplication off (a body that names nothing). ``version`` stands for the
    body of what was read by ourselves: the bytes of one state differ from list to list.
    """

    connection_id: int
    topic: str
    shard: str
    body: bytes
    headers: dict[str, str]
    way: Way = Way.WEBHOOK
    lane: Lane = Lane.ORDERS
    wake: bool = False
    unique: bool = False
    version: bytes = b""

    def dedupe_key(self) -> bytes:
        """sha256 over topic and raw body, or shard and version; the connection is part of the unique constraint."""
        named = self.shard.encode() + b"\0" + self.version if self.version else self.body
        digest = hashlib.sha256(self.topic.encode() + b"\0" + named)
        if self.unique:
            digest.update(ids.new_trace_id().encode())
        return digest.digest()


RINGS = "m.wake AND (m.status = 'done' OR (m.status = 'parked' AND excluded.way <> 'poll'))"
"""A poll sees the same order again every minute: what it has parked waits for a person or for a newer version."""
STORE = f"""
WITH given AS (
    SELECT * FROM (VALUES %s)
        AS v (connection_id, lane, shard, trace_id, way, topic, dedupe_key, wake, size, headers, body)
), stored AS (
    INSERT INTO integrations_inboxmessage AS m
        (connection_id, lane, shard, status, outcome, due_at, attempts, deaths, trace_id, code, detail, way, topic,
         dedupe_key, wake, size, received_at, seen_count, claimed_seen, subject)
    SELECT connection_id, lane, shard, 'pending', '', (SELECT rh_now()), 0, 0, trace_id, '', '', way, topic,
           dedupe_key, wake, size, (SELECT rh_now()), 1, 0, ''
    FROM given
    ON CONFLICT (connection_id, dedupe_key) DO UPDATE SET
        seen_count = m.seen_count + 1,
        status = CASE WHEN {RINGS} THEN 'pending' ELSE m.status END,
        outcome = CASE WHEN {RINGS} THEN '' ELSE m.outcome END,
        due_at = CASE WHEN {RINGS} THEN excluded.due_at ELSE m.due_at END,
        attempts = CASE WHEN {RINGS} THEN 0 ELSE m.attempts END,
        deaths = CASE WHEN {RINGS} THEN 0 ELSE m.deaths END,
        -- what it was parked for stays: its case is closed when it is done
        code = CASE WHEN m.wake AND m.status = 'done' THEN '' ELSE m.code END
    RETURNING m.id, m.received_at, m.dedupe_key, m.connection_id, m.seen_count, m.trace_id
), bodies AS (
    INSERT INTO integrations_inboxbody (message_id, received_at, headers, body)
    SELECT s.id, s.received_at, g.headers, g.body
    FROM stored s JOIN given g ON g.connection_id = s.connection_id AND g.dedupe_key = s.dedupe_key
    WHERE s.seen_count = 1
)
SELECT id, seen_count = 1, trace_id FROM stored
"""  # noqa: S608 - made of the constant above
ROW = "(%s::bigint, %s::smallint, %s, %s, %s, %s, %s::bytea, %s::boolean, %s::integer, %s::jsonb, %s::bytea)"


class Stored(NamedTuple):
    """A stored message. ``trace_id`` follows it: of a repeat, it is that of the first."""

    id: int
    is_new: bool
    trace_id: str


def store(messages: Sequence[NewMessage]) -> list[Stored]:
    """Store messages in one statement.

    Outside a transaction the statement commits before it returns. Many messages in one call are one commit
    (group commit); two equal bodies must not be in one call.
    """
    rows = [
        (
            message.connection_id,
            message.lane.value,
            message.shard,
            ids.new_trace_id(),
            message.way.value,
            message.topic,
            message.dedupe_key(),
            message.wake,
            len(message.body),
            msgspec.json.encode(message.headers).decode(),
            message.body,
        )
        for message in messages
    ]
    with connection.cursor() as cursor:
        found = execute_values(cursor.cursor, STORE, rows, template=ROW, page_size=len(rows), fetch=True)
    return [Stored(*row) for row in found]


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """An inbound message that this worker holds."""

    id: int
    connection_id: int
    shard: str
    topic: str
    way: str
    wake: bool
    trace_id: str
    attempts: int
    code: str
    """What it failed with before; empty when it never did."""
    received_at: dt.datetime
    body: bytes


CLAIM = """
WITH heads AS (
    SELECT m.id, m.lane, m.size, m.connection_id, m.shard FROM integrations_inboxmessage m
    JOIN integrations_connection c ON c.id = m.connection_id AND c.mode <> 'off'
    WHERE m.status = 'pending' AND m.due_at <= (SELECT rh_now()) AND (m.deaths > 0) = %(suspects)s
      -- the head of its shard; scalar subqueries keep the walk along the claim index, which a join would leave,
      -- and each ends at the first row of its own index, however long the shard is: the row comparison is there
      -- because with a bare id the planner may walk the primary key, past all that was ever done
      AND CASE WHEN (
            SELECT p.id FROM integrations_inboxmessage p
            WHERE p.connection_id = m.connection_id AND p.shard = m.shard AND p.status = 'in_flight' LIMIT 1
          ) IS NOT NULL THEN false ELSE (
            SELECT p.id FROM integrations_inboxmessage p
            WHERE p.connection_id = m.connection_id AND p.shard = m.shard AND p.status IN ('pending', 'in_flight')
              AND p.status = 'pending' AND p.due_at <= (SELECT rh_now())
              AND (p.connection_id, p.shard, p.id) < (m.connection_id, m.shard, m.id) LIMIT 1
          ) IS NULL END
    ORDER BY m.lane, m.id LIMIT %(limit)s FOR UPDATE OF m SKIP LOCKED
), followers AS (
    -- what waits behind a head in its shard is worked along with it: one look serves them all
    SELECT f.id, h.lane, f.size, h.id AS head FROM heads h CROSS JOIN LATERAL (
        SELECT f.id, f.size FROM integrations_inboxmessage f
        WHERE f.connection_id = h.connection_id AND f.shard = h.shard AND f.status IN ('pending', 'in_flight')
          AND f.status = 'pending' AND f.id > h.id AND f.deaths = 0 AND f.due_at <= (SELECT rh_now())
        ORDER BY f.id LIMIT 200) f
    WHERE NOT %(suspects)s
), fitting AS (
    -- a worker's memory follows the bodies it holds: shards in turn until it is full, at least one message
    SELECT id, sum(size) OVER turn AS bytes, row_number() OVER turn AS place
    FROM (SELECT id, lane, size, id AS head FROM heads UNION ALL SELECT id, lane, size, head FROM followers) each
    WINDOW turn AS (ORDER BY lane, head, id)
), taken AS (
    UPDATE integrations_inboxmessage m SET
        status = 'in_flight', fence = %(fence)s, attempts = m.attempts + 1, claimed_seen = m.seen_count,
        lease_until = (SELECT rh_now()) + %(lease)s * interval '1 second'
    -- an array, not a join: the planner knows nothing of a queue's size and must not choose how to walk it
    WHERE m.id = ANY(ARRAY(SELECT id FROM fitting WHERE bytes <= %(bytes)s OR place = 1)) AND m.status = 'pending'
    RETURNING m.*
)
SELECT t.id, t.connection_id, t.shard, t.topic, t.way, t.wake, t.trace_id, t.attempts, t.code, t.received_at,
       coalesce(b.body, ''::bytea) AS body
FROM taken t LEFT JOIN LATERAL (
    SELECT body FROM integrations_inboxbody WHERE message_id = t.id AND received_at = t.received_at LIMIT 1) b ON true
ORDER BY t.id
"""
CLAIM_BYTES = 32 * 1024 * 1024
"""Of bodies in one claim."""


def claim(*, fence: int, limit: int, lease_seconds: int, suspects: bool = False) -> list[Claimed]:
    """Take up to ``limit`` shards' due messages under ``fence``, `CLAIM_BYTES` at most; committed when it returns.

    ``suspects`` are messages a worker has died with: they are claimed one at a time.
    """
    values = {
        "fence": fence,
        "limit": 1 if suspects else limit,
        "lease": lease_seconds,
        "suspects": suspects,
        "bytes": CLAIM_BYTES,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [Claimed(**{**row, "body": bytes(row["body"])}) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What became of a claimed message. ``status`` pending with a ``due_in`` puts it back."""

    id: int
    status: Status
    outcome: Outcome = Outcome.NONE
    subject: str = ""
    code: str = ""
    detail: str = ""
    version_at: dt.datetime | None = None
    due_in: float = 0.0
    counted: bool = True
    """Whether this try counts as an attempt (waiting as told does not)."""
    troubled: bool = False
    """Whether it had failed before: a case of it, if there is one, is over when it is done."""


FINISH = """
UPDATE integrations_inboxmessage m SET
    -- rung again while it was worked: look once more
    status = CASE WHEN m.wake AND m.seen_count > m.claimed_seen AND v.status = 'done' THEN 'pending' ELSE v.status END,
    outcome = CASE WHEN m.wake AND m.seen_count > m.claimed_seen AND v.status = 'done' THEN '' ELSE v.outcome END,
    subject = CASE WHEN v.subject <> '' THEN v.subject ELSE m.subject END,
    -- put back without a word: what it failed with before stays true
    code = CASE WHEN v.status = 'pending' AND v.code = '' THEN m.code ELSE v.code END,
    detail = CASE WHEN v.status = 'pending' AND v.code = '' THEN m.detail ELSE v.detail END,
    version_at = coalesce(v.version_at, m.version_at),
    due_at = (SELECT rh_now()) + v.due_in * interval '1 second',
    finished_at = CASE WHEN v.status = 'pending' THEN NULL ELSE (SELECT rh_now()) END,
    lease_until = NULL, deaths = CASE WHEN v.status = 'pending' THEN m.deaths ELSE 0 END,
    attempts = m.attempts - (NOT v.counted)::int
FROM (VALUES %s) AS v (id, status, outcome, subject, code, detail, version_at, due_in, counted, fence)
WHERE m.id = v.id AND m.fence = v.fence AND m.status = 'in_flight'
RETURNING m.id
"""
FINISH_ROW = "(%s::bigint, %s, %s, %s, %s, %s, %s::timestamptz, %s::double precision, %s::boolean, %s::bigint)"


def finish(results: Iterable[Finish], *, fence: int) -> None:
    """Write what became of claimed messages, in the caller's transaction; cases of what is done at last close.

    Raises `LeaseLost` when any of them is not this worker's any more; the caller's transaction must then fail.
    """
    results = list(results)
    rows = [
        (
            r.id,
            r.status.value,
            r.outcome.value,
            r.subject,
            r.code,
            r.detail[:2000],
            r.version_at,
            r.due_in,
            r.counted,
            fence,
        )
        for r in results
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        done = execute_values(cursor.cursor, FINISH, rows, template=FINISH_ROW, page_size=len(rows), fetch=True)
    if len(done) != len(rows):
        raise LeaseLost(f"{len(rows) - len(done)} of {len(rows)} messages were taken over")
    close_cases([r.id for r in results if r.troubled and r.status is Status.DONE], "it was worked after all")


def close_cases(message_ids: Sequence[int], why: str) -> None:
    """Tell that parked messages are done with, in the caller's transaction."""
    if message_ids:
        bus.publish(MessagesReleased("i", [f"message:msg_i{each}" for each in message_ids], why, clock.now()))


def put_back(message_ids: Sequence[int], *, fence: int, due_in: float = 0.0) -> None:
    """Give claimed messages back, not counting this try. Raises `LeaseLost` as `finish` does."""
    waiting = [Finish(id=each, status=Status.PENDING, due_in=due_in, counted=False) for each in message_ids]
    finish(waiting, fence=fence)


@dataclass(frozen=True, kw_only=True)
class Overtaken:
    """What is known of a shard now: its newest version, and since when a read told it, if one did."""

    connection_id: int
    shard: str
    version_at: dt.datetime
    read_began: dt.datetime | None


OVERTAKE = """
UPDATE integrations_inboxmessage m SET
    status = 'done', outcome = 'superseded', finished_at = (SELECT rh_now())
WHERE m.status = 'parked' AND m.id = ANY(ARRAY(
    SELECT p.id FROM (VALUES %s) AS v (connection_id, shard, version_at, read_began) CROSS JOIN LATERAL (
        SELECT p.id FROM integrations_inboxmessage p
        WHERE p.status = 'parked' AND p.connection_id = v.connection_id AND p.shard = v.shard
          AND (p.version_at < v.version_at OR (p.wake AND p.received_at < v.read_began))
        ORDER BY p.id LIMIT 200) p))
RETURNING m.id
"""
OVERTAKE_ROW = "(%s::bigint, %s, %s::timestamptz, %s::timestamptz)"


def overtake(known: Sequence[Overtaken]) -> None:
    """End what is parked and older than what has been applied since, in the caller's transaction; cases close."""
    if not known:
        return
    rows = [(each.connection_id, each.shard, each.version_at, each.read_began) for each in known]
    with connection.cursor() as cursor:
        ended = execute_values(cursor.cursor, OVERTAKE, rows, template=OVERTAKE_ROW, page_size=len(rows), fetch=True)
    close_cases([message_id for (message_id,) in ended], "a newer state of the order has been applied since")


NAMELESS = "delivery_names_no_order"
"""Code of a parked message about an order whose id it does not tell."""


RECHECK, RETRY = "order.recheck", "order.retry"
"""Topics of our own looks: decide again; decide again and put back to work what is parked."""


def ring(*, connection_id: int, order_refs: Sequence[str], topic: str = RECHECK, lane: Lane = Lane.ORDERS) -> None:
    """Ask for another decision on orders of a store, as durable work, in the caller's transaction.

    What comes in goes first where ``lane`` is behind that of orders.
    """
    for start in range(0, len(order_refs), 500):
        store(
            [
                NewMessage(
                    connection_id=connection_id,
                    topic=topic,
                    shard=f"store:{ref}",
                    body=msgspec.json.encode({"id": ref}),
                    headers={},
                    way=Way.ENGINE,
                    lane=lane,
                    unique=True,
                )
                for ref in order_refs[start : start + 500]
            ]
        )


def fetch_body(message_id: int) -> tuple[dict[str, str], bytes] | None:
    """Headers and raw bytes of a message; ``None`` when retention has dropped them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.headers, b.body FROM integrations_inboxmessage m JOIN integrations_inboxbody b"
            " ON b.message_id = m.id AND b.received_at = m.received_at WHERE m.id = %s",
            [message_id],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    headers = msgspec.json.decode(row[0]) if isinstance(row[0], str) else row[0]
    return headers, bytes(row[1])


def unpark(message_ids: Sequence[int]) -> list[int]:
    """Make parked messages pending again, in the caller's transaction; returns those that were parked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE integrations_inboxmessage SET status = 'pending', outcome = '', due_at = (SELECT rh_now()),"
            " attempts = 0, deaths = 0, finished_at = NULL WHERE id = ANY(%s) AND status = 'parked' RETURNING id",
            [list(message_ids)],
        )
        return [message_id for (message_id,) in cursor.fetchall()]

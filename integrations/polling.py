"""Polling: looking at stores by ourselves, because webhooks may never come.

A pump has one thread for each store; it takes the store's most urgent step, makes its call, and commits what is
new, as inbound messages, together with where the next step begins.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import connection, transaction

from integrations import connections, doubts, inbox, poll_parking, polls, retry
from integrations.calls import Lines, Recorder, context_for
from integrations.leases import LeaseLost
from integrations.models import Connection
from integrations.poll_findings import Found, News, Records
from integrations.poll_steps import step
from integrations.polls import Round
from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured, RateLimited
from integrations.ports.stores import OrderHistory
from integrations.states import Lane, Mode, PollKind, Way
from retailhub.core import clock, ids

log = structlog.get_logger(__name__)
rng = random.Random()  # noqa: S311 - spreads retries, protects nothing

POLLED = "order.polled"
"""Topic of what a look found: an order's content."""
QUIET = {PollKind.HISTORY: Lane.CATALOGUE, PollKind.SWEEP: Lane.CATALOGUE}
"""What is many and old waits behind what is new."""
LONG = {PollKind.HISTORY, PollKind.SWEEP, PollKind.WALK}
"""Looks of many pages: with a pause between two, to spare the store."""


@dataclass
class Wiring:
    """Plugged in from above: what is known of orders, and how the webhooks of a store are looked after."""

    records: Records | None = None
    webhooks: Callable[[Connection, Lines, Round], Round] | None = None


WIRING = Wiring()


def _kinds() -> list[PollKind]:
    return [kind for kind in PollKind if kind is not PollKind.WEBHOOKS or WIRING.webhooks is not None]


def store_ids() -> list[int]:
    """Stores that are looked at."""
    rows = Connection.objects.filter(kind="woocommerce").exclude(mode=Mode.OFF)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def drain(*, seconds: float) -> int:
    """Make what is due, a step of each store in turn, until nothing is or the time is up; returns how many steps.

    Chance says who is first: a store whose steps take all the time must not keep the same others from theirs.
    """
    ends, made = time.monotonic() + seconds, 0
    waiting = store_ids()
    rng.shuffle(waiting)
    kept = Lines()
    try:
        while waiting and time.monotonic() < ends:
            store = waiting.pop(0)
            if work(lines=kept, store_id=store):
                made += 1
                waiting.append(store)
    finally:
        kept.close()
    return made


def work(*, lines: Lines, store_id: int) -> int:
    """Make the store's most urgent step that is due; returns 1 if there was one."""
    polls.ensure(connection_id=store_id, kinds=_kinds())
    hurry(connection_id=store_id)
    at = polls.claim(connection_id=store_id)
    if at is None:
        return 0
    row = Connection.objects.get(pk=store_id)
    recorder = Recorder(store_id, at.fence)
    try:
        _make(at.begun(clock.now()), row, lines, recorder)
    except ConnectorError as error:
        _after_error(at, error)
    except LeaseLost:
        log.warning("poll_taken_over", store=row.name, kind=at.kind.value)
    except Exception as error:
        log.exception("poll_failed", store=row.name, kind=at.kind.value)
        polls.fail(at, code="internal_error", detail=type(error).__name__, due_in=_later(at))
    finally:
        recorder.save()
    return 1


def _make(at: Round, row: Connection, lines: Lines, recorder: Recorder) -> None:
    if at.kind is PollKind.WEBHOOKS:
        if WIRING.webhooks is None:
            raise RuntimeError("the wiring has nobody to look after webhooks")
        after = WIRING.webhooks(row, lines, at)
        with transaction.atomic():
            polls.save(after)
        return
    if WIRING.records is None:
        raise RuntimeError("the wiring has no records of orders")
    context = context_for(recorder, correlation_id=ids.new_trace_id(), before_call=polls.Hold(at))
    source: OrderHistory = lines.connector(row, context)
    found = step(at, source, WIRING.records)
    # what a step read is in the inbox; of a look that found nothing there is nothing to explain
    recorder.keep_outlines(all_of_them=bool(found.news or found.missing or found.unread))
    _commit(found, row)
    connections.note_success(connection_id=row.pk)
    if found.after.done and (found.after.fresh or at.every_seconds >= polls.DAY // 4):
        log.info("polled", store=row.name, kind=at.kind.value, **found.after.report)


def _commit(found: Found, row: Connection) -> None:
    """The cursor never passes what is not in the inbox: both are one transaction."""
    lane = QUIET.get(found.after.kind, Lane.ORDERS)
    messages = [_polled(found.after.connection_id, each, lane) for each in found.news]
    # one statement may not hold one key twice
    distinct = {message.dedupe_key(): message for message in messages}
    with transaction.atomic():
        after = doubts.settle(found)
        if distinct:
            inbox.store(list(distinct.values()))
        poll_parking.park(found.unread, store=row, lane=lane)
        poll_parking.end_unread(connection_id=row.pk, order_refs=found.read)
        polls.save(after, pause_seconds=settings.HISTORY_PAUSE_MS / 1000 if after.kind in LONG else 0.0)
        if after.kind is PollKind.WALK and after.done and after.began_at is not None:
            end_nameless(connection_id=after.connection_id, before=after.began_at)
        if after.kind is PollKind.HISTORY and after.done and after.cursor_at is not None:
            # a store whose clock is behind ours: what it changes next is earlier than where we began
            since = dict.fromkeys((PollKind.CHANGED, PollKind.TRASH, PollKind.DRAFTS), after.cursor_at)
            polls.look_again_from(connection_id=after.connection_id, kinds=since)


def _polled(connection_id: int, news: News, lane: Lane) -> inbox.NewMessage:
    order = news.listed.order
    version = order.modified_at.isoformat().encode() + b"\0" + news.digest if order else b""
    return inbox.NewMessage(
        connection_id=connection_id,
        topic=POLLED,
        # what names no order waits for nobody
        shard=f"store:{news.listed.order_ref or '-' + ids.new_trace_id()}",
        body=news.listed.body,
        headers={},
        way=Way.POLL,
        lane=lane,
        # what was, was something else and is again must be worked again
        wake=order is not None,
        version=version,
    )


def _after_error(at: Round, error: ConnectorError) -> None:
    decision = retry.decide(error, attempts=at.failures + 1, now=clock.now(), settle_seconds=2.0, rng=rng)
    if isinstance(error, AuthRejected | RateLimited | Misconfigured):
        retry_at = clock.after(decision.due_in) if decision.pause else None
        connections.note_trouble(connection_id=at.connection_id, error=error, retry_at=retry_at)
    due_in = decision.due_in if decision.pause else _later(at)
    polls.fail(at, code=error.code, detail=error.detail, due_in=due_in)
    log.warning("poll_step_failed", kind=at.kind.value, code=error.code, failures=at.failures + 1)


def _later(at: Round) -> float:
    """A look that fails is tried again within its period, so that it is late by less than two."""
    return min(retry.full_jitter(at.failures + 1, rng), float(at.every_seconds))


HURRY = """
UPDATE integrations_inboxmessage SET lane = %(lane)s WHERE status = 'pending' AND id = ANY(ARRAY(
    SELECT q.id FROM (
        SELECT shard, id FROM integrations_inboxmessage
        WHERE status = 'pending' AND lane = %(lane)s AND connection_id = %(connection)s ORDER BY id LIMIT 500) f
    CROSS JOIN LATERAL (
        SELECT q.id FROM integrations_inboxmessage q
        WHERE q.connection_id = %(connection)s AND q.shard = f.shard AND q.status IN ('pending', 'in_flight')
          AND q.status = 'pending' AND q.lane > %(lane)s AND q.id < f.id
        ORDER BY q.id LIMIT 20 FOR UPDATE SKIP LOCKED) q))
"""


def hurry(*, connection_id: int) -> int:
    """Give what an urgent message of the same shard waits for that message's lane; returns how many.

    A store's history is read at leisure; an order of it that is changed meanwhile must not wait for the rest of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(HURRY, {"connection": connection_id, "lane": Lane.ORDERS.value})
        return int(cursor.rowcount)


def end_nameless(*, connection_id: int, before: dt.datetime) -> None:
    """End what names no order and came before a walk over all ids began, in the caller's transaction; cases close."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE integrations_inboxmessage SET status = 'done', outcome = 'superseded',"
            " finished_at = (SELECT rh_now())"
            " WHERE status = 'parked' AND code = %s AND connection_id = %s AND received_at < %s RETURNING id",
            [inbox.NAMELESS, connection_id, before],
        )
        ended = [message_id for (message_id,) in cursor.fetchall()]
    inbox.close_cases(ended, "every order id of the store has been looked at since")


def look_now(*, connection_id: int, kind: PollKind) -> None:
    """Let a look begin a round at once."""
    polls.ensure(connection_id=connection_id, kinds=_kinds())
    polls.look_again_from(connection_id=connection_id, kinds={kind: None})

"""Working the inbox: decode what came in, hand each resource to its flow, write down what became of it."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from integrations import connections, inbox, polls, retry
from integrations.calls import Lines
from integrations.connectors.woocommerce import webhooks as woocommerce
from integrations.events import ArrivalsParked, MessagesReleased, Parked
from integrations.leases import LeaseLost, next_fence
from integrations.ports.documents import Order
from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured, RateLimited
from integrations.reads import Reads
from integrations.retry import Action
from integrations.states import Outcome, Status
from integrations.workflow import Arrival, Failed, Look, StoreFacts
from retailhub.core import bus, clock
from retailhub.core.observability.logs import about

log = structlog.get_logger(__name__)
rng = random.Random()  # noqa: S311 - spreads retries, protects nothing

OrderFlow = Callable[..., list[Failed]]
MAX_READS = 12
"""Tries to read an order back before a person is asked, if its store answers other reads."""
SUSPECTS_EVERY = 5
"""Rounds of which one begins with the messages that workers died with: new work never starves them."""
ROUNDS = itertools.count(1)


@dataclass
class Flows:
    """Which resource is worked by which flow; filled by the wiring."""

    order: OrderFlow | None = None


FLOWS = Flows()


@dataclass
class Sorted:
    """Claimed messages by what they are about."""

    looks: list[Look] = field(default_factory=list)
    ignored: list[inbox.Finish] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    told: dict[int, dt.datetime] = field(default_factory=dict)
    """The version that a body speaks of which cannot be used otherwise."""


def work(*, lines: Lines, limit: int) -> int:
    """Claim and work up to ``limit`` shards; returns how many messages were claimed."""
    suspects_first = next(ROUNDS) % SUSPECTS_EVERY == 0
    for suspects in (suspects_first, not suspects_first):
        fence = next_fence()
        claimed = inbox.claim(fence=fence, limit=limit, lease_seconds=settings.LEASE_SECONDS, suspects=suspects)
        if claimed:
            with about(message.trace_id for message in claimed):
                _work_claimed(claimed, fence, lines)
            return len(claimed)
    return 0


def _work_claimed(claimed: Sequence[inbox.Claimed], fence: int, lines: Lines) -> None:
    facts = connections.store_facts({message.connection_id for message in claimed})
    found = _sort(claimed, facts)
    log.info(
        "arrivals_claimed",
        fence=fence,
        messages=len(claimed),
        orders=len(found.looks),
        ignored=len(found.ignored),
        parked=len(found.parked),
    )
    if found.ignored or found.parked:
        _finish_without_flow(found, fence)
    if not found.looks:
        return
    reads = Reads(lines, fence)
    try:
        _flow(found.looks, fence, reads)
    except LeaseLost:
        log.warning("lease_lost", fence=fence, messages=len(claimed))
    except Exception as error:  # noqa: BLE001 - whichever it is, each order is tried by itself next
        log.warning("batch_failed", error=type(error).__name__, looks=len(found.looks))
        for look in found.looks:
            with about(arrival.trace_id for arrival in look.arrivals):
                _one_by_itself(look, fence, reads)
    reads.save()


def _sort(claimed: Sequence[inbox.Claimed], facts: dict[int, StoreFacts]) -> Sorted:
    found = Sorted()
    by_order: dict[tuple[int, str], list[Arrival]] = {}
    for message in claimed:
        ref = _ref_without_body(message)
        if ref:
            by_order.setdefault((message.connection_id, ref), []).append(_arrival(message, None))
            continue
        match woocommerce.decode(message.body, message.topic):
            case woocommerce.OrderBody(order=order):
                by_order.setdefault((message.connection_id, order.order_ref), []).append(_arrival(message, order))
            case woocommerce.Wake(resource_id=str(ref), looks=resources) if "order" in resources:
                by_order.setdefault((message.connection_id, ref), []).append(_arrival(message, None))
            case woocommerce.Wake(resource_id=None, resource="order"):
                found.parked.append(_parked(message, "delivery_names_no_order", NAMELESS, {}))
            case woocommerce.Wake(resource=resource) | woocommerce.OtherResource(resource=resource):
                found.ignored.append(
                    inbox.Finish(
                        id=message.id,
                        status=Status.DONE,
                        outcome=Outcome.IGNORED,
                        code=f"no_flow_for_{resource}"[:60],
                        troubled=bool(message.code),
                    )
                )
            case woocommerce.Unusable(code=code, sentence=sentence, evidence=evidence):
                found.parked.append(_parked(message, code, sentence, dict(evidence)))
                if (told := _version_in(message.body)) is not None:
                    found.told[message.id] = told
    found.looks = [
        Look(store=facts[connection_id], order_ref=ref, arrivals=tuple(arrivals))
        for (connection_id, ref), arrivals in by_order.items()
    ]
    return found


MODIFIED = re.compile(rb'"date_modified_gmt"\s*:\s*"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})"')


def _version_in(body: bytes) -> dt.datetime | None:
    found = MODIFIED.search(body)
    try:
        return dt.datetime.fromisoformat(found[1].decode()).replace(tzinfo=dt.UTC) if found else None
    except ValueError:
        return None


def _ref_without_body(message: inbox.Claimed) -> str:
    """The order that our own look names, or a ring whose body retention has dropped; the shard has it still."""
    bodiless = message.way == "engine" or (message.wake and not message.body)
    kind, _, ref = message.shard.partition(":")
    return ref if bodiless and kind == "store" and not ref.startswith("-") else ""


NAMELESS = (
    "A delivery says that an order is gone but not which one: it was deleted for good before the store had sent it."
)


def _arrival(message: inbox.Claimed, order: Order | None) -> Arrival:
    return Arrival(
        message_id=message.id,
        trace_id=message.trace_id,
        way=message.way,
        attempts=message.attempts,
        order=order,
        retry=message.way == "engine" and message.topic == inbox.RETRY,
        troubled=bool(message.code),
    )


def _parked(message: inbox.Claimed, code: str, sentence: str, evidence: dict[str, str]) -> Parked:
    return Parked(
        connection_id=message.connection_id,
        direction="i",
        message_id=message.id,
        subject=f"message:msg_i{message.id}",
        operation=message.topic,
        outcome=Outcome.REJECTED.value,
        code=code,
        detail=sentence,
        evidence=evidence,
    )


def _finish_without_flow(found: Sorted, fence: int) -> None:
    try:
        with transaction.atomic():
            _park(found.parked, found.told, fence)
            inbox.finish(found.ignored, fence=fence)
            nameless = {each.connection_id for each in found.parked if each.code == inbox.NAMELESS}
            if nameless:
                polls.walk_soon(nameless)
    except LeaseLost:
        log.warning("lease_lost", fence=fence)


def _park_look(look: Look, parked: Sequence[Parked], fence: int) -> None:
    told = {arrival.message_id: arrival.order.modified_at for arrival in look.arrivals if arrival.order}
    _park(parked, told, fence)


def _park(parked: Sequence[Parked], told: Mapping[int, dt.datetime], fence: int) -> None:
    """Park messages and tell the layers above, in the caller's transaction.

    ``told`` are the versions they speak of, as far as known: a newer one that is applied later ends them.
    """
    if not parked:
        return
    inbox.finish(
        [
            inbox.Finish(
                id=each.message_id,
                status=Status.PARKED,
                outcome=Outcome(each.outcome),
                code=each.code[:60],
                detail=each.detail,
                version_at=told.get(each.message_id),
            )
            for each in parked
        ],
        fence=fence,
    )
    bus.publish(ArrivalsParked(parked, clock.now()))


def _flow(looks: Sequence[Look], fence: int, reads: Reads) -> None:
    if FLOWS.order is None:
        raise RuntimeError("the wiring has no flow for orders")
    failed = FLOWS.order(looks=looks, fence=fence, reader=reads)
    if not failed:
        return
    with transaction.atomic():
        for each in failed:
            _after_error(each.look, each.error, fence, reads)


def _one_by_itself(look: Look, fence: int, reads: Reads) -> None:
    """One order's trouble stays its own: what fails alone is parked, what the database refused is tried again."""
    try:
        _flow([look], fence, reads)
    except LeaseLost:
        log.warning("lease_lost", fence=fence)
    except DatabaseError as error:
        log.warning("database_refused", error=type(error).__name__, order=look.order_ref)
        _leave(look, fence, error)
    except Exception as error:
        log.exception("import_failed", order=look.order_ref, store=look.store.name)
        with transaction.atomic():
            _park_look(look, [_internal(look, arrival, error) for arrival in look.arrivals], fence)


def _leave(look: Look, fence: int, error: DatabaseError) -> None:
    attempts = max(arrival.attempts for arrival in look.arrivals)
    with transaction.atomic():
        if attempts >= MAX_READS:
            _park_look(look, [_internal(look, arrival, error) for arrival in look.arrivals], fence)
            return
        due = retry.full_jitter(attempts, rng)
        inbox.finish(
            [inbox.Finish(id=a.message_id, status=Status.PENDING, due_in=due) for a in look.arrivals],
            fence=fence,
        )


def _internal(look: Look, arrival: Arrival, error: Exception) -> Parked:
    return Parked(
        connection_id=look.store.id,
        direction="i",
        message_id=arrival.message_id,
        subject=f"message:msg_i{arrival.message_id}",
        operation="import_order",
        outcome=Outcome.INTERNAL.value,
        code="internal_error",
        detail=f"RetailHub could not work order {look.order_ref}: a fault of ours, with its trace in the log.",
        evidence={"error": type(error).__name__, "trace_id": arrival.trace_id},
    )


def _after_error(look: Look, error: ConnectorError, fence: int, reads: Reads) -> None:
    tries = max(arrival.attempts for arrival in look.arrivals)
    asked = (look.store.id, look.order_ref) not in reads.unasked
    held = reads.held.get(look.store.id)
    attempts = max(tries, held.attempts) if held else tries
    decision = retry.decide(error, attempts=attempts, now=clock.now(), settle_seconds=2.0, rng=rng)
    if asked and isinstance(error, AuthRejected | RateLimited | Misconfigured):
        retry_at = clock.after(decision.due_in) if decision.pause else None
        connections.note_trouble(connection_id=look.store.id, error=error, retry_at=retry_at)
    waits = decision.action is Action.WAIT
    # only what fails while its store answers others is this order's own trouble; the rest is told as overdue
    hopeless = asked and not waits and tries >= MAX_READS and look.store.id in reads.answered
    if decision.action is Action.PARK or hopeless:
        outcome = decision.outcome or Outcome.UNKNOWN
        _park_look(look, [_unread(look, arrival, error, outcome) for arrival in look.arrivals], fence)
        return
    inbox.finish(
        [
            inbox.Finish(
                id=arrival.message_id,
                status=Status.PENDING,
                code="" if waits and not asked else error.code[:60],
                detail=error.detail,
                due_in=decision.due_in,
                counted=asked and not waits,
            )
            for arrival in look.arrivals
        ],
        fence=fence,
    )


def _unread(look: Look, arrival: Arrival, error: ConnectorError, outcome: Outcome) -> Parked:
    return Parked(
        connection_id=look.store.id,
        direction="i",
        message_id=arrival.message_id,
        subject=f"message:msg_i{arrival.message_id}",
        operation="read_order",
        outcome=outcome.value,
        code=error.code,
        detail=f"Order {look.order_ref} could not be read from {look.store.name}: {error.detail}",
        evidence=dict(error.evidence),
    )


def release(*, message_ids: Sequence[int], why: str) -> int:
    """Put parked inbound messages back to work; returns how many were parked."""
    now = clock.now()
    with transaction.atomic():
        released = inbox.unpark(message_ids)
        bus.publish(MessagesReleased("i", [f"message:msg_i{message_id}" for message_id in released], why, now))
    return len(released)

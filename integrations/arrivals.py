"""Working the inbox: decode what came in, hand each resource to its flow, write down what became of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import structlog
from django.conf import settings
from django.db import DatabaseError, transaction

from integrations import connections, inbox, retry
from integrations.calls import Lines, Recorder, context_for
from integrations.connectors.woocommerce import webhooks as woocommerce
from integrations.events import ArrivalsParked, MessagesReleased, Parked
from integrations.models import Connection
from integrations.ports.documents import Order
from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured, RateLimited
from integrations.states import Outcome, Status
from integrations.workflow import Arrival, Failed, Look, Reader, StoreFacts
from retailhub.core import bus, clock

log = structlog.get_logger(__name__)
rng = random.Random()  # noqa: S311 - spreads retries, protects nothing

OrderFlow = Callable[..., list[Failed]]
MAX_READS = 12
"""Tries to read an order back before a person is asked."""


@dataclass
class Flows:
    """Which resource is worked by which flow; filled by the wiring."""

    order: OrderFlow | None = None
    missing: list[str] = field(default_factory=list)


FLOWS = Flows()


@dataclass
class Sorted:
    """Claimed messages by what they are about."""

    looks: list[Look] = field(default_factory=list)
    ignored: list[inbox.Finish] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)


def work(*, lines: Lines, limit: int) -> int:
    """Claim and work up to ``limit`` shards; returns how many messages were claimed."""
    for suspects in (False, True):
        fence = inbox.next_fence()
        claimed = inbox.claim(fence=fence, limit=limit, lease_seconds=settings.LEASE_SECONDS, suspects=suspects)
        if claimed:
            _work_claimed(claimed, fence, lines)
            return len(claimed)
    return 0


def _work_claimed(claimed: Sequence[inbox.Claimed], fence: int, lines: Lines) -> None:
    facts = connections.store_facts({message.connection_id for message in claimed})
    found = _sort(claimed, facts)
    if found.ignored or found.parked:
        _finish_without_flow(found, fence)
    if not found.looks:
        return
    recorders: dict[int, Recorder] = {}
    reader = _reader(lines, recorders, fence)
    try:
        _flow(found.looks, fence, reader)
    except inbox.LeaseLost:
        log.warning("lease_lost", fence=fence, messages=len(claimed))
    except Exception as error:  # noqa: BLE001 - whichever it is, each order is tried by itself next
        log.warning("batch_failed", error=type(error).__name__, looks=len(found.looks))
        for look in found.looks:
            _one_by_itself(look, fence, reader)
    for store, recorder in recorders.items():
        if any(exchange.status == 200 for _, exchange in recorder.exchanges):
            connections.note_success(connection_id=store)
        recorder.save()


def _sort(claimed: Sequence[inbox.Claimed], facts: dict[int, StoreFacts]) -> Sorted:
    found = Sorted()
    by_order: dict[tuple[int, str], list[Arrival]] = {}
    for message in claimed:
        if message.way == "engine":
            ref = str(msgspec.json.decode(message.body)["id"])
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
                    )
                )
            case woocommerce.Unusable(code=code, sentence=sentence, evidence=evidence):
                found.parked.append(_parked(message, code, sentence, dict(evidence)))
    found.looks = [
        Look(store=facts[connection_id], order_ref=ref, arrivals=tuple(arrivals))
        for (connection_id, ref), arrivals in by_order.items()
    ]
    return found


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
            _park(found.parked, fence)
            inbox.finish(found.ignored, fence=fence)
    except inbox.LeaseLost:
        log.warning("lease_lost", fence=fence)


def _park(parked: Sequence[Parked], fence: int) -> None:
    """Park messages and tell the layers above, in the caller's transaction."""
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
            )
            for each in parked
        ],
        fence=fence,
    )
    bus.publish(ArrivalsParked(parked, clock.now()))


def _flow(looks: Sequence[Look], fence: int, reader: Reader) -> None:
    if FLOWS.order is None:
        raise RuntimeError("the wiring has no flow for orders")
    failed = FLOWS.order(looks=looks, fence=fence, reader=reader)
    if not failed:
        return
    with transaction.atomic():
        for each in failed:
            _after_error(each.look, each.error, fence)


def _one_by_itself(look: Look, fence: int, reader: Reader) -> None:
    """One order's trouble stays its own: what fails alone is parked, what the database refused is tried again."""
    try:
        _flow([look], fence, reader)
    except inbox.LeaseLost:
        log.warning("lease_lost", fence=fence)
    except DatabaseError as error:
        log.warning("database_refused", error=type(error).__name__, order=look.order_ref)
        _leave(look, fence, error)
    except Exception as error:
        log.exception("import_failed", order=look.order_ref, store=look.store.name)
        with transaction.atomic():
            _park([_internal(look, arrival, error) for arrival in look.arrivals], fence)


def _leave(look: Look, fence: int, error: DatabaseError) -> None:
    attempts = max(arrival.attempts for arrival in look.arrivals)
    with transaction.atomic():
        if attempts >= MAX_READS:
            _park([_internal(look, arrival, error) for arrival in look.arrivals], fence)
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


def _after_error(look: Look, error: ConnectorError, fence: int) -> None:
    attempts = max(arrival.attempts for arrival in look.arrivals)
    decision = retry.decide(error, attempts=attempts, now=clock.now(), settle_seconds=2.0, rng=rng)
    if isinstance(error, AuthRejected | RateLimited | Misconfigured):
        connections.note_trouble(connection_id=look.store.id, error=error)
    if decision.action is retry.Action.PARK or attempts >= MAX_READS:
        outcome = decision.outcome or Outcome.UNKNOWN
        _park([_unread(look, arrival, error, outcome) for arrival in look.arrivals], fence)
        return
    inbox.finish(
        [
            inbox.Finish(
                id=arrival.message_id,
                status=Status.PENDING,
                code=error.code[:60],
                detail=error.detail,
                due_in=decision.due_in,
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


def _reader(lines: Lines, recorders: dict[int, Recorder], fence: int) -> Reader:
    rows: dict[int, Connection] = {}

    def read(look: Look) -> Look | ConnectorError:
        store = look.store.id
        if store not in rows:
            rows[store] = Connection.objects.get(pk=store)
            recorders[store] = Recorder(store, fence)
        began = clock.now()
        try:
            connector = lines.connector(rows[store], context_for(recorders[store], trace_id=look.trace_id))
            return look.with_read(connector.read_order(look.order_ref), began)
        except ConnectorError as error:
            return error

    return read


def release(*, message_ids: Sequence[int], why: str) -> int:
    """Put parked inbound messages back to work; returns how many were parked."""
    now = clock.now()
    with transaction.atomic():
        released = inbox.unpark(message_ids)
        bus.publish(MessagesReleased("i", [f"message:msg_i{message_id}" for message_id in released], why, now))
    return len(released)

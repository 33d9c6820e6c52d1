"""Working the outbox: claim, call, and write down what the other side said."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import DatabaseError

from integrations import identity, outbox, retry, settling, store_delivery
from integrations.calls import Lines, Recorder, context_for
from integrations.connectors.registry import kind_named
from integrations.events import EffectDone, EffectsAnswered
from integrations.leases import OUTBOX, Lease, LeaseLost, next_fence
from integrations.models import Connection
from integrations.ports.capabilities import Ask, Ensured, How, OrderSink, Result, Target
from integrations.ports.documents import SalesOrder, decode
from integrations.ports.errors import ConnectorError, Rejected
from integrations.states import Outcome, Status
from retailhub.core import bus, clock
from retailhub.core.crashpoints import crashpoint
from retailhub.core.observability.logs import about

log = structlog.get_logger(__name__)
rng = random.Random()  # noqa: S311 - spreads retries, protects nothing

TARGETS = {"post_order": Target.CONFIRMED, "amend_order": Target.CONFIRMED, "cancel_order": Target.CANCELLED}
"""Operations of an order sink, and the state each is to bring about."""
SUSPECTS_FIRST = 0.2
"""How often what a worker has died with goes before the rest, so that a backlog does not starve it."""
UNCHANGED = frozenset({How.ADOPTED})


@dataclass
class Answer:
    """One held message and what came of it."""

    held: outbox.Held
    result: Result | None
    """``None``: it was looked for and not found; it is looked for again before it is sent."""


def work(*, connection_id: int, lines: Lines, limit: int = 0) -> int:
    """Claim and deliver one batch of a connection; returns how many messages were claimed."""
    row = Connection.objects.get(pk=connection_id)
    for suspects in (True, False) if rng.random() < SUSPECTS_FIRST else (False, True):
        fence = next_fence()
        held = outbox.claim(
            connection_id=connection_id,
            fence=fence,
            limit=limit or batch_size(row.kind),
            lease_seconds=settings.LEASE_SECONDS,
            suspects=suspects,
        )
        if held:
            deliver = store_delivery.deliver if kind_named(row.kind).role == "store" else _deliver
            with about(one.trace_id for one in held):
                deliver(row, held, fence, lines)
            return len(held)
    return 0


def batch_size(kind: str) -> int:
    """How many effects of a kind are worked in one claim."""
    return 50 if kind in {"lookalike_erp", "tryton"} else 20


def _deliver(row: Connection, held: Sequence[outbox.Held], fence: int, lines: Lines) -> None:
    recorder = Recorder(row.pk, fence)
    # the calls of a batch are about all of it: they carry an id of their own, logged and stored with each call
    correlation_id = held[0].trace_id if len(held) == 1 else f"batch-{fence}"
    context = context_for(
        recorder, correlation_id=correlation_id, before_call=Lease(OUTBOX, fence=fence, connection_id=row.pk)
    )
    crashpoint("outbox.claimed")
    try:
        answers = _call(lambda: lines.connector(row, context), held)
    except LeaseLost:
        log.warning("lease_lost", fence=fence, messages=len(held))
        recorder.save()
        return
    crashpoint("outbox.called")
    recorder.save()
    settling.settle(
        {answer.held.id for answer in answers},
        lambda ours: _write(row, [answer for answer in answers if answer.held.id in ours], fence),
    )
    errors = [answer.result for answer in answers if isinstance(answer.result, ConnectorError)]
    settling.note_connection(connection_id=row.pk, errors=errors, succeeded=len(errors) < len(answers))
    log.info(
        "effects_answered",
        connection=row.name,
        correlation_id=correlation_id,
        fence=fence,
        messages=len(answers),
        done=sum(isinstance(answer.result, Ensured) for answer in answers),
    )


def _call(connect: Callable[[], OrderSink], held: Sequence[outbox.Held]) -> list[Answer]:
    """Ask the sink; an error of the whole call is everybody's answer, and a fault of ours stays with its message."""
    try:
        return _asked(connect(), held)
    except ConnectorError as error:
        return [Answer(one, error) for one in held]
    except (LeaseLost, DatabaseError):
        raise
    except Exception as error:
        log.exception("delivery_failed", messages=len(held), first=held[0].reference)
        if len(held) > 1:
            return [answer for one in held for answer in _call_for(connect, one)]
        return [Answer(held[0], settling.fault(error, held[0]))]


def _call_for(connect: Callable[[], OrderSink], one: outbox.Held) -> list[Answer]:
    with about([one.trace_id]):
        return _call(connect, [one])


def _asked(sink: OrderSink, held: Sequence[outbox.Held]) -> list[Answer]:
    lost = _not_found_yet(sink, held)
    asked = [one for one in held if one.id not in lost]
    results = sink.ensure_many([_ask(one) for one in asked]) if asked else []
    return [Answer(one, None) for one in held if one.id in lost] + [
        Answer(one, result) for one, result in zip(asked, results, strict=True)
    ]


def _not_found_yet(sink: OrderSink, held: Sequence[outbox.Held]) -> set[int]:
    """Messages that may be on the other side although its search does not show them yet: not to be sent now."""
    doubtful = [one for one in held if one.on_wire and one.looks < retry.MAX_LOOKS]
    if not doubtful:
        return set()
    found = sink.find([one.reference for one in doubtful])
    return {one.id for one in doubtful if not found.get(one.reference)}


def _ask(one: outbox.Held) -> Ask:
    return Ask(
        reference=one.reference,
        document=decode(one.document, SalesOrder),
        target=TARGETS[one.operation],
        known_id=one.external_id or None,
    )


def _write(row: Connection, answers: Sequence[Answer], fence: int) -> set[int]:
    """Tell the domain first (it locks its rows first everywhere), then finish the messages under the fence."""
    now = clock.now()
    finishes = [_finish_of(row, answer, now) for answer in answers]
    done = [_done(answer) for answer in answers if isinstance(answer.result, Ensured)]
    parked = [
        settling.parked(answer.held, finish)
        for answer, finish in zip(answers, finishes, strict=True)
        if finish.status is Status.PARKED
    ]
    bus.publish(EffectsAnswered(done, parked, now))
    identity.fill(done, now=now)
    identity.note_ids(
        [
            (row.pk, answer.held.reference, answer.result.evidence["external_id"])
            for answer in answers
            if isinstance(answer.result, ConnectorError) and answer.result.evidence.get("external_id")
        ]
    )
    return outbox.finish(finishes, fence=fence)


def _finish_of(row: Connection, answer: Answer, now: object) -> outbox.Finish:
    held, result = answer.held, answer.result
    if result is None:
        return outbox.Finish(
            id=held.id,
            status=Status.PENDING,
            result="not_found_yet",
            due_in=float(row.settle_seconds),
            on_wire=True,
            looks=held.looks + 1,
            counted=False,
        )
    if isinstance(result, Rejected) and result.code == "nothing_to_cancel":
        return outbox.Finish(id=held.id, status=Status.DONE, outcome=Outcome.UNCHANGED, result=result.code)
    if isinstance(result, Ensured):
        outcome = Outcome.UNCHANGED if result.how in UNCHANGED and not held.on_wire else Outcome.APPLIED
        return outbox.Finish(id=held.id, status=Status.DONE, outcome=outcome, result=result.how.value)
    return settling.after_error(row, held, result)


def _done(answer: Answer) -> EffectDone:
    held, result = answer.held, answer.result
    if not isinstance(result, Ensured):
        raise TypeError("only an ensured answer is done")
    return EffectDone(
        connection_id=held.connection_id,
        message_id=held.id,
        operation=held.operation,
        subject=held.subject,
        reference=held.reference,
        how=result.how.value,
        document=result.document,
        document_hash=outbox.hash_of(held.document),
        trace_id=held.trace_id,
    )

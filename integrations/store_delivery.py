"""Writing back to stores what the outbox holds for them: the calls of one claim, and what becomes of them.

Notes and refunds are done by verbs that look before they make anything, so after a result that is not known the
same verb is simply asked again, once the store cannot be at the first call any more.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from django.db import DatabaseError

from integrations import connections, outbox, own_writes, settling
from integrations.calls import Lines, Recorder, context_for
from integrations.connectors.registry import kind_named
from integrations.events import StoreAnswered, StoreWrite
from integrations.leases import OUTBOX, Lease, LeaseLost
from integrations.models import Connection
from integrations.ports.documents import Order, decode
from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured, RateLimited, Unknown
from integrations.ports.publications import NoteWish, RefundWish, StatusWish, TrackingWish
from integrations.ports.stores import OrderHistory, RefundAsk, RefundLine, StatusAsk, StoreWriter, Written
from integrations.reads import WHOLE_STORE
from integrations.retry import AUTH_PAUSE_SECONDS
from integrations.states import Outcome, Status, StoreOperation
from integrations.store_effects import Present, Skip
from integrations.workflow import Look
from retailhub.core import bus, clock
from retailhub.core.crashpoints import crashpoint
from retailhub.core.observability.logs import about

log = structlog.get_logger(__name__)

CLAIM_SECONDS = 5.0
"""Of calls in one claim: what is left is put back, so that a slow store keeps a worker no longer than that."""
LATER_SECONDS = 5.0
"""When what was behind a failure of the whole store is tried."""
STILL_RUNNING_SECONDS = 60.0
"""For so long a store may go on with a call that nobody waits for any more; it is not asked again before."""
LACKS_RIGHTS = "key_lacks_rights"
"""Code of `AuthRejected` for a key that is good, but not for this."""
RENAMED = {"amount_differs": "refund_differs"}
"""Codes that mean something else where orders are posted."""


@dataclass
class Wiring:
    """Filled by the wiring: who knows what of a message is to be sent now."""

    present: Present | None = None


WIRING = Wiring()


@dataclass(frozen=True)
class Later:
    """Not tried in this claim, and not to be counted as a try."""

    seconds: float


Result = Written | Skip | Later | ConnectorError


@dataclass(frozen=True)
class Answer:
    """One held message and what came of it."""

    held: outbox.Held
    result: Result
    began: dt.datetime | None = None
    """When the call did; what it answered is the order as it was then, or later."""


def deliver(row: Connection, held: Sequence[outbox.Held], fence: int, lines: Lines) -> None:
    """Do what one claim holds and write down what came of it."""
    if WIRING.present is None:
        raise RuntimeError("the wiring does not say what is to be sent to stores")
    recorder = Recorder(row.pk, fence)
    lease = Lease(OUTBOX, fence=fence, connection_id=row.pk)

    def line(correlation_id: str) -> StoreWriter:
        context = context_for(recorder, correlation_id=correlation_id, before_call=lease)
        writer: StoreWriter = lines.connector(row, context)
        return writer

    present = WIRING.present
    crashpoint("outbox.claimed")
    try:
        answers = Turn(row, line, fence, present).ask(held)
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
    _note_connection(row, [answer.result for answer in answers])
    done = sum(isinstance(answer.result, Written) for answer in answers)
    log.info("store_answered", connection=row.name, fence=fence, messages=len(answers), done=done)


class Turn:
    """The calls of one claim: statuses together, then one message after the other while there is time."""

    def __init__(self, row: Connection, line: Callable[[str], StoreWriter], fence: int, present: Present) -> None:
        self._row, self._line, self._fence, self._present = row, line, fence, present
        self._ends = time.monotonic() + CLAIM_SECONDS
        self._stopped: Later | None = None

    def ask(self, held: Sequence[outbox.Held]) -> list[Answer]:
        """One answer for each message."""
        present = self._present(held, {})
        answers = [Answer(one, skip) for one in held if isinstance(skip := present.get(one.id), Skip)]
        rest = [one for one in held if not isinstance(present.get(one.id), Skip)]
        statuses = [one for one in rest if one.operation == StoreOperation.SET_STATUS]
        if statuses:
            answers += self._set_statuses(statuses)
        for one in rest:
            if one.operation != StoreOperation.SET_STATUS:
                began = clock.now()
                answers.append(Answer(one, self._stopped or self._do(one), began))
        return answers

    def _set_statuses(self, held: list[outbox.Held]) -> list[Answer]:
        began = clock.now()
        name = held[0].trace_id if len(held) == 1 else f"batch-{self._fence}"
        try:
            results = self._statuses(self._line(name), held)
        except ConnectorError as error:
            results = [error] * len(held)
        except (LeaseLost, DatabaseError):
            raise
        except Exception as error:
            log.exception("delivery_failed", messages=len(held), first=held[0].reference)
            if len(held) > 1:
                return [answer for one in held for answer in self._set_statuses([one])]
            results = [settling.fault(error, held[0])]
        for result in results:
            self._mind(result)
        return [Answer(one, result, began) for one, result in zip(held, results, strict=True)]

    def _statuses(self, store: StoreWriter, held: Sequence[outbox.Held]) -> list[Result]:
        """What the store shows right now decides: somebody there may have changed it since we were told last."""
        present = self._present(held, _shown_now(store, held))
        wanted = [present.get(one.id) or decode(one.document, StatusWish) for one in held]
        wishes = [wish for wish in wanted if isinstance(wish, StatusWish)]
        asks = [StatusAsk(order_ref=wish.order_ref, status=wish.status) for wish in wishes]
        answers = iter(store.set_statuses(asks))
        return [wish if isinstance(wish, Skip) else next(answers) for wish in wanted]

    def _do(self, one: outbox.Held) -> Result:
        result: Result
        try:
            with about([one.trace_id]):
                result = self._call(self._line(one.trace_id), one)
        except ConnectorError as error:
            result = error
        except (LeaseLost, DatabaseError):
            raise
        except Exception as error:
            log.exception("delivery_failed", messages=1, first=one.reference)
            result = settling.fault(error, one)
        self._mind(result)
        return result

    def _call(self, store: StoreWriter, one: outbox.Held) -> Written:
        match StoreOperation(one.operation):
            case StoreOperation.ADD_NOTE:
                note = decode(one.document, NoteWish)
                return store.add_note(
                    note.order_ref, reference=one.reference, text=note.text, to_customer=note.to_customer
                )
            case StoreOperation.SET_TRACKING:
                tracking = decode(one.document, TrackingWish)
                return store.set_meta(tracking.order_ref, self._tracking_meta(tracking))
            case StoreOperation.REFUND:
                return store.refund(_refund_ask(one))
            case StoreOperation.SET_STATUS:
                raise RuntimeError("statuses are set together")

    def _tracking_meta(self, tracking: TrackingWish) -> dict[str, str]:
        keys = kind_named(self._row.kind).parse_settings(self._row.settings)
        found = {
            keys.tracking_number_meta: tracking.number,
            keys.tracking_carrier_meta: tracking.carrier,
            keys.tracking_url_meta: tracking.url,
        }
        return {key: value for key, value in found.items() if value}

    def _mind(self, result: Result) -> None:
        """Stop after what is true of the whole store, and when the time is up."""
        if isinstance(result, AuthRejected | RateLimited | Misconfigured) or _tells_when(result):
            self._stopped = Later(0.0)
        elif isinstance(result, ConnectorError) and result.code in WHOLE_STORE:
            self._stopped = Later(LATER_SECONDS)
        elif self._stopped is None and time.monotonic() > self._ends:
            self._stopped = Later(0.0)


def _tells_when(result: Result) -> bool:
    return isinstance(result, Unknown) and result.retry_at is not None


def _shown_now(store: StoreWriter, held: Sequence[outbox.Held]) -> dict[str, Order]:
    if not isinstance(store, OrderHistory):
        return {}
    found = store.named_orders([decode(one.document, StatusWish).order_ref for one in held])
    return {each.order_ref: each.order for each in found if each.order is not None}


def _refund_ask(one: outbox.Held) -> RefundAsk:
    wish = decode(one.document, RefundWish)
    return RefundAsk(
        order_ref=wish.order_ref,
        reference=one.reference,
        amount=wish.amount,
        reason=wish.reason,
        lines=tuple(
            RefundLine(
                line_ref=part.line_ref,
                quantity=part.quantity,
                amount=part.net,
                taxes={share.rate_ref: share.amount for share in part.taxes},
            )
            for part in wish.parts
        ),
        restock=wish.restock,
    )


def _write(row: Connection, answers: Sequence[Answer], fence: int) -> set[int]:
    """Tell the domain first (it locks its rows first everywhere), then finish the messages under the fence."""
    finishes = [_finish_of(row, answer) for answer in answers]
    store = connections.store_facts({row.pk})[row.pk]
    done = []
    for answer in answers:
        if isinstance(answer.result, Written):
            order, began, held = answer.result.order, answer.began, answer.held
            look = None
            if order is not None and began is not None:
                look = own_writes.arrived(held=held, store=store, order=order, began=began, fence=fence)
            done.append(_done(held, look))
    parked = [
        settling.parked(answer.held, finish)
        for answer, finish in zip(answers, finishes, strict=True)
        if finish.status is Status.PARKED
    ]
    over = [answer.held.subject for answer in answers if isinstance(answer.result, Skip)]
    bus.publish(StoreAnswered(done, over, parked, fence, clock.now()))
    return outbox.finish(finishes, fence=fence)


def _done(held: outbox.Held, look: Look | None) -> StoreWrite:
    return StoreWrite(
        connection_id=held.connection_id,
        message_id=held.id,
        operation=held.operation,
        subject=held.subject,
        reference=held.reference,
        look=look,
        trace_id=held.trace_id,
    )


def _finish_of(row: Connection, answer: Answer) -> outbox.Finish:
    held, result = answer.held, answer.result
    match result:
        case Written():
            return outbox.Finish(id=held.id, status=Status.DONE, outcome=Outcome.APPLIED, result="written")
        case Skip(outcome=outcome, code=code):
            return outbox.Finish(id=held.id, status=Status.DONE, outcome=outcome, result="not_sent", code=code)
        case Later(seconds=seconds):
            return outbox.Finish(
                id=held.id,
                status=Status.PENDING,
                result="put_back",
                due_in=seconds,
                on_wire=held.on_wire,
                looks=held.looks,
                counted=False,
            )
        case ConnectorError():
            finish = settling.after_error(row, held, result)
    finish = replace(finish, code=RENAMED.get(finish.code, finish.code))
    if isinstance(result, Unknown) and finish.status is Status.PENDING:
        # engine: found nothing twice, a settle time apart. Here the verb looks and makes in one go, so it waits both
        running = STILL_RUNNING_SECONDS if result.code == "timed_out" else 0.0
        return replace(finish, due_in=max(2 * finish.due_in, running))
    return finish


def _note_connection(row: Connection, results: Sequence[Result]) -> None:
    """Keep the store's condition. A key that may only read holds the writes and nothing else."""
    errors = [result for result in results if isinstance(result, ConnectorError)]
    refused = [error for error in errors if isinstance(error, AuthRejected) and error.code == LACKS_RIGHTS]
    written = any(isinstance(result, Written) for result in results)
    others = [error for error in errors if error not in refused]
    settling.note_connection(connection_id=row.pk, errors=others, succeeded=written)
    if refused:
        until = clock.after(AUTH_PAUSE_SECONDS)
        connections.hold_writes(connection_id=row.pk, until=until, refused=refused[0])
        return
    told = [error.retry_at for error in others if isinstance(error, Unknown) and error.retry_at is not None]
    if told:
        connections.hold_writes(connection_id=row.pk, until=max(told))
    if written:
        connections.note_written(connection_id=row.pk)

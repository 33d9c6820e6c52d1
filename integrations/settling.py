"""What both kinds of delivery make of an answer: what becomes of a message after an error, and of its connection."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog
from django.db import transaction

from integrations import connections, outbox, retry
from integrations.events import Parked
from integrations.models import Connection
from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured, RateLimited, Transient
from integrations.retry import Action
from integrations.states import Outcome, Status
from retailhub.core import clock

log = structlog.get_logger(__name__)
rng = random.Random()  # noqa: S311 - spreads retries, protects nothing

MAX_TRIES = 40
"""Unknown results of one message before a person is asked. A system that is merely away is tried for ever: work that
waits for long is a case of its own, and goes on without a hand when the system is back."""


class NotOurs(Exception):
    """Some of the work was taken over while it was done."""


def settle(ids: set[int], write: Callable[[set[int]], set[int]]) -> None:
    """Write the results of these messages in one transaction; whatever was taken over is left to its new worker.

    ``write`` is given the ids to write and returns those that were still ours; it is called again without the others.
    """
    ours = ids
    while ours:
        try:
            with transaction.atomic():
                kept = write(ours)
                if kept != ours:
                    raise NotOurs
            break
        except NotOurs:
            log.warning("lease_lost", messages=len(ours) - len(kept))
            ours = kept


def fault(error: Exception, held: outbox.Held) -> ConnectorError:
    """A fault of ours as the answer of the message it happened with."""
    return ConnectorError(
        "RetailHub has a fault and could not go on; its trace is in the log.",
        code="internal_error",
        evidence={"error": type(error).__name__, "trace_id": held.trace_id},
    )


def after_error(row: Connection, held: outbox.Held, error: ConnectorError) -> outbox.Finish:
    """What becomes of a message whose try ended with this error."""
    decision = retry.decide(
        error, attempts=held.attempts, now=clock.now(), settle_seconds=float(row.settle_seconds), rng=rng
    )
    finish = outbox.Finish(
        id=held.id,
        status=Status.PENDING,
        result=type(error).__name__.lower(),
        code=error.code[:60],
        detail=error.detail,
        evidence=dict(error.evidence),
        due_in=decision.due_in,
        # a document that the error tells of is there, whatever became of it after
        on_wire=held.on_wire or bool(error.evidence.get("external_id")),
        looks=held.looks,
        counted=decision.action is not Action.WAIT,
    )
    if decision.action is Action.PARK:
        internal = decision.outcome is Outcome.INTERNAL
        return replace(finish, status=Status.PARKED, outcome=decision.outcome, on_wire=finish.on_wire or internal)
    if decision.action is Action.LOOK_UP:
        if held.attempts >= MAX_TRIES:
            return replace(finish, status=Status.PARKED, outcome=Outcome.UNKNOWN, on_wire=True)
        return replace(finish, on_wire=True, looks=0)
    return finish


def parked(held: outbox.Held, finish: outbox.Finish) -> Parked:
    """A parked message as the layers above are told of it."""
    return Parked(
        connection_id=held.connection_id,
        direction="o",
        message_id=held.id,
        subject=held.subject,
        operation=held.operation,
        outcome=finish.outcome.value,
        code=finish.code,
        detail=finish.detail,
        evidence=finish.evidence,
        reference=held.reference,
    )


def note_connection(*, connection_id: int, errors: Sequence[ConnectorError], succeeded: bool) -> None:
    """Keep the connection's condition: pause it when it asked for that or refuses us as a whole.

    ``succeeded``: whether there was another answer than these errors.
    """
    whole = next((e for e in errors if isinstance(e, AuthRejected | RateLimited | Misconfigured)), None)
    if whole is None and succeeded:
        connections.note_success(connection_id=connection_id)
        return
    error = whole or next((e for e in errors if isinstance(e, Transient)), None)
    if error is None:
        return
    retry_at = None
    decision = retry.decide(error, attempts=1, now=clock.now(), settle_seconds=0, rng=rng)
    if decision.pause:
        retry_at = clock.after(decision.due_in)
    connections.note_trouble(connection_id=connection_id, error=error, retry_at=retry_at)

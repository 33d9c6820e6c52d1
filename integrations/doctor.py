"""The doctor: a connection's set-up looked at by a worker, because somebody asked for it.

Not in the request that asks: the look makes a dozen calls to a system that may be slow or away, and a web worker that
waits for it serves nobody else. So asking is a row, a pump makes the look, and the page shows how far it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from integrations import connections
from integrations.calls import Recorder, context_for, lines
from integrations.leases import next_fence
from integrations.models import Connection, ConnectionTest
from integrations.ports.capabilities import Check, Health, Testable
from integrations.ports.errors import ConnectorError, Transient
from retailhub.core import audit, clock, ids

log = structlog.get_logger(__name__)
State = ConnectionTest.State
AT_MOST_SECONDS = 60
"""A look that takes longer is given up at its next call."""
TRIES = 2
"""So often a look whose worker died is begun."""
KEPT = 5
"""Tests of a connection that are kept."""


class UnderWay(Exception):
    """A test of this connection waits or runs already; there is no use in a second."""


class NotTestable(Exception):
    """Connections of this kind have no doctor."""


def ask(*, name: str, actor: Any, reason: str, now: dt.datetime) -> ConnectionTest:
    """Have a connection looked at. Raises `UnderWay`, and `Misconfigured` for a name that is nobody's."""
    row = connections.named(name)
    with transaction.atomic():
        try:
            with transaction.atomic():
                made = ConnectionTest.objects.create(
                    connection=row,
                    asked_by=actor if isinstance(actor, str) else actor.get_username(),
                    asked_at=now,
                )
        except IntegrityError as error:
            raise UnderWay(f"{name} is being tested already.") from error
        audit.record(actor=actor, action="test_connection", subject=f"connection:{name}", reason=reason, now=now)
    return made


def last(*, connection_id: int) -> ConnectionTest | None:
    """The newest test of a connection."""
    return ConnectionTest.objects.filter(connection=connection_id).order_by("-pk").first()


def last_whole(*, connection_id: int) -> ConnectionTest | None:
    """The newest test of a connection that came to its end."""
    return ConnectionTest.objects.filter(connection=connection_id, state=State.DONE).order_by("-pk").first()


def checks_of(test: ConnectionTest) -> list[Check]:
    """What it found."""
    return msgspec.convert(test.checks, list[Check])


def step() -> int:
    """Make one test that waits, if there is one; returns how many were made. A step of the pump."""
    found = _claim()
    if found is None:
        return 0
    try:
        checks = examine(found.connection, before_call=_Watch(found))
    except (ConnectorError, NotTestable) as error:
        _finish(found, State.BROKEN, why=str(getattr(error, "detail", "")) or str(error))
    else:
        _finish(found, State.DONE, checks=checks)
    return 1


def examine(row: Connection, *, before_call: Any = None) -> list[Check]:
    """What the connector says of its set-up; the calls are kept like all others.

    Raises `NotTestable`, and what the connector raises for settings that it cannot work with.
    """
    recorder = Recorder(row.pk, 0)
    try:
        with lines() as kept:
            context = context_for(recorder, correlation_id=ids.new_trace_id(), before_call=before_call)
            connector = kept.connector(row, context)
            if not isinstance(connector, Testable):
                raise NotTestable(f"Connections of kind {row.kind} cannot be tested.")
            return connector.check()
    finally:
        recorder.save()


def keep(*, row: Connection, checks: Sequence[Check], actor: str, now: dt.datetime) -> None:
    """Keep what a test found that somebody made at the command line, as the connection's last."""
    made = ConnectionTest.objects.create(
        connection=row,
        state=State.DONE,
        asked_by=actor,
        asked_at=now,
        started_at=now,
        finished_at=clock.now(),
        checks=msgspec.to_builtins(list(checks)),
    )
    _forget(made)


def is_good(checks: Sequence[Check]) -> bool:
    """Whether nothing failed."""
    return all(check.health is not Health.FAILED for check in checks)


@dataclass
class _Watch:
    """Asked before each call: counts it for who looks on, and ends what takes too long."""

    test: ConnectionTest

    def __call__(self) -> None:
        mine = ConnectionTest.objects.filter(pk=self.test.pk, fence=self.test.fence)
        if not mine.update(calls=F("calls") + 1):
            raise Transient("Another worker has taken this test over.")
        if self.test.started_at and clock.now() - self.test.started_at > dt.timedelta(seconds=AT_MOST_SECONDS):
            raise Transient(f"The test took more than {AT_MOST_SECONDS} seconds and was given up.")


def _claim() -> ConnectionTest | None:
    now = clock.now()
    free = Q(state=State.WAITING) | Q(lease_until__lt=now)
    with transaction.atomic():
        waiting = ConnectionTest.objects.filter(free, state__in=ConnectionTest.OPEN).select_for_update(
            skip_locked=True, of=("self",)
        )
        found = waiting.select_related("connection").order_by("pk").first()
        if found is None:
            return None
        if found.tries >= TRIES:
            _finish(found, State.BROKEN, why="The workers that made this test stopped before its end.")
            return None
        found.state, found.started_at, found.fence, found.calls = State.RUNNING, now, next_fence(), 0
        found.lease_until = now + dt.timedelta(seconds=AT_MOST_SECONDS + settings.CALL_DEADLINE_SECONDS)
        found.tries += 1
        found.save()
    return found


def _finish(test: ConnectionTest, state: str, *, checks: Sequence[Check] = (), why: str = "") -> None:
    mine = ConnectionTest.objects.filter(pk=test.pk, fence=test.fence)
    mine.update(
        state=state, checks=msgspec.to_builtins(list(checks)), why=why[:2000], finished_at=clock.now(), lease_until=None
    )
    _forget(test)


def _forget(test: ConnectionTest) -> None:
    rows = ConnectionTest.objects.filter(connection=test.connection_id).exclude(state__in=ConnectionTest.OPEN)
    kept = rows.order_by("-pk").values_list("pk", flat=True)[:KEPT]
    rows.exclude(pk__in=list(kept)).delete()

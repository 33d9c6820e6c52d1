"""Is there progress, and the figures: reads across the apps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from integrations import overdue
from integrations import selectors as pipes
from integrations.states import Lane
from orders import selectors as orders
from reconciliation import selectors as reconciliation
from retailhub.core import clock
from retailhub.core.admin.words import span
from retailhub.core.cli import counted
from retailhub.core.observability import health, metrics
from retailhub.core.observability.metrics import Figure

HEARTBEAT_SECONDS = 30.0
STATEMENT_SECONDS = 5
WAYS = {"i": "in", "o": "out"}
_migrated = False


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Whether work goes on: the database answers and is migrated, a pump lives, nothing due is left lying."""
    return health.answer(reasons())


def reasons() -> list[str]:
    """What speaks against being ready, as sentences."""
    try:
        with transaction.atomic():
            _bound()
            missing = _missing_migrations()
            if missing:
                return [f"The database lacks {missing} migrations; run manage.py migrate."]
            return _no_pump() + _stuck()
    except (DatabaseError, InterfaceError):
        connection.close()
        return ["The database cannot be reached or does not answer in time."]


def _bound() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")


def _missing_migrations() -> int:
    global _migrated
    if _migrated:
        return 0
    executor = MigrationExecutor(connection)
    missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    _migrated = missing == 0
    return missing


def _no_pump() -> list[str]:
    ages = pipes.heartbeats(now=clock.now())
    if not ages:
        return ["No worker has ever looked for work."]
    youngest = min(ages.values())
    if youngest > HEARTBEAT_SECONDS:
        return [f"No worker has looked for work for {span(youngest)}."]
    return []


def _stuck() -> list[str]:
    late = overdue.unclaimed(after_seconds=settings.STUCK_AFTER_SECONDS)
    names = {state.connection_id: state.connection.name for state in pipes.connection_states()} if late else {}
    return [
        f"{counted(one.messages, 'message')} {WAYS[one.direction]} of connection {names[one.connection_id]} left lying"
        f" although due, the oldest for {span(one.seconds)}."
        for one in late
    ]


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """The figures for Prometheus; only for callers of this machine or network, or with the token."""
    if not health.may_scrape(request):
        return HttpResponse("Figures are for this network, or with the token.\n", status=403, content_type="text/plain")
    with transaction.atomic():
        _bound()
        return HttpResponse(metrics.render(read), content_type=metrics.CONTENT_TYPE)


def read() -> Iterator[Figure]:
    """Every figure, each from an index that holds only what is open, or from a table of few rows."""
    states = pipes.connection_states()
    names = {state.connection_id: state.connection.name for state in states}
    queues = pipes.queues()
    where = ["direction", "connection", "lane"]
    labelled = [
        (queue, [WAYS[queue.direction], names[queue.connection_id], Lane(queue.lane).name.lower()]) for queue in queues
    ]
    yield Figure(
        name="messages",
        says="Messages that are not done, by status.",
        labels=[*where, "status"],
        samples=[([*labels, queue.status], queue.count) for queue, labels in labelled],
    )
    yield Figure(
        name="oldest_due_seconds",
        says="How long the oldest pending message has been due.",
        labels=where,
        samples=[(labels, queue.oldest_due_seconds) for queue, labels in labelled if queue.status == "pending"],
    )
    yield Figure(
        name="parked_messages",
        says="Messages that wait for a person, by code.",
        labels=["direction", "code"],
        samples=[([WAYS[direction], code], count) for direction, code, count in pipes.parked_by_code()],
    )
    yield from _connections(states)
    yield from _business()
    yield from _workers()


def _connections(states: Sequence[Any]) -> Iterator[Figure]:
    reasons = ("unsigned", "signature", "too_large")
    yield Figure(
        name="refused_deliveries",
        says="Deliveries refused since the connection was made, by reason.",
        labels=["connection", "reason"],
        samples=[
            ([state.connection.name, reason], getattr(state, f"refused_{reason}"))
            for state in states
            for reason in reasons
        ],
    )
    yield Figure(
        name="connection_paused",
        says="1 while a person has paused the connection.",
        labels=["connection"],
        samples=[([state.connection.name], float(state.paused_at is not None)) for state in states],
    )
    yield Figure(
        name="connection_failing",
        says="1 while the connection's last call failed.",
        labels=["connection"],
        samples=[([state.connection.name], float(bool(state.last_failure_code))) for state in states],
    )


def _business() -> Iterator[Figure]:
    yield Figure(
        name="open_cases",
        says="Cases that need a person, by code.",
        labels=["code"],
        samples=[([one.code.code], one.count) for one in reconciliation.open_by_code()],
    )
    yield Figure(
        name="orders",
        says=f"Orders by state, counted up to {orders.CAP}.",
        labels=["state"],
        samples=[([state], count) for state, count in sorted(orders.count_by_state().items())],
    )


def _workers() -> Iterator[Figure]:
    yield Figure(
        name="heartbeat_age_seconds",
        says="How long ago each worker last finished a round of looking for work.",
        labels=["worker"],
        samples=[([name], age) for name, age in pipes.heartbeats(now=clock.now()).items()],
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        (number,) = cursor.fetchone()
    yield Figure(name="database_connections", says="Connections to the database.", labels=[], samples=[([], number)])

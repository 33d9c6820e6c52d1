"""How the engine calls other systems: context, recorded exchanges, connectors kept between batches."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import connection
from psycopg2.extras import execute_values

from integrations import connections
from integrations.models import Connection
from integrations.ports.context import CallContext, Exchange
from retailhub.core import clock
from retailhub.core.crashpoints import crashpoint
from retailhub.core.guard import assert_no_transaction

log = structlog.get_logger(__name__)

KEPT_BYTES = 64 * 1024
"""Of each sent and received body, in the record of an exchange."""


@dataclass
class Recorder:
    """Collects the exchanges of one claim, to be stored with its results."""

    connection_id: int
    fence: int
    exchanges: list[tuple[dt.datetime, str, Exchange]] = field(default_factory=list)

    def note(self, exchange: Exchange, *, correlation_id: str) -> None:
        """Keep one exchange, and log it together with the messages in hand."""
        began = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=exchange.seconds)
        self.exchanges.append((began, correlation_id, exchange))
        log.info(
            "call_made",
            connection_id=self.connection_id,
            correlation_id=correlation_id,
            fence=self.fence,
            method=exchange.method,
            path=urlsplit(exchange.url).path,
            status=exchange.status,
            seconds=round(exchange.seconds, 4),
        )

    def keep_outlines(self, *, all_of_them: bool) -> None:
        """Forget what successful calls received, or those calls altogether: it is kept elsewhere."""
        done = [(began, name, dataclasses.replace(each, received=b"")) for began, name, each in self.exchanges]
        self.exchanges = done if all_of_them else []

    def save(self) -> None:
        """Store what was recorded, and forget it."""
        rows = [
            (
                began,
                self.connection_id,
                self.fence,
                correlation_id,
                exchange.method,
                exchange.url[:2000],
                exchange.status,
                exchange.seconds,
                exchange.sent[:KEPT_BYTES],
                exchange.received[:KEPT_BYTES],
                exchange.error[:500],
            )
            for began, correlation_id, exchange in self.exchanges
        ]
        self.exchanges = []
        if rows:
            with connection.cursor() as cursor:
                execute_values(
                    cursor.cursor,
                    "INSERT INTO integrations_exchange (started_at, connection_id, fence, correlation_id, method, url,"
                    " status, seconds, sent, received, error) VALUES %s",
                    rows,
                )


class Lines:
    """Open connectors of this thread by connection, made anew when somebody edits the connection."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[str, Any]] = {}

    def connector(self, row: Connection, context: CallContext) -> Any:
        """The connector with this context. Raises ``Misconfigured`` for settings it cannot work with."""
        mark = f"{row.kind}\0{row.settings}\0{row.credentials}"
        known = self._open.get(row.pk)
        if known is None or known[0] != mark:
            if known is not None:
                known[1].close()
                del self._open[row.pk]
            known = (mark, connections.open_connector(row, context))
            self._open[row.pk] = known
        known[1].context = context
        return known[1]

    def close(self) -> None:
        """Hang up everything."""
        for _, connector in self._open.values():
            with contextlib.suppress(OSError):
                connector.close()
        self._open.clear()


@contextlib.contextmanager
def lines() -> Iterator[Lines]:
    """Connectors that are closed at the end."""
    kept = Lines()
    try:
        yield kept
    finally:
        kept.close()


def context_for(recorder: Recorder, *, correlation_id: str, before_call: Any = None) -> CallContext:
    """The context of one claim: guarded, recorded, bounded, with the id that its calls carry."""

    def guard() -> None:
        assert_no_transaction()
        if before_call is not None:
            before_call()

    return CallContext(
        now=clock.now,
        before_call=guard,
        record=lambda exchange: recorder.note(exchange, correlation_id=correlation_id),
        crashpoint=crashpoint,
        correlation_id=correlation_id,
        deadline_seconds=float(settings.CALL_DEADLINE_SECONDS),
    )

"""Reading from another system while a person waits for the page: never longer than a bound, whatever it does.

The read is made in a thread of its own. A call that hangs, or a name that does not resolve, keeps that thread for the
deadline of one call at most, and nobody waits for it.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from integrations.calls import Lines, Recorder, context_for
from integrations.models import Connection
from integrations.ports.capabilities import ProductSource
from integrations.ports.context import CallContext
from integrations.ports.documents import Product
from integrations.ports.errors import ConnectorError, Misconfigured, Transient
from retailhub.core import clock, ids
from retailhub.core.guard import assert_no_transaction

T = TypeVar("T")

CALL_SECONDS = 5.0
"""Of one call of such a read."""


@dataclass
class Part(Generic[T]):
    """What was read: all of it, or as much as there was time for. ``error`` ended it early."""

    items: list[T] = field(default_factory=list)
    is_whole: bool = False
    error: ConnectorError | None = None


def products(*, row: Connection, seconds: float) -> Part[Product]:
    """The products of a store or an ERP, as many as are read in ``seconds``. Never raises for what goes wrong there."""
    recorder = Recorder(row.pk, 0)
    context = _context(recorder, time.monotonic() + seconds)

    def walk(kept: Lines) -> Iterator[Product]:
        connector = kept.connector(row, context)
        if not isinstance(connector, ProductSource):
            raise Misconfigured(f"{row.name} has no products that can be read.")
        yield from connector.walk_products(None)

    part = _within(seconds, walk)
    # what a catalogue says is in the rows it becomes
    recorder.keep_outlines(all_of_them=part.error is not None)
    recorder.save()
    return part


def _context(recorder: Recorder, ends: float) -> CallContext:
    """Bounded, and without the database: the thread must not hold a connection to it."""
    assert_no_transaction()
    began, at = clock.now(), time.monotonic()

    def in_time() -> None:
        if time.monotonic() >= ends:
            raise Transient("There was no time left for another call.", code="timed_out")

    return replace(
        context_for(recorder, correlation_id=ids.new_trace_id()),
        now=lambda: began + dt.timedelta(seconds=time.monotonic() - at),
        before_call=in_time,
        deadline_seconds=CALL_SECONDS,
    )


def _within(seconds: float, walk: Callable[[Lines], Iterator[T]]) -> Part[T]:
    part: Part[T] = Part()
    failures: list[Exception] = []

    def read() -> None:
        kept = Lines()
        try:
            for item in walk(kept):
                part.items.append(item)
            part.is_whole = True
        except ConnectorError as error:
            part.error = error
        except Exception as error:  # noqa: BLE001 - raised again below, in the thread that waits
            failures.append(error)
        finally:
            kept.close()

    thread = threading.Thread(target=read, name="bounded-read", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    return Part(list(part.items), part.is_whole, part.error)

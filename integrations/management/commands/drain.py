"""Work the queues from the command line: until nothing is due, or until told to stop."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console
from rich.live import Live
from rich.text import Text

from integrations import connections, pump
from integrations.ports.errors import ConnectorError
from integrations.selectors import queues, role_of
from retailhub.core.cli import Failed, HubCommand, counted

FOREVER = float("inf")


class Command(HubCommand):
    help = "Work what is due in inbox and outbox, without Celery. Ctrl-C and SIGTERM finish the batch in hand."
    expected = (ConnectorError,)
    logs_all = True

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, help="Stop after so long, even if there is more.")
        parser.add_argument("--watch", action="store_true", help="Go on looking until stopped.")
        parser.add_argument("--connection", metavar="NAME", help="Only what is to go to this ERP.")

    def work(self, **options: Any) -> None:
        seconds, watch, name = options["seconds"], options["watch"], options["connection"]
        if seconds is not None and seconds <= 0:
            raise Failed("bad_limit", "--seconds must be more than 0.")
        if watch and name:
            raise Failed("bad_choice", "--watch looks after all connections; leave --connection away.")
        only = self._sink(name) if name else None
        stop = threading.Event()
        with _stopped_by_signals(stop):
            worked = self._watch(stop, seconds) if watch else self._drain(stop, seconds, only)
        self._report(worked, stopped=stop.is_set())

    def _sink(self, name: str) -> int:
        row = connections.named(name)
        if role_of(name) == "store":
            raise Failed("not_a_sink", f"{name} is a store: what came from it is worked by drain without --connection.")
        return row.pk

    def _drain(self, stop: threading.Event, seconds: float | None, only: int | None) -> int:
        so_far = 0

        def go_on(worked: int) -> bool:
            nonlocal so_far
            so_far = worked
            return not stop.is_set()

        with _progress(lambda: so_far):
            return pump.drain(seconds=seconds or FOREVER, connection_id=only, go_on=go_on)

    def _watch(self, stop: threading.Event, seconds: float | None) -> int:
        watch = pump.Watch(stop=stop)
        timer = threading.Timer(seconds, stop.set) if seconds else None
        if timer is not None:
            timer.start()
        try:
            with _progress(lambda: watch.worked):
                watch.run()
        finally:
            if timer is not None:
                timer.cancel()
        return watch.worked

    def _report(self, worked: int, *, stopped: bool) -> None:
        left = {"pending": 0, "in_flight": 0, "parked": 0}
        for queue in queues():
            left[queue.status] += queue.count
        waiting = left["pending"] + left["in_flight"]
        self.answer(
            {"worked": worked, "stopped": stopped, **left},
            f"Worked {counted(worked, 'message')}; {waiting} wait for later, {left['parked']} are parked.",
        )


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set ``stop``; what is in hand is finished first."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        # not stop.set() itself: the interrupted code may hold the event's own lock
        threading.Thread(target=stop.set).start()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _progress(worked: Callable[[], int]) -> Iterator[None]:
    """How many so far, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    console = Console(stderr=True)
    with Live(get_renderable=lambda: Text(f"{counted(worked(), 'message')} worked"), console=console, transient=True):
        yield

"""Work the queues from the command line: until nothing is due, or until told to stop."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console
from rich.live import Live
from rich.text import Text

from integrations import connections, polling, pump
from integrations.calls import lines
from integrations.ports.errors import ConnectorError
from integrations.selectors import queues, role_of
from retailhub.core.cli import Failed, HubCommand, counted

FOREVER = float("inf")


@dataclass
class Done:
    """How many messages were worked, and how many steps of looks at a store were made; ``None``: none were to be."""

    worked: int = 0
    looks: int | None = None


class Command(HubCommand):
    help = "Work what is due in inbox and outbox, without Celery. Ctrl-C and SIGTERM finish the batch in hand."
    expected = (ConnectorError,)
    logs_all = True

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, help="Stop after so long, even if there is more.")
        parser.add_argument("--watch", action="store_true", help="Go on looking until stopped.")
        parser.add_argument(
            "--connection", metavar="NAME", help="Only what is to go to this system; of a store also its due looks."
        )

    def work(self, **options: Any) -> None:
        seconds, watch, name = options["seconds"], options["watch"], options["connection"]
        if seconds is not None and seconds <= 0:
            raise Failed("bad_limit", "--seconds must be more than 0.")
        if watch and name:
            raise Failed("bad_choice", "--watch looks after all connections; leave --connection away.")
        only = connections.named(name).pk if name else None
        store = only if name and role_of(name) == "store" else None
        stop = threading.Event()
        with _stopped_by_signals(stop):
            done = self._watch(stop, seconds) if watch else self._drain(stop, seconds, only, store)
        self._report(done, stopped=stop.is_set())

    def _drain(self, stop: threading.Event, seconds: float | None, only: int | None, store: int | None) -> Done:
        done, ends = Done(), time.monotonic() + (seconds or FOREVER)

        def go_on(worked: int) -> bool:
            done.worked = worked
            return not stop.is_set()

        with _progress(lambda: done.worked + (done.looks or 0)):
            done.worked = pump.drain(seconds=seconds or FOREVER, connection_id=only, go_on=go_on)
            if store is not None:
                self._look(stop, ends, store, done)
        return done

    def _look(self, stop: threading.Event, ends: float, store: int, done: Done) -> None:
        """Make the looks at a store that are due. What they find waits in the inbox, like all that comes in."""
        done.looks = 0
        if store not in polling.store_ids():
            return
        with lines() as kept:
            while not stop.is_set() and time.monotonic() < ends and polling.work(lines=kept, store_id=store):
                done.looks += 1

    def _watch(self, stop: threading.Event, seconds: float | None) -> Done:
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
        return Done(watch.worked)

    def _report(self, done: Done, *, stopped: bool) -> None:
        left = {"pending": 0, "in_flight": 0, "parked": 0}
        for queue in queues():
            left[queue.status] += queue.count
        waiting = left["pending"] + left["in_flight"]
        looks = {} if done.looks is None else {"looks": done.looks}
        looked = "" if done.looks is None else f" and made {counted(done.looks, 'step')} of looks"
        self.answer(
            {"worked": done.worked, **looks, "stopped": stopped, **left},
            f"Worked {counted(done.worked, 'message')}{looked}; {waiting} wait for later, {left['parked']} are parked.",
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

"""The pump: look for work, do it in batches, look again. The same in a Celery task, in `drain` and in a thread.

A pump needs nothing but PostgreSQL.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable

import structlog
from django.db import Error, connections

from integrations import arrivals, delivery, outbox, polling, sweep
from integrations.calls import Lines, lines
from integrations.connectors.registry import kind_named
from integrations.models import Connection
from integrations.states import Mode

log = structlog.get_logger(__name__)

INBOX_BATCH = 50
IDLE_SECONDS = 0.25
"""Between two looks that found nothing: intake rings no bell, so a delivery waits at most about this long."""
LOOK_SECONDS = 1.0
"""Between two questions whether a look at a store is due."""
SWEEP_SECONDS = 2.0
MOST_INBOX_THREADS = 8
"""One more than there are stores: each may be slow to tell what its deliveries leave out, and one stays free."""


def sink_ids() -> list[int]:
    """Connections that effects may go to now: sinks always, stores while something waits to be written to them."""
    rows = Connection.objects.filter(mode=Mode.LIVE).order_by("pk").values_list("pk", "kind")
    live = [(pk, kind_named(kind).role == "store") for pk, kind in rows]
    addressed = outbox.addressed([pk for pk, is_store in live if is_store])
    return [pk for pk, is_store in live if not is_store or pk in addressed]


def drain(
    *, seconds: float, connection_id: int | None = None, go_on: Callable[[int], bool] = lambda _worked: True
) -> int:
    """Work inbox and outbox until nothing is due or the time is up; returns how many messages were worked.

    Between batches ``go_on`` is told how many that are so far, and may say that it is enough.
    """
    ends, worked = time.monotonic() + seconds, 0
    with lines() as kept:
        while time.monotonic() < ends and go_on(worked):
            found = sweep.take_back_leases()
            found += arrivals.work(lines=kept, limit=INBOX_BATCH) if connection_id is None else 0
            targets = [connection_id] if connection_id is not None else sink_ids()
            found += sum(delivery.work(connection_id=target, lines=kept) for target in targets)
            found += sum(step() for step in STEPS) if connection_id is None else 0
            if not found:
                break
            worked += found
    return worked


class Watch:
    """A pump for a whole process: a few threads for the inbox, one for each live sink, one that looks at each store
    and one for each chore, so that none waits for another."""

    def __init__(self, *, stop: threading.Event, name: str = "") -> None:
        self.stop = stop
        self.name = name or f"pump@{socket.gethostname()}:{os.getpid()}"
        self.threads: dict[str, threading.Thread] = {}
        self.bell = threading.Condition()
        """Rung by a thread that has done something, as what it did may be another's work: a hint and no more."""
        self.worked = 0

    def run(self) -> None:
        """Work until told to stop. Threads of new connections start as they appear."""
        while not self.stop.is_set():
            try:
                stores = polling.store_ids()
                for number in range(min(len(stores) + 1, MOST_INBOX_THREADS)):
                    self._ensure(f"inbox-{number}", lambda kept: arrivals.work(lines=kept, limit=INBOX_BATCH))
                for chore in CHORES:
                    self._ensure(f"chore-{chore.__name__}", _chore_worker(chore), idle_seconds=CHORES_SECONDS)
                for further in STEPS:
                    self._ensure(f"step-{further.__module__}", _stepper(further), idle_seconds=STEP_SECONDS)
                for sink in sink_ids():
                    self._ensure(f"sink-{sink}", _sink_worker(sink))
                for store in stores:
                    self._ensure(f"store-{store}", _store_looker(store), idle_seconds=LOOK_SECONDS)
                sweep.take_back_leases()
                sweep.beat(self.name)
            except Error as error:
                log.warning("pump_without_database", error=type(error).__name__)
                connections["default"].close()
            self.stop.wait(SWEEP_SECONDS)
        for thread in self.threads.values():
            thread.join(timeout=60)

    def _ensure(self, name: str, step: Callable[[Lines], int], *, idle_seconds: float | None = None) -> None:
        """A thread of its own for a step. Without ``idle_seconds`` it listens to the bell while it finds nothing."""
        thread = self.threads.get(name)
        if thread is None or not thread.is_alive():
            thread = threading.Thread(target=self._loop, args=(name, step, idle_seconds), name=name, daemon=True)
            self.threads[name] = thread
            thread.start()

    def _loop(self, name: str, step: Callable[[Lines], int], idle_seconds: float | None) -> None:
        with lines() as kept:
            while not self.stop.is_set():
                try:
                    found = step(kept)
                except Error as error:
                    log.warning("pump_without_database", thread=name, error=type(error).__name__)
                    connections["default"].close()
                    found = 0
                except Exception:
                    # the row keeps its lease and comes back; a pump that ends would stop everything else too
                    log.exception("pump_step_failed", thread=name)
                    connections["default"].close_if_unusable_or_obsolete()
                    found = 0
                self.worked += found
                self._pause(found, idle_seconds)
        connections["default"].close()

    def _pause(self, found: int, idle_seconds: float | None) -> None:
        if found:
            with self.bell:
                self.bell.notify_all()
        elif idle_seconds is None:
            with self.bell:
                self.bell.wait(IDLE_SECONDS)
        else:
            self.stop.wait(idle_seconds)


CHORES: list[Callable[[], None]] = []
"""What the schedule rings, each once a slot: done here too, so that nothing rests on Redis. Filled by the wiring."""
CHORES_SECONDS = 5.0


def _chore_worker(chore: Callable[[], None]) -> Callable[[Lines], int]:
    def ring(_lines: Lines) -> int:
        chore()
        return 0

    return ring


STEPS: list[Callable[[], int]] = []
"""Work of the layers above that goes on step by step, each from rows alone; a step tells how much it did. Filled by the
wiring."""
STEP_SECONDS = 0.5
"""Between two steps that found nothing to do."""


def _stepper(further: Callable[[], int]) -> Callable[[Lines], int]:
    return lambda _lines: further()


def _sink_worker(sink: int) -> Callable[[Lines], int]:
    return lambda kept: delivery.work(connection_id=sink, lines=kept)


def _store_looker(store: int) -> Callable[[Lines], int]:
    return lambda kept: polling.work(lines=kept, store_id=store)

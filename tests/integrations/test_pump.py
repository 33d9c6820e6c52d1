"""The pump's threads: none waits for another, and one that has done something wakes the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connections

from integrations import pump
from integrations.calls import Lines

SECONDS = 10.0
"""So long a thread may take to come to something, however busy the machine is."""


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[pump.Watch]:
    """A pump that looks by itself so seldom that only the bell can wake it."""
    monkeypatch.setattr(pump, "IDLE_SECONDS", 20 * SECONDS)
    monkeypatch.setattr(pump, "CHORES", [])
    made = pump.Watch(stop=threading.Event())
    yield made
    made.stop.set()
    _end(made, list(made.threads.values()))


def _end(watch: pump.Watch, threads: list[threading.Thread]) -> None:
    """Wake them until they have seen that they are to stop."""
    ends = time.monotonic() + SECONDS
    while any(thread.is_alive() for thread in threads) and time.monotonic() < ends:
        with watch.bell:
            watch.bell.notify_all()
        time.sleep(0.01)
    assert not any(thread.is_alive() for thread in threads)


def counting(found: Callable[[], int]) -> tuple[threading.Semaphore, Callable[[Lines], int]]:
    """A step that says how often it was made."""
    made = threading.Semaphore(0)

    def step(_lines: Lines) -> int:
        made.release()
        return found()

    return made, step


def test_a_thread_that_has_done_something_wakes_one_that_found_nothing(watch: pump.Watch) -> None:
    looked, look = counting(lambda: 0)
    watch._ensure("sink", look)
    assert looked.acquire(timeout=SECONDS)
    woken = threading.Event()
    _, work = counting(lambda: 0 if woken.is_set() else 1)
    watch._ensure("inbox", work)
    assert looked.acquire(timeout=SECONDS)
    woken.set()


def test_who_has_a_time_of_its_own_does_not_listen_to_the_bell(watch: pump.Watch) -> None:
    looked, look = counting(lambda: 0)
    watch._ensure("store", look, idle_seconds=20 * SECONDS)
    assert looked.acquire(timeout=SECONDS)
    worked, work = counting(lambda: 1)
    watch._ensure("inbox", work)
    for _ in range(50):
        assert worked.acquire(timeout=SECONDS)
    assert not looked.acquire(blocking=False)


@pytest.mark.django_db(transaction=True)
def test_a_chore_that_takes_long_holds_up_no_other(watch: pump.Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    done, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        go_on.wait(3 * SECONDS)

    def quick() -> None:
        done.set()

    def run() -> None:
        try:
            watch.run()
        finally:
            connections["default"].close()

    monkeypatch.setattr(pump, "CHORES", [slow, quick])
    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert done.wait(SECONDS)
        assert not go_on.is_set()
    finally:
        go_on.set()
        watch.stop.set()
        _end(watch, [thread])

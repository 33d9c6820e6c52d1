"""What is to be done again and again, once in each slot of time, whoever rings: Celery's schedule, a pump, or both."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from integrations.events import ChoresLooked, LateChore
from integrations.models import Heartbeat, ScheduleSlot
from integrations.sweep import CHORE, beat, take_slot
from retailhub.core import bus, clock

LATE_AFTER = 3
"""Periods since a chore was done last: by then it is late by two."""


@dataclass(frozen=True, kw_only=True)
class Chore:
    """Something that is done every ``every_seconds``; calling it does it, unless it was begun in this slot."""

    name: str
    every_seconds: int
    work: Callable[[], object]

    def __call__(self) -> None:
        if not take_slot(task=self.name, every_seconds=self.every_seconds):
            return
        stood_still = self.name in {each.name for each in late(now=clock.now())}
        self.work()
        # after the work: what fails each time is late too
        beat(CHORE + self.name)
        if not stood_still:
            # else everything may have stood still: the others are given a moment to follow
            tell_late()


CHORES: dict[str, Chore] = {}
"""By name; each watches all others, so that the one that watches over work is watched too."""


def chore(*, every_seconds: int) -> Callable[[Callable[[], object]], Callable[[], None]]:
    """Make a function a chore under its own name."""

    def make(work: Callable[[], object]) -> Callable[[], None]:
        made = Chore(name=work.__name__, every_seconds=every_seconds, work=work)
        CHORES[made.name] = made

        @functools.wraps(work)
        def ring() -> None:
            made()

        return ring

    return make


def late(*, now: dt.datetime) -> list[LateChore]:
    """Chores that have not been done for three of their periods; what never was counts from the first slot known."""
    done = dict(Heartbeat.objects.filter(name__startswith=CHORE).values_list("name", "beat_at"))
    began = ScheduleSlot.objects.order_by("taken_at").values_list("taken_at", flat=True).first() or now
    found = []
    for each in CHORES.values():
        since = done.get(CHORE + each.name)
        if now - (since or began) > dt.timedelta(seconds=LATE_AFTER * each.every_seconds):
            found.append(LateChore(name=each.name, every_seconds=each.every_seconds, done_at=since))
    return found


def tell_late() -> None:
    """Tell the layers above which chores are late now, and so which are not."""
    with transaction.atomic():
        # one at a time: two that tell of the same chore would open its case twice
        list(Heartbeat.objects.select_for_update().filter(name__startswith=CHORE).order_by("name"))
        now = clock.now()
        bus.publish(ChoresLooked(late(now=now), list(CHORES), now))

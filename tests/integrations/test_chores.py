"""What is done again and again: once a slot, and a case when it is not done for long."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from integrations import chores, selectors
from integrations.models import Heartbeat, ScheduleSlot
from integrations.tasks import keep_house
from inventory.tasks import import_catalogues
from reconciliation.models import Case
from reconciliation.services import overdue
from reconciliation.tasks import watch_overdue
from retailhub import wiring
from retailhub.core import clock

pytestmark = pytest.mark.django_db
DAY = 86_400


@pytest.fixture(autouse=True)
def wired(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is plugged in; of the chores, these three are all there are."""
    wiring.connect()
    for name in set(chores.CHORES) - {"keep_house", "import_catalogues", "watch_overdue"}:
        monkeypatch.delitem(chores.CHORES, name)


def at(seconds: float, *rung: Callable[[], object]) -> dict[str, str]:
    """Ring these so long after the beginning; the open cases afterwards, code by subject."""
    with connection.cursor() as cursor:
        # from the start of an hour, so that slots begin where the test says
        cursor.execute(
            "SELECT set_config('retailhub.clock_offset',"
            " (date_trunc('hour', clock_timestamp()) + interval '1 hour' - clock_timestamp()"
            " + %s * interval '1 second')::text, false)",
            [seconds],
        )
    for each in rung:
        each()
    return dict(Case.objects.filter(state=Case.State.OPEN).values_list("subject", "code"))


def test_a_chore_that_is_late_by_two_periods_is_a_case_until_it_is_done_again() -> None:
    assert at(1, keep_house, import_catalogues, watch_overdue) == {}
    assert at(85, import_catalogues) == {}
    assert at(125, import_catalogues) == {"chore:watch_overdue": "schedule_late"}
    case = Case.objects.get()
    assert case.sentence.startswith("What RetailHub does again and again (watch_overdue, every 30 seconds)")
    assert set(case.evidence) >= {"every_seconds", "last_done"}
    assert case.seen_count == 1
    assert at(185, import_catalogues) == {"chore:watch_overdue": "schedule_late"}
    assert at(190, watch_overdue) != {}
    assert at(215, watch_overdue) == {}
    case.refresh_from_db()
    assert (case.closed_because, case.seen_count) == ("It was done again.", 1)


def test_a_chore_that_fails_each_time_is_late_although_it_is_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    at(1, keep_house, import_catalogues, watch_overdue)
    with monkeypatch.context() as broken:
        broken.setattr(overdue, "watch", lambda **_: 1 / 0)
        for seconds in (31, 61, 91, 121):
            with pytest.raises(ZeroDivisionError):
                at(seconds, watch_overdue)
    assert at(122, import_catalogues) == {"chore:watch_overdue": "schedule_late"}


def test_a_chore_that_nobody_ever_rang_for_is_late_too() -> None:
    assert at(1, import_catalogues) == {}
    assert at(61, import_catalogues) == {}
    assert at(121, import_catalogues) == {"chore:watch_overdue": "schedule_late"}


def test_the_watch_over_work_tells_of_the_other_chores() -> None:
    assert at(1, keep_house, import_catalogues, watch_overdue) == {}
    for seconds in range(31, 180, 30):
        assert at(seconds, watch_overdue) == {}
    assert at(211, watch_overdue) == {"chore:import_catalogues": "schedule_late"}


def test_whoever_comes_first_after_all_stood_still_gives_the_others_a_moment() -> None:
    at(1, keep_house, import_catalogues, watch_overdue)
    assert at(DAY, watch_overdue) == {}
    assert at(DAY + 1, import_catalogues, keep_house) == {}
    assert at(DAY + 31, watch_overdue) == {}
    assert at(2 * DAY, watch_overdue) == {}
    assert set(at(2 * DAY + 31, watch_overdue)) == {"chore:import_catalogues", "chore:keep_house"}


def test_a_chore_is_done_once_in_a_slot_however_many_ring() -> None:
    done: list[float] = []
    ring = chores.Chore(name="x", every_seconds=60, work=lambda: done.append(1))
    for seconds in (0, 1, 59, 60, 119):
        at(seconds, ring)
    assert len(done) == ScheduleSlot.objects.filter(task="x").count() == 2
    assert Heartbeat.objects.get(name="chore:x").rounds == 2


def test_chores_are_no_workers_that_look_for_work() -> None:
    at(1, keep_house, import_catalogues, watch_overdue)
    assert Heartbeat.objects.count() == 3
    assert selectors.heartbeats(now=clock.now()) == {}


def test_the_case_of_a_late_chore_is_listed_like_others() -> None:
    at(1, import_catalogues)
    at(121, import_catalogues)
    out = StringIO()
    call_command("cases", "--json", stdout=out)
    assert '"subject":"chore:watch_overdue"' in out.getvalue()

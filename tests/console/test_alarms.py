"""Nothing for long: when it is said, and when not."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.urls import reverse

from integrations import chores, connections, flow_reads, sweep
from integrations import selectors as pipes
from integrations.models import ConnectionState, Heartbeat, OutboxMessage
from retailhub.console import alarms
from retailhub.console.models import FigureSample
from retailhub.core import clock
from tests.support.world import World, order_body, person

HOUR = dt.timedelta(hours=1)


def habit(now: dt.datetime, minutes: list[int], *, at_hour: int = 0) -> None:
    """The store's longest gaps around this hour on earlier days; ``at_hour`` hours away from it."""
    for day, gap in enumerate(minutes, start=1):
        at = now - dt.timedelta(days=day) + at_hour * HOUR
        FigureSample.objects.create(
            figure="silence", part="eu", seconds=3600, at=at, value=Decimal(gap * 60), highest=Decimal(gap * 60)
        )


def silent(now: dt.datetime, minutes: int) -> list[str]:
    found = alarms.silent_stores(states=pipes.connection_states(), silences={"eu": Decimal(minutes * 60)}, now=now)
    return [alarm.sentence for alarm in found]


def test_a_store_that_is_silent_for_three_times_its_habit_is_said(world: World) -> None:
    now = clock.now()
    habit(now, [30, 40, 30])
    assert silent(now, 119) == []
    assert silent(now, 121) == [
        "No order has come from eu for 2 h. At this time of day its longest gap is usually 40 min."
    ]


def test_a_busy_store_is_given_an_hour(world: World) -> None:
    now = clock.now()
    habit(now, [2, 3, 2])
    assert silent(now, 59) == []
    assert len(silent(now, 61)) == 1


def test_a_store_without_three_days_of_samples_has_no_habit(world: World) -> None:
    now = clock.now()
    habit(now, [2, 2])
    assert silent(now, 6000) == []


def test_another_time_of_day_is_another_habit(world: World) -> None:
    now = clock.now()
    habit(now, [10, 10, 10])
    habit(now, [600, 600, 600], at_hour=-6)
    assert len(silent(now, 90)) == 1


def test_one_day_on_which_something_was_broken_is_no_habit(world: World) -> None:
    now = clock.now()
    habit(now, [20, 20, 900, 20, 20])
    assert len(silent(now, 90)) == 1


def test_a_store_that_is_switched_off_may_be_silent(world: World) -> None:
    now = clock.now()
    habit(now, [2, 2, 2])
    connections.set_mode(name="eu", mode="off", live_from=None, actor="test", reason="holidays", now=now)
    assert silent(now, 6000) == []


def stuck(world: World) -> list[alarms.Alarm]:
    return alarms.stuck_flows(states=pipes.connection_states(), flows=flow_reads.flows(), now=clock.now())


def leave_waiting(world: World, minutes: int) -> None:
    OutboxMessage.objects.filter(status="parked").update(
        status="pending", outcome="", due_at=clock.now() - dt.timedelta(minutes=minutes)
    )


def test_a_flow_without_success_while_work_waits_is_said(world: World) -> None:
    leave_waiting(world, 11)
    ConnectionState.objects.filter(connection=world.erp).update(last_success_at=clock.now() - HOUR)
    (said,) = stuck(world)
    assert said.sentence == (
        "Nothing gets through to erp while 1 message of orders waits, the oldest for 11 min."
        " The last success was 1 h ago."
    )
    assert said.tone == "bad"


@pytest.mark.parametrize(("minutes", "success"), [(9, 60), (11, 1)])
def test_work_that_waits_for_a_short_time_or_behind_others_is_not_said(
    world: World, minutes: int, success: int
) -> None:
    leave_waiting(world, minutes)
    ConnectionState.objects.filter(connection=world.erp).update(
        last_success_at=clock.now() - dt.timedelta(minutes=success)
    )
    assert stuck(world) == []


def test_what_waits_because_a_person_paused_it_is_a_warning_only(world: World) -> None:
    leave_waiting(world, 11)
    ConnectionState.objects.filter(connection=world.erp).update(last_success_at=clock.now() - HOUR)
    connections.pause(name="erp", until=None, actor="olga", reason="moving house", now=clock.now())
    (said,) = stuck(world)
    assert (said.tone, said.sentence.endswith("It is paused.")) == ("warn", True)


def test_no_worker_and_a_late_chore_are_said_on_home(world: World) -> None:
    client = person()
    assert "Nothing for long" not in client.get(reverse("admin:index")).content.decode()
    Heartbeat.objects.update(beat_at=clock.now() - HOUR)
    sweep.beat("chore:measure")
    Heartbeat.objects.filter(name="chore:measure").update(beat_at=clock.now() - HOUR)
    shown = client.get(reverse("admin:index")).content.decode()
    assert "No worker has looked for work for 1 h." in shown
    assert "Measure is late: it is due every 5 min and was done 1 h ago." in shown
    assert "measure" in chores.CHORES


def test_deliveries_alone_are_no_stuck_flow(world: World) -> None:
    world.deliver(order_body(950))
    assert stuck(world) == []

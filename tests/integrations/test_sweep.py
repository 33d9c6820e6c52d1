"""Housekeeping: partitions, retention, slots of the schedule, work of dead workers."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection

from integrations import inbox, leases, outbox, sweep
from integrations.models import Heartbeat, InboxMessage, OutboxMessage, ScheduleSlot
from integrations.states import Outcome, Status
from reconciliation.models import Case
from tests.support.hub import Hub
from tests.support.lives import order_body, skus


def partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhrelid::regclass::text LIKE '%inboxbody_p%'"
        )
        return {name for (name,) in cursor.fetchall() if "inboxbody_p" in name and "_pkey" not in name}


@pytest.mark.django_db
def test_partitions_are_made_months_ahead_and_dropped_when_retention_ends() -> None:
    this_month = dt.datetime.now(dt.UTC).date().replace(day=1)
    assert f"integrations_inboxbody_p{this_month:%Y%m}" in partitions()
    assert len(partitions()) >= 5
    with connection.cursor() as cursor:
        cursor.execute("SELECT rh_make_partitions('2020-01-15', 2)")
        assert cursor.fetchone() == (8,)
        assert {"integrations_inboxbody_p202001", "integrations_inboxbody_p202002"} <= partitions()
    kept = sweep.keep_house()
    assert kept["partitions_dropped"] == 8
    assert "integrations_inboxbody_p202001" not in partitions()
    assert f"integrations_inboxbody_p{this_month:%Y%m}" in partitions()


@pytest.mark.django_db
def test_a_slot_of_the_schedule_is_taken_once_however_many_ring() -> None:
    assert [sweep.take_slot(task="x", every_seconds=3600) for _ in range(3)] == [True, False, False]
    assert sweep.take_slot(task="y", every_seconds=3600)
    assert ScheduleSlot.objects.count() == 2


@pytest.mark.django_db
def test_a_heartbeat_is_one_row_that_counts() -> None:
    for _ in range(3):
        sweep.beat("pump")
    assert Heartbeat.objects.get().rounds == 3


def die_with(hub: Hub, times: int, *, of: str) -> None:
    """Claim as a worker does, and let the lease run out."""
    for number in range(1, times + 1):
        for suspects in (False, True):
            if of == "inbox":
                inbox.claim(fence=leases.next_fence(), limit=10, lease_seconds=1, suspects=suspects)
            else:
                outbox.claim(
                    connection_id=hub.erp.pk, fence=leases.next_fence(), limit=10, lease_seconds=1, suspects=suspects
                )
        hub.shift(10 * number)
        sweep.take_back_leases()


def test_work_of_a_dead_worker_is_free_again_and_the_third_death_quarantines_it(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    die_with(hub, 3, of="inbox")
    message = InboxMessage.objects.get()
    assert (message.deaths, message.attempts) == (3, 3)
    assert (message.status, message.outcome) == (Status.PARKED, Outcome.QUARANTINED)
    assert Case.objects.get(state="open").code == "worker_died"


def test_an_effect_a_worker_died_with_may_be_on_the_wire_and_is_looked_up_first(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    hub.drain(rounds=1)
    OutboxMessage.objects.update(status="pending", outcome="", finished_at=None)
    die_with(hub, 1, of="outbox")
    message = OutboxMessage.objects.get()
    assert (message.status, message.on_wire, message.looks) == (Status.PENDING, True, 0)
    hub.drain()
    assert [d.state for d in hub.books.books().documents] == ["confirmed"]


def test_a_worker_whose_lease_was_taken_over_can_write_nothing(hub: Hub) -> None:
    hub.connect()
    hub.deliver(order_body(1))
    old = leases.next_fence()
    (held,) = inbox.claim(fence=old, limit=10, lease_seconds=1)
    hub.shift(10)
    sweep.take_back_leases()
    with pytest.raises(leases.LeaseLost):
        inbox.finish([inbox.Finish(id=held.id, status=Status.DONE, outcome=Outcome.IGNORED)], fence=old)
    assert InboxMessage.objects.get().status == Status.PENDING


def test_no_more_workers_talk_to_a_connection_than_it_allows(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    for number in range(1, 5):
        hub.deliver(order_body(number))
    from integrations import arrivals  # noqa: PLC0415
    from integrations.calls import lines  # noqa: PLC0415

    with lines() as kept:
        arrivals.work(lines=kept, limit=50)
    claims = [
        len(outbox.claim(connection_id=hub.erp.pk, fence=leases.next_fence(), limit=1, lease_seconds=60))
        for _ in range(4)
    ]
    assert claims == [1, 1, 0, 0]

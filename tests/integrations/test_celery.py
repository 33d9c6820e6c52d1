"""Celery's tasks do the work too, where no pump runs; retention keeps what is still to be worked."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection

from integrations import inbox, outbox, sweep, tasks
from integrations.models import InboxMessage, OutboxMessage, ScheduleSlot
from integrations.states import Way
from integrations.tasks import drain, sweep_leases
from tests.support.hub import Hub
from tests.support.lives import order_body, skus


def test_the_schedule_and_its_workers_alone_take_a_delivery_to_the_erp(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a worker hears each bell at once
    monkeypatch.setattr(drain, "apply_async", lambda arguments, **_: drain.apply(arguments, throw=True))
    # one slot for the whole test: a slow machine must not reach the next one by itself
    monkeypatch.setattr(tasks, "SWEEP_SECONDS", 1_000_000_000)
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    sweep_leases()
    assert [(d.reference, d.state) for d in hub.books.books().documents] == [("WC-eu-1", "confirmed")]
    hub.deliver(order_body(2))
    sweep_leases()
    # the slot is taken
    assert len(hub.books.books().documents) == 1
    ScheduleSlot.objects.all().delete()
    sweep_leases()
    assert len(hub.books.books().documents) == 2


@pytest.mark.django_db
def test_retention_keeps_the_body_of_what_still_waits() -> None:
    effect = outbox.NewEffect(
        connection_id=1,
        operation="post_order",
        subject="order:ord_1",
        reference="WC-eu-1",
        document=b"{}",
        trace_id="t",
    )
    (message_id,) = outbox.enqueue([effect])
    with connection.cursor() as cursor:
        cursor.execute("SELECT rh_make_partitions('2020-01-15', 2)")
    OutboxMessage.objects.filter(pk=message_id).update(body_at=dt.datetime(2020, 1, 20, tzinfo=dt.UTC))
    assert sweep.keep_house()["partitions_dropped"] == 0
    OutboxMessage.objects.filter(pk=message_id).update(status="done", outcome="applied")
    assert sweep.keep_house()["partitions_dropped"] > 0


@pytest.mark.django_db
def test_a_poll_does_not_wake_what_waits_for_a_person(hub: Hub) -> None:
    hub.connect()
    polled = inbox.NewMessage(
        connection_id=hub.eu.pk,
        topic="order.polled",
        shard="store:1",
        body=order_body(1),
        headers={},
        way=Way.POLL,
        wake=True,
        version=b"1",
    )
    inbox.store([polled])
    InboxMessage.objects.update(status="parked", outcome="quarantined", code="worker_died", deaths=3)
    inbox.store([polled])
    message = InboxMessage.objects.get()
    assert (message.status, message.deaths, message.seen_count) == ("parked", 3, 2)
    InboxMessage.objects.update(status="done", outcome="superseded")
    inbox.store([polled])
    assert InboxMessage.objects.get().status == "pending"

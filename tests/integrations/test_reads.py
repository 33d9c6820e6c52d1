"""Reading orders back: one thread of a process asks a store at a time."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from integrations import arrivals, reads
from integrations.calls import lines
from integrations.models import InboxMessage
from orders.models import Order
from tests.support.hub import Hub
from tests.support.lives import order_body


def work_once() -> None:
    with lines() as kept:
        arrivals.work(lines=kept, limit=100)


def test_a_store_that_another_thread_is_asking_is_asked_later_and_what_needs_no_asking_is_worked(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "TURN_SECONDS", 0.01)
    hub.connect()
    for number in (1, 2, 3):
        hub.store.set_order(str(number), order_body(number))
        assert hub.deliver(b'{"id":%d}' % number) == 200
    assert hub.deliver(order_body(9)) == 200
    turn = reads._turns.setdefault(hub.eu.pk, threading.Lock())
    with turn:
        work_once()
    assert list(Order.objects.values_list("order_ref", flat=True)) == ["9"]
    waiting = InboxMessage.objects.filter(status="pending").order_by("shard")
    assert list(waiting.values_list("shard", "attempts", "code")) == [(f"store:{n}", 0, "") for n in (1, 2, 3)]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_inboxmessage SET due_at = rh_now() WHERE status = 'pending'")
    work_once()
    assert not turn.locked()
    assert not InboxMessage.objects.filter(status="pending").exists()

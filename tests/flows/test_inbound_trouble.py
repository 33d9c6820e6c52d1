"""Stores that answer late, old or not at all, and what then becomes of what they told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from integrations import arrivals, connections, inbox, leases, reads, sweep
from integrations.calls import lines
from integrations.connectors.woocommerce.connector import Connector as WooCommerce
from integrations.models import Connection, InboxMessage
from orders.models import Order, OrderVersion
from reconciliation.models import Case
from retailhub.core import clock
from tests.support.hub import Hub, pending, stored_document
from tests.support.lives import order_body, skus
from tests.support.recorded_store import Manner

WAKE = b'{"id":1}'


def test_a_read_older_than_what_was_delivered_with_it_loses_nothing(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    hub.drain()
    hub.store.set_order("1", order_body(1, seconds=5, note="v5"))
    hub.deliver(order_body(1, seconds=9, note="v9"))
    hub.deliver(WAKE)
    hub.drain(rounds=1)
    assert stored_document("1").customer_note == "v9"
    wake = InboxMessage.objects.get(wake=True)
    assert (wake.status, wake.code) == ("pending", "stale_answer")
    hub.store.set_order("1", order_body(1, seconds=12, note="v12"))
    hub.drain()
    assert stored_document("1").customer_note == "v12"
    assert pending() == 0


def test_an_order_created_and_deleted_in_one_claim_is_stored_as_deleted(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.store.set_order("1", None)
    hub.deliver(order_body(1))
    hub.deliver(WAKE, "order.deleted")
    hub.drain()
    order = Order.objects.get()
    assert (order.order_state, order.cancel_reason, order.status) == ("cancelled", "deleted", "deleted")
    assert stored_document("1").lines
    assert hub.books.books().documents == ()
    assert pending() == 0


def test_a_wake_for_an_order_that_was_never_seen_and_is_gone_makes_no_order(hub: Hub) -> None:
    hub.connect()
    hub.store.set_order("1", None)
    hub.deliver(WAKE, "order.deleted")
    hub.drain()
    assert Order.objects.count() == 0
    assert InboxMessage.objects.values_list("outcome", "code").get() == ("ignored", "gone_before_it_was_seen")


def test_a_newer_body_that_comes_after_the_deletion_does_not_revive_the_order(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    hub.drain()
    hub.store.set_order("1", None)
    hub.deliver(WAKE, "order.deleted")
    hub.drain()
    hub.deliver(order_body(1, seconds=7))
    hub.drain()
    assert Order.objects.get().order_state == "cancelled"


def test_when_an_order_was_read_is_kept_although_the_answer_changed_nothing(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.store.set_order("1", order_body(1))
    hub.deliver(order_body(1))
    hub.drain()
    assert Order.objects.get().read_at is None
    hub.deliver(WAKE)
    hub.drain()
    assert Order.objects.get().read_at is not None
    assert OrderVersion.objects.count() == 1


def ring(hub: Hub, *numbers: int) -> None:
    for number in numbers:
        hub.store.set_order(str(number), order_body(number))
        hub.deliver(b'{"id":%d}' % number)


def work_once(limit: int = 50) -> int:
    with lines() as kept:
        return arrivals.work(lines=kept, limit=limit)


def test_slow_reads_keep_their_lease_and_what_was_delivered_whole_goes_first(
    hub: Hub, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEASE_SECONDS = 2
    hub.connect()
    ring(hub, *range(1, 11))
    hub.deliver(order_body(20))
    hub.store.manner = Manner(seconds=0.35, properly=True)
    first: list[str] = []
    real = WooCommerce.read_order

    def read_order(self: WooCommerce, order_ref: str) -> Any:
        first.extend(Order.objects.values_list("order_ref", flat=True) if not first else ())
        assert sweep.take_back_leases() == 0
        return real(self, order_ref)

    monkeypatch.setattr(WooCommerce, "read_order", read_order)
    work_once()
    assert first == ["20"]
    assert Order.objects.count() == 11
    assert not InboxMessage.objects.exclude(deaths=0).exists()


def test_a_store_that_hangs_is_left_after_some_seconds_and_the_rest_waits_uncounted(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "STORE_SECONDS", 0.2)
    hub.connect()
    ring(hub, *range(1, 6))
    hub.store.manner = Manner(seconds=0.25, properly=True)
    work_once()
    assert Order.objects.count() == 1
    assert list(InboxMessage.objects.filter(status="pending").values_list("attempts", "code")) == [(0, "")] * 4


def test_a_store_that_cannot_be_reached_is_asked_once_a_claim_and_its_reads_are_never_parked(hub: Hub) -> None:
    hub.connect()
    ring(hub, 1, 2, 3)
    InboxMessage.objects.update(attempts=40)
    Connection.objects.filter(pk=hub.eu.pk).update(settings={**hub.eu.settings, "base_url": "http://127.0.0.1:9"})
    before = exchanges()
    work_once()
    assert exchanges() - before <= 1
    states = list(InboxMessage.objects.order_by("pk").values_list("status", "code", "attempts"))
    assert states == [("pending", "unreachable", 41), ("pending", "unreachable", 40), ("pending", "unreachable", 40)]


@pytest.mark.parametrize(("first_answer", "status"), [(200, "parked"), (500, "pending")])
def test_an_order_is_parked_as_unread_only_while_its_store_answers_other_reads(
    hub: Hub, first_answer: int, status: str
) -> None:
    hub.connect()
    ring(hub, 1, 2)
    InboxMessage.objects.filter(shard="store:2").update(attempts=12)
    hub.store.next(Manner(status=first_answer, properly=first_answer == 200), Manner(status=500))
    work_once()
    assert InboxMessage.objects.get(shard="store:2").status == status


def test_waiting_as_told_is_no_attempt_and_holds_every_read_of_the_store(hub: Hub) -> None:
    hub.connect()
    ring(hub, 1, 2)
    hub.store.manner = Manner(status=429, headers={"Retry-After": "120"})
    work_once()
    assert sum(hub.store.reads.values()) == 1
    ring(hub, 3)
    work_once()
    assert sum(hub.store.reads.values()) == 1
    assert set(InboxMessage.objects.values_list("status", "attempts")) == {("pending", 0)}
    hub.store.manner = None
    hub.drain(forward=200)
    assert Order.objects.count() == 3


def test_a_paused_store_is_not_read(hub: Hub) -> None:
    hub.connect()
    connections.pause(name="eu", until=None, actor="test", reason="upgrade", now=clock.now())
    ring(hub, 1)
    work_once()
    assert sum(hub.store.reads.values()) == 0
    assert pending() == 1
    connections.resume(name="eu", actor="test", reason="done", now=clock.now())
    hub.drain()
    assert Order.objects.count() == 1


def test_what_workers_died_with_is_tried_although_new_work_never_ends(hub: Hub) -> None:
    hub.connect()
    hub.deliver(order_body(1))
    InboxMessage.objects.update(deaths=1)
    for number in range(2, 8):
        hub.deliver(order_body(number))
        work_once()
    assert Order.objects.filter(order_ref="1").exists()


def test_a_parked_wake_that_is_rung_again_starts_anew_and_closes_its_case(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.store.set_order("1", order_body(1))
    hub.store.next(Manner(status=418))
    hub.deliver(WAKE)
    work_once()
    case = Case.objects.get(state="open")
    InboxMessage.objects.update(attempts=12, deaths=2)
    hub.deliver(WAKE)
    assert InboxMessage.objects.values_list("status", "attempts", "deaths").get() == ("pending", 0, 0)
    hub.drain()
    case.refresh_from_db()
    assert (case.state, pending()) == ("closed", 0)


def test_a_parked_delivery_that_a_newer_one_overtakes_is_done_and_its_case_closes(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    broken = json.loads(order_body(1, seconds=2))
    broken["total"] = "no amount"
    hub.deliver(json.dumps(broken).encode())
    hub.drain()
    assert InboxMessage.objects.get().status == "parked"
    case = Case.objects.get(state="open")
    hub.deliver(order_body(1, seconds=1))
    hub.drain()
    assert InboxMessage.objects.order_by("pk")[0].status == "parked"
    hub.deliver(order_body(1, seconds=5))
    hub.drain()
    case.refresh_from_db()
    first = InboxMessage.objects.order_by("pk")[0]
    assert (first.status, first.outcome, case.state) == ("done", "superseded", "closed")


def test_a_ring_whose_body_retention_has_dropped_is_still_a_look(hub: Hub) -> None:
    hub.connect()
    ring(hub, 1)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM integrations_inboxbody")
    hub.drain()
    assert Order.objects.get().order_ref == "1"


def test_deliveries_that_name_nothing_do_not_wait_for_each_other(hub: Hub) -> None:
    hub.connect()
    error = b'{"code":"woocommerce_rest_shop_order_invalid_id","message":"Invalid ID.","data":{"status":404}}'
    hub.deliver(error)
    hub.deliver(error)
    assert len(set(InboxMessage.objects.values_list("shard", flat=True))) == 2


def test_a_shard_that_is_worked_or_has_an_earlier_message_is_not_claimed_by_another_worker(hub: Hub) -> None:
    hub.connect()
    hub.deliver(order_body(1))
    first = claim()
    hub.deliver(order_body(1, seconds=5))
    hub.deliver(order_body(2))
    assert [message.shard for message in claim()] == ["store:2"]
    assert [message.shard for message in first] == ["store:1"]


def test_a_claim_holds_no_more_bodies_than_it_may_but_at_least_one(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.connect()
    size = len(order_body(1, seconds=1))
    for number in (1, 2, 3):
        hub.deliver(order_body(number, seconds=1))
    hub.deliver(order_body(1, seconds=5))
    monkeypatch.setattr(inbox, "CLAIM_BYTES", 2 * size + size // 2)
    assert [message.shard for message in claim()] == ["store:1", "store:1"]
    monkeypatch.setattr(inbox, "CLAIM_BYTES", 1)
    assert [message.shard for message in claim()] == ["store:2"]


def exchanges() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM integrations_exchange")
        return int(cursor.fetchone()[0])


def claim() -> list[inbox.Claimed]:
    return inbox.claim(fence=leases.next_fence(), limit=50, lease_seconds=60)

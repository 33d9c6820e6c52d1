"""Stores that answer late, old or not at all, and what then becomes of what they told."""

from __future__ import annotations

from integrations.models import InboxMessage
from orders.models import Order, OrderVersion
from tests.support.hub import Hub, pending, stored_document
from tests.support.lives import order_body, skus

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

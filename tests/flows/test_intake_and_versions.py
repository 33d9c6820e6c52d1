"""What may and may not change an order, whatever arrives in whatever order."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.models import ConnectionState, InboxMessage, OrderDoubt
from orders.models import Customer, Order, OrderTransition
from reconciliation.models import Case
from tests.support.hub import Hub, pending, post, stored_document
from tests.support.lives import order_body, skus


def test_a_wrong_signature_stores_nothing_and_is_counted(hub: Hub) -> None:
    hub.connect()
    body = order_body(1)
    assert hub.deliver(body, signature="bm90IHNpZ25lZA==") == 401
    assert hub.deliver(body, signature="") == 401
    assert InboxMessage.objects.count() == 0
    state = ConnectionState.objects.get(pk=hub.eu.pk)
    assert (state.refused_signature, state.refused_unsigned) == (1, 1)
    assert hub.deliver(body) == 200
    assert InboxMessage.objects.count() == 1


def test_the_unsigned_ping_is_answered_and_creates_nothing(hub: Hub) -> None:
    hub.connect()
    assert post("eu", b"webhook_id=7", {"CONTENT_TYPE": "application/x-www-form-urlencoded"}) == 200
    assert post("eu", b"webhook_id=7&x=1", {"CONTENT_TYPE": "application/x-www-form-urlencoded"}) == 401
    assert InboxMessage.objects.count() == 0


def test_unknown_connections_and_other_methods_are_refused(hub: Hub) -> None:
    hub.connect()
    assert post("us", b"{}", {}) == 404
    assert post("eu", b"", {}, method="GET") == 405


def test_a_swapped_topic_changes_no_canonical_state(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.store.set_order("1", order_body(1, seconds=5))
    hub.deliver(order_body(1, seconds=5))
    hub.drain()
    before = stored_document("1")
    for topic in ("order.deleted", "product.deleted", "customer.created", "action.woocommerce_delete_order", ""):
        assert hub.deliver(order_body(1, seconds=5), topic) == 200
    assert hub.deliver(b'{"id":1}', "order.deleted") == 200
    hub.drain()
    assert stored_document("1") == before
    assert Order.objects.get().version == 1
    assert len(hub.books.books().documents) == 1


def test_an_old_capture_is_superseded(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1, seconds=9, note="new"))
    hub.drain()
    hub.deliver(order_body(1, seconds=2, status="cancelled", note="old"))
    hub.drain()
    assert stored_document("1").customer_note == "new"
    outcomes = list(InboxMessage.objects.order_by("pk").values_list("outcome", flat=True))
    assert outcomes == ["applied", "superseded"]
    (document,) = hub.books.books().documents
    assert document.state == "confirmed"


def test_two_bodies_under_one_delivery_id_are_two_messages(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    same = {"HTTP_X_WC_WEBHOOK_DELIVERY_ID": "23147d24416f66fb9b081cd2524a1418"}
    hub.deliver(order_body(1), **same)
    hub.deliver(order_body(2), **same)
    hub.drain()
    assert Order.objects.count() == 2
    assert {d.reference for d in hub.books.books().documents} == {"WC-eu-1", "WC-eu-2"}


def test_fifty_parallel_copies_are_one_row_and_one_document(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    answers: list[int] = []

    def send() -> None:
        try:
            answers.append(hub.deliver(order_body(1)))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 50
    message = InboxMessage.objects.get()
    assert message.seen_count == 50
    hub.drain()
    assert len(hub.books.books().documents) == 1


def test_a_body_that_names_no_version_rings_again_each_time(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1, status="on-hold"))
    hub.drain()
    for status, seconds in (("trash", 10), ("processing", 20), ("trash", 30)):
        hub.store.set_order("1", order_body(1, status=status, seconds=seconds))
        hub.deliver(b'{"id":1}', "order.deleted")
        hub.drain()
        assert stored_document("1").source_status == status
    assert InboxMessage.objects.filter(wake=True).count() == 1
    assert InboxMessage.objects.get(wake=True).seen_count == 3
    documents = hub.books.books().documents
    assert [(d.reference, d.state) for d in documents] == [("WC-eu-1", "cancelled")]


def test_one_second_with_two_contents_is_decided_by_the_store(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.store.set_order("1", order_body(1, note="last"))
    hub.deliver(order_body(1, note="first"))
    hub.drain()
    hub.deliver(order_body(1, note="last"))
    hub.drain()
    assert stored_document("1").customer_note == "last"
    hub.deliver(order_body(1, note="somewhere between"))
    hub.drain()
    assert stored_document("1").customer_note == "last"


def test_an_order_deleted_for_good_is_cancelled_and_a_late_delivery_does_not_revive_it(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    hub.drain()
    hub.store.set_order("1", None)
    hub.deliver(b'{"id":1}', "order.deleted")
    hub.drain()
    order = Order.objects.get()
    assert (order.order_state, order.cancel_reason) == ("cancelled", "deleted")
    hub.deliver(order_body(1), "order.created")
    hub.drain()
    assert Order.objects.get().order_state == "cancelled"
    assert [d.state for d in hub.books.books().documents] == ["cancelled"]


def test_a_cancelled_and_restored_order_lives_again_under_a_new_reference(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    for seconds, status in enumerate(("processing", "cancelled", "processing")):
        hub.deliver(order_body(1, seconds=seconds, status=status))
        hub.drain()
    documents = [(d.reference, d.state) for d in hub.books.books().documents]
    assert documents == [("WC-eu-1", "cancelled"), ("WC-eu-1-O2", "confirmed")]
    assert Order.objects.get().order_state == "accepted"


def test_a_delivery_that_names_no_order_is_a_case_each_time(hub: Hub) -> None:
    hub.connect()
    error = b'{"code":"woocommerce_rest_shop_order_invalid_id","message":"Invalid ID.","data":{"status":404}}'
    hub.deliver(error, "order.created")
    hub.deliver(error, "order.created")
    hub.drain()
    assert InboxMessage.objects.count() == 2
    assert Case.objects.filter(code="delivery_names_no_order", state="open").count() == 2
    assert pending() == 0


ids = count(1000)
STEPS = ("pending", "on-hold", "processing", "completed", "cancelled", "failed", "refunded", "trash")
WAKES = (
    ("order.deleted", {"id": 0}),
    ("action.woocommerce_payment_complete", {"action": "woocommerce_payment_complete", "arg": 0}),
    ("action.woocommerce_delete_order", {"action": "woocommerce_delete_order", "arg": 0}),
)
"""Topics whose bodies name an order and say nothing of it; 0 stands for its number."""


@pytest.fixture
def live_hub(hub: Hub) -> Hub:
    hub.connect()
    hub.know(skus())
    return hub


@dataclass(frozen=True)
class Life:
    """What became of one order in its store, and the deliveries that tell of it."""

    statuses: list[str]
    seconds: list[int]
    wakes: list[int]
    gone: bool
    """Deleted for good at the end; a wake tells."""

    def deliveries(self, number: int) -> list[tuple[str, bytes]]:
        told = zip(self.statuses, self.seconds, strict=True)
        bodies = [("order.updated", order_body(number, status=s, seconds=at)) for s, at in told]
        wakes = [(topic, {k: number if v == 0 else v for k, v in body.items()}) for topic, body in WAKES]
        return bodies + [(wakes[kind][0], json.dumps(wakes[kind][1]).encode()) for kind in self.wakes]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    statuses = draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=5))
    seconds = sorted(draw(st.lists(st.integers(0, 6), min_size=len(statuses), max_size=len(statuses))))
    gone = draw(st.booleans())
    kinds = st.sampled_from(range(len(WAKES)))
    return Life(statuses, seconds, draw(st.lists(kinds, min_size=1 if gone else 0, max_size=3)), gone)


FIXTURES = [HealthCheck.function_scoped_fixture]


@settings(max_examples=25, deadline=None, suppress_health_check=FIXTURES)
@given(life=lives(), data=st.data())
def test_any_order_of_arrival_of_one_life_ends_in_one_state(live_hub: Hub, life: Life, data: st.DataObject) -> None:
    ends_in_one_state(live_hub, life, data)


@pytest.mark.long
@settings(max_examples=500, deadline=None, suppress_health_check=FIXTURES)
@given(life=lives(), data=st.data())
def test_any_order_of_arrival_of_five_hundred_lives_ends_in_one_state(
    live_hub: Hub, life: Life, data: st.DataObject
) -> None:
    ends_in_one_state(live_hub, life, data)


def ends_in_one_state(hub: Hub, life: Life, data: st.DataObject) -> None:
    size = len(life.statuses) + len(life.wakes)
    arrivals = data.draw(st.permutations(range(size)))
    repeats = data.draw(st.lists(st.integers(1, 2), min_size=size, max_size=size))
    work_between = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    ends = []
    # hundreds of lives of one store in one hour would be more deletions than are believed without a person
    OrderDoubt.objects.all().delete()
    for order in (range(size), arrivals):
        number = next(ids)
        deliveries = life.deliveries(number)
        hub.store.set_order(str(number), None if life.gone else deliveries[len(life.statuses) - 1][1])
        for step, index in enumerate(order):
            topic, body = deliveries[index]
            for _ in range(repeats[index]):
                assert hub.deliver(body, topic) == 200
            if work_between[step]:
                hub.drain()
        hub.drain()
        ends.append(_end_of(hub, str(number), life))
    assert ends[0] == ends[1]


def _end_of(hub: Hub, order_ref: str, life: Life) -> tuple[Any, ...]:
    """Where the order stands; what the ERP must hold of it is checked."""
    row = Order.objects.get(order_ref=order_ref)
    live = [d for d in hub.books.books().documents if d.live and _order_of(d.reference) == order_ref]
    assert len(live) <= 1
    if life.gone or life.statuses[-1] in {"cancelled", "trash"}:
        assert live == []
    elif life.statuses[-1] in {"processing", "completed"}:
        assert [each.total for each in live] == [row.total]
    stored = {k: v for k, v in json.loads(row.document).items() if k not in {"order_ref", "number"}}
    return row.order_state, row.payment_state, row.fulfilment_state, row.status, row.version_at, stored


def _order_of(reference: str) -> str:
    return reference.split("-")[2]


def test_five_parallel_orders_of_one_guest_make_one_customer(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    for number in range(1, 6):
        hub.deliver(order_body(number, email=" Guest@Example.com" if number % 2 else "guest@example.COM "))

    def work() -> None:
        try:
            hub.drain()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Order.objects.count() == 5
    assert Customer.objects.count() == 1
    assert len(hub.books.books().documents) == 5


def test_each_change_of_state_has_one_history_row(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1, status="pending"))
    hub.drain()
    hub.deliver(order_body(1, status="completed", seconds=5))
    hub.drain()
    moves = list(OrderTransition.objects.order_by("pk").values_list("axis", "before", "after"))
    assert moves == [
        ("order", "received", "accepted"),
        ("payment", "pending", "paid"),
        ("fulfilment", "open", "shipped"),
        ("order", "accepted", "closed"),
    ]

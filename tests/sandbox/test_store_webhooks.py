"""The look-alike store delivers as recorded: order, merging, signatures, failures, and nothing ever twice."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retailhub.sandbox.store.control import Control, Webhook, running_store
from tests.support import recordings
from tests.support.replay import wait_for
from tests.support.store import SECRET, Caller, Receiver, receiving

RACES = json.loads((recordings.FOLDER / "races_and_retries.json").read_text(encoding="utf-8"))
TOPICS = (
    "order.created", "order.updated", "order.deleted", "order.restored", "product.updated", "customer.created",
    "customer.updated",
)  # fmt: skip


class Shop:
    """A store whose queue runs when told, and the receiver of its webhooks."""

    def __init__(self, call: Caller, control: Control, receiver: Receiver) -> None:
        self.call, self.control, self.receiver = call, control, receiver

    def run(self) -> list[tuple[str, Any]]:
        """Run the queue; what arrived, as (topic, number)."""
        self.control.run_queue()
        return self.receiver.take()

    def order(self, **body: Any) -> int:
        lines = [{"product_id": 11, "quantity": 1}]
        answer = self.call("POST", "orders", {"line_items": lines, **body})
        assert answer.status == 201, answer.raw
        return int(answer.json["id"])

    def touch(self, order_id: int, **body: Any) -> None:
        assert self.call("PUT", f"orders/{order_id}", body).status == 200

    def webhook(self, topic: str) -> Webhook:
        """As the books have it."""
        return next(row for row in self.control.books().webhooks if row.topic == topic)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with (
        receiving() as receiver,
        running_store(tmp_path, queue_seconds="never", delivery_seconds=1) as (place, control),
    ):
        call = Caller(place)
        for topic in TOPICS:
            call.webhook(topic, f"{receiver.url}/{topic}")
        receiver.received.clear()
        yield Shop(call, control, receiver)


def test_each_way_of_ordering_has_its_own_order_of_topics(shop: Shop) -> None:
    once: dict[str, Any] = {"lives": {"cash_on_delivery": 1}}
    for way, topics in (
        ("rest", ["order.created", "order.updated"]),
        ("classic", ["order.created", "order.updated"]),
        ("store-api", ["order.updated", "order.created"]),
    ):
        (order_id,) = shop.control.place_orders(1, way=way, **once)
        came = shop.run()

        assert [topic for topic, ident in came if ident == order_id] == topics
        sold = [line["variation_id"] or line["product_id"] for line in _lines(shop, order_id)]
        assert [ident for topic, ident in came if topic == "product.updated"] == list(dict.fromkeys(sold))


def _lines(shop: Shop, order_id: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = shop.call("GET", f"orders/{order_id}").json["line_items"]
    return lines


def test_a_refused_block_checkout_is_only_updated(shop: Shop) -> None:
    (order_id,) = shop.control.place_orders(1, lives={"refused": 1})

    assert shop.run() == [("order.updated", order_id)]


def test_a_new_customer_is_created_and_then_updated(shop: Shop) -> None:
    customer_id = shop.call("POST", "customers", {"email": "neu@example.com"}).json["id"]

    assert shop.run() == [("customer.created", customer_id), ("customer.updated", customer_id)]


def test_a_completed_order_of_a_customer_updates_that_customer_too(shop: Shop) -> None:
    order_id = shop.order(customer_id=2, status="completed")

    came = [("order.created", order_id), ("order.updated", order_id), ("customer.updated", 2), ("product.updated", 11)]
    assert shop.run() == came


def test_changes_before_the_queue_runs_are_merged_and_only_the_last_is_seen(shop: Shop) -> None:
    order_id = shop.order(status="pending")
    for status in ("on-hold", "processing", "completed"):
        shop.touch(order_id, status=status)
    shop.control.run_queue()

    orders = [row for row in shop.receiver.deliveries if row.topic.startswith("order.")]
    assert [row.topic for row in orders] == ["order.created", "order.updated"]
    assert [row.json["status"] for row in orders] == ["completed", "completed"]


def test_a_trashed_order_is_delivered_as_trash_and_as_deleted(shop: Shop) -> None:
    order_id = shop.order(status="pending")
    shop.call("DELETE", f"orders/{order_id}")
    shop.control.run_queue()

    created, updated, deleted = shop.receiver.deliveries
    assert (created.json["status"], updated.json["status"]) == ("trash", "trash")
    assert deleted.body == b'{"id":%d}' % order_id


def test_an_order_deleted_before_the_queue_runs_is_delivered_as_a_signed_error(shop: Shop) -> None:
    order_id = shop.order(status="pending")
    shop.call("DELETE", f"orders/{order_id}", force="true")
    shop.control.run_queue()

    created, updated = shop.receiver.deliveries
    assert created.body == updated.body == recordings.delivery("080-").body
    assert created.headers["X-WC-Webhook-Signature"] == _signature(created.body)


def _signature(body: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()


def test_a_delivery_is_signed_and_has_the_recorded_headers_in_their_order(shop: Shop) -> None:
    order_id = shop.order()
    shop.control.run_queue()

    got = shop.receiver.deliveries[0]
    recorded = recordings.delivery("011-").headers
    assert list(got.headers) == list(recorded)
    same = {"User-Agent", "Accept", "Accept-Encoding", "Content-Type", "Connection", "X-WC-Webhook-Topic"}
    assert {name: got.headers[name] for name in same} == {name: recorded[name] for name in same}
    assert got.headers["X-WC-Webhook-Signature"] == _signature(got.body)
    assert got.headers["X-WC-Webhook-Source"] == f"{shop.call.place.url}/"
    assert got.body == shop.call("GET", f"orders/{order_id}").raw


def test_the_ping_is_an_unsigned_form_and_the_secret_is_never_shown(shop: Shop) -> None:
    answer = shop.call("POST", "webhooks", {"topic": "order.created", "delivery_url": shop.receiver.url, "secret": "s"})

    (ping,) = shop.receiver.received
    assert ping.body == b"webhook_id=%d" % answer.json["id"]
    assert list(ping.headers) == list(recordings.delivery("001-").headers)
    shown = [answer.json, *shop.call("GET", "webhooks", per_page=100).json]
    assert not any("secret" in row or "failure_count" in row for row in shown)


def test_two_deliveries_of_one_webhook_within_a_second_have_one_delivery_id(shop: Shop) -> None:
    ids = [shop.order(status="pending") for _ in range(6)]
    shop.control.run_queue()

    created = [row for row in shop.control.books().deliveries if row.topic == "order.created"]
    assert [row.arg for row in created] == ids
    for one in created:
        for other in created:
            assert (one.delivery_id == other.delivery_id) == (int(one.at.timestamp()) == int(other.at.timestamp()))
    told = [row.headers["X-WC-Webhook-Delivery-ID"] for row in shop.receiver.deliveries if row.topic == "order.created"]
    assert len(set(told)) < len(told)


@pytest.mark.parametrize(
    ("status", "taken"),
    [(200, True), (201, True), (204, True), (301, True), (302, True), (303, False), (307, False)]
    + [(status, False) for status in (400, 404, 410, 429, 500, 503, 0)],
)
def test_an_answer_counts_as_recorded_and_no_delivery_is_made_twice(shop: Shop, status: int, taken: bool) -> None:  # noqa: FBT001
    order_id = shop.order(status="pending")
    shop.run()
    shop.receiver.statuses = [status]
    shop.touch(order_id)

    assert shop.run() == [("order.updated", order_id)]
    assert shop.webhook("order.updated").failures == (0 if taken else 1)
    assert shop.run() == []


def test_a_webhook_is_disabled_at_the_seventh_failure_in_a_row_and_what_happens_then_is_lost(shop: Shop) -> None:
    order_id = shop.order(status="pending")
    shop.run()
    shop.receiver.statuses = [500] * 7
    for failures in range(1, 7):
        shop.touch(order_id)
        shop.run()
        assert (shop.webhook("order.updated").failures, shop.webhook("order.updated").status) == (failures, "active")

    shop.touch(order_id)
    shop.run()
    assert shop.webhook("order.updated").status == "disabled"
    shop.touch(order_id)
    assert shop.run() == []


def test_setting_it_active_again_keeps_the_count_and_one_success_clears_it(shop: Shop) -> None:
    order_id = shop.order(status="pending")
    shop.run()
    shop.receiver.statuses = [500] * 8
    for _ in range(7):
        shop.touch(order_id)
        shop.run()
    webhook = shop.webhook("order.updated")
    for answer, status, failures in ((500, "disabled", 6), (200, "active", 0)):
        shop.receiver.statuses = [answer]
        shop.receiver.received.clear()
        assert shop.call("PUT", f"webhooks/{webhook.id}", {"status": "active"}).status == 200
        assert shop.receiver.received == []
        shop.touch(order_id)
        shop.run()
        assert (shop.webhook("order.updated").status, shop.webhook("order.updated").failures) == (status, failures)


def test_what_was_queued_before_the_webhook_was_disabled_still_goes_out(shop: Shop) -> None:
    order_id = shop.order(status="pending")
    shop.run()
    shop.touch(order_id)
    shop.call("PUT", f"webhooks/{shop.webhook('order.updated').id}", {"status": "disabled"})

    assert shop.run() == [("order.updated", order_id)]


def test_a_slow_receiver_holds_the_others_up_until_the_time_is_over(shop: Shop) -> None:
    order_id = shop.order(status="pending")
    shop.receiver.hold = threading.Event()
    runner = threading.Thread(target=shop.control.run_queue)
    runner.start()
    wait_for(lambda: len(shop.receiver.deliveries) == 1)
    assert [row.what for row in shop.receiver.deliveries] == [("order.created", order_id)]
    shop.receiver.hold = None
    runner.join()

    first, second = shop.control.books().deliveries
    assert (first.outcome, first.status, second.outcome) == ("refused", None, "taken")
    assert first.seconds == pytest.approx(1, abs=0.5)


def test_a_change_while_a_delivery_is_under_way_makes_another(shop: Shop) -> None:
    order_id = shop.order(status="pending")
    shop.run()
    shop.touch(order_id, customer_note="v1")
    shop.receiver.hold = threading.Event()
    runner = threading.Thread(target=shop.control.run_queue)
    runner.start()
    wait_for(lambda: len(shop.receiver.deliveries) == 1)
    shop.touch(order_id, customer_note="v2")
    hold, shop.receiver.hold = shop.receiver.hold, None
    hold.set()
    runner.join()

    notes = [row.json["customer_note"] for row in shop.receiver.deliveries]
    assert notes == RACES["order changed while its delivery was in progress"]


def test_an_order_posted_twice_is_two_orders_whatever_key_comes_with_it(shop: Shop) -> None:
    body = {"line_items": [{"product_id": 11, "quantity": 1}]}
    one, two = (shop.call("POST", "orders", body, headers={"Idempotency-Key": "k"}).json["id"] for _ in range(2))

    assert one != two


def test_an_order_whose_poster_gave_up_is_made_all_the_same(shop: Shop) -> None:
    before = len(shop.control.books().placed)
    shop.control.behave(commit_then_drop=1.0, methods=["POST"])

    with pytest.raises((OSError, EOFError)):
        shop.call("POST", "orders", {"line_items": [{"product_id": 11, "quantity": 1}]})

    assert len(shop.control.books().placed) == before + 1


def test_trouble_on_the_wire_loses_doubles_and_delays_and_the_store_believes_itself(shop: Shop) -> None:
    shop.control.trouble(drop=1.0)
    order_id = shop.order(status="pending")
    assert shop.run() == []
    assert [row.outcome for row in shop.control.books().deliveries] == ["dropped", "dropped"]

    shop.control.trouble(doubled=1.0)
    shop.touch(order_id)
    assert shop.run() == [("order.updated", order_id)] * 2

    shop.control.trouble(late=1.0, late_seconds=0.2)
    shop.touch(order_id, customer_note="early")
    assert shop.run() == []
    shop.control.trouble()
    shop.touch(order_id, customer_note="late")
    shop.control.run_queue()
    wait_for(lambda: bool(shop.control.run_queue() or len(shop.receiver.deliveries) == 2))
    assert [row.json["customer_note"] for row in shop.receiver.deliveries] == ["late", "early"]


def test_a_webhook_hears_of_what_happens_once_it_is_there_and_no_longer_when_it_is_deleted(shop: Shop) -> None:
    order_id = shop.order(status="pending")
    shop.run()
    second = shop.call.webhook("order.updated", f"{shop.receiver.url}/second")
    shop.receiver.received.clear()

    shop.touch(order_id)
    assert shop.run() == [("order.updated", order_id)] * 2

    assert shop.call("DELETE", f"webhooks/{second}", force="true").status == 200
    shop.touch(order_id)
    assert shop.run() == [("order.updated", order_id)]


def test_the_queue_runs_by_itself_unless_it_is_held_or_cron_is_off(tmp_path: Path) -> None:
    with receiving() as receiver, running_store(tmp_path, queue_seconds=0.05) as (place, control):
        call = Caller(place)
        call.webhook("order.created", receiver.url)
        (order_id,) = control.place_orders(1, lives={"paid_at_once": 1})
        wait_for(lambda: ("order.created", order_id) in [row.what for row in receiver.deliveries])
        control.hold_queue()
        control.place_orders(1, lives={"paid_at_once": 1})
        assert control.progress()["pending"] == 1
        control.release_queue()
        wait_for(lambda: control.progress()["pending"] == 0)


def test_a_webhook_user_without_rights_delivers_errors(tmp_path: Path) -> None:
    options = {"queue_seconds": "never", "webhook_user": "customer"}
    with receiving() as receiver, running_store(tmp_path, **options) as (place, control):
        Caller(place).webhook("order.created", receiver.url)
        control.place_orders(1, lives={"paid_at_once": 1})
        control.run_queue()

        assert receiver.deliveries[0].json["code"] == "woocommerce_rest_cannot_view"

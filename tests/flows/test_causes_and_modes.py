"""Causes that are mended once, orders that must not be posted, deliveries that cannot be used."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import time

import pytest

from integrations import connections, organisation
from integrations.models import InboxMessage, OutboxMessage, SalesRoute
from integrations.ports.errors import Misconfigured
from inventory.services import mappings
from orders.models import EligibilityRule, Order
from orders.services import postings
from reconciliation.models import Case, CaseEvent, Cause
from retailhub.core import clock
from tests.support.hub import Hub, pending, post
from tests.support.lives import order_body, skus


def unknown_sku(hub: Hub, count: int) -> None:
    hub.connect()
    hub.know(skus())
    for number in range(1, count + 1):
        hub.deliver(order_body(number, sku="NEW-1"))
    hub.drain()
    assert hub.books.books().documents == ()
    assert Order.objects.filter(order_state="held").count() == count
    cause = Cause.objects.get()
    assert (cause.code, cause.key) == ("sku_unmapped", "NEW-1")
    assert Case.objects.filter(state="open", cause=cause).count() == count

    hub.books.add_products(["ERP-1"])
    mappings.map_sku(
        connection_id=hub.erp.pk, sku="NEW-1", item_code="ERP-1", actor="test", reason="new item", now=clock.now()
    )
    hub.drain()
    documents = hub.books.books().documents
    assert {d.reference for d in documents if d.state == "confirmed"} == {f"WC-eu-{n}" for n in range(1, count + 1)}
    assert len(documents) == count
    assert Case.objects.filter(state="closed").exclude(closed_because="").count() == count
    assert CaseEvent.objects.filter(what="closed").count() == count
    assert Order.objects.filter(order_state="held").count() == 0


def test_orders_with_one_unknown_sku_are_one_cause_and_mapping_it_posts_and_closes_all(hub: Hub) -> None:
    unknown_sku(hub, 30)


@pytest.mark.long
def test_two_hundred_orders_with_one_unknown_sku_are_one_cause_and_mapping_it_posts_and_closes_all(hub: Hub) -> None:
    unknown_sku(hub, 200)


def test_an_item_the_erp_refuses_is_one_cause_and_closes_when_the_erp_learns_it(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.books.behave(unknown_items=tuple(skus()))
    for number in (1, 2):
        hub.deliver(order_body(number))
    hub.drain()
    assert Cause.objects.get().code == "unknown_item"
    assert Case.objects.filter(state="open").count() == 2
    assert OutboxMessage.objects.filter(status="parked", outcome="rejected").count() == 2
    hub.books.be_good()
    (sku,) = skus()
    mappings.map_sku(connection_id=hub.erp.pk, sku=sku, item_code=sku, actor="test", reason="again", now=clock.now())
    hub.drain()
    assert len([d for d in hub.books.books().documents if d.state == "confirmed"]) == 2
    assert Case.objects.filter(state="open").count() == 0


def test_orders_before_live_from_are_imported_and_never_posted(hub: Hub) -> None:
    boundary = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
    hub.connect(live_from=boundary)
    hub.know(skus())
    hub.deliver(order_body(1, created=boundary - dt.timedelta(seconds=1)))
    hub.deliver(order_body(2, created=boundary))
    hub.drain()
    assert [d.reference for d in hub.books.books().documents] == ["WC-eu-2"]
    old = Order.objects.get(order_ref="1")
    assert (old.decision, old.order_state) == ("before_live_from", "received")
    hub.deliver(order_body(1, seconds=9, status="completed", created=boundary - dt.timedelta(seconds=1)))
    hub.drain()
    assert len(hub.books.books().documents) == 1


def test_shadow_posts_nothing_and_still_finds_what_would_be_held(hub: Hub) -> None:
    hub.connect(mode="shadow")
    hub.know(skus())
    hub.deliver(order_body(1))
    hub.deliver(order_body(2, sku="NEW-1"))
    hub.drain()
    assert OutboxMessage.objects.count() == 0
    assert hub.books.books().documents == ()
    assert Order.objects.get(order_ref="1").decision == "shadow"
    assert Case.objects.get(state="open").code == "sku_unmapped"


def test_a_connection_that_is_off_keeps_its_deliveries_for_later(hub: Hub) -> None:
    hub.connect(mode="off")
    hub.know(skus())
    assert hub.deliver(order_body(1)) == 200
    hub.drain(rounds=1)
    assert (Order.objects.count(), pending()) == (0, 1)
    connections.set_mode(name="eu", mode="live", live_from=None, actor="test", reason="go", now=clock.now())
    hub.drain()
    assert len(hub.books.books().documents) == 1


def test_a_paused_sink_holds_its_work_and_goes_on_when_resumed(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    connections.pause(name="erp", until=None, actor="test", reason="stocktaking", now=clock.now())
    hub.deliver(order_body(1))
    hub.drain(rounds=2)
    assert hub.books.books().documents == ()
    connections.resume(name="erp", actor="test", reason="done", now=clock.now())
    hub.drain()
    assert len(hub.books.books().documents) == 1


UNUSABLE = {
    "body_empty": b" ",
    "body_too_deep": b'{"id":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "body_number_not_finite": b'{"id":1,"total":NaN}',
    "body_not_text": b'{"id":1,"number":"\\ud800"}',
    "body_compressed": gzip.compress(b'{"id":1}'),
    "body_not_json": b'{"id":1,"total":"1',
}


@pytest.mark.parametrize("code", UNUSABLE)
def test_a_signed_body_that_cannot_be_used_is_kept_answered_and_a_case(hub: Hub, code: str) -> None:
    hub.connect()
    hub.know(skus())
    assert hub.deliver(UNUSABLE[code]) == 200
    hub.deliver(order_body(2))
    hub.drain()
    message = InboxMessage.objects.get(status="parked")
    assert (message.code, message.outcome) == (code, "rejected")
    assert Case.objects.get(state="open").code == code
    assert [d.reference for d in hub.books.books().documents] == ["WC-eu-2"]


class Endless(io.RawIOBase):
    """A body of 50 MB that is made as it is read."""

    def __init__(self) -> None:
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        size = 50 * 1024 * 1024 if size < 0 else min(size, 50 * 1024 * 1024 - self.taken)
        self.taken += size
        return b" " * size


@pytest.mark.parametrize(("length", "most"), [(str(50 * 1024 * 1024), 0), ("", 16 * 1024 * 1024 + 1)])
def test_fifty_megabytes_are_refused_and_read_no_further_than_the_limit(hub: Hub, length: str, most: int) -> None:
    hub.connect()
    body = Endless()
    told = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": length, "wsgi.input": body}
    began = time.perf_counter()
    assert post("eu", b"", told) == 413
    assert time.perf_counter() - began < 1
    assert body.taken <= most
    assert InboxMessage.objects.count() == 0


def test_an_order_without_lines_and_one_with_a_thousand_are_orders_like_others(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    empty = json.loads(order_body(1))
    empty |= {"line_items": [], "shipping_lines": [], "fee_lines": [], "tax_lines": [], "total": "0.00"}
    empty |= {"total_tax": "0.00", "cart_tax": "0.00", "shipping_total": "0.00", "shipping_tax": "0.00"}
    long = json.loads(order_body(2))
    line = long["line_items"][0]
    before = len(long["line_items"])
    long["line_items"] += [{**line, "id": 10_000 + n} for n in range(1000 - before)]
    many = len(long["line_items"]) - before
    from decimal import Decimal  # noqa: PLC0415

    extra, tax = Decimal(line["total"]) * many, Decimal(line["total_tax"]) * many
    long["total"] = str(Decimal(long["total"]) + extra + tax)
    long["total_tax"] = str(Decimal(long["total_tax"]) + tax)
    rate = line["taxes"][0]["id"] if line["taxes"] else None
    for row in long["tax_lines"]:
        if row["rate_id"] == rate:
            row["tax_total"] = str(Decimal(row["tax_total"]) + tax)
    for body in (empty, long):
        assert hub.deliver(json.dumps(body).encode()) == 200
    hub.drain()
    totals = {d.reference: d.total for d in hub.books.books().documents if d.state == "confirmed"}
    assert totals["WC-eu-2"] == Decimal(long["total"])
    assert Order.objects.get(order_ref="1").order_state in {"accepted", "held"}
    assert pending() == 0


def test_an_order_edited_after_posting_is_amended_and_after_shipping_is_a_case(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    hub.drain()
    edited = json.loads(order_body(1, seconds=5))
    edited["shipping"]["address_1"] = "Another street 2"
    hub.deliver(json.dumps(edited).encode())
    hub.drain()
    assert OutboxMessage.objects.filter(operation="amend_order", status="done").count() == 1
    assert len(hub.books.books().documents) == 1
    hub.books.ship(["WC-eu-1"])
    edited |= {"date_modified_gmt": order_time(9)}
    edited["shipping"]["address_1"] = "A third street 3"
    hub.deliver(json.dumps(edited).encode())
    hub.drain()
    assert Case.objects.filter(state="open").count() == 1
    assert len(hub.books.books().documents) == 1


def order_time(seconds: int) -> str:
    text: str = json.loads(order_body(1, seconds=seconds))["date_modified_gmt"]
    return text


def test_a_cancellation_before_posting_folds_the_post(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    connections.pause(name="erp", until=None, actor="test", reason="maintenance", now=clock.now())
    hub.deliver(order_body(1))
    hub.drain(rounds=2)
    hub.deliver(order_body(1, seconds=3, status="cancelled"))
    hub.drain(rounds=2)
    connections.resume(name="erp", actor="test", reason="done", now=clock.now())
    hub.drain()
    assert hub.books.books().documents == ()
    assert OutboxMessage.objects.get().status == "cancelled"


def test_a_refund_after_posting_is_a_case_that_closes_when_it_is_deleted_and_reopens_with_the_next(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    hub.drain()
    refunded = json.loads(order_body(1, seconds=5))
    refunded["refunds"] = [{"id": 77, "reason": "broken", "total": "-5.00", "total_tax": "0.00"}]
    hub.deliver(json.dumps(refunded).encode())
    hub.drain()
    case = Case.objects.get(state="open")
    assert case.code == "refund_not_posted"
    assert "5.00" in case.sentence
    refunded["refunds"] = []
    refunded["date_modified_gmt"] = order_time(8)
    hub.deliver(json.dumps(refunded).encode())
    hub.drain()
    assert Case.objects.get().state == "closed"
    refunded["refunds"] = [{"id": 78, "reason": "again", "total": "-6.00", "total_tax": "0.00"}]
    refunded["date_modified_gmt"] = order_time(11)
    hub.deliver(json.dumps(refunded).encode())
    hub.drain()
    reopened = Case.objects.get()
    assert (reopened.state, reopened.reopened_count) == ("open", 1)
    assert "6.00" in reopened.sentence


def test_a_refused_post_that_was_on_the_wire_gets_a_new_body_when_its_sku_is_mapped(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.books.behave(commit_then_drop=1.0, endpoints=("customers",), times=1, unknown_items=tuple(skus()))
    OutboxMessage.objects.update(on_wire=True)
    hub.deliver(order_body(1))
    hub.drain()
    OutboxMessage.objects.update(on_wire=True)
    hub.books.be_good()
    hub.books.add_products(["ERP-9"])
    (sku,) = skus()
    mappings.map_sku(
        connection_id=hub.erp.pk, sku=sku, item_code="ERP-9", actor="test", reason="renamed", now=clock.now()
    )
    hub.drain()
    (document,) = hub.books.books().documents
    assert document.state == "confirmed"
    assert {line["item_code"] for line in document.lines if line["item_code"]} == {"ERP-9"}
    assert OutboxMessage.objects.get().status == "done"
    assert Case.objects.filter(state="open").count() == 0


def test_two_stores_may_not_share_the_code_of_their_references(hub: Hub) -> None:
    hub.connect()
    with pytest.raises(Misconfigured, match="store_code eu"):
        connections.add(
            name="eu2",
            kind="woocommerce",
            settings=dict(hub.eu.settings),
            credentials=dict(hub.eu.credentials),
            mode="shadow",
            live_from=None,
            actor="test",
            now=clock.now(),
        )


def test_orders_that_waited_for_a_route_go_on_when_there_is_one(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    SalesRoute.objects.all().delete()
    hub.deliver(order_body(1))
    hub.drain()
    assert Case.objects.get(state="open").code == "no_route"
    organisation.add_route(
        store="eu",
        sink="erp",
        entity="gmbh",
        entity_name="GmbH",
        currency="EUR",
        region="all",
        countries=(),
        actor="test",
        now=clock.now(),
    )
    hub.drain()
    assert [d.state for d in hub.books.books().documents] == ["confirmed"]
    assert Case.objects.get().state == "closed"


def test_orders_seen_in_shadow_or_while_the_erp_was_off_are_posted_when_both_are_live(hub: Hub) -> None:
    hub.connect(mode="shadow")
    hub.know(skus())
    connections.set_mode(name="erp", mode="off", live_from=None, actor="test", reason="later", now=clock.now())
    hub.deliver(order_body(1))
    hub.drain()
    assert Order.objects.get().decision == "shadow"
    connections.set_mode(name="eu", mode="live", live_from=None, actor="test", reason="go", now=clock.now())
    hub.drain()
    assert Order.objects.get().decision == "sink_not_live"
    assert hub.books.books().documents == ()
    connections.set_mode(name="erp", mode="live", live_from=None, actor="test", reason="go", now=clock.now())
    hub.drain()
    assert [d.state for d in hub.books.books().documents] == ["confirmed"]


def test_a_changed_rule_is_applied_to_the_orders_that_waited_for_it(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1, status="on-hold"))
    hub.deliver(order_body(2, status="awaiting-pickup"))
    hub.drain()
    assert Case.objects.get(state="open").code == "order_status_unknown"
    EligibilityRule.objects.filter(status="on_hold").update(post=True)
    EligibilityRule.objects.create(status="awaiting-pickup", post=True)
    for status in ("on_hold", "awaiting-pickup"):
        postings.note_rule(store_id=None, status=status)
    hub.drain()
    assert {d.reference for d in hub.books.books().documents} == {"WC-eu-1", "WC-eu-2"}
    assert not Case.objects.filter(state="open").exists()

from __future__ import annotations

import json
from typing import Any

import pytest

from integrations.models import Connection, OutboxMessage
from orders.models import Order
from reconciliation.models import Case
from retailhub.core.models import AuditEntry
from tests.commands.conftest import Run, deliver_order
from tests.support.hub import Hub
from tests.support.recorded_store import newest_orders

PERSONAL = ("kim@example.com", "Kim", "Kaffee", "+49")


@pytest.fixture
def told(hub: Hub) -> Hub:
    """Order 160 came twice, waited for a SKU, was posted after the ERP had dropped the first answer, and was edited."""
    hub.connect()
    hub.know({"MUG-01"})
    body = newest_orders()["160"]
    deliver_order(hub, body)
    deliver_order(hub, body)
    hub.drain()
    hub.know({"TS-S-ROT"})
    hub.books.behave(commit_then_drop=1.0, times=1, endpoints=["create"])
    hub.drain()
    order = json.loads(body)
    order["line_items"][0] |= {"quantity": 1, "subtotal": "9.90", "total": "9.90"}
    deliver_order(hub, json.dumps(order).encode(), date_modified_gmt="2030-01-01T00:00:00")
    hub.drain()
    return hub


def entries(run: Run, name: str, kind: str, *more: str) -> list[dict[str, Any]]:
    story = run("explain", name, "--json", *more).json["story"]
    return [entry for entry in story if entry["kind"] == kind]


def test_the_whole_story_is_told_in_order(told: Hub, run: Run) -> None:
    story = run("explain", "eu:160", "--json").json["story"]
    assert [entry["at"] for entry in story] == sorted(entry["at"] for entry in story)
    kinds = [entry["kind"] for entry in story]
    assert kinds.index("delivery") < kinds.index("version") < kinds.index("case") < kinds.index("effect")
    assert {"attempt", "call", "document", "transition"} <= set(kinds)

    first, *_ = entries(run, "eu:160", "delivery")
    assert (first["facts"]["way"], first["facts"]["seen_count"], first["facts"]["outcome"]) == ("webhook", 2, "applied")
    assert [entry["facts"]["what"] for entry in story if entry["kind"] == "case"][:2] == ["opened", "closed"]
    post, *_ = entries(run, "eu:160", "effect")
    assert (post["facts"]["operation"], post["facts"]["reference"]) == ("post_order", "WC-eu-160")
    tries = entries(run, "eu:160", "attempt")
    assert [one["facts"]["result"] for one in tries][:2] == ["unknown", "resumed"]
    assert all(one["facts"]["seconds"] > 0 for one in tries)
    calls = entries(run, "eu:160", "call")
    assert ("POST", "/api/v1/sales-orders/confirm", 200) in {
        (call["facts"]["method"], call["facts"]["path"], call["facts"]["status"]) for call in calls
    }


def test_what_an_edit_changed_is_said_in_words(told: Hub, run: Run) -> None:
    first, second = entries(run, "eu:160", "version")
    assert first["facts"]["changes"] == ["processing, 2 lines, EUR 53.18"]
    (change,) = second["facts"]["changes"]
    assert change.endswith("2 for 19.80 → 1 for 9.90")


def test_an_order_is_found_by_every_name_it_goes_under(told: Hub, run: Run) -> None:
    order, case, post = Order.objects.get(), Case.objects.all()[0], OutboxMessage.objects.all()[0]
    names = (order.public_id, order.subject, "160", "eu:160", "WC-eu-160", "msg_i1", str(post), case.public_id)
    first = f"msg_i{min(int(e['facts']['message'][5:]) for e in entries(run, '160', 'delivery'))}"
    for name in names:
        found = run("explain", name if name != "msg_i1" else first, "--json").json["order"]
        assert found["public_id"] == order.public_id, name
    (document,) = found["erp_documents"]
    assert (document["reference"], document["state"], document["currency"]) == ("WC-eu-160", "confirmed", "EUR")


def test_personal_data_is_masked_unless_somebody_says_why_he_needs_it(told: Hub, run: Run) -> None:
    for words in (("160",), ("160", "--raw"), ("160", "--raw", "--json")):
        written = run("explain", *words).out
        assert [word for word in PERSONAL if word in written] == []
    assert run("explain", "160", "--unmask", "--json").json["error"]["code"] == "reason_missing"
    assert not AuditEntry.objects.filter(action="unmask").exists()

    shown = run("explain", "160", "--raw", "--unmask", "--reason", "the customer calls", "--json")
    assert shown.json["order"]["customer"]["email"] == "kim@example.com"
    assert shown.out.count("kim@example.com") > 2
    entry = AuditEntry.objects.get(action="unmask")
    assert (entry.subject, entry.reason) == (Order.objects.get().subject, "the customer calls")


def test_raw_shows_bodies_that_came_and_went(told: Hub, run: Run) -> None:
    first, *_ = entries(run, "160", "delivery", "--raw")
    assert first["facts"]["body"]["id"] == 160
    assert first["facts"]["body"]["billing"]["country"] == "DE"
    post, *_ = entries(run, "160", "effect", "--raw")
    assert post["facts"]["bodies"]["1"]["reference"] == "WC-eu-160"
    assert "body" not in entries(run, "160", "delivery")[0]["facts"]


def test_calls_about_other_orders_of_the_batch_are_left_out(shop: Hub, run: Run) -> None:
    shop.store.set_order("338", newest_orders()["338"])
    for ref in ("160", "338"):
        assert shop.deliver(json.dumps({"id": int(ref)}).encode(), "order.restored") == 200
    shop.drain()
    reads = {call["facts"]["path"] for call in entries(run, "160", "call") if call["facts"]["method"] == "GET"}
    assert "/wp-json/wc/v3/orders/160" in reads
    assert "/wp-json/wc/v3/orders/338" not in reads


def test_a_delivery_that_names_no_order_has_a_story_too(shop: Hub, run: Run) -> None:
    assert shop.deliver(b"{broken") == 200
    shop.drain()
    name = Case.objects.get().subject.removeprefix("message:")
    told = run("explain", name, "--raw", "--json").json
    assert told["order"] is None
    assert [entry["kind"] for entry in told["story"]] == ["delivery", "case"]
    assert "body_not_json" in told["story"][0]["text"]
    assert "broken" not in json.dumps(told["story"][0]["facts"]["body"])
    assert run("explain", name).out.startswith("This message belongs to no order.")


def test_a_number_that_two_stores_use_is_asked_back(shop: Hub, run: Run) -> None:
    deliver_order(shop, newest_orders()["160"])
    shop.drain(rounds=1)
    twin = Connection.objects.get(name="eu")
    twin.pk, twin.name = None, "us"
    twin.save()
    order = Order.objects.get()
    order.pk, order.public_id, order.store_id = None, "ord_twin", twin.pk
    order.save()
    written = run("explain", "160", "--json")
    assert (written.status, written.json["error"]["code"]) == (1, "ambiguous")
    assert "eu:160, us:160" in written.json["error"]["detail"]
    assert run("explain", "us:160", "--json").json["order"]["public_id"] == "ord_twin"


def test_a_name_that_nothing_has_is_one_sentence(shop: Hub, run: Run) -> None:
    for name in ("nothing", "ord_nothing", "eu:1", "xx:1", "msg_i999999", "msg_oX", "case_1"):
        written = run("explain", name)
        assert (written.out, written.status) == ("", 1)
        assert len(written.err.splitlines()) == 1


def test_one_value_is_told_back_to_its_bytes_and_on_to_the_erp(told: Hub, run: Run) -> None:
    found = run("explain", "eu:160", "--field", "lines.0.total", "--json").json
    assert (found["value"], found["version"]) == ("9.90", 2)
    (spot,) = found["spots"]
    assert (spot["pointer"], spot["text"]["value"]) == ("/line_items/0/total", '"9.90"')
    assert {sent["field"] for sent in found["sent"]} == {"lines.0.net"}
    assert found["holds"][0]["reference"] == "WC-eu-160"
    text = run("explain", "eu:160", "--field", "billing.email").out
    assert "/billing/email" in text
    assert [word for word in PERSONAL if word in text] == []
    shown = run("explain", "eu:160", "--field", "billing.email", "--unmask", "--reason", "the customer calls").out
    assert "kim@example.com" in shown
    assert run("explain", "eu:160", "--field", "colour", "--json").json["error"]["code"] == "no_such_field"


def test_a_value_that_was_read_from_the_store_is_found_in_its_answer(shop: Hub, run: Run) -> None:
    assert shop.deliver(b'{"id":160}', "order.restored") == 200
    shop.drain()
    found = run("explain", "160", "--field", "total", "--json").json
    assert found["read_back"]
    assert found["where"].startswith("in the store's answer to GET /wp-json/wc/v3/orders/160")
    assert found["spots"][0]["text"]["value"] == f'"{found["value"]}"'


def test_whatever_goes_by_a_name_is_found_masked(told: Hub, run: Run) -> None:
    order = Order.objects.get()
    for text in ("160", "WC-eu-160", "TS-S-ROT", "kim@example.com"):
        groups = run("search", text, "--json").json["groups"]
        assert order.subject in {hit["subject"] for group in groups for hit in group["hits"]}, text
        assert [word for word in PERSONAL if word in run("search", text).out] == []
    assert run("search", "nothing").out.strip() == "Nothing goes by that name."
    assert run("search", "nothing", "--json").json == {"groups": []}

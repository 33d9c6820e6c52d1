from __future__ import annotations

import json
from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Order
from orders.selectors import in_chunks
from reconciliation.models import Case
from retailhub.core.models import AuditEntry
from tests.commands.conftest import Run, deliver_order
from tests.support.hub import Hub
from tests.support.recorded_store import newest_orders


def test_each_order_is_one_line_with_its_amounts_as_the_store_wrote_them(shop: Hub, run: Run) -> None:
    deliver_order(shop, newest_orders()["148"])
    deliver_order(shop, newest_orders()["154"])
    shop.drain()
    first, yen = run("export", "orders", "--unmask", "--reason", "monthly books", "--json").lines

    assert (first["store"], first["order_ref"], first["number"], first["status"]) == ("eu", "148", "148", "completed")
    assert (first["order_state"], first["payment_state"], first["fulfilment_state"]) == (
        "closed",
        "partly_refunded",
        "shipped",
    )
    assert (first["currency"], first["total"], first["total_tax"]) == ("EUR", "125.16", "14.59")
    assert [(tax["percent"], tax["amount"], tax["shipping_amount"]) for tax in first["tax_by_rate"]] == [
        ("19", "12.40", "0.93"),
        ("7", "1.26", "0.00"),
    ]
    assert [(line["sku"], line["quantity"], line["net"], line["tax"]) for line in first["lines"]] == [
        ("MUG-01", "3", "26.73", "5.08"),
        ("BOOK-7", "1", "17.96", "1.26"),
        ("TS-M-ROT", "2", "35.99", "6.84"),
        ("GIFT-0", "1", "22.49", "0.00"),
    ]
    assert [(one["name"], one["net"], one["tax"]) for one in first["shipping"]] == [("DHL Paket", "4.90", "0.93")]
    assert [(one["name"], one["net"]) for one in first["fees"]] == [("Geschenkverpackung", "2.50")]
    assert first["discounts"] == [{"code": "sommer10", "amount": "11.46", "tax": "1.46"}]
    assert first["refunds"] == [{"refund_ref": "149", "amount": "10.60"}]
    assert first["customer"]["email"] == "zoe@example.com"
    assert first["customer"]["public_id"].startswith("cus_")
    (document,) = first["erp_documents"]
    assert (document["reference"], document["connection"], document["state"]) == ("WC-eu-148", "erp", "confirmed")
    assert (document["currency"], document["total"]) == ("EUR", "125.16")
    case = Case.objects.get(code="refund_not_posted")
    assert first["open_cases"] == [{"code": "refund_not_posted", "key": "", "case": case.public_id}]
    # a store decides its decimals, not the currency
    assert (yen["currency"], yen["total"], yen["erp_documents"][0]["total"]) == ("JPY", "1500.00", "1500.00")


def test_e_mail_addresses_are_masked_unless_somebody_says_why_not(shop: Hub, run: Run) -> None:
    deliver_order(shop, newest_orders()["148"])
    shop.drain()
    masked = run("export", "orders")
    assert masked.json["customer"]["email"] == "z•••@example.com"
    assert "zoe@" not in masked.out
    refused = run("export", "orders", "--unmask", "--reason", " ", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "reason_missing")
    shown = run("export", "orders", "--unmask", "--reason", "monthly books").json
    assert shown["customer"].pop("email") == "zoe@example.com"
    assert shown["customer"].items() < masked.json["customer"].items()
    kept = AuditEntry.objects.filter(action="export_orders").order_by("id")
    assert [(entry.reason, entry.after) for entry in kept] == [
        ("exported", {"since": None, "unmasked": False}),
        ("monthly books", {"since": None, "unmasked": True}),
    ]


def test_every_recorded_order_adds_up_in_the_export(shop: Hub, run: Run) -> None:
    newest = newest_orders()
    for body in newest.values():
        assert shop.deliver(body) == 200
    shop.drain()
    lines = {line["order_ref"]: line for line in run("export", "orders").lines}
    assert set(lines) == set(newest)
    for ref, line in lines.items():
        parts = [*line["lines"], *line["shipping"], *line["fees"]]
        whole = sum((Decimal(part["net"]) + Decimal(part["tax"]) for part in parts), Decimal(0))
        assert line["total"] == json.loads(newest[ref])["total"], ref
        assert abs(whole - Decimal(line["total"])) <= Decimal("0.02"), ref
        assert [document["total"] for document in line["erp_documents"]] in ([], [line["total"]]), ref


def test_queries_follow_the_chunks_and_not_the_orders(shop: Hub, run: Run) -> None:
    body = newest_orders()["160"]
    for number in range(3):
        deliver_order(shop, body, id=2000 + number)
    shop.drain()
    with CaptureQueriesContext(connection) as few:
        assert len(run("export", "orders").lines) == 3
    for number in range(3, 30):
        deliver_order(shop, body, id=2000 + number)
    shop.drain()
    with CaptureQueriesContext(connection) as many:
        assert len(run("export", "orders").lines) == 30
    assert len(many) == len(few)


def test_chunks_hold_every_order_once(shop: Hub) -> None:
    for number in range(7):
        deliver_order(shop, newest_orders()["160"], id=2000 + number)
    shop.drain(rounds=1)
    chunks = [[order.order_ref for order in chunk] for chunk in in_chunks(size=3)]
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    assert sorted(ref for chunk in chunks for ref in chunk) == [str(2000 + number) for number in range(7)]


def test_an_export_may_be_of_one_store_and_of_what_changed_since(shop: Hub, run: Run) -> None:
    for number in range(2):
        deliver_order(shop, newest_orders()["160"], id=2000 + number)
        shop.drain()
    last = Order.objects.order_by("-changed_at")[0]
    (line,) = run("export", "orders", "--store", "eu", "--since", last.changed_at.isoformat()).lines
    assert line["public_id"] == last.public_id
    written = run("export", "orders", "--store", "erp")
    assert (written.out, written.status) == ("", 1)
    assert "no store named 'erp'" in written.err
    assert run("export", "orders", "--since", "2026", "--json").json["error"]["code"] == "not_a_moment"
    assert AuditEntry.objects.filter(action="export_orders").count() == 1

"""What orders cost in the look-alike store: its own rates, roundings, decimals, and the odd facts recorded."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retailhub.sandbox.store.control import Control, Place, running_store
from retailhub.sandbox.store.lifelike.catalogue import PROFILES
from retailhub.sandbox.store.lifelike.orders import make_order, mix_of
from tests.support.store import Caller

MUG = 11
"""Costs 9.90; DE has 19 %."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Control]]:
    with running_store(tmp_path_factory.mktemp("money"), queue_seconds="never") as found:
        yield found


@pytest.fixture
def control(started: tuple[Place, Control]) -> Control:
    return started[1]


@pytest.fixture
def call(started: tuple[Place, Control]) -> Caller:
    return Caller(started[0])


def post(call: Caller, **body: Any) -> Any:
    lines = [{"product_id": MUG, "quantity": 1}]
    answer = call("POST", "orders", {"line_items": lines, **body})
    assert answer.status == 201, answer.raw
    return answer.json


def put(call: Caller, order: Any, **body: Any) -> Any:
    answer = call("PUT", f"orders/{order['id']}", body)
    assert answer.status == 200, answer.raw
    return answer.json


def adds_up(order: Any) -> bool:
    """Whether lines, charges and taxes are the total."""
    rows = [*order["line_items"], *order["shipping_lines"], *order["fee_lines"]]
    shown = sum(Decimal(row["total"]) + Decimal(row["total_tax"]) for row in rows)
    return shown == Decimal(order["total"])


def test_a_new_quantity_alone_leaves_the_amounts_so_the_unit_price_drops(call: Caller) -> None:
    order = post(call)

    changed = put(call, order, line_items=[{"id": order["line_items"][0]["id"], "quantity": 2}])

    assert changed["total"] == order["total"]
    assert [row["line_items"][0]["price"] for row in (order, changed)] == [9.9, 4.95]


def test_new_coupons_replace_the_old_ones(call: Caller) -> None:
    order = post(call, coupon_lines=[{"code": "sommer10"}])
    assert (order["line_items"][0]["total"], order["discount_total"]) == ("8.91", "0.99")

    changed = put(call, order, coupon_lines=[{"code": "TREUE15"}])

    assert [row["code"] for row in changed["coupon_lines"]] == ["treue15"]
    assert changed["line_items"][0]["total"] == "8.42"


def test_another_currency_only_changes_the_label(call: Caller) -> None:
    order = post(call)

    changed = put(call, order, currency="USD")

    assert (changed["currency"], changed["currency_symbol"], changed["total"]) == ("USD", "$", order["total"])


def test_another_shipping_country_changes_the_tax_of_a_paid_order(call: Caller) -> None:
    order = post(call, set_paid=True, shipping={"country": "DE"})

    changed = put(call, order, shipping={"country": "US", "state": "TX"})

    assert (order["total_tax"], changed["total_tax"], changed["status"]) == ("1.88", "0.00", "processing")


def test_a_negative_fee_is_cut_to_what_the_order_costs_and_spreads_over_its_rates(call: Caller) -> None:
    lines = [{"product_id": MUG, "quantity": 1}, {"product_id": 13, "quantity": 1}]

    order = post(call, line_items=lines, fee_lines=[{"name": "Bonus", "total": "-500"}])

    (fee,) = order["fee_lines"]
    assert (fee["total"], order["total"]) == ("-29.85", "0.00")
    assert [(row["rate_percent"], row["tax_total"]) for row in order["tax_lines"]] == [(19, "0.00"), (7, "0.00")]
    assert {row["id"] for row in fee["taxes"]} == {1, 2}


def test_vat_exempt_orders_have_no_tax(call: Caller) -> None:
    order = post(call, meta_data=[{"key": "is_vat_exempt", "value": "yes"}])

    assert (order["total"], order["tax_lines"]) == ("9.90", [])


def test_meta_changes_its_type_at_the_top_only(call: Caller) -> None:
    values: list[Any] = [True, 0, {"a": [1, {}]}, {}, None]
    order = post(call, meta_data=[{"key": str(at), "value": value} for at, value in enumerate(values)])

    assert [row["value"] for row in order["meta_data"]] == ["1", "0", {"a": [1, {}]}, []]


def test_an_order_shows_the_present_sku_and_nothing_of_a_deleted_product(call: Caller) -> None:
    product = call("POST", "products", {"name": "Neu", "sku": "ALT", "regular_price": "5"}).json["id"]
    order = post(call, line_items=[{"product_id": product, "quantity": 1}])
    date = order["date_modified_gmt"]

    assert call("PUT", f"products/{product}", {"sku": "NEU"}).status == 200
    assert call("GET", f"orders/{order['id']}").json["line_items"][0]["sku"] == "NEU"

    call("DELETE", f"products/{product}", force="true")
    after = call("GET", f"orders/{order['id']}").json
    line = after["line_items"][0]
    assert (line["product_id"], line["sku"], line["name"], line["total"]) == (0, None, "Neu", "5.00")
    assert after["date_modified_gmt"] == date


def test_a_deleted_customer_leaves_orders_of_a_guest(call: Caller) -> None:
    customer = call("POST", "customers", {"email": "weg@example.com"}).json["id"]
    order = post(call, customer_id=customer)

    call("DELETE", f"customers/{customer}", force="true")

    after = call("GET", f"orders/{order['id']}").json
    assert (after["customer_id"], after["date_modified_gmt"]) == (0, order["date_modified_gmt"])


def test_skus_are_cleaned_and_found_whatever_their_case_accents_and_sharp_s(call: Caller) -> None:
    body = {"name": "x\\y", "sku": "  Größe%20<b>1</b>  ä ", "regular_price": "1"}
    product = call("POST", "products", body).json

    assert (product["sku"], product["name"]) == ("Größe1 ä", "xy")
    found = call("GET", "products", sku="GROSSE1 A,nope").json
    assert [row["id"] for row in found] == [product["id"]]
    assert call("POST", "products", {"name": "z", "sku": "grosse1 a"}).code == "product_invalid_sku"


def test_a_variation_without_a_sku_shows_its_parents_in_lines(call: Caller) -> None:
    parent = call("POST", "products", {"name": "Kleid", "type": "variable", "sku": "KLEID"}).json["id"]
    given = {"attributes": [{"name": "Größe", "option": "S"}], "regular_price": "3"}
    variation = call("POST", f"products/{parent}/variations", given).json["id"]

    order = post(call, line_items=[{"product_id": parent, "variation_id": variation, "quantity": 1}])

    line = order["line_items"][0]
    assert (line["sku"], line["name"], line["parent_name"]) == ("KLEID", "Kleid - S", "Kleid")


def test_batches_are_not_checked_but_single_writes_are(call: Caller) -> None:
    order = post(call, set_paid=True)

    assert call("PUT", f"orders/{order['id']}", {"status": "shipped"}).status == 400
    batch = call("POST", "orders/batch", {"update": [{"id": order["id"], "status": "shipped"}]})
    assert (batch.status, batch.json["update"][0]["status"]) == (200, "pending")


def test_half_cents_can_make_the_lines_a_cent_dearer_than_the_total(control: Control, call: Caller) -> None:
    ids = control.place_orders(20, lives={"paid_at_once": 1}, rounding=1.0)

    orders = [call("GET", f"orders/{ident}").json for ident in ids]
    off = {Decimal(order["total"]) - _lines_and_all(order) for order in orders if not order["prices_include_tax"]}
    assert off == {Decimal("-0.01")}


def _lines_and_all(order: Any) -> Decimal:
    rows = [*order["line_items"], *order["shipping_lines"], *order["fee_lines"]]
    return sum((Decimal(row["total"]) + Decimal(row["total_tax"]) for row in rows), Decimal(0))


def test_made_up_orders_cost_here_what_their_makers_reckon(control: Control, call: Caller) -> None:
    profile, mix = PROFILES["eu"], mix_of(0.0, {"paid_at_once": 1}, rounding=0.0)
    first = len([row for row in control.books().placed if row.life])
    ids = control.place_orders(60, lives={"paid_at_once": 1}, rounding=0.0)

    for at, ident in enumerate(ids):
        plan = make_order(7, first + at, profile=_without_tax(profile), mix=mix)
        order = call("GET", f"orders/{ident}").json
        assert (Decimal(order["total"]), Decimal(order["total_tax"])) == (plan.total, plan.totals.total_tax)
        assert adds_up(order)


def _without_tax(profile: Any) -> Any:
    import msgspec  # noqa: PLC0415 - of use here alone

    return msgspec.structs.replace(profile, with_tax_share=0.0)


def test_planted_problems_are_in_the_orders_and_in_the_books(control: Control, call: Caller) -> None:
    codes = ("sku_unmapped", "line_without_product", "totals_disagree", "negative_fee")
    for code in codes:
        (ident,) = control.place_orders(1, plant={code: 1.0}, lives={"paid_at_once": 1})
        order = call("GET", f"orders/{ident}").json
        (row,) = [row for row in control.books().placed if row.id == ident]

        assert (row.planted, row.expect) == (code, "case")
        signs = {
            "sku_unmapped": any(str(line["sku"]).startswith("NEU-") for line in order["line_items"]),
            "line_without_product": any(line["product_id"] == 0 for line in order["line_items"]),
            "totals_disagree": not adds_up(order),
            "negative_fee": any(Decimal(fee["total"]) < 0 for fee in order["fee_lines"]),
        }
        assert [name for name, there in signs.items() if there] == [code]


@pytest.mark.parametrize(
    ("options", "total", "tax", "line"),
    [
        ({"currency": "JPY", "decimals": 0}, "37", "6", "31"),
        ({"currency": "KWD", "decimals": 3}, "36.950", "5.900", "31.050"),
        ({"prices_include_tax": True}, "31.05", "4.96", "26.09"),
        ({"currency": "GBP", "time_zone": "Europe/London"}, "37.26", "6.21", "31.05"),
        ({"currency": "USD"}, "31.05", "0.00", "31.05"),
    ],
)
def test_a_store_rounds_and_taxes_by_its_own_settings(
    tmp_path: Path, options: dict[str, Any], total: str, tax: str, line: str
) -> None:
    with running_store(tmp_path, queue_seconds="never", **options) as (place, _):
        call = Caller(place)
        order = post(call, line_items=[{"product_id": MUG, "quantity": 3, "subtotal": "31.05", "total": "31.05"}])
        if options.get("prices_include_tax"):
            order = _priced(call, "10.35")

        assert (order["total"], order["total_tax"], order["line_items"][0]["total"]) == (total, tax, line)
        status = call("GET", "system_status").json["settings"]
        assert status["number_of_decimals"] == options.get("decimals", 2)


def _priced(call: Caller, price: str) -> Any:
    assert call("PUT", f"products/{MUG}", {"regular_price": price}).status == 200
    return post(call, line_items=[{"product_id": MUG, "quantity": 3}])


@pytest.mark.parametrize(("at_subtotal", "tax"), [(False, "0.63"), (True, "0.64")])
def test_a_store_rounds_taxes_by_line_or_once(tmp_path: Path, at_subtotal: bool, tax: str) -> None:  # noqa: FBT001
    lines = [{"product_id": MUG, "quantity": 1, "subtotal": "1.13", "total": "1.13"}] * 3
    with running_store(tmp_path, queue_seconds="never", round_at_subtotal=at_subtotal) as (place, _):
        order = post(Caller(place), line_items=lines)

        exact = Caller(place)("GET", f"orders/{order['id']}", dp=4).json

    assert (order["total_tax"], order["total"]) == (tax, str(Decimal("3.39") + Decimal(tax)))
    assert [line["total_tax"] for line in order["line_items"]] == ["0.21"] * 3
    assert {line["total_tax"] for line in exact["line_items"]} == {"0.2147" if at_subtotal else "0.2100"}

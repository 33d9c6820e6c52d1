"""Made-up orders add up, look like the recorded ones and are the same for the same seed."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.woocommerce.mapping import order_from_body
from retailhub.sandbox.feeder import (
    PLANTS,
    generate,
    known_products,
    mix_of,
    prebuilt,
)
from retailhub.sandbox.feeder.bodies import encode
from retailhub.sandbox.feeder.products import product_json
from retailhub.sandbox.store.lifelike.catalogue import BY_ID, COUPONS, KNOWN, PROFILES, rates_for
from retailhub.sandbox.store.lifelike.lives import LIVES
from retailhub.sandbox.store.lifelike.pricing import add_up, price_charge, price_line, spread_discount
from tests.sandbox.feeder.support import (
    CENT,
    NOON,
    PAYLOADS,
    SECRET,
    SITE,
    assert_signed,
    bodies_of,
    last_of,
    money,
    recorded_answer,
    recorded_bodies,
)


@pytest.mark.parametrize("store", ["eu", "uk", "us"])
def test_every_order_adds_up_when_its_sums_are_computed_anew(store: str) -> None:
    remainders: Counter[Decimal] = Counter()
    for plan in generate(11, 400, profile=PROFILES[store]):
        order = last_of(plan)
        lines, fees, shipping = order["line_items"], order["fee_lines"], order["shipping_lines"]
        for row in lines:
            assert Decimal(row["total_tax"]) == money(row["taxes"], "total")
            assert Decimal(row["subtotal_tax"]) == money(row["taxes"], "subtotal")
            exact = Decimal(str(row["price"])) * row["quantity"]
            assert abs(exact - Decimal(row["total"])) < Decimal("0.00501")
        for tax in order["tax_lines"]:
            shares = [t for row in lines + fees for t in row["taxes"] if t["id"] == tax["rate_id"]]
            assert Decimal(tax["tax_total"]) == money(shares, "total")
            shares = [t for row in shipping for t in row["taxes"] if t["id"] == tax["rate_id"]]
            assert Decimal(tax["shipping_tax_total"]) == money(shares, "total")
        assert Decimal(order["cart_tax"]) == money(order["tax_lines"], "tax_total")
        assert Decimal(order["shipping_tax"]) == money(order["tax_lines"], "shipping_tax_total")
        assert Decimal(order["total_tax"]) == Decimal(order["cart_tax"]) + Decimal(order["shipping_tax"])
        assert Decimal(order["shipping_total"]) == money(shipping, "total")
        assert Decimal(order["discount_total"]) == money(lines, "subtotal") - money(lines, "total")
        assert Decimal(order["discount_tax"]) == money(lines, "subtotal_tax") - money(lines, "total_tax")
        assert money(order["coupon_lines"], "discount") == Decimal(order["discount_total"])
        shown = money(lines, "total") + money(fees, "total") + money(shipping, "total")
        off = Decimal(order["total"]) - shown - Decimal(order["total_tax"])
        assert (off >= 3) if plan.planted == "totals_disagree" else (off == plan.totals.remainder)
        assert Decimal(order["total"]) > 0
        remainders[plan.totals.remainder] += 1
    assert set(remainders) <= {Decimal(0), -CENT}
    assert remainders[-CENT] > 0


def test_taxes_of_each_line_are_those_of_its_rates_within_the_cent_that_is_not_shown() -> None:
    compound = 0
    for plan in generate(12, 400):
        order = json.loads(bodies_of(plan)[0])
        percent = {row["rate_id"]: Decimal(str(row["rate_percent"])) for row in order["tax_lines"]}
        for row in order["line_items"]:
            base, plain = Decimal(row["total"]), Decimal(0)
            for share in row["taxes"]:
                is_compound = share["id"] == 4
                exact = (base + plain if is_compound else base) * percent[share["id"]] / 100
                plain += 0 if is_compound else exact
                compound += is_compound
                assert abs(exact - Decimal(share["total"])) <= CENT
    assert compound > 0


def test_carts_are_priced_as_the_recorded_ones_were() -> None:
    """Order 148: a percent coupon, two rates, a line without tax, a fee."""
    by_price = {
        "9.90": BY_ID[11],
        "19.95": BY_ID[13],
        "19.99": next(row for row in KNOWN if row.sku == "HEMD-M-ROT"),
        "25.00": BY_ID[60],
    }
    cart = list(zip(by_price.values(), (3, 1, 2, 1), strict=True))
    taken = spread_discount(COUPONS[0], cart)
    assert [str(row) for row in taken] == ["2.97", "1.99", "3.99", "2.51"]
    lines = [
        price_line(
            product,
            quantity,
            rates_for("DE", "", product.tax_class) if product.taxable else (),
            with_tax=False,
            discount=discount,
        )
        for (product, quantity), discount in zip(cart, taken, strict=True)
    ]
    rates = rates_for("DE", "", "")
    shipping = [price_charge("DHL Paket", Decimal("4.90"), rates, with_tax=False)]
    fees = [price_charge("Geschenkverpackung", Decimal("2.50"), rates, with_tax=False)]
    totals = add_up(lines, shipping, fees)
    assert (str(totals.total), str(totals.total_tax), str(totals.cart_tax)) == ("125.16", "14.59", "13.66")
    assert (str(totals.discount_total), str(totals.discount_tax)) == ("11.46", "1.46")
    assert [(rate.id, str(tax), str(other)) for rate, tax, other in totals.by_rate] == [
        (1, "12.40", "0.93"),
        (2, "1.26", "0.00"),
    ]


def test_compound_rates_and_prices_with_tax_are_counted_as_recorded() -> None:
    """Orders 152 (two rates, the second compound) and 340 (prices entered with tax)."""
    rates, quebec = rates_for("DE", "", ""), rates_for("CA", "QC", "")
    mug, third = BY_ID[11], next(row for row in KNOWN if row.sku == "DRITTEL")
    totals = add_up(
        [price_line(mug, 3, quebec, with_tax=False), price_line(third, 3, quebec, with_tax=False)],
        [price_charge("International", Decimal("15.00"), quebec, with_tax=False)],
        [],
    )
    assert (str(totals.total), str(totals.cart_tax), str(totals.shipping_tax)) == ("52.77", "4.75", "2.32")
    gross = type(mug)(mug.id, mug.sku, mug.name, Decimal("10.50"))
    line = price_line(gross, 3, rates, with_tax=True)
    assert (float(line.total / 3), str(line.total_tax)) == (8.823529333333333, "5.03")
    assert str(add_up([line], [], []).total) == "31.50"


def shapes_of(value: Any, path: str, found: dict[str, set[Any]]) -> None:
    """Collects the key tuples of objects and the types of values, by path; list items share a path."""
    if path.endswith("meta_data[].value"):
        return
    if isinstance(value, dict):
        found.setdefault(path, set()).add(tuple(value))
        for name, item in value.items():
            shapes_of(item, f"{path}.{name}", found)
    elif isinstance(value, list):
        for item in value:
            shapes_of(item, f"{path}[]", found)
    else:
        found.setdefault(path, set()).add(type(value).__name__)


def test_generated_orders_have_the_recorded_keys_in_the_recorded_order_and_the_recorded_types() -> None:
    recorded: dict[str, set[Any]] = {}
    for body in recorded_bodies():
        shapes_of(json.loads(body), "", recorded)
    shapes_of(recorded_answer("err_400_line_item_unknown_product"), "", recorded)
    made: dict[str, set[Any]] = {}
    weights = {life.name: 1 for life in LIVES if life.name != "deleted_unseen"}
    for plan in generate(13, 600, mix=mix_of(0.2, weights)):
        for body in bodies_of(plan):
            shapes_of(json.loads(body), "", made)
    for path, shapes in made.items():
        assert shapes <= recorded[path], path
    never_made = {path for path in recorded if path not in made and ".refunds" not in path}
    assert never_made == set()


def test_recorded_bodies_are_written_anew_byte_for_byte() -> None:
    bodies = recorded_bodies()
    assert len(bodies) == 80
    for body in bodies:
        assert encode(json.loads(body)) == body


def test_products_have_the_recorded_keys_in_the_recorded_order() -> None:
    simple = product_json(BY_ID[11], site=SITE, symbol="€")
    assert list(simple) == list(recorded_answer("product_get_simple"))
    variation = product_json(BY_ID[71], site=SITE, symbol="€")
    recorded = recorded_answer("variation_get_by_products")
    assert list(variation) == list(recorded)
    assert list(variation["_links"]) == list(recorded["_links"])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() -> None:
    first = [bodies_of(plan) for plan in generate(7, 60)]
    assert [bodies_of(plan) for plan in generate(7, 60)] == first
    assert [bodies_of(plan) for plan in generate(7, 10, first=50)] == first[50:]
    assert [bodies_of(plan) for plan in generate(8, 60)] != first


def test_orders_are_of_all_sorts() -> None:
    plans = list(generate(7, 3000))
    assert len({plan.id for plan in plans}) == 3000
    assert [plan.id for plan in plans] == sorted(plan.id for plan in plans)
    assert {plan.method for plan in plans} == {"bacs", "cod", "stripe", "paypal"}
    assert {plan.channel for plan in plans} == {"rest-api", "checkout", "store-api"}
    assert {len(plan.lines) for plan in plans} == {1, 2, 3, 4, 5, 6}
    assert {plan.person.place.country for plan in plans} == {"DE", "FR", "GB", "US", "CA"}
    assert {plan.coupon.kind for plan in plans if plan.coupon} == {"percent", "fixed_cart"}
    assert {plan.with_tax for plan in plans} == {True, False}
    assert any(not fee.taxable for plan in plans for fee in plan.fees)
    assert 0.83 < sum(plan.eligible for plan in plans) / 3000 < 0.87
    planted = Counter(plan.planted for plan in plans if plan.planted)
    assert set(planted) == set(PLANTS)
    assert 0.03 < planted.total() / 3000 < 0.05
    guests = Counter(plan.person.email for plan in plans if plan.person.id == 0)
    assert guests.most_common(1)[0][1] > 3
    assert {plan.person.id for plan in plans if plan.person.email.startswith("kunde")} > {2, 3}


def test_a_planted_order_has_exactly_its_own_problem_and_comes_to_where_it_may_be_posted() -> None:
    unknown = set(known_products()["unmapped"])
    seen: Counter[str | None] = Counter()
    for plan in generate(14, 600, mix=mix_of(0.5)):
        order = last_of(plan)
        shown = sum((money(order[rows], "total") for rows in ("line_items", "fee_lines", "shipping_lines")), CENT * 0)
        problems = {
            "sku_unmapped": any(row["sku"] in unknown for row in order["line_items"]),
            "line_without_product": any(row["product_id"] == 0 for row in order["line_items"]),
            "totals_disagree": abs(Decimal(order["total"]) - shown - Decimal(order["total_tax"])) > CENT,
            "negative_fee": any(Decimal(row["total"]) < 0 for row in order["fee_lines"]),
        }
        assert {code for code, present in problems.items() if present} == ({plan.planted} - {None})
        if plan.planted:
            assert order["status"] in ("processing", "completed")
        seen[plan.planted] += 1
    assert min(seen[code] for code in PLANTS) > 40


def test_only_what_is_asked_for_is_planted_and_unknown_names_are_refused() -> None:
    mix = mix_of({"sku_unmapped": 1.0})
    assert {plan.planted for plan in generate(1, 50, mix=mix)} == {"sku_unmapped"}
    assert {plan.planted for plan in generate(1, 50, mix=mix_of(0.0))} == {None}
    with pytest.raises(ValueError, match="Nothing called typo"):
        mix_of({"typo": 0.5})
    with pytest.raises(ValueError, match="no life called typo"):
        mix_of(0.0, {"typo": 1})


def test_a_new_order_is_told_as_created_and_updated_and_by_the_block_checkout_the_other_way_round() -> None:
    seen = Counter[tuple[str, tuple[str, ...]]]()
    for plan in generate(15, 400, mix=mix_of(0.0, {"paid_at_once": 3, "refused": 1})):
        seen[plan.channel if plan.life.name == "paid_at_once" else "refused", plan.steps[0].topics] += 1
    assert set(seen) == {
        ("rest-api", ("order.created", "order.updated")),
        ("checkout", ("order.created", "order.updated")),
        ("store-api", ("order.updated", "order.created")),
        ("refused", ("order.updated",)),
    }


def test_merged_changes_show_only_the_last_state() -> None:
    mix = mix_of(0.0, {"completed_unseen": 1})
    (plan,) = generate(3, 1, mix=mix)
    (body,) = bodies_of(plan)
    order = json.loads(body)
    assert len(plan.steps[0].changes) == 3
    assert order["status"] == "completed"
    assert order["date_created_gmt"] == "2026-11-23T12:00:00"
    assert order["date_modified_gmt"] == "2026-11-23T12:00:02"
    assert order["date_modified"] == "2026-11-23T13:00:02"


def test_an_order_deleted_before_its_delivery_is_told_as_the_recorded_error() -> None:
    (plan,) = generate(3, 1, mix=mix_of(0.0, {"deleted_unseen": 1}))
    recorded = next((PAYLOADS / "webhooks").glob("080-*.body")).read_bytes()
    assert bodies_of(plan) == [recorded]


def test_generated_bodies_can_be_read_by_the_connector() -> None:
    for plan in generate(16, 200):
        order = order_from_body(bodies_of(plan)[0])
        assert order.order_ref == str(plan.id)
        assert order.total == plan.total
        assert order.created_at == NOON


def test_prebuilt_deliveries_are_signed_and_of_the_wanted_size() -> None:
    ready = prebuilt(40, secret=SECRET, host="127.0.0.1:1", now=NOON)
    sizes = Counter(len(body) for _, body in ready)
    assert sizes[6144] >= 30
    assert len({json.loads(body)["id"] for _, body in ready}) == 40
    for headers, body in ready:
        assert_signed(headers, body)

"""Made-up orders are of all sorts, priced as the recorded ones were, and the same for the same seed."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import msgspec
import pytest

from retailhub.sandbox.store.lifelike.catalogue import BY_ID, COUPONS, KNOWN, PROFILES, known_products, rates_for
from retailhub.sandbox.store.lifelike.lives import Expect
from retailhub.sandbox.store.lifelike.orders import PLANTS, Mix, OrderPlan, make_order, mix_of
from retailhub.sandbox.store.lifelike.pricing import add_up, price_charge, price_line, spread_discount


def plans_of(seed: int, count: int, *, first: int = 0, store: str = "eu", mix: Mix | None = None) -> list[OrderPlan]:
    used = mix or mix_of()
    return [make_order(seed, index, profile=PROFILES[store], mix=used) for index in range(first, first + count)]


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


def test_the_same_seed_gives_the_same_orders_and_another_seed_gives_others() -> None:
    first = [msgspec.json.encode(plan) for plan in plans_of(7, 60)]

    assert [msgspec.json.encode(plan) for plan in plans_of(7, 60)] == first
    assert [msgspec.json.encode(plan) for plan in plans_of(7, 10, first=50)] == first[50:]
    assert [msgspec.json.encode(plan) for plan in plans_of(8, 60)] != first


def test_orders_are_of_all_sorts() -> None:
    plans = plans_of(7, 3000)

    assert {plan.method for plan in plans} == {"bacs", "cod", "stripe", "paypal"}
    assert {plan.channel for plan in plans} == {"rest-api", "checkout", "store-api"}
    assert {len(plan.lines) for plan in plans} == {1, 2, 3, 4, 5, 6}
    assert {plan.person.place.country for plan in plans} == {"DE", "FR", "GB", "US", "CA"}
    assert {plan.coupon.kind for plan in plans if plan.coupon} == {"percent", "fixed_cart"}
    assert {plan.with_tax for plan in plans} == {True, False}
    assert any(not fee.taxable for plan in plans for fee in plan.fees)
    assert 0.83 < sum(plan.life.expect is Expect.POSTED for plan in plans) / 3000 < 0.87
    assert all(plan.total >= 0 for plan in plans)
    planted = Counter(plan.planted for plan in plans if plan.planted)
    assert set(planted) == set(PLANTS)
    assert 0.03 < planted.total() / 3000 < 0.05
    guests = Counter(plan.person.email for plan in plans if plan.person.id == 0)
    assert guests.most_common(1)[0][1] > 3
    assert {plan.person.id for plan in plans if plan.person.email.startswith("kunde")} > {2, 3}


def test_nobody_shops_in_two_of_the_stores() -> None:
    people = [{plan.person.email for plan in plans_of(7, 300, store=store)} for store in ("eu", "uk", "us")]
    phones = [{plan.person.phone for plan in plans_of(7, 300, store=store)} for store in ("eu", "uk", "us")]

    for who in (people, phones):
        assert len(who[0] | who[1] | who[2]) == sum(len(each) for each in who)


def test_a_planted_order_comes_to_where_it_may_be_posted_and_waits_for_a_case() -> None:
    plans = plans_of(14, 600, mix=mix_of(0.5))
    unknown = set(known_products()["unmapped"])

    for plan in plans:
        assert any(line.product.sku in unknown for line in plan.lines) == (plan.planted == "sku_unmapped")
        assert (plan.total != plan.totals.total) == (plan.planted == "totals_disagree")
        assert any(fee.total < 0 for fee in plan.fees) == (plan.planted == "negative_fee")
        if plan.planted:
            assert (plan.expect, plan.life.expect) == (Expect.CASE, Expect.POSTED)
    seen = Counter(plan.planted for plan in plans)
    assert min(seen[code] for code in PLANTS) > 40


def test_only_what_is_asked_for_is_planted_and_unknown_names_are_refused() -> None:
    assert {plan.planted for plan in plans_of(1, 50, mix=mix_of({"sku_unmapped": 1.0}))} == {"sku_unmapped"}
    assert {plan.planted for plan in plans_of(1, 50, mix=mix_of(0.0))} == {None}
    with pytest.raises(ValueError, match="Nothing called typo"):
        mix_of({"typo": 0.5})
    with pytest.raises(ValueError, match="no life called typo"):
        mix_of(0.0, {"typo": 1})


def test_an_erp_of_these_stores_knows_all_they_sell_but_the_novelties() -> None:
    told = known_products()
    skus = [row["sku"] for row in told["products"]]

    assert len(skus) == len(set(skus)) >= 55
    assert told["unmapped"] == ["NEU-2041", "NEU-2042", "NEU-2043"]
    assert not set(told["unmapped"]) & set(skus)
    assert set(skus) | set(told["unmapped"]) == {row.sku for row in BY_ID.values()}

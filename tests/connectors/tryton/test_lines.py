"""The lines of a sale add up, in Tryton's arithmetic, to the order's total; else nothing is sent."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.connectors.tryton import amounts
from integrations.connectors.tryton.amounts import Priced, Tax
from integrations.connectors.tryton.config import Settings
from integrations.connectors.tryton.lines import Facts, PlannedLine, check_amounts, parts, plan_lines
from integrations.connectors.tryton.schemas import Coded, CurrencyRow, ProductRow, SaleRow
from integrations.connectors.woocommerce.mapping import order_from_body
from integrations.ports.documents import SalesLine, SalesLineKind, SalesOrder, SalesTax
from integrations.ports.errors import Misconfigured, Rejected
from orders.policies.posting import sales_order
from tests.connectors.tryton.build import goods, order, shipping, simple, tax
from tests.connectors.tryton.recorded import recording
from tests.support import recordings

CENT = Decimal("0.01")
SETTINGS = Settings(url="https://erp.example.com/shop", web_shop="woo")
STANDARD = Tax(1, Decimal("0.19"), 10, raises_base=False)
REDUCED = Tax(2, Decimal("0.07"), 10, raises_base=False)
LOWER = Tax(3, Decimal("0.05"), 1, raises_base=True)
UPPER = Tax(4, Decimal("0.09975"), 20, raises_base=False)
FACTS = Facts(
    company=1,
    shop=1,
    warehouse=5,
    currencies={
        "EUR": CurrencyRow(id=1, code="EUR", rounding=CENT),
        "JPY": CurrencyRow(id=2, code="JPY", rounding=Decimal(1)),
    },
    countries={"PT": 1},
    taxes=(STANDARD, REDUCED, LOWER, UPPER),
    rounds_tax_per_line=False,
    has_shipment_cost=False,
)
PRODUCTS = {
    code: ProductRow(id=number, code=code, name=code, active=True, salable=True, sale_uom=1, template=number)
    for number, code in enumerate(("SHIPPING", "FEE", "ROUNDING", "SKU-1", "SKU-2"), start=1)
}


def plan(document: SalesOrder, facts: Facts = FACTS, settings: Settings = SETTINGS) -> tuple[PlannedLine, ...]:
    return plan_lines(document, facts=facts, products=PRODUCTS, settings=settings)


def total(lines: tuple[PlannedLine, ...], facts: Facts = FACTS) -> Decimal:
    return amounts.total([line.priced for line in lines], step=CENT, per_line=facts.rounds_tax_per_line)


def test_goods_and_shipping_become_lines_with_tax() -> None:
    lines = plan(simple("WC-eu-1"))
    assert [(line.product, line.priced) for line in lines] == [
        (4, Priced(Decimal(2), Decimal("10.0000"), (STANDARD,))),
        (1, Priced(Decimal(1), Decimal("4.9000"), (STANDARD,))),
    ]


def test_a_net_that_no_price_of_four_decimals_makes_keeps_the_quantity_and_is_rounded_in_a_line() -> None:
    document = order("WC-eu-1", [goods("SKU-1", "700", "100.00")])
    lines = plan(document)
    assert lines[0].priced == Priced(Decimal(700), Decimal("0.1429"))
    assert lines[1].product == 3
    assert lines[1].priced == Priced(Decimal(1), Decimal("-0.03"))
    assert total(lines) == document.total == Decimal("100.00")


def test_a_shop_that_rounds_tax_per_line_differs_by_a_rounding_line() -> None:
    document = order("WC-eu-1", [goods("SKU-1", "1", "0.13", "19") for _ in range(3)])
    assert document.total == Decimal("0.45")
    lines = plan(document)
    assert lines[3].priced == Priced(Decimal(1), Decimal("-0.01"))
    assert total(lines) == document.total


def test_a_company_that_rounds_tax_per_line_too_needs_no_rounding_line() -> None:
    document = order("WC-eu-1", [goods("SKU-1", "1", "0.13", "19") for _ in range(3)])
    assert len(plan(document, dataclasses.replace(FACTS, rounds_tax_per_line=True))) == 3


def test_a_difference_above_the_limit_is_refused_before_anything_is_sent() -> None:
    document = msgspec.structs.replace(simple("WC-eu-1"), total=Decimal("29.69"))
    with pytest.raises(Rejected) as caught:
        plan(document)
    assert caught.value.code == "amount_differs"
    assert caught.value.evidence == {
        "order_total": "29.69",
        "erp_total": "29.63",
        "difference": "-0.06",
        "currency": "EUR",
    }


def test_an_amount_that_the_currency_cannot_hold_is_refused() -> None:
    lines = [goods("SKU-1", "1", "1500.02")]
    document = msgspec.structs.replace(order("WC-eu-1", lines), currency="JPY")
    with pytest.raises(Rejected) as caught:
        plan(document)
    assert caught.value.code == "amount_differs"


def test_a_compound_tax_lies_on_top_of_the_tax_that_raises_its_base() -> None:
    net = Decimal("29.70")
    lower = tax(net, "5")
    line = msgspec.structs.replace(
        goods("SKU-1", "3", "29.70"),
        taxes=(lower, tax(net, "9.975", compound=True, on_top=lower.amount)),
    )
    document = order("WC-eu-1", [line])
    assert document.total == Decimal("34.30")
    lines = plan(document)
    assert lines[0].priced.taxes == (LOWER, UPPER)
    assert total(lines) == document.total


@pytest.mark.parametrize(
    ("line", "code", "evidence"),
    [
        (goods("NO-SUCH", "1", "1.00"), "unknown_item", {"item_code": "NO-SUCH", "line": "Thing NO-SUCH"}),
        (goods("SKU-1", "1", "1.00", "21"), "unknown_tax", {"percent": "21", "compound": "false"}),
        (goods("SKU-1", "0", "0.00"), "bad_quantity", {"quantity": "0", "line": "Thing SKU-1"}),
    ],
)
def test_what_tryton_lacks_is_named(line: SalesLine, code: str, evidence: dict[str, str]) -> None:
    with pytest.raises(Rejected) as caught:
        plan(order("WC-eu-1", [line]))
    assert caught.value.code == code
    assert caught.value.evidence == evidence


def test_a_currency_that_tryton_lacks_is_named() -> None:
    with pytest.raises(Rejected) as caught:
        plan(msgspec.structs.replace(simple("WC-eu-1"), currency="CHF"))
    assert (caught.value.code, caught.value.evidence) == ("unknown_currency", {"currency": "CHF"})


def test_two_taxes_of_one_percent_are_a_setting_that_is_missing() -> None:
    twin = dataclasses.replace(STANDARD, id=9)
    facts = dataclasses.replace(FACTS, taxes=(STANDARD, twin))
    with pytest.raises(Misconfigured) as caught:
        plan(simple("WC-eu-1"), facts)
    assert caught.value.evidence["field"] == "taxes"
    chosen = msgspec.structs.replace(SETTINGS, taxes={"19": 9})
    assert plan(simple("WC-eu-1"), facts, chosen)[0].priced.taxes == (twin,)


def test_a_discount_spread_over_two_rates_becomes_a_line_for_each() -> None:
    spread = (
        SalesTax(percent=Decimal(19), amount=Decimal("-1.90")),
        SalesTax(percent=Decimal(7), amount=Decimal("-0.35")),
    )
    fee = SalesLine(
        kind=SalesLineKind.FEE, item_code="", name="Voucher", quantity=Decimal(1), net=Decimal("-15.00"), taxes=spread
    )
    lines = [goods("SKU-1", "1", "20.00", "19"), goods("SKU-2", "1", "10.00", "7"), fee]
    document = order("WC-eu-1", lines)
    planned = plan(document)
    assert [(line.product, line.priced.unit_price, line.priced.taxes) for line in planned[2:]] == [
        (2, Decimal("-10.0000"), (STANDARD,)),
        (2, Decimal("-5.0000"), (REDUCED,)),
    ]
    assert total(planned) == document.total
    check_amounts(document, row(document, lines=4))


def test_a_charge_with_two_taxes_on_the_whole_of_it_stays_one_line() -> None:
    charge = shipping("10.00", "19", "7")
    assert parts(charge) == (charge,)


def row(document: SalesOrder, *, lines: int, total: str = "", currency: str = "EUR") -> SaleRow:
    return SaleRow(
        id=7,
        web_id=document.reference,
        number=None,
        state="draft",
        total_amount=Decimal(total or document.total),
        lines=tuple(range(lines)),
        currency=Coded(id=1, code=currency),
        last_modified_at=None,
    )


@pytest.mark.parametrize(
    ("lines", "total", "currency"),
    [(2, "29.62", "EUR"), (2, "", "USD"), (1, "", "EUR"), (4, "", "EUR")],
)
def test_a_sale_of_another_total_currency_or_length_is_not_the_orders(lines: int, total: str, currency: str) -> None:
    document = simple("WC-eu-1")
    check_amounts(document, row(document, lines=2))
    check_amounts(document, row(document, lines=3))
    with pytest.raises(Rejected) as caught:
        check_amounts(document, row(document, lines=lines, total=total, currency=currency))
    assert caught.value.code == "amount_differs"


def test_the_recorded_sale_is_computed_to_the_cent() -> None:
    recorded = recording("04-sale-030")["request"]["body"]["params"][0][0]["lines"][0][1]
    standard = Tax(1, Decimal("0.23"), None, raises_base=False)
    lines = [
        Priced(Decimal(str(line["quantity"])), Decimal(line["unit_price"]["decimal"]), (standard,)) for line in recorded
    ]
    answer = recording("04-sale-034")["response"]["body"]["result"][0]
    assert amounts.tax_total(lines, step=CENT, per_line=False) == Decimal(answer["tax_amount"]["decimal"])
    assert amounts.total(lines, step=CENT, per_line=False) == Decimal(answer["total_amount"]["decimal"])


def test_taxes_that_vanish_one_by_one_but_not_together_are_refused_because_tryton_never_ends() -> None:
    line = Priced(Decimal(1), Decimal("0.04"), (dataclasses.replace(STANDARD, rate=Decimal("0.1")), REDUCED))
    with pytest.raises(amounts.TooSmallToRound):
        amounts.total([line], step=CENT, per_line=False)


prices = st.integers(-5_000, 200_000).map(lambda cents: Decimal(cents) / 100)
rates = st.lists(st.sampled_from(["19", "7"]), max_size=1)


@given(
    st.lists(st.tuples(st.integers(1, 12), prices, rates), min_size=1, max_size=12),
    st.booleans(),
)
def test_whatever_is_planned_has_the_orders_total(
    drawn: list[tuple[int, Decimal, list[str]]],
    per_line: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    lines = [goods("SKU-1", str(quantity), str(net), *percents) for quantity, net, percents in drawn]
    document = order("WC-eu-1", lines)
    facts = dataclasses.replace(FACTS, rounds_tax_per_line=per_line)
    generous = msgspec.structs.replace(SETTINGS, rounding_limit=Decimal("0.50"))
    assert total(plan(document, facts, generous), facts) == document.total


def test_every_recorded_order_of_the_store_fits_tryton_to_the_minor_unit() -> None:
    """Discounts, fees, compound taxes, yen with decimals: what a real store sent."""
    facts = dataclasses.replace(FACTS, currencies={**FACTS.currencies, "USD": FACTS.currencies["EUR"]})
    orders = [order_from_body(delivery.body) for delivery in recordings.deliveries() if b'"order_key"' in delivery.body]
    assert len(orders) > 50
    for recorded in orders:
        codes = {line.sku or "": line.sku or "" for line in recorded.lines}
        document = sales_order(recorded, reference="WC-eu-1", store="eu", customer_key="cus_1", item_codes=codes)
        products = {**PRODUCTS, **{code: msgspec.structs.replace(PRODUCTS["SKU-1"], code=code) for code in codes}}
        lines = plan_lines(document, facts=facts, products=products, settings=SETTINGS)
        step = facts.currencies[document.currency].rounding
        planned = amounts.total([line.priced for line in lines], step=step, per_line=False)
        assert planned == recorded.total, recorded.order_ref

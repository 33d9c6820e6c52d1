"""Which status a store may be shown, and what of a refund is refused: rules, without a database."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from msgspec import structs

from integrations.connectors.woocommerce import webhooks
from integrations.ports.documents import Order, OrderLine, OrderStatus, RefundSummary, TaxShare
from integrations.ports.publications import RefundedPart
from integrations.ports.stores import Moment
from orders.policies.publication import (
    AskedPart,
    Promise,
    reached,
    refunded_parts,
    refuse_refund,
    refuse_status,
    wanted_status,
)
from orders.states import FulfilmentState, OrderState, PaymentState
from tests.support import recordings
from tests.support.lives import PAID

MAP = {
    Moment.PAID: "processing",
    Moment.ACCEPTED: "packing",
    Moment.PARTLY_SHIPPED: "part-sent",
    Moment.SHIPPED: "completed",
    Moment.DELIVERED: "delivered",
}
PATH = ["processing", "packing", "part-sent", "completed", "delivered"]
KNOWN = {"processing": OrderStatus.PROCESSING, "completed": OrderStatus.COMPLETED}


def recorded() -> Order:
    body = webhooks.decode(recordings.delivery(PAID).body, "order.updated")
    assert isinstance(body, webhooks.OrderBody)
    return body.order


def showing(status: str, canonical: OrderStatus | None = None) -> Order:
    return structs.replace(recorded(), source_status=status, status=canonical or KNOWN.get(status, OrderStatus.OTHER))


@pytest.mark.parametrize(("shown", "wanted"), list(product(PATH, PATH)))
def test_a_status_moves_forward_along_the_map_and_never_back(shown: str, wanted: str) -> None:
    refusal = refuse_status(wanted, shown=showing(shown), status_map=MAP)
    expected = {-1: "status_goes_back", 0: "already_shown", 1: ""}
    step = PATH.index(wanted) - PATH.index(shown)
    assert (refusal.code if refusal else "") == expected[max(-1, min(1, step))]


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (showing("pending", OrderStatus.PENDING), ""),
        (showing("on-hold", OrderStatus.ON_HOLD), ""),
        (showing("processing"), ""),
        (showing("completed"), "status_goes_back"),
        (showing("cancelled", OrderStatus.CANCELLED), "status_left_alone"),
        (showing("refunded", OrderStatus.REFUNDED), "status_left_alone"),
        (showing("failed", OrderStatus.FAILED), "status_left_alone"),
        (showing("trash", OrderStatus.TRASHED), "status_left_alone"),
        (showing("at-the-printer"), "status_left_alone"),
    ],
)
def test_from_where_an_order_steps_onto_a_map_that_does_not_name_its_status(shown: Order, code: str) -> None:
    refusal = refuse_status("sent", shown=shown, status_map={Moment.SHIPPED: "sent"})
    assert (refusal.code if refusal else "") == code


def test_a_status_that_is_not_on_the_map_is_not_set() -> None:
    refusal = refuse_status("lost", shown=showing("processing"), status_map=MAP)
    assert refusal is not None
    assert (refusal.code, "part-sent" in refusal.detail) == ("status_not_on_map", True)


def test_one_status_may_stand_for_several_moments() -> None:
    both = {Moment.PAID: "processing", Moment.ACCEPTED: "processing", Moment.SHIPPED: "completed"}
    assert wanted_status(both, frozenset({Moment.PAID, Moment.ACCEPTED})) == "processing"
    assert refuse_status("completed", shown=showing("processing"), status_map=both) is None


@pytest.mark.parametrize(
    ("order", "payment", "fulfilment", "status"),
    [
        (OrderState.RECEIVED, PaymentState.PENDING, FulfilmentState.OPEN, ""),
        (OrderState.RECEIVED, PaymentState.PAID, FulfilmentState.OPEN, "processing"),
        (OrderState.HELD, PaymentState.PARTLY_REFUNDED, FulfilmentState.OPEN, "processing"),
        (OrderState.ACCEPTED, PaymentState.PENDING, FulfilmentState.OPEN, "packing"),
        (OrderState.ACCEPTED, PaymentState.PAID, FulfilmentState.PARTLY_SHIPPED, "part-sent"),
        (OrderState.CLOSED, PaymentState.PAID, FulfilmentState.SHIPPED, "completed"),
        (OrderState.CLOSED, PaymentState.PAID, FulfilmentState.RETURNED, "completed"),
        (OrderState.CLOSED, PaymentState.PAID, FulfilmentState.DELIVERED, "delivered"),
        (OrderState.CANCELLED, PaymentState.PAID, FulfilmentState.SHIPPED, ""),
    ],
)
def test_the_last_moment_that_an_order_has_reached_says_what_is_shown(
    order: str, payment: str, fulfilment: str, status: str
) -> None:
    moments = reached(order_state=order, payment_state=payment, fulfilment_state=fulfilment)
    assert wanted_status(MAP, moments) == status


def line() -> OrderLine:
    """2 pieces for 10.00 without tax, taxed at two rates: 1.00 and 0.50."""
    return structs.replace(
        recorded().lines[0],
        line_ref="31",
        quantity=Decimal(2),
        total=Decimal("10.00"),
        total_tax=Decimal("1.50"),
        taxes=(TaxShare(rate_ref="1", amount=Decimal("1.00")), TaxShare(rate_ref="2", amount=Decimal("0.50"))),
    )


def order(*, refunded: str = "0") -> Order:
    refunds = (RefundSummary(refund_ref="9", amount=Decimal(refunded)),) if refunded != "0" else ()
    return structs.replace(recorded(), total=Decimal("11.50"), lines=(line(),), charges=(), refunds=refunds)


def part(ref: str = "31", quantity: str = "1", net: str = "5.00", tax: str = "0.75") -> AskedPart:
    return AskedPart(line_ref=ref, quantity=Decimal(quantity), net=Decimal(net), tax=Decimal(tax))


@pytest.mark.parametrize(
    ("amount", "parts", "code"),
    [
        ("11.50", [], ""),
        ("11.51", [], "refund_too_much"),
        ("0", [], "bad_amount"),
        ("-1.00", [], "bad_amount"),
        ("1.005", [], "bad_amount"),
        ("5.75", [part()], ""),
        ("11.50", [part(quantity="2", net="10.00", tax="1.50")], ""),
        ("5.00", [part()], "lines_disagree"),
        ("6.00", [part()], "lines_disagree"),
        ("5.75", [part("99")], "bad_line"),
        ("5.75", [part(quantity="3")], "bad_line"),
        ("10.01", [part(net="10.01", tax="0")], "bad_line"),
        ("6.51", [part(net="5.00", tax="1.51")], "bad_line"),
        ("11.50", [part(), part()], "bad_line"),
        ("5.75", [part(net="-5.00", tax="10.75")], "bad_amount"),
        ("5.75", [part(quantity="-1")], "bad_amount"),
    ],
)
def test_a_refund_gives_back_what_is_left_and_its_lines_say_what_for(
    amount: str, parts: list[AskedPart], code: str
) -> None:
    refusal = refuse_refund(order(), amount=Decimal(amount), parts=parts)
    assert (refusal.code if refusal else "") == code


def test_what_was_refunded_or_waits_to_be_cannot_be_refunded_again() -> None:
    known = order(refunded="4.00")
    assert refuse_refund(known, amount=Decimal("7.50"), parts=[]) is None
    assert refuse_refund(known, amount=Decimal("7.51"), parts=[]) is not None
    waits = [Promise(reference="WC-eu-1-F1", amount=Decimal("0.01"))]
    assert refuse_refund(known, amount=Decimal("7.50"), parts=[], promised=waits) is not None
    assert refuse_refund(known, amount=Decimal("7.49"), parts=[], promised=waits) is None


def test_a_refund_of_ours_that_the_document_shows_counts_once() -> None:
    shows = RefundSummary(refund_ref="9", amount=Decimal("4.00"), reason="broken [WC-eu-1-F1]")
    known = structs.replace(order(), refunds=(shows,))
    first = Promise(reference="WC-eu-1-F1", amount=Decimal("4.00"))
    other = Promise(reference="WC-eu-1-F11", amount=Decimal("3.00"))
    for promised, left in (([first], "7.50"), ([first, other], "4.50"), ([other], "4.50")):
        assert refuse_refund(known, amount=Decimal(left), parts=[], promised=promised) is None
        refusal = refuse_refund(known, amount=Decimal(left) + Decimal("0.01"), parts=[], promised=promised)
        assert refusal is not None
        assert (refusal.code, refusal.detail.split()[0]) == ("refund_too_much", left)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (part(), ""),
        (part(quantity="0"), ""),
        (part(quantity="2"), "bad_line"),
        (part(net="5.01", tax="0.74"), "bad_line"),
        (part(net="4.99", tax="0.76"), "bad_line"),
    ],
    ids=["the rest", "money only", "a piece too many", "too much net", "too much tax"],
)
@pytest.mark.parametrize("echoed", [False, True], ids=["not seen yet", "in the document"])
def test_what_our_refunds_have_given_back_of_a_line_is_not_given_back_again(
    asked: AskedPart, code: str, echoed: Any
) -> None:
    shares = (TaxShare(rate_ref="1", amount=Decimal("0.50")), TaxShare(rate_ref="2", amount=Decimal("0.25")))
    given = RefundedPart(line_ref="31", quantity=Decimal(1), net=Decimal("5.00"), taxes=shares)
    elsewhere = structs.replace(given, line_ref="32")
    ours = Promise(reference="WC-eu-1-F1", amount=Decimal("5.75"), parts=(given, elsewhere))
    shows = RefundSummary(refund_ref="9", amount=Decimal("5.75"), reason="[WC-eu-1-F1]")
    known = structs.replace(order(), refunds=(shows,)) if echoed else order()
    refusal = refuse_refund(known, amount=asked.net + asked.tax, parts=[asked], promised=[ours])
    assert (refusal.code if refusal else "") == code
    if refusal is not None:
        assert "31 has 1 for 5.00 and 0.75 tax left" in refusal.detail


def test_tax_is_refused_on_a_line_that_does_not_say_its_rate() -> None:
    untold = structs.replace(line(), taxes=())
    refusal = refuse_refund(structs.replace(order(), lines=(untold,)), amount=Decimal("5.75"), parts=[part()])
    assert refusal is not None
    assert refusal.code == "bad_line"


@pytest.mark.parametrize("tax", ["0.00", "0.01", "0.02", "0.75", "0.76", "1.49", "1.50"])
def test_the_tax_of_a_part_is_divided_over_its_rates_to_the_cent(tax: str) -> None:
    (found,) = refunded_parts(order(), [part(tax=tax)])
    shares = {share.rate_ref: share.amount for share in found.taxes}
    assert sum(shares.values(), Decimal(0)) == Decimal(tax)
    assert all(amount > 0 and amount.as_tuple().exponent == -2 for amount in shares.values())
    assert abs(shares.get("1", Decimal(0)) - Decimal(tax) * 2 / 3) <= Decimal("0.01")

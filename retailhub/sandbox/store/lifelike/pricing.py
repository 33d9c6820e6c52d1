"""What WooCommerce makes of a cart: line totals, discounts, taxes by rate and the order's own sums.

Pure. Two store decimals, rounding per line, as recorded: line totals are kept unrounded inside and shown
with two decimals; every rate's share of a line is rounded by itself; a percent coupon is floored to the
cent on each line and what is missing goes to the dearest one; a fixed-cart coupon is dealt out by piece,
so it spreads unevenly; a half cent of tax goes up where prices are entered without tax and down otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Protocol

import msgspec

from retailhub.sandbox.store.lifelike.catalogue import Coupon, Product, Rate

CENT = Decimal("0.01")
INSIDE = Decimal("0.000001")
ZERO = Decimal("0.00")


class Priced(Protocol):
    """Anything with a price as entered."""

    @property
    def price(self) -> Decimal: ...


def to_cents(amount: Decimal) -> Decimal:
    """Rounded to two decimals, a half goes away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


class Share(msgspec.Struct, frozen=True):
    """One rate's part of a line; ``subtotal`` is before discounts."""

    rate: Rate
    total: Decimal
    subtotal: Decimal


class PricedLine(msgspec.Struct):
    """A cart line with its money. ``subtotal`` and ``total`` are without tax and not yet rounded."""

    product: Product
    quantity: int
    subtotal: Decimal
    total: Decimal
    shares: tuple[Share, ...]

    @property
    def total_tax(self) -> Decimal:
        return sum((share.total for share in self.shares), ZERO)

    @property
    def subtotal_tax(self) -> Decimal:
        return sum((share.subtotal for share in self.shares), ZERO)


class PricedCharge(msgspec.Struct):
    """Shipping or a fee. ``taxable`` false is a fee with tax status ``none``."""

    name: str
    total: Decimal
    shares: tuple[Share, ...]
    taxable: bool = True

    @property
    def total_tax(self) -> Decimal:
        return sum((share.total for share in self.shares), ZERO)


def taxes_on(net: Decimal, rates: Sequence[Rate], *, with_tax: bool) -> tuple[Decimal, ...]:
    """Each rate's tax on ``net``, rounded to the cent; a compound rate also falls on the plain ones."""
    rounding = ROUND_HALF_DOWN if with_tax else ROUND_HALF_UP
    amounts: list[Decimal] = []
    plain = Decimal(0)
    for rate in rates:
        exact = (net + plain if rate.compound else net) * rate.fraction
        if not rate.compound:
            plain += exact
        amounts.append(exact.quantize(CENT, rounding))
    return tuple(amounts)


def without_tax(gross: Decimal, rates: Sequence[Rate]) -> Decimal:
    """The net amount inside ``gross``, with the six decimals the store keeps."""
    plain = sum((rate.fraction for rate in rates if not rate.compound), Decimal(1))
    factor = plain
    for rate in rates:
        if rate.compound:
            factor *= 1 + rate.fraction
    return (gross / factor).quantize(INSIDE, ROUND_HALF_UP)


def price_line(
    product: Product, quantity: int, rates: Sequence[Rate], *, with_tax: bool, discount: Decimal = ZERO
) -> PricedLine:
    """One line. ``discount`` is what a coupon takes off it, in the price's own terms."""
    entered = product.price * quantity
    if with_tax:
        subtotal, total = without_tax(entered, rates), without_tax(entered - discount, rates)
    else:
        subtotal, total = entered, entered - discount
    before = taxes_on(subtotal, rates, with_tax=with_tax)
    after = before if not discount else taxes_on(total, rates, with_tax=with_tax)
    shares = tuple(Share(*row) for row in zip(rates, after, before, strict=True))
    return PricedLine(product, quantity, subtotal, total, shares)


def price_charge(
    name: str, total: Decimal, rates: Sequence[Rate], *, with_tax: bool, taxable: bool = True
) -> PricedCharge:
    """A shipping or fee line; ``total`` is without tax and may be negative."""
    used = rates if taxable else ()
    amounts = taxes_on(total, used, with_tax=with_tax)
    return PricedCharge(name, total, tuple(Share(r, t, ZERO) for r, t in zip(used, amounts, strict=True)), taxable)


def spread_discount(coupon: Coupon, cart: Sequence[tuple[Priced, int]], *, unit: Decimal = CENT) -> list[Decimal]:
    """How much the coupon takes off each line of the cart, in the order of the cart.

    ``unit`` is the smallest amount the store knows.
    """
    values = [product.price * quantity for product, quantity in cart]
    if coupon.kind == "percent":
        share = coupon.amount / 100
        taken = [(value * share).quantize(unit, ROUND_DOWN) for value in values]
        wanted = (sum(values, ZERO) * share).quantize(unit, ROUND_HALF_DOWN)
        return _deal_out(taken, values, cart, wanted - sum(taken, ZERO), unit)
    taken = [ZERO for _ in values]
    left = min(coupon.amount, sum(values, ZERO).quantize(unit, ROUND_DOWN))
    pieces = sum(quantity for _, quantity in cart)
    while left > 0:
        each = (left / pieces).quantize(unit, ROUND_DOWN)
        if each == 0:
            break
        given = [
            min(each * quantity, value.quantize(unit, ROUND_DOWN) - have)
            for (_, quantity), value, have in zip(cart, values, taken, strict=True)
        ]
        taken = [have + more for have, more in zip(taken, given, strict=True)]
        left -= sum(given, ZERO)
    return _deal_out(taken, values, cart, left, unit)


def _deal_out(
    taken: list[Decimal], values: list[Decimal], cart: Sequence[tuple[Priced, int]], left: Decimal, unit: Decimal
) -> list[Decimal]:
    """Gives the cents (or whatever the unit is) that are left, one a piece, the dearest product first."""
    for index in sorted(range(len(cart)), key=lambda at: -cart[at][0].price):
        for _ in range(cart[index][1]):
            if left < unit:
                return taken
            if values[index] - taken[index] >= unit:
                taken[index] += unit
                left -= unit
    return taken


class Totals(msgspec.Struct, frozen=True):
    """An order's own sums as the store shows them, and each rate's part of them."""

    discount_total: Decimal
    discount_tax: Decimal
    shipping_total: Decimal
    shipping_tax: Decimal
    cart_tax: Decimal
    total: Decimal
    total_tax: Decimal
    remainder: Decimal
    """``total`` minus what the shown lines add up to: zero, or one cent less."""
    by_rate: tuple[tuple[Rate, Decimal, Decimal], ...]
    """(rate, tax on lines and fees, tax on shipping)."""


def add_up(
    lines: Sequence[PricedLine],
    shipping: Sequence[PricedCharge],
    fees: Sequence[PricedCharge],
    *,
    at_the_end: bool = False,
) -> Totals:
    """The order's sums. ``at_the_end`` rounds the lines' sum and not each line, as some carts make it."""
    shown = sum((to_cents(line.total) for line in lines), ZERO)
    goods = to_cents(sum((line.total for line in lines), ZERO)) if at_the_end else shown
    before = sum((to_cents(line.subtotal) for line in lines), ZERO)
    line_tax = sum((line.total_tax for line in lines), ZERO)
    line_tax_before = sum((line.subtotal_tax for line in lines), ZERO)
    shipping_total = sum((row.total for row in shipping), ZERO)
    shipping_tax = sum((row.total_tax for row in shipping), ZERO)
    cart_tax = line_tax + sum((row.total_tax for row in fees), ZERO)
    fee_total = sum((row.total for row in fees), ZERO)
    return Totals(
        discount_total=before - shown,
        discount_tax=line_tax_before - line_tax,
        shipping_total=to_cents(shipping_total),
        shipping_tax=shipping_tax,
        cart_tax=cart_tax,
        total=to_cents(goods + fee_total + shipping_total + cart_tax + shipping_tax),
        total_tax=cart_tax + shipping_tax,
        remainder=goods - shown,
        by_rate=tuple(_by_rate((*lines, *fees), shipping)),
    )


def _by_rate(
    cart: Iterable[PricedLine | PricedCharge], shipping: Iterable[PricedCharge]
) -> Iterable[tuple[Rate, Decimal, Decimal]]:
    sums: dict[int, tuple[Rate, Decimal, Decimal]] = {}
    for row in cart:
        for share in row.shares:
            rate, tax, other = sums.get(share.rate.id, (share.rate, ZERO, ZERO))
            sums[rate.id] = (rate, tax + share.total, other)
    for charge in shipping:
        for share in charge.shares:
            rate, tax, other = sums.get(share.rate.id, (share.rate, ZERO, ZERO))
            sums[rate.id] = (rate, tax, other + share.total)
    return sums.values()

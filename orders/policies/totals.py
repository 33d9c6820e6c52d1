"""Do an order's own numbers add up? Recomputed line by line; what remains is classified, never hidden."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from integrations.ports.documents import Charge, Order, OrderLine
from retailhub.core.money import scale_of

ROUNDING_CAP = 5
"""A remainder of more than this many smallest units is no rounding, however many lines an order has."""


class Remainder(StrEnum):
    NONE = "none"
    ROUNDING = "rounding"
    TAX = "tax"
    """The tax lines do not add up to the order's tax."""
    DISCOUNT_BASE = "discount_base"
    """Off by the discount, or its tax: discounts taken on another base."""
    MISSED_REFUND = "missed_refund"
    FEE = "fee"
    """Off by a fee or shipping charge that the total does not have, or has twice."""
    LINES = "lines"
    """Lines, charges and taxes do not add up to the total, for no reason that we know."""


@dataclass(frozen=True)
class Totals:
    """``remainder`` is ``total - (lines + charges + taxes)``: what a rounding line has to add."""

    remainder: Decimal
    kind: Remainder
    limit: Decimal

    @property
    def acceptable(self) -> bool:
        return self.kind in {Remainder.NONE, Remainder.ROUNDING}


def smallest_unit(order: Order) -> Decimal:
    """The last decimal the store writes this order's total with."""
    return Decimal(1).scaleb(-scale_of(order.total))


def rounding_limit(order: Order) -> Decimal:
    """Half a unit for each rounded amount, at least one unit, at most `ROUNDING_CAP` units."""
    amounts = len(order.lines) + len(order.charges) + len(order.taxes)
    return smallest_unit(order) * min(max(amounts // 2, 1), ROUNDING_CAP)


def net_and_tax(part: OrderLine | Charge) -> tuple[Decimal, Decimal]:
    """A line's total without tax, and the tax on it summed over its rates."""
    return part.total, sum((share.amount for share in part.taxes), Decimal(0))


def check_totals(order: Order) -> Totals:
    """Recompute an order from its lines, charges and their taxes."""
    every: list[OrderLine | Charge] = [*order.lines, *order.charges]
    parts = [net_and_tax(part) for part in every]
    net = sum((part[0] for part in parts), Decimal(0))
    tax = sum((part[1] for part in parts), Decimal(0))
    remainder = order.total - net - tax
    limit = rounding_limit(order)
    taxes = sum((line.amount + line.shipping_amount for line in order.taxes), Decimal(0))
    if abs(taxes - order.total_tax) > limit or abs(tax - order.total_tax) > limit:
        return Totals(remainder, Remainder.TAX, limit)
    if remainder == 0:
        return Totals(remainder, Remainder.NONE, limit)
    if abs(remainder) <= limit:
        return Totals(remainder, Remainder.ROUNDING, limit)
    return Totals(remainder, _classify(order, remainder), limit)


def _classify(order: Order, remainder: Decimal) -> Remainder:
    size = abs(remainder)
    discounts = {order.discount_total, order.discount_tax, order.discount_total + order.discount_tax} - {Decimal(0)}
    if size in discounts:
        return Remainder.DISCOUNT_BASE
    if size in {refund.amount for refund in order.refunds}:
        return Remainder.MISSED_REFUND
    fees = {amount for charge in order.charges for amount in (charge.total, charge.total + charge.total_tax)}
    if size in {abs(fee) for fee in fees} or -remainder in fees:
        return Remainder.FEE
    return Remainder.LINES

"""What Tryton will compute for a sale, to the minor unit; pure.

After trytond 8.2: ``currency.round`` (half even), ``sale.line.on_change_with_amount`` and, for taxes,
``account.tax.compute`` with ``TaxableMixin._get_taxes``: unrounded taxes of all lines with the same taxes and
the same sign are added up per tax, then rounded so that their sum stays what it was.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

PRICE_STEP = Decimal("0.0001")
"""Decimals of a unit price in Tryton."""


class TooSmallToRound(ArithmeticError):
    """Two taxes that each round to nothing while their sum does not: Tryton never ends computing them."""


@dataclass(frozen=True)
class Tax:
    """A tax on percentage. ``rate`` is a fraction; ``raises_base`` adds it to the base of later sequences."""

    id: int
    rate: Decimal
    sequence: int | None
    raises_base: bool

    @property
    def order(self) -> tuple[int, int, int]:
        return (0 if self.sequence is None else 1, self.sequence or 0, self.id)


@dataclass(frozen=True)
class Priced:
    """What of a line decides its amounts."""

    quantity: Decimal
    unit_price: Decimal
    taxes: tuple[Tax, ...] = ()


def unit_price(net: Decimal, quantity: Decimal) -> Decimal:
    """The nearest price that Tryton can hold; ``quantity`` times it may miss ``net``."""
    return (net / quantity).quantize(PRICE_STEP, rounding=ROUND_HALF_EVEN)


def rounded(amount: Decimal, step: Decimal) -> Decimal:
    """To the currency's smallest step (0.01 for EUR, 1 for JPY)."""
    return (amount / step).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * step


def total(lines: Sequence[Priced], *, step: Decimal, per_line: bool) -> Decimal:
    """The total with tax. ``per_line`` is the company's tax rounding. Raises `TooSmallToRound`."""
    untaxed = sum((rounded(line.quantity * line.unit_price, step) for line in lines), Decimal(0))
    return untaxed + tax_total(lines, step=step, per_line=per_line)


def tax_total(lines: Sequence[Priced], *, step: Decimal, per_line: bool) -> Decimal:
    """The taxes of all lines. Raises `TooSmallToRound`."""
    groups: dict[tuple[tuple[Tax, ...], bool], list[list[Decimal]]] = {}
    for line in lines:
        taxes = tuple(sorted(line.taxes, key=lambda tax: tax.order))
        key = (taxes, line.quantity * line.unit_price >= 0)
        groups.setdefault(key, []).append(_unrounded(taxes, line))
    amount = Decimal(0)
    for of_lines in groups.values():
        if per_line:
            amount += sum((_sum_rounded(taxes, step) for taxes in of_lines), Decimal(0))
        else:
            amount += _sum_rounded([sum(column, Decimal(0)) for column in zip(*of_lines, strict=True)], step)
    return amount


def _unrounded(taxes: tuple[Tax, ...], line: Priced) -> list[Decimal]:
    base = line.unit_price
    amounts = []
    for _sequence, group in itertools.groupby(taxes, key=lambda tax: tax.sequence):
        raised = Decimal(0)
        for tax in group:
            amount = base * tax.rate
            amounts.append(amount * line.quantity)
            raised += amount if tax.raises_base else 0
        base += raised
    return amounts


def _sum_rounded(amounts: list[Decimal], step: Decimal) -> Decimal:
    """The sum of the taxes after each is rounded and the rounding's remainder is taken back, step by step."""
    singles = [rounded(amount, step) for amount in amounts]
    remainder = rounded(sum(singles, Decimal(0)) - sum(amounts, Decimal(0)), step)
    if remainder and not any(singles):
        raise TooSmallToRound
    return sum(singles, Decimal(0)) - remainder

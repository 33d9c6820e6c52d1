"""Sales orders as the domain makes them, for tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from integrations.ports.capabilities import Ask, Target
from integrations.ports.documents import (
    Address,
    Customer,
    SalesLine,
    SalesLineKind,
    SalesOrder,
    SalesTax,
)

CENT = Decimal("0.01")


def tax(net: Decimal, percent: str, *, compound: bool = False, on_top: Decimal = Decimal(0)) -> SalesTax:
    """A tax as a shop computes it: rounded half up, per line."""
    amount = ((net + on_top) * Decimal(percent) / 100).quantize(CENT, rounding=ROUND_HALF_UP)
    return SalesTax(percent=Decimal(percent), amount=amount, compound=compound)


def goods(code: str, quantity: str, net: str, *percents: str) -> SalesLine:
    amount = Decimal(net)
    return SalesLine(
        kind=SalesLineKind.GOODS,
        item_code=code,
        name=f"Thing {code}",
        quantity=Decimal(quantity),
        net=amount,
        taxes=tuple(tax(amount, percent) for percent in percents),
    )


def shipping(net: str, *percents: str) -> SalesLine:
    line = goods("", "1", net, *percents)
    return msgspec.structs.replace(line, kind=SalesLineKind.SHIPPING, name="Flat rate")


def order(reference: str, lines: Sequence[SalesLine], *, customer: str = "") -> SalesOrder:
    """A German order whose total is the sum of its lines and taxes."""
    taxes = sum((tax.amount for line in lines for tax in line.taxes), Decimal(0))
    place = Address(
        first_name="Ana",
        last_name="Silva",
        street_1="Rua Augusta 1",
        city="Lisboa",
        postcode="1100-048",
        country="PT",
        email="ana@example.com",
        phone="+351 213 456 789",
    )
    return SalesOrder(
        reference=reference,
        store="eu",
        number=reference.rpartition("-")[2],
        placed_on=dt.date(2026, 11, 23),
        currency="EUR",
        total=sum((line.net for line in lines), Decimal(0)) + taxes,
        total_tax=taxes,
        customer_key=customer or f"cus_{reference}",
        customer=Customer(email="ana@example.com", name="Ana Silva", phone="+351 213 456 789"),
        billing=place,
        shipping=place,
        lines=tuple(lines),
        note="Please ring twice",
    )


def simple(reference: str, *, customer: str = "", code: str = "SKU-1") -> SalesOrder:
    """Two pieces and shipping at 19 %: 23.80 + 5.83."""
    return order(reference, [goods(code, "2", "20.00", "19"), shipping("4.90", "19")], customer=customer)


def asks(*documents: SalesOrder, target: Target = Target.CONFIRMED) -> list[Ask]:
    return [Ask(document.reference, document, target) for document in documents]

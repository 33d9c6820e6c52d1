"""The lines of a sale, planned so that Tryton's total is the order's to the minor unit; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import msgspec

from integrations.connectors.tryton import amounts, schemas
from integrations.connectors.tryton.amounts import Priced, Tax
from integrations.connectors.tryton.config import Settings
from integrations.ports.documents import SalesLine, SalesLineKind, SalesOrder, SalesTax
from integrations.ports.errors import Misconfigured, Rejected

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Facts:
    """The company as far as sales need it. ``countries`` are ids by ISO code."""

    company: int
    shop: int
    warehouse: int
    currencies: Mapping[str, schemas.CurrencyRow]
    countries: Mapping[str, int]
    taxes: tuple[Tax, ...]
    rounds_tax_per_line: bool
    has_shipment_cost: bool


@dataclass(frozen=True)
class PlannedLine:
    """A sale line to be created."""

    product: int
    unit: int
    description: str
    priced: Priced


def item_code(line: SalesLine, settings: Settings) -> str:
    """The Tryton product a line is sold as."""
    match line.kind:
        case SalesLineKind.SHIPPING:
            return settings.shipping_item
        case SalesLineKind.FEE:
            return settings.fee_item
        case SalesLineKind.ROUNDING:
            return settings.rounding_item
        case SalesLineKind.GOODS:
            return line.item_code


def item_codes(document: SalesOrder, settings: Settings) -> set[str]:
    """All product codes that a document may need in Tryton."""
    return {settings.rounding_item, *(item_code(line, settings) for line in document.lines)}


def plan_lines(
    document: SalesOrder, *, facts: Facts, products: Mapping[str, schemas.ProductRow], settings: Settings
) -> tuple[PlannedLine, ...]:
    """The lines whose total in Tryton is exactly the document's, with a rounding line where one is needed.

    Raises `Rejected` (``unknown_currency``, ``unknown_item``, ``unknown_tax``, ``bad_quantity``,
    ``amount_differs``) and `Misconfigured` when more than one tax fits.
    """
    currency = facts.currencies.get(document.currency)
    if currency is None:
        raise Rejected(
            f"Tryton has no currency {document.currency}.",
            code="unknown_currency",
            evidence={"currency": document.currency},
        )
    lines = [
        _plan_line(part, facts=facts, products=products, settings=settings)
        for line in document.lines
        for part in parts(line)
    ]
    difference = document.total - _predict(lines, currency, facts)
    if difference == 0:
        return tuple(lines)
    if abs(difference) <= settings.rounding_limit:
        product = _product(settings.rounding_item, "Rounding", products)
        priced = Priced(Decimal(1), difference)
        lines.append(PlannedLine(product.id, _unit(product), "Rounding", priced))
    if _predict(lines, currency, facts) != document.total:
        raise amount_differs(document.total, document.total - difference, document.currency)
    return tuple(lines)


def amount_differs(ours: Decimal, theirs: Decimal, currency: str) -> Rejected:
    """The total in Tryton is not the order's."""
    return Rejected(
        f"Tryton computes {theirs} {currency} where the order says {ours} {currency}.",
        code="amount_differs",
        evidence={
            "order_total": str(ours),
            "erp_total": str(theirs),
            "difference": str(theirs - ours),
            "currency": currency,
        },
    )


def check_amounts(document: SalesOrder, row: schemas.SaleRow) -> None:
    """Raises `Rejected` ``amount_differs`` when total, currency or number of lines are not the document's.

    One line more is our own rounding line, which settings and taxes of Tryton decide about.
    """
    if row.total_amount != document.total or row.currency.code != document.currency:
        raise amount_differs(document.total, row.total_amount, document.currency)
    expected = sum(len(parts(line)) for line in document.lines)
    if not expected <= len(row.lines) <= expected + 1:
        raise Rejected(
            f"The sale has {len(row.lines)} lines in Tryton where the order has {expected}.",
            code="amount_differs",
            evidence={"order_lines": str(expected), "erp_lines": str(len(row.lines))},
        )


def _predict(lines: list[PlannedLine], currency: schemas.CurrencyRow, facts: Facts) -> Decimal:
    try:
        return amounts.total(
            [line.priced for line in lines], step=currency.rounding, per_line=facts.rounds_tax_per_line
        )
    except amounts.TooSmallToRound as error:
        raise Rejected(
            "Tryton cannot compute the taxes of amounts this small.",
            code="amount_differs",
            evidence={"reason": "two taxes round to nothing, their sum does not"},
        ) from error


def _plan_line(
    line: SalesLine, *, facts: Facts, products: Mapping[str, schemas.ProductRow], settings: Settings
) -> PlannedLine:
    product = _product(item_code(line, settings), line.name, products)
    if line.quantity == 0 or Decimal(repr(float(line.quantity))) != line.quantity:
        raise Rejected(
            f"Tryton cannot hold the quantity {line.quantity}.",
            code="bad_quantity",
            evidence={"quantity": str(line.quantity), "line": line.name},
        )
    price = amounts.unit_price(line.net, line.quantity)
    taxes = _taxes(line.taxes, facts.taxes, settings.taxes)
    return PlannedLine(product.id, _unit(product), line.name, Priced(line.quantity, price, taxes))


def _product(code: str, name: str, products: Mapping[str, schemas.ProductRow]) -> schemas.ProductRow:
    product = products.get(code)
    if product is None or not product.salable or product.sale_uom is None:
        raise Rejected(
            f"Tryton has no product {code!r} that can be sold.",
            code="unknown_item",
            evidence={"item_code": code, "line": name},
        )
    return product


def _unit(product: schemas.ProductRow) -> int:
    if product.sale_uom is None:
        raise AssertionError("a product without a unit was not refused")
    return product.sale_uom


def _taxes(wanted: tuple[SalesTax, ...], known: tuple[Tax, ...], overrides: Mapping[str, int]) -> tuple[Tax, ...]:
    compounds = any(tax.compound for tax in wanted)
    return tuple(_tax(tax, known, overrides, raises_base=compounds and not tax.compound) for tax in wanted)


def _tax(wanted: SalesTax, known: tuple[Tax, ...], overrides: Mapping[str, int], *, raises_base: bool) -> Tax:
    name = f"{wanted.percent.normalize():f}" + (" compound" if wanted.compound else "")
    if name in overrides:
        found = [tax for tax in known if tax.id == overrides[name]]
    else:
        rate = wanted.percent / 100
        found = [tax for tax in known if tax.rate == rate and tax.raises_base == raises_base]
    if not found:
        raise Rejected(
            f"Tryton has no tax of {name} %.",
            code="unknown_tax",
            evidence={"percent": str(wanted.percent), "compound": str(wanted.compound).lower()},
        )
    if len(found) > 1:
        raise Misconfigured(
            f"Tryton has {len(found)} taxes of {name} %; name one in taxes.",
            code="ambiguous_tax",
            evidence={"field": "taxes", "percent": name, "tax_ids": ", ".join(str(tax.id) for tax in found)},
        )
    return found[0]


def parts(line: SalesLine) -> tuple[SalesLine, ...]:
    """A charge whose taxes each fall on a part of it (a shop spreads a discount over its rates), part by part.

    Tryton puts every tax of a line on the whole line, so such a charge becomes a line for each tax.
    """
    if line.kind is SalesLineKind.GOODS or len(line.taxes) < 2 or any(tax.compound for tax in line.taxes):
        return (line,)
    tolerance = CENT * len(line.taxes)
    on_whole = sum((line.net * tax.percent / 100 for tax in line.taxes), Decimal(0))
    if abs(on_whole - sum((tax.amount for tax in line.taxes), Decimal(0))) <= tolerance:
        return (line,)
    taxes = [tax for tax in line.taxes if tax.amount and tax.percent]
    nets = [(tax.amount * 100 / tax.percent).quantize(CENT, rounding=ROUND_HALF_UP) for tax in taxes]
    slack = sum((CENT * 100 / tax.percent for tax in taxes), Decimal(0))
    if not nets or abs(sum(nets, Decimal(0)) - line.net) > slack:
        return (line,)
    nets[-1] += line.net - sum(nets, Decimal(0))
    return tuple(msgspec.structs.replace(line, net=net, taxes=(tax,)) for net, tax in zip(nets, taxes, strict=True))

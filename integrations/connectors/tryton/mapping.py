"""Our sales order as Tryton's create values, and Tryton's sale as our document; pure."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.connectors.tryton import amounts, schemas
from integrations.connectors.tryton.amounts import Priced, Tax
from integrations.connectors.tryton.catalogue import Facts
from integrations.connectors.tryton.config import Settings
from integrations.ports.documents import (
    Address,
    DocumentState,
    ExternalDocument,
    Product,
    SalesLine,
    SalesLineKind,
    SalesOrder,
    SalesTax,
)
from integrations.ports.errors import Misconfigured, Rejected

STATES = {
    "draft": DocumentState.DRAFT,
    "quotation": DocumentState.DRAFT,
    "confirmed": DocumentState.INCOMPLETE,
    "processing": DocumentState.CONFIRMED,
    "done": DocumentState.CONFIRMED,
    "cancelled": DocumentState.CANCELLED,
}
"""``confirmed`` is only an agreed sale: shipment and invoice come with ``processing``."""

AddressKey = tuple[str, str, str, str, int | None]


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
    lines = [_plan_line(line, facts=facts, products=products, settings=settings) for line in document.lines]
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

    One line more is our own rounding line.
    """
    if row.total_amount != document.total or row.currency.code != document.currency:
        raise amount_differs(document.total, row.total_amount, document.currency)
    expected = len(document.lines)
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


def _taxes(
    wanted: tuple[SalesTax, ...], known: tuple[Tax, ...], overrides: Mapping[str, int]
) -> tuple[Tax, ...]:
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


def sale_values(
    document: SalesOrder,
    lines: tuple[PlannedLine, ...],
    facts: Facts,
    *,
    party: int,
    invoice_address: int,
    shipment_address: int,
) -> dict[str, Any]:
    """What ``sale.sale.create`` takes. Quantities are floats in Tryton; prices are Decimal."""
    values: dict[str, Any] = {
        "company": facts.company,
        "currency": facts.currencies[document.currency].id,
        "party": party,
        "invoice_address": invoice_address,
        "shipment_address": shipment_address,
        "warehouse": facts.warehouse,
        "web_shop": facts.shop,
        "web_id": document.reference,
        "reference": document.number,
        "sale_date": document.placed_on,
        "comment": document.note,
        "lines": [("create", [_line_values(line) for line in lines])],
    }
    if facts.has_shipment_cost:
        # Else Tryton adds a shipping line of its own to the one that the customer paid.
        values["shipment_cost_method"] = None
    return values


def _line_values(line: PlannedLine) -> dict[str, Any]:
    return {
        "type": "line",
        "product": line.product,
        "unit": line.unit,
        "description": line.description,
        "quantity": float(line.priced.quantity),
        "unit_price": line.priced.unit_price,
        "taxes": [("add", [tax.id for tax in line.priced.taxes])],
    }


def external_document(row: schemas.SaleRow, time_zone: str) -> ExternalDocument:
    """A sale as found. A state that Tryton 8.2 does not have is shown as incomplete."""
    local = row.last_modified_at
    return ExternalDocument(
        reference=row.web_id,
        external_id=str(row.id),
        state=STATES.get(row.state, DocumentState.INCOMPLETE),
        currency=row.currency.code or "",
        total=row.total_amount,
        line_count=len(row.lines),
        number=row.number or "",
        modified_at=to_utc(local, time_zone) if local else None,
    )


def product(row: schemas.ProductRow) -> Product:
    """A product as Tryton has it now; the parent is its template."""
    return Product(
        product_ref=str(row.id),
        sku=row.code or "",
        name=row.name,
        parent_ref=str(row.template),
        active=row.active and row.salable,
    )


def to_utc(local: dt.datetime, time_zone: str) -> dt.datetime:
    """Tryton's server-local time in UTC."""
    return local.replace(tzinfo=zoneinfo.ZoneInfo(time_zone)).astimezone(dt.UTC)


def to_local(moment: dt.datetime, time_zone: str) -> dt.datetime:
    """A moment as Tryton's server-local time, without a zone."""
    return moment.astimezone(zoneinfo.ZoneInfo(time_zone)).replace(tzinfo=None)


def subdivision_code(address: Address) -> str:
    """ISO 3166-2 code of an address's state, or empty; stores send both ``CA`` and ``DE-BY``."""
    state = address.state.strip().upper()
    if not state or not address.country or state.startswith(f"{address.country}-"):
        return state
    return f"{address.country}-{state}"


def address_values(
    address: Address, *, countries: Mapping[str, int], subdivisions: Mapping[str, int]
) -> dict[str, Any]:
    """What ``party.address.create`` takes, less the party. A state unknown to Tryton goes beside the city."""
    subdivision = subdivisions.get(subdivision_code(address))
    named = [address.company, f"{address.first_name} {address.last_name}"]
    city = [address.city, "" if subdivision or "-" in address.state else address.state]
    return {
        "party_name": ", ".join(filter(None, map(_one_line, named))),
        "street": "\n".join(filter(None, map(_one_line, (address.street_1, address.street_2)))),
        "postal_code": _one_line(address.postcode),
        "city": ", ".join(filter(None, map(_one_line, city))),
        "country": countries.get(address.country),
        "subdivision": subdivision,
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())


def address_key(values: Mapping[str, Any]) -> AddressKey:
    """What makes two addresses of one party the same."""
    return (
        values["party_name"] or "",
        values["street"] or "",
        values["postal_code"] or "",
        values["city"] or "",
        values["country"],
    )


def row_key(row: schemas.AddressRow) -> AddressKey:
    """`address_key` of an address as Tryton has it."""
    return (row.party_name or "", row.street or "", row.postal_code or "", row.city or "", row.country)


def shipping_address(document: SalesOrder) -> Address:
    """Where it goes: orders without anything to ship come without a shipping address."""
    place = document.shipping
    return place if place.street_1 or place.city or place.postcode else document.billing


def party_values(
    document: SalesOrder, addresses: list[dict[str, Any]], *, unchecked: bool = False
) -> dict[str, Any]:
    """What ``party.party.create`` takes. ``unchecked`` keeps Tryton from judging phone and tax numbers."""
    customer, billing = document.customer, document.billing
    person = f"{billing.first_name} {billing.last_name}"
    names = (customer.company or billing.company, customer.name or person, customer.email)
    contacts = [("email", customer.email or billing.email), ("phone", customer.phone or billing.phone)]
    values: dict[str, Any] = {
        "name": next(filter(None, map(_one_line, names)), document.customer_key),
        "code": document.customer_key,
        "addresses": [("create", addresses)],
        "contact_mechanisms": [
            (
                "create",
                [
                    {"type": "other" if unchecked else kind, "value": _one_line(value)}
                    for kind, value in contacts
                    if value.strip()
                ],
            )
        ],
    }
    number = _one_line(customer.tax_number)
    if number:
        kind = None if unchecked or not number[:2].isalpha() else "eu_vat"
        values["identifiers"] = [("create", [{"type": kind, "code": number}])]
    return values

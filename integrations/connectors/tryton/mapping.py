"""Our sales order as Tryton's create values, and Tryton's sale as our document; pure."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from typing import Any

from integrations.connectors.tryton import schemas
from integrations.connectors.tryton.lines import Facts, PlannedLine
from integrations.ports.documents import (
    Address,
    DocumentState,
    ExternalDocument,
    Product,
    SalesOrder,
)

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


def party_values(document: SalesOrder, addresses: list[dict[str, Any]], *, unchecked: bool = False) -> dict[str, Any]:
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

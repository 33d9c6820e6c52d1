"""Between our documents and the look-alike ERP's, pure. The ERP's words end here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from integrations.connectors.lookalike_erp import schemas
from integrations.ports.documents import (
    Address,
    DocumentState,
    ExternalDocument,
    Product,
    SalesLine,
    SalesOrder,
)
from integrations.ports.errors import Rejected

STATES = {
    schemas.State.DRAFT: DocumentState.DRAFT,
    schemas.State.CONFIRMED: DocumentState.CONFIRMED,
    schemas.State.CANCELLED: DocumentState.CANCELLED,
}
SENTENCES = {
    "unknown_item": "The ERP does not know the item {item_code}.",
    "unknown_customer": "The ERP does not know the customer.",
    "period_closed": "The ERP's books are closed for {placed_on}.",
    "already_shipped": "The order has left the warehouse, so the ERP does not change it any more.",
    "document_cancelled": "The document is cancelled in the ERP.",
    "already_confirmed": "The document is confirmed in the ERP already.",
    "already_cancelled": "The document is cancelled in the ERP already.",
    "not_found": "The ERP has no such document.",
    "invalid_order": "The ERP does not accept the field {field}.",
    "invalid_customer": "The ERP does not accept the customer.",
    "batch_refused": "The ERP refused the whole call.",
}
"""The ERP's refusals that have a code of their own with us; all others are ``rejected``."""
LEAST_DECIMALS = 2


def order_for(document: SalesOrder) -> schemas.Order:
    """The order as the ERP takes it, to be rounded to the decimals of the shop's total (at least cents)."""
    return schemas.Order(
        reference=document.reference,
        customer=document.customer_key,
        placed_on=document.placed_on,
        currency=document.currency,
        decimals=max(LEAST_DECIMALS, _scale(document.total)),
        lines=tuple(_line(line) for line in document.lines),
        bill_to=_address(document.billing),
        ship_to=_address(document.shipping),
        payment=schemas.Payment(method=document.payment_method, reference=document.payment_ref, paid=document.paid),
        note=document.note,
        channel=document.store,
    )


def customer_for(document: SalesOrder) -> schemas.Customer:
    """The customer of an order, under our key."""
    customer, billing = document.customer, document.billing
    return schemas.Customer(
        key=document.customer_key,
        name=customer.name or _name(billing),
        company=customer.company or billing.company,
        email=customer.email or billing.email,
        phone=customer.phone or billing.phone,
        tax_number=customer.tax_number,
    )


def external_document(document: schemas.Document) -> ExternalDocument:
    """A document of the ERP in our words."""
    return ExternalDocument(
        reference=document.reference,
        external_id=document.id,
        state=STATES[document.state],
        currency=document.currency,
        total=document.total,
        line_count=document.line_count,
        number=document.number,
        modified_at=document.changed_at,
    )


def product(found: schemas.Product) -> Product:
    """A product of the ERP: its code is both its key and its SKU."""
    return Product(product_ref=found.code, sku=found.code, name=found.name)


def amount_difference(wanted: SalesOrder, found: schemas.Document) -> dict[str, str]:
    """What differs in money or number of lines, as evidence: expected and found. Empty when they agree."""
    pairs = {
        "total": (str(wanted.total), str(found.total), wanted.total == found.total),
        "currency": (wanted.currency, found.currency, wanted.currency == found.currency),
        "lines": (str(len(wanted.lines)), str(found.line_count), len(wanted.lines) == found.line_count),
    }
    evidence: dict[str, str] = {}
    for name, (expected, told, equal) in pairs.items():
        if not equal:
            evidence |= {f"expected_{name}": expected, f"found_{name}": told}
    return evidence


def content_differs(wanted: SalesOrder, found: schemas.Document) -> bool:
    """Whether what the ERP holds is not what is wanted, line by line and address by address."""
    order = order_for(wanted)
    held = (found.lines, found.bill_to, found.ship_to)
    return bool(amount_difference(wanted, found)) or held != (order.lines, order.bill_to, order.ship_to)


def rejected(error: Mapping[str, str]) -> Rejected:
    """The ERP's business no. Its facts and its own sentence become evidence."""
    told = error.get("code", "")
    code = told if told in SENTENCES else "rejected"
    facts = {name: value for name, value in error.items() if name not in ("code", "message")}
    sentence = SENTENCES.get(code, "The ERP refused the document.")
    evidence = facts | {"erp_code": told, "erp_message": error.get("message", "")}
    return Rejected(sentence.format_map(_Facts(facts)), code=code, evidence=evidence)


class _Facts(dict[str, str]):
    """A fact that the ERP left out is an ellipsis in the sentence."""

    def __missing__(self, _name: str) -> str:
        return "…"


def _line(line: SalesLine) -> schemas.Line:
    return schemas.Line(
        kind=line.kind.value,
        item_code=line.item_code,
        description=line.name,
        quantity=line.quantity,
        net=line.net,
        taxes=tuple(schemas.Tax(percent=tax.percent, amount=tax.amount) for tax in line.taxes),
    )


def _address(address: Address) -> schemas.Address:
    return schemas.Address(
        name=_name(address),
        company=address.company,
        street_1=address.street_1,
        street_2=address.street_2,
        city=address.city,
        state=address.state,
        postcode=address.postcode,
        country=address.country,
        email=address.email,
        phone=address.phone,
    )


def _name(address: Address) -> str:
    return f"{address.first_name} {address.last_name}".strip()


def _scale(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0

"""The canonical facts of an order, as other programs are told of them: amounts as the store wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from integrations import selectors as pipes
from integrations.ports.documents import Charge, ChargeKind, OrderLine
from integrations.ports.documents import Order as OrderDocument
from orders.selectors import OrderView
from reconciliation import selectors as cases
from reconciliation.selectors import OpenCase
from retailhub.console.story import document_facts
from retailhub.core import privacy
from retailhub.core.money import scale_of


def orders_facts(chunk: Sequence[OrderView], *, unmasked: bool) -> Iterator[dict[str, Any]]:
    """Each order with its documents and open cases: two queries for a chunk, however long.

    E-mail addresses are masked unless ``unmasked``; ids tell customers apart all the same.
    """
    subjects = [order.subject for order in chunk]
    references = pipes.references_by_subject(subjects=subjects)
    open_cases = cases.open_cases_by_subject(subjects)
    for order in chunk:
        facts = _order(order, references.get(order.subject, []), open_cases.get(order.subject, []))
        if facts["customer"]["email"] and not unmasked:
            facts["customer"]["email"] = privacy.mask_email(facts["customer"]["email"])
        yield facts


def _order(order: OrderView, references: Sequence[Any], open_cases: Sequence[OpenCase]) -> dict[str, Any]:
    document = order.document
    digits = scale_of(document.total) if document else None
    return {
        "store": order.store,
        "order_ref": order.order_ref,
        "number": order.number,
        "public_id": order.public_id,
        "status": order.status,
        "source_status": document.source_status if document else None,
        "order_state": order.order_state,
        "payment_state": order.payment_state,
        "fulfilment_state": order.fulfilment_state,
        "decision": order.decision,
        "legal_entity": order.legal_entity or None,
        "region": order.region or None,
        **(_amounts(document) if document else _nothing()),
        "customer": {
            "public_id": order.customer_id or None,
            "store_ref": document.customer.store_ref if document else None,
            "email": (document.customer.email or None) if document else None,
        },
        "erp_documents": [
            # a reference that was only given out is not a document yet
            document_facts(row, digits=digits)
            for row in references
            if row.state
        ],
        "open_cases": [{"code": case.code, "key": case.key, "case": case.public_id} for case in open_cases],
        "version": order.version,
        "modified_at": document.modified_at if document else None,
        "changed_at": order.changed_at,
    }


def _nothing() -> dict[str, Any]:
    """An order that was heard of, whose document is still being asked for."""
    lists = ("tax_by_rate", "lines", "shipping", "fees", "discounts", "refunds")
    return dict.fromkeys(("placed_at", "currency", "total", "total_tax")) | {name: [] for name in lists}


def _amounts(document: OrderDocument) -> dict[str, Any]:
    return {
        "placed_at": document.created_at,
        "currency": document.currency,
        "total": _text(document.total),
        "total_tax": _text(document.total_tax),
        "tax_by_rate": [
            {
                "rate_ref": tax.rate_ref,
                "code": tax.code,
                "label": tax.label,
                "percent": _text(tax.percent),
                "compound": tax.compound,
                "amount": _text(tax.amount),
                "shipping_amount": _text(tax.shipping_amount),
            }
            for tax in document.taxes
        ],
        "lines": [_line(line) for line in document.lines],
        "shipping": [_charge(charge) for charge in document.charges if charge.kind is ChargeKind.SHIPPING],
        "fees": [_charge(charge) for charge in document.charges if charge.kind is ChargeKind.FEE],
        "discounts": [
            {"code": one.code, "amount": _text(one.amount), "tax": _text(one.tax)} for one in document.discounts
        ],
        "refunds": [{"refund_ref": one.refund_ref, "amount": _text(one.amount)} for one in document.refunds],
    }


def _line(line: OrderLine) -> dict[str, Any]:
    return {
        "line_ref": line.line_ref,
        "sku": line.sku,
        "name": line.name,
        "quantity": _text(line.quantity),
        "net": _text(line.total),
        "tax": _text(line.total_tax),
    }


def _charge(charge: Charge) -> dict[str, Any]:
    return {
        "line_ref": charge.line_ref,
        "name": charge.name,
        "code": charge.code,
        "net": _text(charge.total),
        "tax": _text(charge.total_tax),
    }


def _text(amount: Decimal) -> str:
    """Every digit as the store wrote it, and never an exponent."""
    return format(amount, "f")

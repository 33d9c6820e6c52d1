"""Refunds with their lines, and notes: what an order's own body does not say. Pure mapping and two reads.

https://woocommerce.github.io/woocommerce-rest-api-docs/#order-refunds
"""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Sequence
from dataclasses import dataclass

from integrations.connectors.answers import Answer
from integrations.connectors.woocommerce import mapping, reading, refusals, schemas
from integrations.connectors.woocommerce.access import StoreAccess, order_id
from integrations.ports import documents
from integrations.ports.documents import SalesLineKind

REFERENCE = "_retailhub_reference"
"""Meta of a refund that we asked for: our reference."""
_REFUNDED_LINE = "_refunded_item_id"


@dataclass(frozen=True)
class Note:
    """A note on an order; ``text`` without HTML entities. ``to_customer`` ones were mailed."""

    note_ref: str
    text: str
    to_customer: bool
    created_at: dt.datetime


class OrderDetails(StoreAccess):
    """What hangs on an order. Never taken from an old copy of a cache: writes are decided by it."""

    def refunds(self, order_ref: str) -> list[documents.Refund]:
        """All refunds of an order, the newest first; raises ``Rejected(order_gone)`` where the store says so, and
        ``Transient(page_ignored)``."""

        def ask(page: int) -> Answer:
            answer = self._api.refunds(order_id(order_ref), page)
            if answer.status >= 400:
                raise refusals.order_gone(answer)
            return reading.refuse_stale(answer, now=self.context.now())

        found = reading.all_pages(ask, schemas.REFUNDS.decode, lambda refund: refund.id)
        return [refund_from_vendor(order_ref, refund) for refund in found]

    def notes(self, order_ref: str) -> list[Note]:
        """All notes of an order, the newest first. Raises ``Rejected(order_gone)``."""
        answer = self._api.notes(order_id(order_ref))
        if answer.status >= 400:
            raise refusals.order_gone(answer)
        reading.refuse_stale(answer, now=self.context.now())
        return [note_from_vendor(note) for note in reading.read(answer, schemas.NOTES.decode)]


def note_from_vendor(note: schemas.VendorNote) -> Note:
    return Note(str(note.id), html.unescape(note.note).strip(), note.customer_note, mapping.utc(note.date_created_gmt))


def refund_from_vendor(order_ref: str, refund: schemas.VendorFullRefund) -> documents.Refund:
    """Canonical: amounts and quantities are turned positive."""
    return documents.Refund(
        refund_ref=str(refund.id),
        order_ref=order_ref,
        amount=mapping.money(refund.amount, "refunds.amount"),
        created_at=mapping.utc(refund.date_created_gmt),
        reason=refund.reason or "",
        reference=_meta(refund.meta_data, REFERENCE),
        lines=(
            *_lines(refund.line_items, SalesLineKind.GOODS),
            *_lines(refund.shipping_lines, SalesLineKind.SHIPPING),
            *_lines(refund.fee_lines, SalesLineKind.FEE),
        ),
    )


def _lines(items: Sequence[schemas.VendorRefundItem], kind: SalesLineKind) -> list[documents.RefundedLine]:
    at = "refunds.lines"
    return [
        documents.RefundedLine(
            line_ref=str(item.id),
            kind=kind,
            name=item.name or item.method_title or "",
            quantity=0 - mapping.number(item.quantity, f"{at}.quantity"),
            total=0 - mapping.money(item.total, f"{at}.total"),
            total_tax=0 - mapping.money(item.total_tax, f"{at}.total_tax"),
            of_line_ref=_meta(item.meta_data, _REFUNDED_LINE) or None,
            taxes=tuple(
                [
                    documents.TaxShare(rate_ref=str(tax.id), amount=0 - mapping.money(tax.total, f"{at}.taxes.total"))
                    for tax in item.taxes
                    if tax.total
                ]
            ),
        )
        for item in items
    ]


def _meta(meta_data: Sequence[schemas.VendorMeta], key: str) -> str:
    """The text of a meta; numbers as the store may give them become text."""
    found = [meta.value for meta in meta_data if meta.key == key]
    return str(found[-1]) if found and isinstance(found[-1], str | int) else ""

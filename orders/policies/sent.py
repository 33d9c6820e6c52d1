"""Which fields of the document for an ERP are made of a field of the order: `posting.sales_order`, told as a table.

A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from integrations.ports.documents import Charge, Order, OrderLine

COPIED = "copied"
HEAD = {
    "number": ("number", COPIED),
    "created_at": ("placed_on", "its date in UTC"),
    "currency": ("currency", COPIED),
    "total": ("total", COPIED),
    "total_tax": ("total_tax", COPIED),
    "payment.method": ("payment_method", COPIED),
    "payment.transaction_ref": ("payment_ref", COPIED),
    "payment.paid_at": ("paid", "with the status it says whether the order is paid"),
    "status": ("paid", "with the payment it says whether the order is paid"),
    "customer_note": ("note", COPIED),
}
WHOLE = ("customer.", "billing.", "shipping.")
"""Parts that go as they are."""
LINE = {
    "line_ref": ("source_ref", COPIED),
    "name": ("name", COPIED),
    "quantity": ("quantity", COPIED),
    "total": ("net", COPIED),
    "sku": ("item_code", "the ERP's code that this SKU is mapped to"),
    "kind": ("kind", "in the words of the document"),
}
SHARE = {
    "rate_ref": (("percent", "compound", "code"), "the rate of the order that it points at"),
    "amount": (("amount",), COPIED),
}
RATE = {"percent": "percent", "compound": "compound", "code": "code"}


@dataclass(frozen=True)
class Target:
    """A field of the document for the ERP, and what is done to the order's value for it."""

    field: str
    rule: str


def targets(order: Order, field: str) -> list[Target]:
    """The document's fields that are made of this field of the order; none where it is not sent."""
    if field in HEAD:
        return [Target(*HEAD[field])]
    if field.startswith(WHOLE):
        return [Target(field, COPIED)]
    group, *rest = field.split(".")
    every: Sequence[OrderLine | Charge] = (*order.lines, *order.charges)
    if group in {"lines", "charges"}:
        place = int(rest[0]) + (len(order.lines) if group == "charges" else 0)
        return _of_line(order, every[place], place, rest[1:])
    if group == "taxes" and rest[1] in RATE:
        return _of_rate(order, every, order.taxes[int(rest[0])].rate_ref, RATE[rest[1]])
    return []


def _of_line(order: Order, part: OrderLine | Charge, place: int, rest: list[str]) -> list[Target]:
    if rest[0] == "taxes":
        position = _sent_shares(order, part).get(int(rest[1]))
        if position is None or rest[2] not in SHARE:
            return []
        names, rule = SHARE[rest[2]]
        return [Target(f"lines.{place}.taxes.{position}.{name}", rule) for name in names]
    name, rule = LINE.get(rest[0], ("", ""))
    return [Target(f"lines.{place}.{name}", rule)] if name else []


def _sent_shares(order: Order, part: OrderLine | Charge) -> dict[int, int]:
    """Place of a tax in the order's line → in the document's; what falls on no rate and is nothing is not sent."""
    rates = {tax.rate_ref for tax in order.taxes}
    sent = [place for place, share in enumerate(part.taxes) if share.rate_ref in rates or share.amount != 0]
    return {place: position for position, place in enumerate(sent)}


def _of_rate(order: Order, every: Sequence[OrderLine | Charge], rate_ref: str, name: str) -> list[Target]:
    return [
        Target(f"lines.{place}.taxes.{position}.{name}", "of the rate that the line's tax points at")
        for place, part in enumerate(every)
        for share, position in _sent_shares(order, part).items()
        if part.taxes[share].rate_ref == rate_ref
    ]

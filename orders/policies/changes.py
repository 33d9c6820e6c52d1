"""What one version of an order changed against the one before, in words without personal data."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import structs

from integrations.ports.documents import Address, Charge, Order, OrderLine

AMOUNTS = ("total", "total_tax", "discount_total", "shipping_total")
WORDS = {"total_tax": "tax", "discount_total": "discount", "shipping_total": "shipping"}


def first_seen(order: Order) -> list[str]:
    """What the first version says."""
    lines = f"{len(order.lines)} line" + ("" if len(order.lines) == 1 else "s")
    return [f"{order.status.value}, {lines}, {order.currency} {order.total}"]


def changes(before: Order, after: Order) -> list[str]:
    """Each change as a phrase such as ``status processing → completed``; empty when nothing people see changed."""
    found = []
    if before.source_status != after.source_status or before.status != after.status:
        found.append(f"status {before.source_status} → {after.source_status}")
    if before.number != after.number:
        found.append(f"number {before.number} → {after.number}")
    if before.currency != after.currency:
        found.append(f"currency {before.currency} → {after.currency}")
    for name in AMOUNTS:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            found.append(f"{WORDS.get(name, name)} {old} → {new}")
    found += _part_changes(before.lines, after.lines, "line")
    found += _part_changes(before.charges, after.charges, "charge")
    found += _set_changes({d.code for d in before.discounts}, {d.code for d in after.discounts}, "coupon")
    found += _refund_changes(before, after)
    found += _payment_changes(before, after)
    found += _person_changes(before, after)
    return found


def _part_changes(before: Iterable[OrderLine | Charge], after: Iterable[OrderLine | Charge], noun: str) -> list[str]:
    old, new = {part.line_ref: part for part in before}, {part.line_ref: part for part in after}
    found = [f"{noun} “{new[ref].name}” added ({_short(new[ref])})" for ref in new if ref not in old]
    found += [f"{noun} “{old[ref].name}” removed" for ref in old if ref not in new]
    for ref in old.keys() & new.keys():
        if _short(old[ref]) != _short(new[ref]):
            found.append(f"{noun} “{new[ref].name}” {_short(old[ref])} → {_short(new[ref])}")
    return found


def _short(part: OrderLine | Charge) -> str:
    return f"{part.quantity} for {part.total}" if isinstance(part, OrderLine) else str(part.total)


def _set_changes(before: set[str], after: set[str], noun: str) -> list[str]:
    found = [f"{noun} {code} added" for code in sorted(after - before)]
    return found + [f"{noun} {code} removed" for code in sorted(before - after)]


def _refund_changes(before: Order, after: Order) -> list[str]:
    old, new = {r.refund_ref: r for r in before.refunds}, {r.refund_ref: r for r in after.refunds}
    found = [f"refund {ref} of {new[ref].amount} added" for ref in new if ref not in old]
    return found + [f"refund {ref} of {old[ref].amount} removed" for ref in old if ref not in new]


def _payment_changes(before: Order, after: Order) -> list[str]:
    found = []
    if before.payment.method != after.payment.method:
        found.append(f"payment method {before.payment.method or 'none'} → {after.payment.method or 'none'}")
    if before.payment.paid_at is None and after.payment.paid_at is not None:
        found.append("paid")
    return found


def _person_changes(before: Order, after: Order) -> list[str]:
    found = []
    for noun, old, new in (
        ("billing address", before.billing, after.billing),
        ("shipping address", before.shipping, after.shipping),
    ):
        if old != new:
            found.append(f"{noun} changed ({', '.join(_changed_fields(old, new))})")
    if before.customer != after.customer:
        found.append("customer changed")
    if before.customer_note != after.customer_note:
        found.append("customer's note changed")
    return found


def _changed_fields(before: Address, after: Address) -> list[str]:
    old, new = structs.asdict(before), structs.asdict(after)
    return [name.replace("_", " ") for name in old if old[name] != new[name]]

"""What an ERP is asked to hold for an order, and what stands in the way of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from msgspec import structs

from integrations.ports.documents import (
    Charge,
    ChargeKind,
    Order,
    OrderLine,
    SalesLine,
    SalesLineKind,
    SalesOrder,
    SalesTax,
    TaxLine,
    encode,
)
from orders.events import Issue
from orders.policies import axes, totals
from orders.states import PaymentState

CHARGE_KINDS = {ChargeKind.SHIPPING: SalesLineKind.SHIPPING, ChargeKind.FEE: SalesLineKind.FEE}


def blocking_issues(order: Order, *, item_codes: Mapping[str, str], customer_known: bool) -> list[Issue]:
    """What holds the order. ``item_codes`` maps the SKUs that the sink knows to its codes."""
    issues = [
        Issue("line_without_product", line.name[:200], {"line": line.name, "amount": str(line.total)})
        for line in order.lines
        if not line.product_ref or not line.sku
    ]
    unknown = {line.sku: line for line in order.lines if line.sku and line.product_ref and line.sku not in item_codes}
    issues += [Issue("sku_unmapped", sku[:200], {"sku": sku, "line": line.name}) for sku, line in unknown.items()]
    issues += [
        Issue("negative_fee", charge.name[:200], {"fee": charge.name, "amount": str(charge.total)})
        for charge in order.charges
        if charge.kind is ChargeKind.FEE and charge.total < 0
    ]
    if order.parent_ref:
        issues.append(Issue("parent_child_order", "", {"parent": order.parent_ref}))
    if not customer_known:
        issues.append(Issue("customer_unknown", "", {}))
    return issues + _tax_issues(order) + _money_issues(order)


def _tax_issues(order: Order) -> list[Issue]:
    rates = {tax.rate_ref for tax in order.taxes}
    every: list[OrderLine | Charge] = [*order.lines, *order.charges]
    shares = [share for part in every for share in part.taxes]
    lost = {share.rate_ref for share in shares if share.rate_ref not in rates and share.amount != 0}
    return [Issue("tax_rate_unknown", rate, {"rate": rate}) for rate in sorted(lost)]


def _money_issues(order: Order) -> list[Issue]:
    found = totals.check_totals(order)
    if found.acceptable:
        return []
    evidence = {
        "total": str(order.total),
        "remainder": str(found.remainder),
        "limit": str(found.limit),
        "kind": found.kind.value,
    }
    return [Issue("totals_disagree", found.kind.value, evidence)]


def notices(order: Order, *, posted: bool) -> list[Issue]:
    """What a person must know although the order is not held by it."""
    back = axes.refunded_amount(order)
    if posted and back > 0:
        return [Issue("refund_not_posted", "", {"refunded": str(back)}, blocking=False)]
    return []


def reference_of(*, store_code: str, order_ref: str, ordinal: int) -> str:
    """Our key of the order's document in a sink: ``WC-eu-1001``, later lives ``WC-eu-1001-O2``."""
    base = f"WC-{store_code}-{order_ref}"
    return base if ordinal == 1 else f"{base}-O{ordinal}"


def sales_order(
    order: Order, *, reference: str, store: str, customer_key: str, item_codes: Mapping[str, str]
) -> SalesOrder:
    """The document for the sink. Its lines and taxes sum to the shop's total to the last digit.

    Raises ``KeyError`` for a SKU without item code: callers ask `blocking_issues` first.
    """
    rates = {tax.rate_ref: tax for tax in order.taxes}
    lines = [_goods(line, item_codes, rates) for line in order.lines]
    lines += [_charge(charge, rates) for charge in order.charges]
    remainder = totals.check_totals(order).remainder
    if remainder != 0:
        lines.append(
            SalesLine(kind=SalesLineKind.ROUNDING, item_code="", name="Rounding", quantity=Decimal(1), net=remainder)
        )
    return SalesOrder(
        reference=reference,
        store=store,
        number=order.number,
        placed_on=order.created_at.date(),
        currency=order.currency,
        total=order.total,
        total_tax=order.total_tax,
        customer_key=customer_key,
        customer=order.customer,
        billing=order.billing,
        shipping=order.shipping,
        lines=tuple(lines),
        payment_method=order.payment.method,
        payment_ref=order.payment.transaction_ref,
        paid=axes.payment_of(order) in {PaymentState.PAID, PaymentState.PARTLY_REFUNDED},
        note=order.customer_note,
    )


def _taxes(part: OrderLine | Charge, rates: Mapping[str, TaxLine]) -> tuple[SalesTax, ...]:
    return tuple(
        SalesTax(
            percent=rates[share.rate_ref].percent,
            amount=share.amount,
            compound=rates[share.rate_ref].compound,
            code=rates[share.rate_ref].code,
        )
        for share in part.taxes
        if share.rate_ref in rates or share.amount != 0
    )


def _goods(line: OrderLine, item_codes: Mapping[str, str], rates: Mapping[str, TaxLine]) -> SalesLine:
    return SalesLine(
        kind=SalesLineKind.GOODS,
        item_code=item_codes[line.sku or ""],
        name=line.name,
        quantity=line.quantity,
        net=line.total,
        taxes=_taxes(line, rates),
        source_ref=line.line_ref,
    )


def _charge(charge: Charge, rates: Mapping[str, TaxLine]) -> SalesLine:
    return SalesLine(
        kind=CHARGE_KINDS[charge.kind],
        item_code="",
        name=charge.name,
        quantity=Decimal(1),
        net=charge.total,
        taxes=_taxes(charge, rates),
        source_ref=charge.line_ref,
    )


def material_hash(document: SalesOrder) -> bytes:
    """sha256 over what an ERP must hold: two documents that differ only in payment progress or note are one.

    Nor do our own names count: a SKU that is mapped elsewhere today does not change what was posted yesterday.
    """
    bare = structs.replace(
        document,
        store="",
        paid=False,
        payment_ref="",
        payment_method="",
        note="",
        number="",
        lines=tuple(structs.replace(line, item_code="") for line in document.lines),
    )
    return hashlib.sha256(encode(bare)).digest()


def differences(posted: SalesOrder, wanted: SalesOrder) -> dict[str, str]:
    """What an edit in the store changed, for the case: ``field → "before → after"``."""
    found: dict[str, str] = {}
    if posted.total != wanted.total:
        found["total"] = f"{posted.total} → {wanted.total}"
    before = {line.source_ref: line for line in posted.lines}
    after = {line.source_ref: line for line in wanted.lines}
    for ref in {**before, **after}:
        old, new = before.get(ref), after.get(ref)
        if old != new:
            found[f"line {(new or old).name}"[:80]] = f"{_short(old)} → {_short(new)}"  # type: ignore[union-attr]
    if (posted.billing, posted.shipping) != (wanted.billing, wanted.shipping):
        found["address"] = "changed"
    return found


def _short(line: SalesLine | None) -> str:
    return "nothing" if line is None else f"{line.quantity} for {line.net}"

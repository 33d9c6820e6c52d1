"""A vendor order becomes a canonical `documents.Order`. Pure: no clock, no network, no settings.

The result is the same for one state of an order whether it came by list, single read or webhook: meta data is
sorted, and what the store computes while it answers (links, payment address, ``needs_*``, currency symbol,
prices by piece, local dates, images) is left out.

Raises `errors.Rejected` with code ``order_unreadable`` and the field at fault; `msgspec.DecodeError` and
`RecursionError` where the bytes are not JSON that can be read (`webhooks.decode` names those).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from integrations.connectors.woocommerce import schemas
from integrations.ports import documents
from integrations.ports.documents import ChargeKind, OrderStatus
from integrations.ports.errors import Rejected

STATUSES = {
    "pending": OrderStatus.PENDING,
    "on-hold": OrderStatus.ON_HOLD,
    "processing": OrderStatus.PROCESSING,
    "completed": OrderStatus.COMPLETED,
    "cancelled": OrderStatus.CANCELLED,
    "failed": OrderStatus.FAILED,
    "refunded": OrderStatus.REFUNDED,
    "trash": OrderStatus.TRASHED,
    "draft": OrderStatus.DRAFT,
    "auto-draft": OrderStatus.DRAFT,
    "checkout-draft": OrderStatus.DRAFT,
}

TAX_NUMBER_KEYS = (
    "_billing_vat_number",
    "billing_vat_number",
    "_vat_number",
    "vat_number",
    "_billing_eu_vat_number",
    "billing_eu_vat_number",
    "_billing_vat",
    "billing_vat",
    "_billing_vat_id",
    "billing_vat_id",
    "_billing_tax_number",
    "billing_tax_number",
    "_billing_nif",
    "billing_nif",
)
"""Where the usual plugins keep a customer's tax number, best known first."""

STOCK_BOOKKEEPING = frozenset({"_reduced_stock", "_restock_refunded_items"})
"""Line meta in which the store notes its own stock moves: no content of the order."""

CHECKOUT_BOOKKEEPING = frozenset({"_debug_log_source", "_debug_log_source_pending_deletion"})
"""Order meta of the checkout's own log: seen to vanish without a new ``date_modified_gmt``."""

_MONEY = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_ZERO = Decimal(0)
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_PATH = re.compile(r"at `\$([^`]*)`")
_MISSING = re.compile(r"required field `([^`]*)`")
_INDEX = re.compile(r"\[[^\]]*\]")
_canonical_json = msgspec.json.Encoder(decimal_format="number", order="sorted").encode


def order_from_body(body: bytes) -> documents.Order:
    """One order as JSON bytes (single read or webhook body) → canonical order."""
    _refuse_nul(body)
    try:
        vendor = schemas.ORDER.decode(body)
    except msgspec.ValidationError as error:
        raise _unreadable(str(error)) from error
    return order_from_vendor(vendor)


def orders_from_list(body: bytes) -> list[documents.Order]:
    """A list answer as JSON bytes → canonical orders in its order."""
    _refuse_nul(body)
    try:
        vendors = schemas.ORDERS.decode(body)
    except msgspec.ValidationError as error:
        raise _unreadable(str(error)) from error
    return [order_from_vendor(vendor) for vendor in vendors]


def order_from_vendor(vendor: schemas.VendorOrder) -> documents.Order:
    """The whole mapping. Amounts keep the scale the store sent."""
    return documents.Order(
        order_ref=str(vendor.id),
        number=vendor.number,
        status=STATUSES.get(vendor.status, OrderStatus.OTHER),
        source_status=vendor.status,
        currency=vendor.currency,
        prices_include_tax=vendor.prices_include_tax,
        created_at=utc(vendor.date_created_gmt),
        modified_at=utc(vendor.date_modified_gmt),
        total=money(vendor.total, "total"),
        total_tax=money(vendor.total_tax, "total_tax"),
        discount_total=money(vendor.discount_total, "discount_total"),
        discount_tax=money(vendor.discount_tax, "discount_tax"),
        shipping_total=money(vendor.shipping_total, "shipping_total"),
        shipping_tax=money(vendor.shipping_tax, "shipping_tax"),
        cart_tax=money(vendor.cart_tax, "cart_tax"),
        customer=_customer(vendor),
        billing=address(vendor.billing),
        shipping=address(vendor.shipping),
        payment=documents.Payment(
            method=vendor.payment_method,
            title=vendor.payment_method_title or "",
            transaction_ref=vendor.transaction_id or "",
            paid_at=utc(vendor.date_paid_gmt) if vendor.date_paid_gmt else None,
        ),
        parent_ref=_ref(vendor.parent_id),
        lines=tuple([_line(line) for line in vendor.line_items]),
        charges=_charges(vendor),
        discounts=tuple([_discount(coupon) for coupon in vendor.coupon_lines]),
        taxes=tuple([_tax_line(tax) for tax in vendor.tax_lines]),
        refunds=tuple([_refund(refund) for refund in sorted(vendor.refunds, key=lambda refund: refund.id)]),
        customer_note=vendor.customer_note or "",
        created_via=vendor.created_via or "",
        completed_at=utc(vendor.date_completed_gmt) if vendor.date_completed_gmt else None,
        attributes=attributes(vendor.meta_data, CHECKOUT_BOOKKEEPING),
        source_version=vendor.version,
    )


def _line(line: schemas.VendorLine) -> documents.OrderLine:
    at = "line_items"
    return documents.OrderLine(
        line_ref=str(line.id),
        name=line.name or "",
        quantity=number(line.quantity, "line_items.quantity"),
        subtotal=money(line.subtotal, "line_items.subtotal"),
        subtotal_tax=money(line.subtotal_tax, "line_items.subtotal_tax"),
        total=money(line.total, "line_items.total"),
        total_tax=money(line.total_tax, "line_items.total_tax"),
        sku=line.sku or None,
        product_ref=_ref(line.product_id),
        variation_ref=_ref(line.variation_id),
        taxes=_shares(line.taxes, at) if line.taxes else (),
        attributes=attributes(line.meta_data, STOCK_BOOKKEEPING),
    )


def _charges(vendor: schemas.VendorOrder) -> tuple[documents.Charge, ...]:
    shipping = [
        documents.Charge(
            line_ref=str(line.id),
            kind=ChargeKind.SHIPPING,
            name=line.method_title or "",
            total=money(line.total, "shipping_lines.total"),
            total_tax=money(line.total_tax, "shipping_lines.total_tax"),
            code=line.method_id or "",
            taxes=_shares(line.taxes, "shipping_lines"),
        )
        for line in vendor.shipping_lines
    ]
    fees = [
        documents.Charge(
            line_ref=str(line.id),
            kind=ChargeKind.FEE,
            name=line.name or "",
            total=money(line.total, "fee_lines.total"),
            total_tax=money(line.total_tax, "fee_lines.total_tax"),
            taxes=_shares(line.taxes, "fee_lines"),
        )
        for line in vendor.fee_lines
    ]
    return (*shipping, *fees)


def _shares(taxes: Sequence[schemas.VendorTaxShare], at: str) -> tuple[documents.TaxShare, ...]:
    """An empty ``total`` means that the rate takes nothing from this line."""
    return tuple(
        [
            documents.TaxShare(
                rate_ref=str(tax.id),
                amount=money(tax.total, f"{at}.taxes.total") if tax.total else _ZERO,
                subtotal=money(tax.subtotal, f"{at}.taxes.subtotal") if tax.subtotal else None,
            )
            for tax in taxes
        ]
    )


def _discount(coupon: schemas.VendorCouponLine) -> documents.Discount:
    return documents.Discount(
        code=coupon.code,
        amount=money(coupon.discount, "coupon_lines.discount"),
        tax=money(coupon.discount_tax, "coupon_lines.discount_tax"),
    )


def _tax_line(tax: schemas.VendorTaxLine) -> documents.TaxLine:
    return documents.TaxLine(
        rate_ref=str(tax.rate_id),
        code=tax.rate_code,
        label=tax.label,
        percent=number(tax.rate_percent, "tax_lines.rate_percent"),
        compound=tax.compound,
        amount=money(tax.tax_total, "tax_lines.tax_total"),
        shipping_amount=money(tax.shipping_tax_total, "tax_lines.shipping_tax_total"),
    )


def _refund(refund: schemas.VendorRefund) -> documents.RefundSummary:
    return documents.RefundSummary(
        refund_ref=str(refund.id),
        amount=money(refund.total, "refunds.total").copy_abs(),
        reason=refund.reason or "",
    )


def _customer(vendor: schemas.VendorOrder) -> documents.Customer:
    billing = vendor.billing
    return documents.Customer(
        store_ref=_ref(vendor.customer_id),
        email=billing.email or "",
        phone=billing.phone or "",
        name=f"{billing.first_name or ''} {billing.last_name or ''}".strip(),
        company=billing.company or "",
        tax_number=tax_number(vendor.meta_data) if vendor.meta_data else "",
    )


def tax_number(meta_data: Sequence[schemas.VendorMeta]) -> str:
    found = {meta.key: meta.value.strip() for meta in meta_data if isinstance(meta.value, str)}
    return next((found[key] for key in TAX_NUMBER_KEYS if found.get(key)), "")


def address(address: schemas.VendorAddress) -> documents.Address:
    return documents.Address(
        first_name=address.first_name or "",
        last_name=address.last_name or "",
        company=address.company or "",
        street_1=address.address_1 or "",
        street_2=address.address_2 or "",
        city=address.city or "",
        state=address.state or "",
        postcode=address.postcode or "",
        country=address.country or "",
        email=address.email or "",
        phone=address.phone or "",
    )


def attributes(meta_data: Sequence[schemas.VendorMeta], left_out: frozenset[str]) -> tuple[documents.Attribute, ...]:
    if not meta_data:
        return ()
    found = [(meta.key, text_of(meta.value)) for meta in meta_data if meta.key not in left_out]
    found.sort()
    return tuple([documents.Attribute(key=key, value=value) for key, value in found])


def text_of(value: Any) -> str:
    """A value of meta data as JSON text with sorted keys."""
    return _canonical_json(value).decode()


def _ref(number: int | None) -> str | None:
    """The store writes 0 where it has none."""
    return str(number) if number else None


def utc(moment: dt.datetime) -> dt.datetime:
    """The ``*_gmt`` fields carry no zone; some plugins add one."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError as error:
        raise _unreadable("a time outside the calendar - at `$.date_*_gmt`") from error


def money(text: str, field: str) -> Decimal:
    if _MONEY.fullmatch(text) is None:
        raise _unreadable(f"not an amount - at `$.{field}`", value=text)
    amount = Decimal(text)
    return amount or amount.copy_abs()


def number(value: Decimal, field: str) -> Decimal:
    """Plain digits only: an exponent would let eight bytes grow into gigabytes."""
    if not value.is_finite() or _MONEY.fullmatch(str(value)) is None:
        raise _unreadable(f"not a number we can use - at `$.{field}`", value=str(value))
    return value


def has_nul(body: bytes) -> bool:
    """Whether a JSON text holds an escaped NUL, which PostgreSQL keeps in no text."""
    return b"\\u0000" in body and _ESCAPED_NUL.search(body) is not None


def _refuse_nul(body: bytes) -> None:
    if has_nul(body):
        raise _unreadable("a text holds the NUL character - at `$.text`")


def _unreadable(problem: str, *, value: str = "") -> Rejected:
    """``problem`` is msgspec's sentence, whose end names the path: ``… - at `$.total` ``."""
    path, missing = _PATH.search(problem), _MISSING.search(problem)
    parts = (_INDEX.sub("", path[1]) if path else "", missing[1] if missing else "")
    field = ".".join(part.strip(".") for part in parts if part.strip(".")) or "order"
    evidence = {"field": field, "problem": problem.partition(" - at ")[0][:200]}
    if value:
        evidence["value"] = value[:64]
    return Rejected(
        f"The store's order cannot be read: its field {field} is missing or has an unexpected form.",
        code="order_unreadable",
        evidence=evidence,
    )

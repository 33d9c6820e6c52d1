"""Canonical documents: the only values that pass between connectors and the domain.

Every document is frozen and typed. Amounts are ``Decimal`` in the document's currency, with the scale the
source used (a store chooses its decimals, not the currency: yen may come as ``1500.00``). Line and charge
totals are without tax; taxes are kept per line and per rate. Times are aware and in UTC. Nothing here knows
a vendor's field names.

JSON Schemas of all documents are generated into ``docs/schemas``; a test fails when they are out of date.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

T = TypeVar("T", bound="Document")

CANON_VERSION = 1
"""Version of our mapping. Content hashes are compared only between documents of one version."""


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all canonical documents."""


class OrderStatus(StrEnum):
    """What the store says of an order, in our words. ``other`` is a status added by a store's plugin."""

    DRAFT = "draft"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    PROCESSING = "processing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"
    REFUNDED = "refunded"
    TRASHED = "trashed"
    DELETED = "deleted"
    OTHER = "other"


class Address(Document, frozen=True):
    """A postal address with the person at it. Empty text where the source has none."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    street_1: str = ""
    street_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    """ISO 3166-1 alpha-2, or empty."""
    email: str = ""
    phone: str = ""


class TaxShare(Document, frozen=True):
    """The part of one tax rate in one line. ``rate_ref`` points at ``TaxLine.rate_ref``."""

    rate_ref: str
    amount: Decimal
    subtotal: Decimal | None = None
    """Before discounts; ``None`` for shipping and fees, which have none."""


class TaxLine(Document, frozen=True):
    """One tax rate of an order with the sums that fell on it."""

    rate_ref: str
    code: str
    label: str
    percent: Decimal
    compound: bool
    amount: Decimal
    """On lines and fees."""
    shipping_amount: Decimal


class OrderLine(Document, frozen=True):
    """One product line. Totals are without tax; ``total`` is after discounts, ``subtotal`` before."""

    line_ref: str
    name: str
    quantity: Decimal
    subtotal: Decimal
    subtotal_tax: Decimal
    total: Decimal
    total_tax: Decimal
    sku: str | None = None
    product_ref: str | None = None
    """The store's product id; ``None`` when the line points at no product."""
    variation_ref: str | None = None
    taxes: tuple[TaxShare, ...] = ()
    attributes: tuple[Attribute, ...] = ()


class ChargeKind(StrEnum):
    SHIPPING = "shipping"
    FEE = "fee"


class Charge(Document, frozen=True):
    """Shipping or a fee. ``code`` is the shipping method's id; empty for fees."""

    line_ref: str
    kind: ChargeKind
    name: str
    total: Decimal
    total_tax: Decimal
    code: str = ""
    taxes: tuple[TaxShare, ...] = ()


class Discount(Document, frozen=True):
    """A coupon as it was used; already inside the lines' totals, so it is never subtracted again."""

    code: str
    amount: Decimal
    tax: Decimal


class RefundSummary(Document, frozen=True):
    """A refund as an order tells of it. ``amount`` is positive, tax included."""

    refund_ref: str
    amount: Decimal
    reason: str = ""


class Attribute(Document, frozen=True):
    """A named value of the source (meta data); ``value`` is JSON text with sorted keys."""

    key: str
    value: str


class Payment(Document, frozen=True):
    """How the order is paid. The dates are history: they stay when the order goes back to unpaid."""

    method: str
    title: str = ""
    transaction_ref: str = ""
    paid_at: dt.datetime | None = None


class Customer(Document, frozen=True):
    """Who ordered. ``store_ref`` is ``None`` for a guest. Personal data."""

    store_ref: str | None = None
    email: str = ""
    phone: str = ""
    name: str = ""
    company: str = ""
    tax_number: str = ""


class Order(Document, frozen=True):
    """An order as its store has it at ``modified_at`` (one-second resolution in WooCommerce)."""

    order_ref: str
    """The store's id of the order: unique in the store, never reused."""
    number: str
    """What the shop and the customer call it; plugins change it, so it is shown but never a key."""
    status: OrderStatus
    source_status: str
    currency: str
    """ISO 4217."""
    prices_include_tax: bool
    created_at: dt.datetime
    modified_at: dt.datetime
    total: Decimal
    total_tax: Decimal
    discount_total: Decimal
    discount_tax: Decimal
    shipping_total: Decimal
    shipping_tax: Decimal
    cart_tax: Decimal
    customer: Customer
    billing: Address
    shipping: Address
    payment: Payment
    parent_ref: str | None = None
    """Set by multi-vendor plugins on the parts of one order."""
    lines: tuple[OrderLine, ...] = ()
    charges: tuple[Charge, ...] = ()
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    refunds: tuple[RefundSummary, ...] = ()
    customer_note: str = ""
    created_via: str = ""
    completed_at: dt.datetime | None = None
    attributes: tuple[Attribute, ...] = ()
    source_version: str = ""


class Product(Document, frozen=True):
    """A sellable thing as its source names it."""

    product_ref: str
    sku: str
    name: str
    parent_ref: str | None = None
    active: bool = True


class SalesLineKind(StrEnum):
    GOODS = "goods"
    SHIPPING = "shipping"
    FEE = "fee"
    ROUNDING = "rounding"


class RefundedLine(Document, frozen=True):
    """What was given back for one line, shipping or fee of the order. All amounts are positive.

    ``quantity`` is 0 where only money was given back. ``total`` is without tax.
    """

    line_ref: str
    """The refund's own line."""
    kind: SalesLineKind
    name: str
    quantity: Decimal
    total: Decimal
    total_tax: Decimal
    of_line_ref: str | None = None
    """The line of the order that it is about, where the source says so."""
    taxes: tuple[TaxShare, ...] = ()


class Refund(Document, frozen=True):
    """A refund with its lines. ``amount`` is positive, tax included; the lines may explain only a part of it."""

    refund_ref: str
    order_ref: str
    amount: Decimal
    created_at: dt.datetime
    reason: str = ""
    reference: str = ""
    """Ours, when we asked for it."""
    lines: tuple[RefundedLine, ...] = ()


class SalesTax(Document, frozen=True):
    """A tax on one line of a sales document: the rate in percent and the store's own amount."""

    percent: Decimal
    amount: Decimal
    compound: bool = False
    code: str = ""


class SalesLine(Document, frozen=True):
    """One line of a document for an ERP, in the ERP's item codes. ``net`` is without tax, after discounts."""

    kind: SalesLineKind
    item_code: str
    """The other system's code of the product; empty for shipping, fee and rounding, which it sets itself."""
    name: str
    quantity: Decimal
    net: Decimal
    taxes: tuple[SalesTax, ...] = ()
    source_ref: str = ""


class SalesOrder(Document, frozen=True):
    """What an ERP is asked to hold for one order. ``total`` is with tax and equals the shop's to the cent."""

    reference: str
    store: str
    number: str
    placed_on: dt.date
    currency: str
    total: Decimal
    total_tax: Decimal
    customer_key: str
    """Our public id of the customer (``cus_…``): the customer's key in the ERP."""
    customer: Customer
    billing: Address
    shipping: Address
    lines: tuple[SalesLine, ...]
    payment_method: str = ""
    payment_ref: str = ""
    paid: bool = False
    note: str = ""


class DocumentState(StrEnum):
    """State of a document in the other system, in our words."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    """Accepted, but the other system could not finish what follows from it (Tryton: confirmed, not processing)."""


class ExternalDocument(Document, frozen=True):
    """A document found in another system. ``total`` is with tax, as that system computed it."""

    reference: str
    external_id: str
    state: DocumentState
    currency: str
    total: Decimal
    line_count: int
    number: str = ""
    """The other system's own number; empty until it gives one."""
    modified_at: dt.datetime | None = None


ENCODER = msgspec.json.Encoder(decimal_format="string", order="deterministic")


def encode(document: Document) -> bytes:
    """JSON bytes of a document: keys in one order, decimals as strings, so equal documents are equal bytes."""
    return ENCODER.encode(document)


def decode(raw: bytes | str, kind: type[T]) -> T:
    """Read back what `encode` wrote. Raises ``msgspec.ValidationError`` when it is not a ``kind``."""
    return msgspec.json.decode(raw, type=kind)


def json_schema(kind: type[Document]) -> dict[str, Any]:
    """JSON Schema of a document class."""
    return msgspec.json.schema(kind)

"""The shapes WooCommerce sends (REST API wc/v3; webhook bodies are the same shapes).

Only what we use is named; other keys are passed over. What is named is strict: a missing or mistyped field is
an error with its path. Money stays text until `mapping` checks it, because the store sends ``""`` and plugins
send worse; numbers (``quantity``, ``rate_percent``) are read as exact decimals, never as floats.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Ref = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Filled = Annotated[str, Meta(min_length=1)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]


class VendorMeta(msgspec.Struct):
    """An entry of ``meta_data``. Its place in the list differs between a list and a single read."""

    key: str
    value: Any = None


class VendorTaxShare(msgspec.Struct):
    """``total`` and ``subtotal`` are ``""`` where there is none (shipping and fees have no subtotal)."""

    id: Ref
    total: str
    subtotal: str = ""


class VendorLine(msgspec.Struct):
    """``sku``, ``product_id`` and ``variation_id`` are read live from the product, not kept in the order."""

    id: Id
    name: str | None
    quantity: Decimal
    subtotal: str
    subtotal_tax: str
    total: str
    total_tax: str
    product_id: Ref | None = None
    variation_id: Ref | None = None
    sku: str | None = None
    taxes: list[VendorTaxShare] = []
    meta_data: list[VendorMeta] = []


class VendorTaxLine(msgspec.Struct):
    rate_id: Ref
    rate_code: str
    label: str
    compound: bool
    tax_total: str
    shipping_tax_total: str
    rate_percent: Decimal


class VendorShippingLine(msgspec.Struct):
    id: Id
    method_title: str | None
    total: str
    total_tax: str
    method_id: str | None = None
    taxes: list[VendorTaxShare] = []


class VendorFeeLine(msgspec.Struct):
    id: Id
    name: str | None
    total: str
    total_tax: str
    taxes: list[VendorTaxShare] = []


class VendorCouponLine(msgspec.Struct):
    code: str
    discount: str
    discount_tax: str


class VendorRefund(msgspec.Struct):
    """``total`` is negative, tax included."""

    id: Id
    total: str
    reason: str | None = None


class VendorAddress(msgspec.Struct):
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    postcode: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None


class VendorOrder(msgspec.Struct):
    """An order of ``GET /wc/v3/orders/{id}``, of a list, or of an order webhook."""

    id: Id
    status: Filled
    currency: Currency
    version: str
    prices_include_tax: bool
    discount_total: str
    discount_tax: str
    shipping_total: str
    shipping_tax: str
    cart_tax: str
    total: str
    total_tax: str
    customer_id: Ref
    billing: VendorAddress
    shipping: VendorAddress
    payment_method: str
    number: str
    date_created_gmt: dt.datetime
    date_modified_gmt: dt.datetime
    line_items: list[VendorLine]
    tax_lines: list[VendorTaxLine]
    shipping_lines: list[VendorShippingLine]
    fee_lines: list[VendorFeeLine]
    coupon_lines: list[VendorCouponLine]
    refunds: list[VendorRefund]
    meta_data: list[VendorMeta]
    parent_id: Ref = 0
    payment_method_title: str | None = None
    transaction_id: str | None = None
    customer_note: str | None = None
    created_via: str | None = None
    date_paid_gmt: dt.datetime | None = None
    date_completed_gmt: dt.datetime | None = None


class Envelope(msgspec.Struct):
    """What tells one body from another. Large parts are kept raw: here only their presence counts."""

    id: Any = None
    code: Any = None
    message: Any = None
    action: Any = None
    arg: Any = None
    line_items: Raw | UnsetType = UNSET
    order_key: Raw | UnsetType = UNSET
    refunded_by: Raw | UnsetType = UNSET
    billing_period: Raw | UnsetType = UNSET
    regular_price: Raw | UnsetType = UNSET
    stock_status: Raw | UnsetType = UNSET
    discount_type: Raw | UnsetType = UNSET
    is_paying_customer: Raw | UnsetType = UNSET
    username: Raw | UnsetType = UNSET


class VendorError(msgspec.Struct):
    """The body of a refusal: ``{"code": …, "message": …, "data": {"status": …}}``; ``data`` may be a bare number."""

    code: str
    message: str = ""
    data: Any = None


class VendorEnvironment(msgspec.Struct):
    version: str = ""
    home_url: str = ""
    wp_version: str = ""
    language: str = ""
    wp_cron: bool | None = None
    default_timezone: str = ""


class VendorStoreSettings(msgspec.Struct):
    currency: str = ""
    number_of_decimals: int | None = None


class VendorSystemStatus(msgspec.Struct):
    environment: VendorEnvironment
    settings: VendorStoreSettings


class VendorSetting(msgspec.Struct):
    """One setting of a group; ``value`` is mostly text, also for numbers and yes/no."""

    id: str
    value: Any = ""


class VendorCurrency(msgspec.Struct):
    code: Currency


class VendorTaxRate(msgspec.Struct, rename={"tax_class": "class"}):
    """``rate`` is percent as text with four decimals."""

    id: Id
    rate: str
    name: str = ""
    tax_class: str = ""
    country: str = ""
    state: str = ""
    postcode: str = ""
    city: str = ""
    postcodes: list[str] = []
    cities: list[str] = []
    compound: bool = False
    shipping: bool = False
    priority: int = 1


class VendorTaxClass(msgspec.Struct):
    slug: str
    name: str


class VendorGateway(msgspec.Struct):
    id: Filled
    title: str = ""
    method_title: str = ""
    enabled: bool = False
    method_supports: list[str] = []


class NewestOrder(msgspec.Struct):
    """The newest order's times: local ones tell the store's offset, GMT ones whether they are GMT at all."""

    id: Id
    date_created: dt.datetime | None = None
    date_created_gmt: dt.datetime | None = None
    date_modified_gmt: dt.datetime | None = None


class OrderId(msgspec.Struct):
    """An order of a list cut down with ``_fields=id``."""

    id: Id


class VendorWebhook(msgspec.Struct):
    """``status``: active, paused or disabled; its failures in a row are not shown."""

    id: Id
    topic: str
    status: str
    delivery_url: str = ""
    name: str = ""


class VendorRefundItem(msgspec.Struct):
    """A line, shipping or fee of a refund: amounts and quantity are negative, ``_refunded_item_id`` is in the meta."""

    id: Id
    total: str
    total_tax: str
    name: str | None = None
    method_title: str | None = None
    quantity: Decimal = Decimal(0)
    taxes: list[VendorTaxShare] = []
    meta_data: list[VendorMeta] = []


class VendorFullRefund(msgspec.Struct):
    """A refund of ``orders/{id}/refunds``; ``amount`` is positive, tax included."""

    id: Id
    amount: str
    date_created_gmt: dt.datetime
    reason: str | None = None
    meta_data: list[VendorMeta] = []
    line_items: list[VendorRefundItem] = []
    shipping_lines: list[VendorRefundItem] = []
    fee_lines: list[VendorRefundItem] = []


class VendorNote(msgspec.Struct):
    id: Id
    note: str
    customer_note: bool
    date_created_gmt: dt.datetime
    author: str = ""


class VendorStatusTotal(msgspec.Struct):
    """One status of ``reports/orders/totals``; statuses of plugins are there too."""

    slug: Filled


class VendorProduct(msgspec.Struct):
    """A product or variation. ``manage_stock`` is ``"parent"`` where the product's own stock counts.

    Prices are text as entered, ``""`` where there is none; ``stock_quantity`` is null when nobody counts.
    """

    id: Id
    date_modified_gmt: dt.datetime | None
    status: str
    sku: str | None
    manage_stock: bool | str
    stock_quantity: Decimal | None
    stock_status: str
    type: str = "variation"
    name: str = ""
    parent_id: Ref = 0
    price: str = ""
    regular_price: str = ""
    sale_price: str = ""
    backorders: str = ""
    tax_class: str = ""
    variations: list[int] = []


class VendorCustomer(msgspec.Struct):
    """A registered customer; ``date_modified_gmt`` is null until the first change."""

    id: Id
    email: str
    billing: VendorAddress
    shipping: VendorAddress
    first_name: str = ""
    last_name: str = ""
    role: str = ""
    date_created_gmt: dt.datetime | None = None
    date_modified_gmt: dt.datetime | None = None
    meta_data: list[VendorMeta] = []


class WrittenOrder(msgspec.Struct):
    """What of a written order must be readable, whatever else is wrong with it."""

    id: Id
    status: str
    date_modified_gmt: dt.datetime


class BatchItem(msgspec.Struct):
    """One entry of a batch's answer: the whole thing, or why it was refused."""

    id: int | None = None
    error: VendorError | None = None


class BatchAnswer(msgspec.Struct):
    update: list[Raw] = []


ORDER = msgspec.json.Decoder(VendorOrder, float_hook=Decimal)
ORDERS = msgspec.json.Decoder(list[VendorOrder], float_hook=Decimal)
ENVELOPE = msgspec.json.Decoder(Envelope, float_hook=Decimal)
ERROR = msgspec.json.Decoder(VendorError)
SYSTEM_STATUS = msgspec.json.Decoder(VendorSystemStatus)
ORDER_ID = msgspec.json.Decoder(OrderId)
RAW_LIST = msgspec.json.Decoder(list[Raw])
WEBHOOKS = msgspec.json.Decoder(list[VendorWebhook])
WEBHOOK = msgspec.json.Decoder(VendorWebhook)
REFUND = msgspec.json.Decoder(VendorFullRefund, float_hook=Decimal)
REFUNDS = msgspec.json.Decoder(list[VendorFullRefund], float_hook=Decimal)
NOTE = msgspec.json.Decoder(VendorNote)
NOTES = msgspec.json.Decoder(list[VendorNote])
STATUS_TOTALS = msgspec.json.Decoder(list[VendorStatusTotal])
WRITTEN_ORDER = msgspec.json.Decoder(WrittenOrder)
BATCH = msgspec.json.Decoder(BatchAnswer)
BATCH_ITEM = msgspec.json.Decoder(BatchItem)
SETTINGS = msgspec.json.Decoder(list[VendorSetting])
CURRENCY = msgspec.json.Decoder(VendorCurrency)
TAX_RATES = msgspec.json.Decoder(list[VendorTaxRate])
TAX_CLASSES = msgspec.json.Decoder(list[VendorTaxClass])
GATEWAYS = msgspec.json.Decoder(list[VendorGateway])
NEWEST = msgspec.json.Decoder(list[NewestOrder])
PRODUCT = msgspec.json.Decoder(VendorProduct, float_hook=Decimal)
PRODUCTS = msgspec.json.Decoder(list[VendorProduct], float_hook=Decimal)
CUSTOMER = msgspec.json.Decoder(VendorCustomer, float_hook=Decimal)
CUSTOMERS = msgspec.json.Decoder(list[VendorCustomer], float_hook=Decimal)

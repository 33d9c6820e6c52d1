"""The look-alike ERP's shapes, as its API (version 1) sends and takes them. Amounts are text on the wire."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec


class State(StrEnum):
    DRAFT = "draft"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class Tax(msgspec.Struct, frozen=True, kw_only=True):
    percent: Decimal
    amount: Decimal


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """``net`` is of the whole line, without tax."""

    kind: str
    item_code: str
    description: str
    quantity: Decimal
    net: Decimal
    taxes: tuple[Tax, ...]


class Address(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    company: str = ""
    street_1: str = ""
    street_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    method: str
    reference: str
    paid: bool


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    name: str
    company: str
    email: str
    phone: str
    tax_number: str


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A sales order as it is sent. The ERP rounds its sums to ``decimals``."""

    reference: str
    customer: str
    placed_on: dt.date
    currency: str
    decimals: int
    lines: tuple[Line, ...]
    bill_to: Address
    ship_to: Address
    payment: Payment
    note: str
    channel: str


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A sales order as the ERP tells of it; ``total`` is its own sum, tax included."""

    id: str
    reference: str
    state: State
    number: str
    currency: str
    total: Decimal
    line_count: int
    lines: tuple[Line, ...]
    changed_at: dt.datetime
    bill_to: Address = Address()
    ship_to: Address = Address()


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one of many: one of the two is set. ``error`` has ``code``, ``message`` and facts."""

    document: Document | None = None
    error: Mapping[str, str] | None = None


class Product(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: str


class ItemsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[Item, ...]


class KeysAnswer(msgspec.Struct, frozen=True, kw_only=True):
    items: tuple[CustomerKey, ...]


class CustomerKey(msgspec.Struct, frozen=True, kw_only=True):
    key: str


class DocumentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    document: Document


class DocumentsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """``next`` is the change number to go on from, where the answer is a page."""

    documents: tuple[Document, ...]
    next: int | None = None


class ProductsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    products: tuple[Product, ...]
    next: str | None = None


class PingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    company: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refused call, or what is said with 200 when something broke."""

    error: Mapping[str, str]

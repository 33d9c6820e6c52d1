"""Tryton's shapes: how values travel in its JSON, and the rows we read.

Decimal, date and datetime travel as ``{"__class__": ...}`` objects, see trytond's ``protocols/jsonrpc.py``.
A field ``name.code`` asked of a record comes back inside an object ``name.`` beside the id in ``name``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A record as read; fields that were not asked for are passed over."""

    id: int


class Coded(Row, frozen=True, kw_only=True):
    code: str | None


class SaleRow(Row, frozen=True, kw_only=True):
    """`sale.sale`. ``total_amount`` is with tax; times are the server's local time."""

    web_id: str
    number: str | None
    state: str
    total_amount: Decimal
    lines: tuple[int, ...]
    currency: Coded = msgspec.field(name="currency.")
    last_modified_at: dt.datetime | None


SALE_FIELDS = ("web_id", "number", "state", "total_amount", "lines", "currency.code", "last_modified_at")


class AddressRow(Row, frozen=True, kw_only=True):
    party_name: str | None
    street: str | None
    postal_code: str | None
    city: str | None
    country: int | None


class PartyRow(Coded, frozen=True, kw_only=True):
    addresses: tuple[AddressRow, ...] = msgspec.field(name="addresses.", default=())


PARTY_FIELDS = (
    "code",
    "addresses",
    "addresses.party_name",
    "addresses.street",
    "addresses.postal_code",
    "addresses.city",
    "addresses.country",
)


class ProductRow(Coded, frozen=True, kw_only=True):
    name: str
    active: bool
    salable: bool
    sale_uom: int | None
    template: int


PRODUCT_FIELDS = ("code", "name", "active", "salable", "sale_uom", "template")


class TaxRow(Row, frozen=True, kw_only=True):
    """`account.tax` of type percentage. ``rate`` is a fraction: 0.19. ``update_unit_price`` raises the base
    of the taxes with a higher ``sequence``."""

    rate: Decimal
    sequence: int | None
    update_unit_price: bool
    start_date: dt.date | None
    end_date: dt.date | None
    childs: tuple[int, ...]


TAX_FIELDS = ("rate", "sequence", "update_unit_price", "start_date", "end_date", "childs")


class CurrencyRow(Coded, frozen=True, kw_only=True):
    rounding: Decimal


class ShopRow(Row, frozen=True, kw_only=True):
    company: int
    warehouses: tuple[int, ...]


class TaxConfigurationRow(Row, frozen=True, kw_only=True):
    tax_rounding: str


def to_wire(value: Any) -> Any:
    """A value of ours as Tryton's JSON wants it."""
    match value:
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case dt.datetime():
            return {
                "__class__": "datetime",
                **_fields(value, "year month day hour minute second microsecond"),
            }
        case dt.date():
            return {"__class__": "date", **_fields(value, "year month day")}
        case str():
            return value
        case Mapping():
            return {key: to_wire(item) for key, item in value.items()}
        case Sequence():
            return [to_wire(item) for item in value]
        case _:
            return value


def _fields(value: dt.date, names: str) -> dict[str, int]:
    return {name: getattr(value, name) for name in names.split()}


def from_wire(value: Any) -> Any:
    """The opposite of `to_wire`; other classes stay objects. Raises ``ValueError``, ``TypeError``."""
    if isinstance(value, list):
        return [from_wire(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    arguments = {key: item for key, item in value.items() if key != "__class__"}
    if kind == "Decimal":
        return Decimal(str(arguments["decimal"]))
    if kind == "date":
        return dt.date(**arguments)
    if kind == "datetime":
        return dt.datetime(**arguments)  # noqa: DTZ001 - Tryton sends none; mapping.py adds the zone
    return {key: from_wire(item) for key, item in value.items()}


def rows(value: Any, kind: type[T]) -> T:
    """A decoded result as ``kind``. Raises ``msgspec.ValidationError``."""
    return msgspec.convert(from_wire(value), kind)

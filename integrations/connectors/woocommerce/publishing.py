"""Prices and stock to the store, in batches that the store does not check: it would make 0 of "many" and 12 of 12.5.

Products and variations have batches of their own. What the store answers is compared with what was asked: with
stock management off it ignores a quantity and says 200.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from integrations.connectors.woocommerce import batches, schemas
from integrations.connectors.woocommerce.access import thing_id
from integrations.connectors.woocommerce.catalogue import Catalogue, CatalogueItem, StockKept, item_from_vendor
from integrations.connectors.woocommerce.pace import Pace
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.errors import ConnectorError, Rejected, Transient, Unknown

_MOST_STOCK = Decimal(2**31)


@dataclass(frozen=True)
class ItemChange:
    """New values of one product or, with ``parent_ref``, variation. What is ``None`` stays as it is.

    ``stock_quantity`` is whole and needs an item that the store counts, or ``manage_stock`` true along with it.
    """

    product_ref: str
    parent_ref: str | None = None
    stock_quantity: Decimal | None = None
    manage_stock: bool | None = None
    regular_price: Decimal | None = None
    sale_price: Decimal | None = None
    ends_sale: bool = False
    """Take the sale price away."""


@dataclass(frozen=True)
class ItemWritten:
    """The item after its change; ``modified_at`` knows our own echo."""

    product_ref: str
    modified_at: dt.datetime | None
    item: CatalogueItem


ItemResult = ItemWritten | ConnectorError


class Publisher(Catalogue):
    """Writes prices and stock. The key needs the right to write."""

    def __init__(self, info: ConnectionInfo, context: CallContext) -> None:
        super().__init__(info, context)
        self._item_batches = Pace(batches.START)

    def change_items(self, changes: Sequence[ItemChange]) -> list[ItemResult]:
        """One result for each change, in their order.

        ``Rejected``: ``value_not_allowed`` (not sent), ``stock_not_kept``, ``value_not_kept``, ``item_gone``,
        ``variation_not_product``, ``item_refused``; ``Transient(asked_twice)`` for the second of one item.
        """
        results: list[ItemResult | None] = [None] * len(changes)
        groups: dict[str | None, list[int]] = {}
        seen: set[str] = set()
        for place, change in enumerate(changes):
            results[place] = _refusal(change, seen)
            seen.add(change.product_ref)
            if results[place] is None:
                groups.setdefault(change.parent_ref, []).append(place)
        for parent_ref, places in groups.items():
            post = partial(self._api.change_variations, parent_ref) if parent_ref else self._api.change_products
            outcomes = batches.send([_fields(changes[place]) for place in places], post, self._item_batches)
            for place, outcome in zip(places, outcomes, strict=True):
                results[place] = _result(changes[place], outcome)
        return [result for result in results if result is not None]


def _fields(change: ItemChange) -> dict[str, Any]:
    """By the store's names. Prices go as text, quantities as whole numbers."""
    fields: dict[str, Any] = {"id": int(change.product_ref)}
    if change.manage_stock is not None:
        fields["manage_stock"] = change.manage_stock
    if change.stock_quantity is not None:
        fields["stock_quantity"] = int(change.stock_quantity)
    if change.regular_price is not None:
        fields["regular_price"] = f"{change.regular_price:f}"
    if change.sale_price is not None or change.ends_sale:
        fields["sale_price"] = "" if change.sale_price is None else f"{change.sale_price:f}"
    return fields


def _refusal(change: ItemChange, seen: set[str]) -> ConnectorError | None:
    """Why this change is not sent, or ``None``."""
    try:
        thing_id(change.product_ref)
        thing_id(change.parent_ref if change.parent_ref is not None else change.product_ref)
    except Rejected as error:
        return error
    stock, prices = change.stock_quantity, (change.regular_price, change.sale_price)
    if stock is not None and (not stock.is_finite() or stock != stock.to_integral_value() or abs(stock) >= _MOST_STOCK):
        return _not_allowed("stock_quantity", str(stock))
    if stock is not None and change.manage_stock is False:
        return _not_allowed("manage_stock", "false with a quantity")
    for price in prices:
        if price is not None and (not price.is_finite() or price < 0):
            return _not_allowed("price", str(price))
    if change.sale_price is not None and change.ends_sale:
        return _not_allowed("sale_price", "both set and ended")
    if len(_fields(change)) == 1:
        return _not_allowed("change", "nothing")
    if change.product_ref in seen:
        evidence = {"product_ref": change.product_ref}
        return Transient("This item is changed twice in the same call.", code="asked_twice", evidence=evidence)
    return None


def _result(change: ItemChange, outcome: batches.Outcome) -> ItemResult:
    if isinstance(outcome, ConnectorError):
        return outcome
    try:
        item = item_from_vendor(schemas.PRODUCT.decode(outcome))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        evidence = {"product_ref": change.product_ref, "problem": str(error)[:200]}
        return Unknown("The item cannot be read after its change.", code="bad_answer", evidence=evidence)
    if change.stock_quantity is not None and item.stock_kept is not StockKept.OWN:
        return Rejected(
            "The store does not count this item by itself, so it ignored the quantity.",
            code="stock_not_kept",
            evidence={"product_ref": change.product_ref, "stock": item.stock_kept},
        )
    kept = {
        "stock_quantity": (change.stock_quantity, item.stock_quantity),
        "regular_price": (change.regular_price, item.regular_price),
        "sale_price": (change.sale_price, item.sale_price),
    }
    for field, (asked, got) in kept.items():
        if asked is not None and asked != got:
            return Rejected(
                f"The store made another value of {field}.",
                code="value_not_kept",
                evidence={"product_ref": change.product_ref, "field": field, "asked": str(asked), "got": str(got)},
            )
    return ItemWritten(change.product_ref, item.modified_at, item)


def _not_allowed(field: str, value: str) -> Rejected:
    return Rejected(
        f"The value of {field} cannot be sent to a store.",
        code="value_not_allowed",
        evidence={"field": field, "value": value[:64]},
    )

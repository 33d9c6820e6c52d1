"""What orders need to know of products, in memory: order lines show some of it as it is now."""

from __future__ import annotations

import threading
from decimal import Decimal

import msgspec

from retailhub.sandbox.store.ledger import Ledger, load
from retailhub.sandbox.store.php import to_number


class Card(msgspec.Struct, frozen=True):
    """A product or variation as a line shows and prices it. ``stock_of`` is whose stock it takes, 0 for none."""

    id: int
    parent_id: int
    name: str
    sku: str
    gtin: str
    price: Decimal
    taxable: bool
    tax_class: str
    digital: bool
    """Virtual and downloadable: needs no processing."""
    stock_of: int
    parent_name: str | None
    attributes: tuple[tuple[str, str, str], ...]
    """(key, label, value) of a variation."""


class Shelf:
    """Cards by number; ``changed`` when a product was written."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._cards: dict[int, Card | None] = {}
        self._version = 0

    def changed(self) -> None:
        """Something about the products is another now: all cards are read anew."""
        with self._lock:
            self._cards = {}
            self._version += 1

    def find(self, product_id: int) -> Card | None:
        """The card, or ``None`` for a product that is not (any more)."""
        if product_id in self._cards:
            return self._cards[product_id]
        version = self._version
        card = self._read(product_id)
        with self._lock:
            if version == self._version:
                self._cards[product_id] = card
        return card

    def _read(self, product_id: int) -> Card | None:
        row = self._ledger.one("SELECT id, parent_id, doc FROM product WHERE id = ?", (product_id,))
        if row is None:
            return None
        doc = load(row["doc"])
        parent = self._ledger.value("SELECT doc FROM product WHERE id = ?", (row["parent_id"],))
        above = load(parent) if parent is not None else None
        tax_class = doc["tax_class"]
        if above is not None and tax_class == "parent":
            tax_class = above["tax_class"]
        managed = doc["manage_stock"]
        if managed is True:
            stock_of = row["id"]
        else:
            stock_of = row["parent_id"] if above is not None and above["manage_stock"] is True else 0
        return Card(
            id=row["id"],
            parent_id=row["parent_id"],
            name=doc["name"],
            sku=doc["sku"] or (above["sku"] if above else ""),
            gtin=doc["global_unique_id"],
            price=to_number(doc["sale_price"] or doc["regular_price"]),
            taxable=doc["tax_status"] == "taxable",
            tax_class=tax_class,
            digital=doc["virtual"] and doc["downloadable"],
            stock_of=stock_of,
            parent_name=above["name"] if above else None,
            attributes=tuple((a["slug"], a["name"], a["option"]) for a in doc["attributes"]) if above else (),
        )

"""Orders in the books: reading them for a change, writing them, taking them out; and the truth beside them.

``placed`` keeps every order that ever was, with its money, also after it was deleted for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from retailhub.sandbox.store.ledger import dump, load
from retailhub.sandbox.store.order_status import refunded
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_INSERT = "INSERT INTO orders (id, status, created, modified, customer_id, doc) VALUES (?, ?, ?, ?, ?, ?)"
_UPDATE = "UPDATE orders SET status = ?, created = ?, modified = ?, customer_id = ?, doc = ? WHERE id = ?"
_PLACE = """
INSERT INTO placed (id, way, at, currency, total, status, life, expect, planted, steps)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an order besides itself: how it came, which life it has, what must come of it."""

    way: str = "rest"
    life: str = ""
    expect: str = ""
    planted: str | None = None
    steps: bytes | None = None


def read(store: Store, order_id: int) -> Doc | None:
    """The order's document, or ``None``."""
    doc = store.ledger.value("SELECT doc FROM orders WHERE id = ?", (order_id,))
    return None if doc is None else load(doc)


def insert(store: Store, order_id: int, doc: Doc, story: Story) -> None:
    """A new order. Call inside a transaction."""
    insert_many(store, [(order_id, doc, story)])


def insert_many(store: Store, orders: Sequence[tuple[int, Doc, Story]]) -> None:
    """New orders, quickly. Call inside a transaction."""
    store.ledger.run_many(_INSERT, [_row(order_id, doc) for order_id, doc, _ in orders])
    store.ledger.run_many(_PLACE, [_placed(order_id, doc, story) for order_id, doc, story in orders])
    pairs = {(product_id, order_id) for order_id, doc, _ in orders for product_id in _products(doc)}
    _index_products(store, pairs)


def update(store: Store, order_id: int, doc: Doc) -> None:
    """Write an order as it is now. Call inside a transaction."""
    _, status, created, modified, customer_id, content = _row(order_id, doc)
    store.ledger.run(_UPDATE, (status, created, modified, customer_id, content, order_id))
    store.ledger.run(
        "UPDATE placed SET status = ?, currency = ?, total = ?, refunded = ? WHERE id = ?",
        (status, doc["currency"], doc["totals"]["total"], str(refunded(doc)), order_id),
    )
    _index_products(store, {(product_id, order_id) for product_id in _products(doc)})


def remove(store: Store, order_id: int) -> None:
    """Gone for good, with its notes and refunds. Call inside a transaction."""
    store.ledger.run("DELETE FROM orders WHERE id = ?", (order_id,))
    store.ledger.run("DELETE FROM note WHERE order_id = ?", (order_id,))
    store.ledger.run("DELETE FROM refund WHERE order_id = ?", (order_id,))
    store.ledger.run("UPDATE placed SET status = 'deleted', steps = NULL WHERE id = ?", (order_id,))


def _row(order_id: int, doc: Doc) -> tuple[Any, ...]:
    return order_id, doc["status"], doc["created"], doc["modified"], doc["customer_id"], dump(doc)


def _placed(order_id: int, doc: Doc, story: Story) -> tuple[Any, ...]:
    total = str(Decimal(doc["totals"]["total"]))
    return (
        order_id, story.way, doc["created"], doc["currency"], total, doc["status"],
        story.life, story.expect, story.planted, story.steps,
    )  # fmt: skip


def _products(doc: Doc) -> set[int]:
    found = {line["product_id"] for line in doc["lines"]} | {line["variation_id"] for line in doc["lines"]}
    return found - {0}


def _index_products(store: Store, pairs: Iterable[tuple[int, int]]) -> None:
    store.ledger.run_many("INSERT OR IGNORE INTO order_product (product_id, order_id) VALUES (?, ?)", pairs)

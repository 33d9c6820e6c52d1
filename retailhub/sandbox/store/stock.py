"""Stock: what a sale, a restock or a write does to a product's quantity, and what it shows then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retailhub.sandbox.store.ledger import dump, load
from retailhub.sandbox.store.store import Store


def move(store: Store, product_id: int, by: int, *, now: int) -> None:
    """Change a managed quantity; dates move, of a variation's parent too. The caller tells the webhooks."""
    row = store.ledger.one("SELECT parent_id, doc FROM product WHERE id = ?", (product_id,))
    if row is None:
        return
    doc = load(row["doc"])
    doc["stock_quantity"] = (doc["stock_quantity"] or 0) + by
    if by < 0:
        doc["total_sales"] = doc.get("total_sales", 0) - by
    store.ledger.run("UPDATE product SET doc = ?, modified = ? WHERE id = ?", (dump(doc), now, product_id))
    if row["parent_id"]:
        touch(store, row["parent_id"], now=now)


def touch(store: Store, product_id: int, *, now: int) -> None:
    """Move a product's date and nothing else."""
    store.ledger.run("UPDATE product SET modified = ? WHERE id = ?", (now, product_id))


def status_of(doc: dict[str, Any], *, managed: bool, quantity: int | None, backorders: str) -> str:
    """``instock``, ``outofstock`` or ``onbackorder``."""
    if not managed:
        return str(doc["stock_status"])
    if (quantity or 0) > 0:
        return "instock"
    return "outofstock" if backorders == "no" else "onbackorder"


def tell(store: Store, product_ids: Iterable[int]) -> None:
    """One ``product.updated`` for each product or variation whose stock moved; a parent has no news of its own.

    Call inside the transaction in which it moved.
    """
    for product_id in product_ids:
        store.hooks.fire("product.updated", product_id)

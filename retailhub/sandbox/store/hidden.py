"""Changes that a plugin makes straight in the database: no date moves, no webhook hears of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retailhub.sandbox.store import order_keep, order_writes
from retailhub.sandbox.store.errors import invalid_id
from retailhub.sandbox.store.store import Store


def alter(store: Store, order_id: int, fields: Mapping[str, Any]) -> None:
    """As a PUT of ``fields``, but the order keeps its date. Raises `RestError`. Call inside a transaction."""
    before = order_keep.read(store, order_id)
    if before is None:
        raise invalid_id("shop_order")
    was, store.hooks.silent.on = getattr(store.hooks.silent, "on", False), True
    try:
        order_writes.update_order(store, order_id, fields)
    finally:
        store.hooks.silent.on = was
    after = order_keep.read(store, order_id)
    if after is not None:
        after["modified"] = before["modified"]
        order_keep.update(store, order_id, after)


def backdate(store: Store, order_id: int, seconds: int) -> None:
    """All its dates lie ``seconds`` earlier. Raises `RestError`. Call inside a transaction."""
    doc = order_keep.read(store, order_id)
    if doc is None:
        raise invalid_id("shop_order")
    for name in ("created", "modified", "paid", "completed"):
        if doc[name] is not None:
            doc[name] -= seconds
    order_keep.update(store, order_id, doc)

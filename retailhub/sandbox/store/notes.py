"""Order notes: posted, listed, deleted. They move no date and no order webhook tells of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from retailhub.sandbox.store import order_status
from retailhub.sandbox.store.errors import RestError, no_trash
from retailhub.sandbox.store.ledger import load
from retailhub.sandbox.store.php import to_bool, to_text
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]


def create(store: Store, order_id: int, posted: Mapping[str, Any]) -> int:
    """POST: kept as it is sent; what goes to the customer leaves a second note. Raises `RestError`."""
    _check_order(store, order_id)
    now, to_customer = store.clock.now(), to_bool(posted.get("customer_note", False))
    text = to_text(posted.get("note"))
    note_id = order_status.add_note(store, order_id, text, now=now, to_customer=to_customer)
    if to_customer:
        order_status.add_note(store, order_id, 'Email "Customer note" sent.', now=now)
    return note_id


def listed(store: Store, order_id: int, kind: str) -> list[Doc]:
    """GET: the newest first; ``kind`` is any, customer or internal. Raises `RestError`."""
    _check_order(store, order_id)
    rows = store.ledger.rows("SELECT * FROM note WHERE order_id = ? ORDER BY created DESC, id", (order_id,))
    found = [_note(store, row) for row in rows]
    wanted = {"customer": (True,), "internal": (False,)}.get(kind, (True, False))
    return [row for row in found if row["customer_note"] in wanted]


def one_note(store: Store, order_id: int, note_id: int) -> Doc:
    """GET of one. Raises `RestError`."""
    _check_order(store, order_id)
    row = store.ledger.one("SELECT * FROM note WHERE id = ? AND order_id = ?", (note_id, order_id))
    if row is None:
        raise RestError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
    return _note(store, row)


def delete(store: Store, order_id: int, note_id: int, *, force: bool) -> Doc:
    """For good or not at all. Raises `RestError`."""
    if not force:
        raise no_trash("Webhooks")
    body = one_note(store, order_id, note_id)
    store.ledger.run("DELETE FROM note WHERE id = ?", (note_id,))
    return body


def _check_order(store: Store, order_id: int) -> None:
    if store.ledger.one("SELECT 1 FROM orders WHERE id = ?", (order_id,)) is None:
        raise RestError(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")


def _note(store: Store, row: sqlite3.Row) -> Doc:
    doc, clock, base = load(row["doc"]), store.clock, f"{store.api}/orders/{row['order_id']}"
    return {
        "id": row["id"],
        "author": "WooCommerce",
        "date_created": clock.local(row["created"]),
        "date_created_gmt": clock.gmt(row["created"]),
        "note": doc["text"],
        "customer_note": doc["to_customer"],
        "_links": {
            "self": [{"href": f"{base}/notes/{row['id']}", "targetHints": {"allow": ["GET", "DELETE"]}}],
            "collection": [{"href": f"{base}/notes"}],
            "up": [{"href": base}],
        },
    }

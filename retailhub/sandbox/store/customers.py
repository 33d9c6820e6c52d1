"""Customers: made, shown, changed, deleted. Every new one is told of twice, as created and as updated."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any

from retailhub.sandbox.store.errors import RestError, no_trash
from retailhub.sandbox.store.ledger import dump, load
from retailhub.sandbox.store.order_docs import set_meta
from retailhub.sandbox.store.order_shown import cut_fields
from retailhub.sandbox.store.paging import PAGE, Page, limits
from retailhub.sandbox.store.params import listed, read
from retailhub.sandbox.store.php import Params, fold, to_text
from retailhub.sandbox.store.seeding import customer_doc
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_IDS = {"type": "array", "items": {"type": "integer"}}
LIST = {
    **PAGE,
    "search": {"type": "string"},
    "email": {"type": "string", "format": "email"},
    "role": {"type": "string", "default": "customer"},
    "include": _IDS,
    "exclude": _IDS,
    "order": {"type": "string", "enum": ("asc", "desc"), "default": "asc"},
    "orderby": {
        "type": "string",
        "enum": ("id", "include", "name", "registered_date", "email", "order_count"),
        "default": "name",
    },
}
_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_INSERT = "INSERT INTO customer (id, email_key, role, created, modified, doc) VALUES (?, ?, 'customer', ?, ?, ?)"


def find(store: Store, customer_id: int, *, status: int = 404) -> sqlite3.Row:
    """The customer's row. Raises `RestError`."""
    row = store.ledger.one("SELECT * FROM customer WHERE id = ?", (customer_id,))
    if row is None:
        if status == 404:
            raise RestError(404, "wc_user_invalid_id", "Invalid user ID.")
        raise RestError(400, "woocommerce_rest_invalid_id", "Invalid resource ID.")
    return row


def shown(store: Store, row: sqlite3.Row) -> Doc:
    """As ``GET customers/{id}`` has it."""
    doc, clock = load(row["doc"]), store.clock
    allowed = _ALL if row["role"] == "customer" else _ALL[:-1]
    picture = hashlib.sha256(doc["email"].lower().encode()).hexdigest()
    return {
        "id": row["id"],
        "date_created": clock.local(row["created"]),
        "date_created_gmt": clock.gmt(row["created"]),
        "date_modified": clock.local(row["modified"]),
        "date_modified_gmt": clock.gmt(row["modified"]),
        "email": doc["email"],
        "first_name": doc["first_name"],
        "last_name": doc["last_name"],
        "role": row["role"],
        "username": doc["username"],
        "billing": doc["billing"],
        "shipping": doc["shipping"],
        "is_paying_customer": doc["paying"],
        "avatar_url": f"https://secure.gravatar.com/avatar/{picture}?s=96&d=mm&r=g",
        "meta_data": doc["meta"],
        "_links": {
            "self": [{"href": f"{store.api}/customers/{row['id']}", "targetHints": {"allow": allowed}}],
            "collection": [{"href": f"{store.api}/customers"}],
        },
    }


def one_customer(store: Store, customer_id: int) -> Doc:
    """GET customers/{id}. Raises `RestError`."""
    return shown(store, find(store, customer_id))


def list_customers(store: Store, params: Params) -> tuple[list[Doc], Page]:
    """GET customers. It knows no ``modified_after``. Raises `RestError`."""
    wanted = read(params, LIST)
    parts, values = ["1"], list[Any]()
    if wanted["role"] != "all":
        parts.append("role = ?")
        values.append(wanted["role"])
    if wanted.get("email"):
        parts.append("email_key = ?")
        values.append(fold(wanted["email"]))
    if wanted.get("search"):
        parts.append("instr(email_key, ?) > 0")
        values.append(fold(wanted["search"]))
    for name, word in (("include", "IN"), ("exclude", "NOT IN")):
        if wanted.get(name):
            parts.append(f"id {word} ({','.join('?' * len(wanted[name]))})")
            values += wanted[name]
    where, (size, skip) = " AND ".join(parts), limits(wanted)
    turn = "ASC" if wanted["order"] == "asc" else "DESC"
    query = f"SELECT * FROM customer WHERE {where} ORDER BY id {turn} LIMIT ? OFFSET ?"  # noqa: S608 - our own words
    rows = [shown(store, row) for row in store.ledger.rows(query, (*values, size, skip))]
    if params.get("_fields"):
        rows = [cut_fields(row, listed(params["_fields"])) for row in rows]
    total = int(store.ledger.value(f"SELECT count(*) FROM customer WHERE {where}", values))  # noqa: S608
    return rows, Page(wanted["page"], size, total)


def create(store: Store, posted: Mapping[str, Any]) -> int:
    """A new account. Raises `RestError`. Call inside a transaction."""
    email = to_text(posted.get("email")).strip()
    if store.ledger.one("SELECT 1 FROM customer WHERE email_key = ?", (fold(email),)) is not None:
        text = f"An account is already registered with {email}. Please log in or use a different email address."
        raise RestError(400, "registration-error-email-exists", text)
    now = store.clock.now()
    doc = customer_doc(None) | {"email": email, "username": to_text(posted.get("username")) or email.partition("@")[0]}
    _fill(store, doc, posted)
    customer_id = store.ledger.next_id("customer")
    store.ledger.run(_INSERT, (customer_id, fold(email), now, now, dump(doc)))
    store.hooks.fire("customer.created", customer_id)
    store.hooks.fire("customer.updated", customer_id)
    return customer_id


def update(store: Store, customer_id: int, posted: Mapping[str, Any]) -> None:
    """PUT. Raises `RestError`. Call inside a transaction."""
    row = find(store, customer_id, status=400)
    doc = load(row["doc"])
    email = to_text(posted.get("email")).strip() or doc["email"]
    other = store.ledger.value("SELECT id FROM customer WHERE email_key = ?", (fold(email),))
    if other not in (None, customer_id):
        raise RestError(400, "woocommerce_rest_customer_invalid_email", "Email address is invalid.")
    doc["email"] = email
    _fill(store, doc, posted)
    store.ledger.run(
        "UPDATE customer SET email_key = ?, modified = ?, doc = ? WHERE id = ?",
        (fold(email), store.clock.now(), dump(doc), customer_id),
    )
    store.hooks.fire("customer.updated", customer_id)


def delete(store: Store, customer_id: int, *, force: bool) -> Doc:
    """For good or not at all; old orders silently become a guest's. Raises `RestError`. In a transaction."""
    if not force:
        raise no_trash("Customers")
    body = shown(store, find(store, customer_id, status=400))
    store.hooks.fire("customer.deleted", customer_id)
    for row in store.ledger.rows("SELECT id, doc FROM orders WHERE customer_id = ?", (customer_id,)):
        doc = load(row["doc"]) | {"customer_id": 0}
        store.ledger.run("UPDATE orders SET customer_id = 0, doc = ? WHERE id = ?", (dump(doc), row["id"]))
    store.ledger.run("DELETE FROM customer WHERE id = ?", (customer_id,))
    return body


def _fill(store: Store, doc: Doc, posted: Mapping[str, Any]) -> None:
    for name in ("first_name", "last_name"):
        if posted.get(name) is not None:
            doc[name] = to_text(posted[name])
    for name in ("billing", "shipping"):
        given = posted.get(name) or {}
        doc[name] = doc[name] | {key: to_text(given[key]) for key in doc[name] if key in given}
    set_meta(store, doc["meta"], posted.get("meta_data") or (), counter="customer_meta")

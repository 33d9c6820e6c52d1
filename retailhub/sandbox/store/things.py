"""Coupons, tax rates and categories: small resources that are kept and shown alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from retailhub.sandbox.store.errors import RestError, invalid_id
from retailhub.sandbox.store.ledger import dump, load
from retailhub.sandbox.store.order_docs import set_meta
from retailhub.sandbox.store.order_shown import view_of
from retailhub.sandbox.store.php import fold, slug_of, to_bool, to_int, to_number, to_text
from retailhub.sandbox.store.seeding import rate_doc
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_INSERT = "INSERT INTO thing (kind, id, key, status, created, modified, doc) VALUES (?, ?, ?, ?, ?, ?, ?)"
_UPDATE = "UPDATE thing SET key = ?, status = ?, modified = ?, doc = ? WHERE kind = ? AND id = ?"
COUPON: Doc = {
    "code": "",
    "amount": "0",
    "discount_type": "fixed_cart",
    "description": "",
    "date_expires": None,
    "date_expires_gmt": None,
    "usage_count": 0,
    "individual_use": False,
    "product_ids": [],
    "excluded_product_ids": [],
    "usage_limit": None,
    "usage_limit_per_user": None,
    "limit_usage_to_x_items": None,
    "free_shipping": False,
    "product_categories": [],
    "excluded_product_categories": [],
    "exclude_sale_items": False,
    "minimum_amount": "0",
    "maximum_amount": "0",
    "email_restrictions": [],
    "used_by": [],
    "meta_data": [],
}
_PLACES = {"coupon": "coupons", "rate": "taxes", "category": "products/categories"}
_RESOURCES = {"coupon": "shop_coupon", "rate": "", "category": "term"}


def find(store: Store, kind: str, ident: int, *, status: int = 404) -> sqlite3.Row:
    """The row of a coupon, rate or category. Raises `RestError`."""
    row = store.ledger.one("SELECT * FROM thing WHERE kind = ? AND id = ?", (kind, ident))
    if row is None:
        if kind == "rate":
            raise RestError(404, "woocommerce_rest_invalid_id", "Invalid resource ID.")
        raise invalid_id(_RESOURCES[kind], status=status)
    return row


def every(store: Store, kind: str) -> list[sqlite3.Row]:
    """All of a kind that are not in the trash, by number."""
    return store.ledger.rows("SELECT * FROM thing WHERE kind = ? AND status != 'trash' ORDER BY id", (kind,))


def shown(store: Store, row: sqlite3.Row) -> Doc:
    """As the API has it."""
    doc, kind, place = load(row["doc"]), row["kind"], _PLACES[row["kind"]]
    links = {
        "self": [{"href": f"{store.api}/{place}/{row['id']}", "targetHints": {"allow": _ALL}}],
        "collection": [{"href": f"{store.api}/{place}"}],
    }
    if kind == "coupon":
        return {**_coupon_shown(store, row, doc), "_links": links}
    return {"id": row["id"], **doc, "_links": links}


def _coupon_shown(store: Store, row: sqlite3.Row, doc: Doc) -> Doc:
    clock, view = store.clock, view_of(store)
    money: Doc = {name: view.money(doc[name]) for name in ("amount", "minimum_amount", "maximum_amount") if name in doc}
    return {
        "id": row["id"],
        **COUPON,
        **doc,
        "minimum_amount": view.money(COUPON["minimum_amount"]),
        "maximum_amount": view.money(COUPON["maximum_amount"]),
        **money,
        "status": row["status"],
        "date_created": clock.local(row["created"]),
        "date_created_gmt": clock.gmt(row["created"]),
        "date_modified": clock.local(row["modified"]),
        "date_modified_gmt": clock.gmt(row["modified"]),
    }


def one_coupon(store: Store, coupon_id: int) -> Doc:
    """GET coupons/{id}. Raises `RestError`."""
    return shown(store, find(store, "coupon", coupon_id))


def create_coupon(store: Store, posted: Mapping[str, Any]) -> int:
    """Raises `RestError` for a code that is taken. Call inside a transaction."""
    code = to_text(posted.get("code")).strip().lower()
    if store.ledger.one("SELECT 1 FROM thing WHERE kind = 'coupon' AND key = ?", (fold(code),)) is not None:
        text = "The coupon code already exists"
        raise RestError(400, "woocommerce_rest_coupon_code_already_exists", text)
    now, coupon_id = store.clock.now(), store.new_post_id()
    doc = _coupon_doc(store, {"code": code}, posted)
    store.ledger.run(_INSERT, ("coupon", coupon_id, fold(code), "publish", now, now, dump(doc)))
    store.hooks.fire("coupon.created", coupon_id)
    return coupon_id


def update_coupon(store: Store, coupon_id: int, posted: Mapping[str, Any]) -> None:
    """Raises `RestError`. Call inside a transaction."""
    row = find(store, "coupon", coupon_id, status=400)
    doc = _coupon_doc(store, load(row["doc"]), posted)
    values = (fold(doc["code"]), row["status"], store.clock.now(), dump(doc), "coupon", coupon_id)
    store.ledger.run(_UPDATE, values)
    store.hooks.fire("coupon.updated", coupon_id)


def _coupon_doc(store: Store, doc: Doc, posted: Mapping[str, Any]) -> Doc:
    given = {name: posted[name] for name in COUPON if posted.get(name) is not None and name != "meta_data"}
    if "amount" in given:
        given["amount"] = str(to_number(given["amount"]))
    if "code" in given:
        given["code"] = to_text(given["code"]).strip().lower()
    meta = list(doc.get("meta_data", ()))
    set_meta(store, meta, posted.get("meta_data") or (), counter="coupon_meta")
    return {**COUPON, **doc, **given, "meta_data": meta}


def delete_coupon(store: Store, coupon_id: int, *, force: bool) -> Doc:
    """To the trash, which product webhooks hear of as well, or for good, which none does. In a transaction."""
    body = one_coupon(store, coupon_id)
    if force:
        store.ledger.run("DELETE FROM thing WHERE kind = 'coupon' AND id = ?", (coupon_id,))
        return body
    store.ledger.run(
        "UPDATE thing SET status = 'trash', modified = ? WHERE kind = 'coupon' AND id = ?",
        (store.clock.now(), coupon_id),
    )
    store.hooks.fire("coupon.deleted", coupon_id)
    store.hooks.fire("product.deleted", coupon_id)
    return body


def save_rate(store: Store, rate_id: int, posted: Mapping[str, Any]) -> int:
    """A new rate (``rate_id`` 0) or other values of one. Raises `RestError`. Call inside a transaction."""
    given: Doc = {
        name: to_text(posted[name]) for name in ("country", "state", "name", "rate", "class") if name in posted
    }
    given |= {name: to_int(posted[name]) for name in ("priority", "order") if name in posted}
    given |= {name: to_bool(posted[name]) for name in ("compound", "shipping") if name in posted}
    now = store.clock.now()
    if rate_id:
        doc = rate_doc({**load(find(store, "rate", rate_id)["doc"]), **given})
        store.ledger.run(_UPDATE, ("", "", now, dump(doc), "rate", rate_id))
    else:
        rate_id = store.ledger.next_id("rate")
        store.ledger.run(_INSERT, ("rate", rate_id, "", "", now, now, dump(rate_doc(given))))
    return rate_id


def delete_rate(store: Store, rate_id: int) -> Doc:
    """Raises `RestError`. Call inside a transaction."""
    body = shown(store, find(store, "rate", rate_id))
    store.ledger.run("DELETE FROM thing WHERE kind = 'rate' AND id = ?", (rate_id,))
    return body


def create_category(store: Store, posted: Mapping[str, Any]) -> int:
    """Call inside a transaction."""
    name, now = to_text(posted.get("name")), store.clock.now()
    category_id = max(store.ledger.next_id("category"), 16)
    store.ledger.set_counter("category", category_id)
    doc = {
        "name": name.replace("&", "&amp;"),
        "slug": to_text(posted.get("slug")) or slug_of(name),
        "parent": to_int(posted.get("parent")),
        "description": to_text(posted.get("description")),
        "display": "default",
        "image": None,
        "menu_order": 0,
        "count": 0,
    }
    store.ledger.run(_INSERT, ("category", category_id, "", "", now, now, dump(doc)))
    return category_id

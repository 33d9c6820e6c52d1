"""GET, POST, PUT, DELETE of products and variations, with what is checked once and not in a batch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from retailhub.sandbox.store import stock
from retailhub.sandbox.store.errors import RestError, invalid_id, no_trash
from retailhub.sandbox.store.ledger import dump, load
from retailhub.sandbox.store.order_docs import set_meta
from retailhub.sandbox.store.php import clean_text, fold, plain, slug_of, to_bool, to_int, to_number, to_text
from retailhub.sandbox.store.product_shown import BLANK
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_TEXTS = (
    "name", "slug", "catalog_visibility", "description", "short_description", "external_url", "button_text",
    "tax_status", "tax_class", "stock_status", "backorders", "weight", "purchase_note", "global_unique_id",
)  # fmt: skip
_TRUTHS = ("featured", "virtual", "downloadable", "sold_individually", "reviews_allowed")


def _price(value: Any) -> str:
    return value if isinstance(value, str) else plain(to_number(value))


def _as_given(value: Any) -> Any:
    return value


_SIMPLE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TEXTS, to_text),
    **dict.fromkeys(_TRUTHS, to_bool),
    **dict.fromkeys(("regular_price", "sale_price"), _price),
    **dict.fromkeys(("low_stock_amount", "menu_order"), to_int),
    **dict.fromkeys(("grouped_products", "dimensions"), _as_given),
}
_INSERT = """
INSERT INTO product (id, type, parent_id, status, sku_key, created, modified, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = "UPDATE product SET status = ?, sku_key = ?, modified = ?, doc = ? WHERE id = ?"
_NOT_HERE = (
    "To manipulate product variations you should use the /products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint."
)


def find(store: Store, product_id: int, *, parent_id: int | None = None) -> sqlite3.Row | None:
    """The product's row; with ``parent_id`` only a variation of that product."""
    row = store.ledger.one("SELECT * FROM product WHERE id = ?", (product_id,))
    return row if row is not None and parent_id in (None, row["parent_id"]) else None


def create(store: Store, posted: Mapping[str, Any], *, parent_id: int = 0) -> int:
    """A new product, or a variation of ``parent_id``. Raises `RestError`. Call inside a transaction."""
    now = store.clock.now()
    product_id = store.new_post_id()
    kind = "variation" if parent_id else to_text(posted.get("type")) or "simple"
    doc = {**BLANK, "dimensions": dict(BLANK["dimensions"]), "meta": [], "attributes": []}
    fill(store, doc, posted, product_id=product_id, parent_id=parent_id, batch=False)
    status = to_text(posted.get("status")) or "publish"
    row = (product_id, kind, parent_id, status, fold(doc["sku"]), now, now, dump(doc))
    store.ledger.run(_INSERT, row)
    store.shelf.changed()
    store.hooks.fire("product.created", product_id)
    if parent_id:
        stock.touch(store, parent_id, now=now)
    return product_id


def update(
    store: Store, product_id: int, posted: Mapping[str, Any], *, parent_id: int = 0, batch: bool = False
) -> None:
    """PUT: the date moves and the webhooks hear of it, whatever is in it. Raises `RestError`.

    ``batch``: nothing was checked before, so nonsense becomes numbers. Call inside a transaction.
    """
    row = find(store, product_id, parent_id=parent_id or None)
    if row is None and parent_id:
        raise invalid_id("product_variation", status=404)
    if row is None or not product_id:
        raise invalid_id("product", status=400)
    if row["parent_id"] and not parent_id:
        raise RestError(404, "woocommerce_rest_invalid_product_id", _NOT_HERE)
    now, doc = store.clock.now(), load(row["doc"])
    fill(store, doc, posted, product_id=product_id, parent_id=parent_id, batch=batch)
    if parent_id and doc["tax_class"] == "":
        doc["tax_class"] = "parent"
    status = to_text(posted.get("status")) or row["status"]
    store.ledger.run(_UPDATE, (status, fold(doc["sku"]), now, dump(doc), product_id))
    store.shelf.changed()
    store.hooks.fire("product.updated", product_id)
    if parent_id:
        stock.touch(store, parent_id, now=now)


def fill(store: Store, doc: Doc, posted: Mapping[str, Any], *, product_id: int, parent_id: int, batch: bool) -> None:
    """What is given, into the document. Raises `RestError` for a SKU that is taken."""
    given = {name: value for name, value in posted.items() if value is not None}
    for name in given.keys() & _SIMPLE.keys():
        doc[name] = _SIMPLE[name](given[name])
    if "categories" in given:
        doc["categories"] = _categories(store, given["categories"])
    if "sku" in given:
        doc["sku"] = _free_sku(store, clean_text(given["sku"]), product_id)
    if "attributes" in given:
        doc["attributes"] = _attributes(given["attributes"], variation=bool(parent_id))
    _name(store, doc, parent_id=parent_id)
    _fill_stock(doc, posted, batch=batch)
    set_meta(store, doc["meta"], posted.get("meta_data") or (), counter="product_meta")


def _fill_stock(doc: Doc, posted: Mapping[str, Any], *, batch: bool) -> None:
    """A quantity counts only where stock is managed. ``null`` is 0 in a single PUT and nothing in a batch."""
    if posted.get("manage_stock") is not None:
        given = posted["manage_stock"]
        doc["manage_stock"] = given if given == "parent" else to_bool(given)
        if doc["manage_stock"] is not True:
            doc["stock_quantity"] = None
    if doc["manage_stock"] is not True or "stock_quantity" not in posted:
        if doc["manage_stock"] is True and doc["stock_quantity"] is None:
            doc["stock_quantity"] = 0
        return
    if posted["stock_quantity"] is not None or not batch:
        doc["stock_quantity"] = to_int(posted["stock_quantity"])


def _name(store: Store, doc: Doc, *, parent_id: int) -> None:
    """A variation is called after its parent and its options. Backslashes vanish from names."""
    if parent_id:
        row = store.ledger.one("SELECT doc FROM product WHERE id = ?", (parent_id,))
        parent = load(row["doc"])["name"] if row is not None else ""
        options = ", ".join(attribute["option"] for attribute in doc["attributes"])
        doc["name"] = f"{parent} - {options}" if options else parent
    doc["name"] = doc["name"].replace("\\", "")
    doc["slug"] = doc["slug"] or slug_of(doc["name"])


def _attributes(posted: list[Doc], *, variation: bool) -> list[Doc]:
    rows = []
    for at, given in enumerate(posted):
        name = to_text(given.get("name"))
        row: Doc = {"id": to_int(given.get("id")), "name": name, "slug": slug_of(name) if variation else name}
        if variation:
            row["option"] = to_text(given.get("option"))
        else:
            row |= {
                "position": to_int(given.get("position", at)),
                "visible": to_bool(given.get("visible", False)),
                "variation": to_bool(given.get("variation", False)),
                "options": [to_text(option) for option in given.get("options") or ()],
            }
        rows.append(row)
    return rows


def _categories(store: Store, posted: list[Doc]) -> list[Doc]:
    rows = []
    for given in posted:
        doc = store.ledger.value("SELECT doc FROM thing WHERE kind = 'category' AND id = ?", (to_int(given.get("id")),))
        if doc is not None:
            category = load(doc)
            rows.append({"id": to_int(given["id"]), "name": category["name"], "slug": category["slug"]})
    return rows


def _free_sku(store: Store, sku: str, product_id: int) -> str:
    """The SKU, if no other product has it, whatever its case or accents. Raises `RestError`."""
    if not sku:
        return sku
    query = "SELECT id FROM product WHERE sku_key = ? AND id != ? AND status != 'trash'"
    owner = store.ledger.value(query, (fold(sku), product_id))
    if owner is None:
        return sku
    data = {"resource_id": owner, "unique_sku": f"{sku}-1"}
    raise RestError(400, "product_invalid_sku", "Invalid or duplicated SKU.", data=data)


def delete(store: Store, product_id: int, *, parent_id: int = 0, force: bool) -> None:
    """DELETE: to the trash, or for good. Raises `RestError`. Call inside a transaction.

    Trashing tells product and coupon webhooks alike, deleting for good tells none. A variation knows no trash.
    """
    row = find(store, product_id, parent_id=parent_id or None)
    if row is None:
        raise invalid_id("product_variation" if parent_id else "product")
    if row["parent_id"] and not parent_id:
        raise RestError(404, "woocommerce_rest_invalid_product_id", _NOT_HERE)
    if not force:
        if parent_id:
            raise no_trash("Product variations")
        store.ledger.run(
            "UPDATE product SET status = 'trash', modified = ? WHERE id = ?", (store.clock.now(), product_id)
        )
        store.hooks.fire("coupon.deleted", product_id)
        store.hooks.fire("product.deleted", product_id)
    else:
        store.ledger.run("DELETE FROM product WHERE id = ? OR parent_id = ?", (product_id, product_id))
        kind = "product_variation" if parent_id else "product"
        store.hooks.fire(f"action.woocommerce_delete_{kind}", product_id)
    store.shelf.changed()

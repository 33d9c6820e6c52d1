"""Products and variations as wc/v3 shows them, from their documents."""

from __future__ import annotations

import sqlite3
from typing import Any

from retailhub.sandbox.store import stock
from retailhub.sandbox.store.ledger import load
from retailhub.sandbox.store.order_shown import view_of
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]
BLANK: Doc = {
    "name": "",
    "slug": "",
    "featured": False,
    "catalog_visibility": "visible",
    "description": "",
    "short_description": "",
    "sku": "",
    "regular_price": "",
    "sale_price": "",
    "total_sales": 0,
    "virtual": False,
    "downloadable": False,
    "external_url": "",
    "button_text": "",
    "tax_status": "taxable",
    "tax_class": "",
    "manage_stock": False,
    "stock_quantity": None,
    "stock_status": "instock",
    "backorders": "no",
    "low_stock_amount": None,
    "sold_individually": False,
    "weight": "",
    "dimensions": {"length": "", "width": "", "height": ""},
    "reviews_allowed": True,
    "purchase_note": "",
    "categories": [],
    "attributes": [],
    "grouped_products": [],
    "menu_order": 0,
    "meta": [],
    "global_unique_id": "",
}
"""What a product has when nothing is said."""


def product_shown(store: Store, row: sqlite3.Row) -> Doc:
    """As ``GET products/{id}`` has it, a variation too."""
    doc, parent = load(row["doc"]), _parent(store, row)
    price = _price(store, row, doc)
    head = _head(store, row, doc, parent)
    return {**head, **_offer(row, doc, parent, price), **_rest(store, row, doc, parent, price)}


def _head(store: Store, row: sqlite3.Row, doc: Doc, parent: Doc | None) -> Doc:
    site, clock = store.settings.site, store.clock
    return {
        "id": row["id"],
        "name": doc["name"],
        "slug": doc["slug"],
        "permalink": f"{site}/product/{doc['slug']}/" if parent is None else _variation_address(site, parent, doc),
        "date_created": clock.local(row["created"]),
        "date_created_gmt": clock.gmt(row["created"]),
        "date_modified": clock.local(row["modified"]),
        "date_modified_gmt": clock.gmt(row["modified"]),
        "type": row["type"],
        "status": row["status"],
        "featured": doc["featured"],
        "catalog_visibility": doc["catalog_visibility"],
        "description": doc["description"],
        "short_description": doc["short_description"],
        "sku": doc["sku"],
    }


def _offer(row: sqlite3.Row, doc: Doc, parent: Doc | None, price: Any) -> Doc:
    return {
        **_prices(doc, price, row["type"]),
        "total_sales": "0" if row["type"] == "variation" else doc["total_sales"],
        "virtual": doc["virtual"],
        "downloadable": doc["downloadable"],
        **_DOWNLOADS,
        "external_url": doc["external_url"],
        "button_text": doc["button_text"],
        "tax_status": doc["tax_status"],
        "tax_class": doc["tax_class"],
        **_stock(doc, parent),
        "sold_individually": doc["sold_individually"],
        "weight": doc["weight"],
        "dimensions": doc["dimensions"],
        "shipping_required": not doc["virtual"],
        "shipping_taxable": not doc["virtual"],
        "shipping_class": "",
        "shipping_class_id": 0,
    }


def _rest(store: Store, row: sqlite3.Row, doc: Doc, parent: Doc | None, price: Any) -> Doc:
    variation = row["type"] == "variation"
    children = _children(store, row["id"]) if row["type"] == "variable" else []
    return {
        "reviews_allowed": doc["reviews_allowed"] and not variation,
        "average_rating": "0.00",
        "rating_count": 0,
        "upsell_ids": [],
        "cross_sell_ids": [],
        "parent_id": row["parent_id"],
        "purchase_note": doc["purchase_note"],
        "categories": [] if variation else doc["categories"] or [_UNCATEGORIZED],
        "brands": [],
        "tags": [],
        "images": [],
        "attributes": doc["attributes"],
        "default_attributes": [],
        "variations": children,
        "grouped_products": doc["grouped_products"],
        "menu_order": doc["menu_order"],
        "price_html": _price_html(store, price),
        "related_ids": [],
        "meta_data": doc["meta"],
        "stock_status": _stock_status(doc, parent),
        "has_options": bool(children),
        "post_password": "",
        "global_unique_id": doc["global_unique_id"],
        "_links": _links(store, f"products/{row['id']}", "products", up=row["parent_id"]),
    }


def variation_shown(store: Store, row: sqlite3.Row) -> Doc:
    """As ``GET products/{parent}/variations/{id}`` has it: other keys, and a name of the options alone."""
    doc, clock, parent = load(row["doc"]), store.clock, _parent(store, row)
    price = _price(store, row, doc)
    place = f"products/{row['parent_id']}/variations"
    return {
        "id": row["id"],
        "type": "variation",
        "date_created": clock.local(row["created"]),
        "date_created_gmt": clock.gmt(row["created"]),
        "date_modified": clock.local(row["modified"]),
        "date_modified_gmt": clock.gmt(row["modified"]),
        "description": doc["description"],
        "permalink": _variation_address(store.settings.site, parent or BLANK, doc),
        "sku": doc["sku"],
        "global_unique_id": doc["global_unique_id"],
        **_prices(doc, price, "variation"),
        "status": row["status"],
        "virtual": doc["virtual"],
        "downloadable": doc["downloadable"],
        **_DOWNLOADS,
        "tax_status": doc["tax_status"],
        "tax_class": doc["tax_class"],
        **_stock(doc, parent),
        "stock_status": _stock_status(doc, parent),
        "weight": doc["weight"],
        "dimensions": doc["dimensions"],
        "shipping_class": "",
        "shipping_class_id": 0,
        "image": None,
        "gallery_image_ids": [],
        "attributes": doc["attributes"],
        "menu_order": doc["menu_order"],
        "meta_data": doc["meta"],
        "name": ", ".join(attribute["option"] for attribute in doc["attributes"]),
        "parent_id": row["parent_id"],
        "_links": _links(store, f"{place}/{row['id']}", place, up=row["parent_id"]),
    }


_DOWNLOADS: Doc = {"downloads": [], "download_limit": -1, "download_expiry": -1}
_UNCATEGORIZED = {"id": 15, "name": "Uncategorized", "slug": "uncategorized"}


def _prices(doc: Doc, price: str, kind: str) -> Doc:
    return {
        "price": price,
        "regular_price": doc["regular_price"],
        "sale_price": doc["sale_price"],
        "date_on_sale_from": None,
        "date_on_sale_from_gmt": None,
        "date_on_sale_to": None,
        "date_on_sale_to_gmt": None,
        "on_sale": doc["sale_price"] != "" or kind == "grouped",
        "purchasable": price != "" and kind in ("simple", "variable", "variation"),
    }


def _stock(doc: Doc, parent: Doc | None) -> Doc:
    """A variation that manages no stock while its parent does shows the parent's."""
    managed, quantity, backorders = _stock_state(doc, parent)
    status = _stock_status(doc, parent)
    return {
        "manage_stock": managed,
        "stock_quantity": quantity,
        "backorders": backorders,
        "backorders_allowed": backorders != "no",
        "backordered": status == "onbackorder",
        "low_stock_amount": doc["low_stock_amount"],
    }


def _stock_state(doc: Doc, parent: Doc | None) -> tuple[Any, int | None, str]:
    if doc["manage_stock"] is True:
        return True, doc["stock_quantity"], doc["backorders"]
    if parent is not None and parent["manage_stock"] is True:
        return "parent", parent["stock_quantity"], parent["backorders"]
    return False, None, doc["backorders"]


def _stock_status(doc: Doc, parent: Doc | None) -> str:
    managed, quantity, backorders = _stock_state(doc, parent)
    return stock.status_of(doc, managed=managed is not False, quantity=quantity, backorders=backorders)


def _price(store: Store, row: sqlite3.Row, doc: Doc) -> str:
    """Its own; of a product with others in it the lowest of theirs."""
    others: list[Any] = []
    if row["type"] == "variable":
        others = store.ledger.rows("SELECT doc FROM product WHERE parent_id = ?", (row["id"],))
    elif row["type"] == "grouped":
        marks = ",".join("?" * len(doc["grouped_products"]))
        others = store.ledger.rows(f"SELECT doc FROM product WHERE id IN ({marks})", doc["grouped_products"])  # noqa: S608
    prices = [inner["sale_price"] or inner["regular_price"] for inner in map(_doc_of, others)]
    prices = [price for price in prices if price]
    if row["type"] in ("variable", "grouped"):
        return min(prices, key=float) if prices else ""
    return str(doc["sale_price"] or doc["regular_price"])


def _doc_of(row: sqlite3.Row) -> Doc:
    return load(row["doc"])


def _parent(store: Store, row: sqlite3.Row) -> Doc | None:
    if not row["parent_id"]:
        return None
    doc = store.ledger.value("SELECT doc FROM product WHERE id = ?", (row["parent_id"],))
    return None if doc is None else load(doc)


def _children(store: Store, product_id: int) -> list[int]:
    query = "SELECT id FROM product WHERE parent_id = ? AND status = 'publish' ORDER BY id"
    return [row["id"] for row in store.ledger.rows(query, (product_id,))]


def _variation_address(site: str, parent: Doc, doc: Doc) -> str:
    options = "&".join(f"attribute_{row['slug']}={row['option']}" for row in doc["attributes"])
    return f"{site}/product/{parent['slug']}/?{options}"


def _price_html(store: Store, price: str) -> str:
    if not price:
        return ""
    sign = f'<span class="woocommerce-Price-currencySymbol">{store.settings.symbol}</span>'
    shown = view_of(store).money(price).replace(".", ",")
    return f'<span class="woocommerce-Price-amount amount"><bdi>{sign}{shown}</bdi></span>'


def _links(store: Store, own: str, place: str, *, up: int) -> Doc:
    links: Doc = {
        "self": [{"href": f"{store.api}/{own}", "targetHints": {"allow": _ALL}}],
        "collection": [{"href": f"{store.api}/{place}"}],
    }
    if up:
        links["up"] = [{"href": f"{store.api}/products/{up}"}]
    return links

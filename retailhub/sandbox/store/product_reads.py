"""GET of products and variations: one, and lists with the filters the product uses."""

from __future__ import annotations

from typing import Any

from retailhub.sandbox.store import products
from retailhub.sandbox.store.errors import invalid_id
from retailhub.sandbox.store.order_reads import DATES, date_conditions
from retailhub.sandbox.store.order_shown import cut_fields
from retailhub.sandbox.store.paging import PAGE, Page, limits
from retailhub.sandbox.store.params import listed, read
from retailhub.sandbox.store.php import Params, fold
from retailhub.sandbox.store.product_shown import product_shown, variation_shown
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_IDS = {"type": "array", "items": {"type": "integer"}}
LIST: dict[str, dict[str, Any]] = {
    **PAGE,
    **DATES,
    "search": {"type": "string"},
    "include": _IDS,
    "exclude": _IDS,
    "parent": _IDS,
    "order": {"type": "string", "enum": ("asc", "desc"), "default": "desc"},
    "orderby": {
        "type": "string",
        "enum": ("date", "id", "include", "title", "slug", "modified", "price", "popularity", "rating", "menu_order"),
        "default": "date",
    },
    "status": {
        "type": "string",
        "enum": ("any", "future", "trash", "draft", "pending", "private", "publish"),
        "default": "any",
    },
    "type": {"type": "string", "enum": ("simple", "grouped", "external", "variable", "variation")},
    "sku": {"type": "string"},
}
_COLUMNS = {"modified": "modified", "id": "id"}


def one_product(store: Store, product_id: int) -> Doc:
    """GET products/{id}, of a variation too. Raises `RestError`."""
    row = products.find(store, product_id)
    if row is None:
        raise invalid_id("product")
    return product_shown(store, row)


def one_variation(store: Store, parent_id: int, variation_id: int) -> Doc:
    """GET products/{parent}/variations/{id}. Raises `RestError`."""
    row = products.find(store, variation_id, parent_id=parent_id)
    if row is None:
        raise invalid_id("product_variation")
    return variation_shown(store, row)


def list_products(store: Store, params: Params, *, parent_id: int = 0) -> tuple[list[Doc], Page]:
    """GET products, or the variations of ``parent_id``. A list by SKU finds variations too. Raises `RestError`."""
    wanted = read(params, LIST)
    parts, values = _conditions(store, wanted, params, parent_id=parent_id)
    where = " AND ".join(parts)
    turn = "ASC" if wanted["order"] == "asc" else "DESC"
    column = _COLUMNS.get(wanted["orderby"], "created")
    size, skip = limits(wanted)
    query = f"SELECT * FROM product WHERE {where} ORDER BY {column} {turn}, id {turn} LIMIT ? OFFSET ?"  # noqa: S608 - our own words
    found = store.ledger.rows(query, (*values, size, skip))
    total = int(store.ledger.value(f"SELECT count(*) FROM product WHERE {where}", values))  # noqa: S608
    show = variation_shown if parent_id else product_shown
    rows = [show(store, row) for row in found]
    if params.get("_fields"):
        fields = listed(params["_fields"])
        rows = [cut_fields(row, fields) for row in rows]
    return rows, Page(wanted["page"], size, total)


def _conditions(store: Store, wanted: Doc, params: Params, *, parent_id: int) -> tuple[list[str], list[Any]]:
    parts = ["status != 'trash'" if wanted["status"] == "any" else "status = ?"]
    values: list[Any] = [] if wanted["status"] == "any" else [wanted["status"]]
    skus = [fold(sku) for sku in listed(wanted.get("sku", ""))]
    if parent_id:
        parts.append("parent_id = ?")
        values.append(parent_id)
    elif skus:
        parts.append(f"sku_key IN ({','.join('?' * len(skus))})")
        values += skus
    else:
        parts.append("type = 'variation'" if wanted.get("type") == "variation" else "parent_id = 0")
    if wanted.get("type"):
        parts.append("type = ?")
        values.append(wanted["type"])
    for name, word, column in (("include", "IN", "id"), ("exclude", "NOT IN", "id"), ("parent", "IN", "parent_id")):
        if wanted.get(name):
            parts.append(f"{column} {word} ({','.join('?' * len(wanted[name]))})")
            values += wanted[name]
    if wanted.get("search"):
        parts.append("instr(lower(json_extract(CAST(doc AS TEXT), '$.name')), lower(?)) > 0")
        values.append(wanted["search"])
    more, moments = date_conditions(store, wanted, params)
    return [*parts, *more], [*values, *moments]

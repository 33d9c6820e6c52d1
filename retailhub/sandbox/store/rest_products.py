"""The pages about products and variations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from retailhub.sandbox.store import product_reads, products
from retailhub.sandbox.store.calls import Answer, Call, Doc, batch, listing, shown
from retailhub.sandbox.store.order_shown import cut_fields
from retailhub.sandbox.store.params import listed
from retailhub.sandbox.store.rest import Route

_TEXT = {"type": "string"}
_TRUTH = {"type": "boolean"}
BODY: dict[str, dict[str, Any]] = {
    "name": _TEXT,
    "type": {"type": "string", "enum": ("simple", "grouped", "external", "variable")},
    "status": {"type": "string", "enum": ("draft", "pending", "private", "publish", "future", "auto-draft", "trash")},
    "featured": _TRUTH,
    "description": _TEXT,
    "short_description": _TEXT,
    "sku": _TEXT,
    "regular_price": _TEXT,
    "sale_price": _TEXT,
    "virtual": _TRUTH,
    "downloadable": _TRUTH,
    "tax_status": {"type": "string", "enum": ("taxable", "shipping", "none")},
    "tax_class": _TEXT,
    "manage_stock": _TRUTH,
    "stock_quantity": {"type": "integer"},
    "stock_status": {"type": "string", "enum": ("instock", "outofstock", "onbackorder")},
    "backorders": {"type": "string", "enum": ("no", "notify", "yes")},
    "weight": _TEXT,
    "global_unique_id": _TEXT,
    "meta_data": {"type": "array", "items": {"type": "object"}},
}
_VARIATION = {**BODY, "manage_stock": {}}


def read(call: Call, product_id: int) -> Answer:
    return shown(call, product_reads.one_product(call.store, product_id))


def read_list(call: Call) -> Answer:
    return listing(call, *product_reads.list_products(call.store, call.params))


def create(call: Call) -> Answer:
    with call.store.ledger.transaction():
        product_id = products.create(call.store, call.posted)
    row = _edited(call, product_reads.one_product(call.store, product_id))
    return shown(call, row, status=201, location=f"products/{product_id}")


def update(call: Call, product_id: int) -> Answer:
    with call.store.ledger.transaction():
        products.update(call.store, product_id, call.posted)
    return shown(call, _edited(call, product_reads.one_product(call.store, product_id)))


def delete(call: Call, product_id: int) -> Answer:
    return shown(call, _delete(call, product_id, 0, force=call.force))


def _edited(call: Call, row: Doc) -> Doc:
    """The answer to a write has two keys more than that to a read, before its links."""
    links = row.pop("_links")
    template = {"permalink_template": f"{call.store.settings.site}/product/%pagename%/", "generated_slug": row["slug"]}
    return {**row, **template, "_links": links}


def _delete(call: Call, product_id: int, parent_id: int, *, force: bool) -> Doc:
    with call.store.ledger.transaction():
        row = products.find(call.store, product_id)
        before = None
        if row is not None and row["parent_id"] == parent_id:
            before = _one(call, product_id, parent_id)
        products.delete(call.store, product_id, parent_id=parent_id, force=force)
        if not force:
            before = _one(call, product_id, parent_id)
    return before or {}


def _one(call: Call, product_id: int, parent_id: int) -> Doc:
    if parent_id:
        return product_reads.one_variation(call.store, parent_id, product_id)
    return product_reads.one_product(call.store, product_id)


def read_variation(call: Call, parent_id: int, variation_id: int) -> Answer:
    return shown(call, product_reads.one_variation(call.store, parent_id, variation_id))


def read_variations(call: Call, parent_id: int) -> Answer:
    return listing(call, *product_reads.list_products(call.store, call.params, parent_id=parent_id))


def create_variation(call: Call, parent_id: int) -> Answer:
    with call.store.ledger.transaction():
        variation_id = products.create(call.store, call.posted, parent_id=parent_id)
    row = product_reads.one_variation(call.store, parent_id, variation_id)
    return shown(call, row, status=201, location=f"products/{parent_id}/variations/{variation_id}")


def update_variation(call: Call, parent_id: int, variation_id: int) -> Answer:
    with call.store.ledger.transaction():
        products.update(call.store, variation_id, call.posted, parent_id=parent_id)
    return shown(call, product_reads.one_variation(call.store, parent_id, variation_id))


def delete_variation(call: Call, parent_id: int, variation_id: int) -> Answer:
    return shown(call, _delete(call, variation_id, parent_id, force=call.force))


def many(call: Call) -> Answer:
    return _many(call, 0, lambda row: _edited(call, row))


def many_variations(call: Call, parent_id: int) -> Answer:
    return _many(call, parent_id, lambda row: row)


def _many(call: Call, parent_id: int, finish: Callable[[Doc], Doc]) -> Answer:
    store = call.store
    fields = listed(call.params["_fields"]) if call.params.get("_fields") else None

    def show(product_id: int) -> Doc:
        row = finish(_one(call, product_id, parent_id))
        return row if fields is None else cut_fields(row, fields)

    def create_one(posted: Mapping[str, Any]) -> Doc:
        with store.ledger.transaction():
            product_id = products.create(store, posted, parent_id=parent_id)
        return show(product_id)

    def update_one(product_id: int, posted: Mapping[str, Any]) -> Doc:
        with store.ledger.transaction():
            products.update(store, product_id, posted, parent_id=parent_id, batch=True)
        return show(product_id)

    def delete_one(product_id: int) -> Doc:
        return _delete(call, product_id, parent_id, force=True)

    return batch(call, create=create_one, update=update_one, delete=delete_one)


_PLACE = "products/{parent}/variations"
ROUTES: list[Route] = [
    Route(pattern="products", pages={"GET": read_list, "POST": create}, body=BODY),
    Route(pattern="products/batch", pages={"POST": many, "PUT": many}),
    Route(pattern="products/{id}", pages={"GET": read, "PUT": update, "DELETE": delete}, body=BODY),
    Route(pattern=_PLACE, pages={"GET": read_variations, "POST": create_variation}, body=_VARIATION),
    Route(pattern=f"{_PLACE}/batch", pages={"POST": many_variations, "PUT": many_variations}),
    Route(
        pattern=f"{_PLACE}/{{id}}",
        pages={"GET": read_variation, "PUT": update_variation, "DELETE": delete_variation},
        body=_VARIATION,
    ),
]

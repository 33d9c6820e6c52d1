"""Bringing in what another store showed: products, customers and orders from their REST bodies, silently."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from retailhub.sandbox.store import order_docs, order_keep
from retailhub.sandbox.store.ledger import dump
from retailhub.sandbox.store.ledger import load as load_doc
from retailhub.sandbox.store.order_keep import Story
from retailhub.sandbox.store.php import fold
from retailhub.sandbox.store.product_shown import BLANK
from retailhub.sandbox.store.seeding import customer_doc
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_PRODUCT = """
INSERT OR REPLACE INTO product (id, type, parent_id, status, sku_key, created, modified, doc)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_CUSTOMER = "INSERT OR REPLACE INTO customer (id, email_key, role, created, modified, doc) VALUES (?, ?, ?, ?, ?, ?)"
_TOTALS = ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax")
_NAMES = {
    "with_tax": "prices_include_tax",
    "key": "order_key",
    "method": "payment_method",
    "method_title": "payment_method_title",
    "ip": "customer_ip_address",
    "agent": "customer_user_agent",
    "via": "created_via",
    "note": "customer_note",
    "meta": "meta_data",
    **{name: name for name in ("status", "currency", "customer_id", "transaction_id", "cart_hash")},
}


def load(store: Store, shown: Mapping[str, Sequence[Doc]]) -> Doc:
    """``{"products": [...], "customers": [...], "orders": [...]}``; how many of each. Raises ``KeyError``.

    What has the same number is replaced. Call inside a transaction.
    """
    counts = {}
    for kind, put in (("products", _put_product), ("customers", _put_customer), ("orders", _put_order)):
        rows = shown.get(kind, ())
        for row in rows:
            put(store, row)
        counts[kind] = len(rows)
    store.shelf.changed()
    return counts


def _moment(row: Doc, name: str) -> int | None:
    text = row.get(f"date_{name}_gmt")
    return None if text is None else int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp())


def _put_product(store: Store, row: Doc) -> None:
    """A product, or a variation by either of its pages."""
    doc = {**BLANK, **{name: row[name] for name in BLANK if name in row}}
    doc["total_sales"] = int(doc["total_sales"])
    doc["meta"] = row["meta_data"]
    if row["type"] == "variation":
        parent = store.ledger.value("SELECT doc FROM product WHERE id = ?", (row["parent_id"],))
        name = load_doc(parent)["name"] if parent is not None else ""
        options = ", ".join(attribute["option"] for attribute in row["attributes"])
        doc["name"] = f"{name} - {options}"
    values = (
        row["id"], row["type"], row["parent_id"], row["status"], fold(row["sku"]),
        _moment(row, "created"), _moment(row, "modified"), dump(doc),
    )  # fmt: skip
    store.ledger.run(_PRODUCT, values)
    _reach(store, "post", row["id"])


def _put_customer(store: Store, row: Doc) -> None:
    doc = customer_doc(None) | {name: row[name] for name in ("email", "first_name", "last_name", "username")}
    doc |= {"billing": row["billing"], "shipping": row["shipping"], "meta": row["meta_data"]}
    doc["paying"] = row["is_paying_customer"]
    values = (row["id"], fold(row["email"]), row["role"], _moment(row, "created"), _moment(row, "modified"), dump(doc))
    store.ledger.run(_CUSTOMER, values)
    _reach(store, "customer", row["id"])


def _put_order(store: Store, row: Doc) -> None:
    """The sums stay as they were shown. Its refunds are only in the order itself."""
    now = store.clock.now()
    doc = order_docs.blank(store, now=now)
    doc |= {ours: row[theirs] for ours, theirs in _NAMES.items()}
    doc |= {name: _moment(row, name) for name in ("created", "modified", "completed", "paid")}
    doc["totals"] = {name: row[name] for name in _TOTALS}
    doc["billing"] |= row["billing"]
    doc["shipping"] |= row["shipping"]
    doc["lines"] = [_line(store, line) for line in row["line_items"]]
    doc["shipping_lines"] = [_charge(line) for line in row["shipping_lines"]]
    doc["fees"] = [_charge(line) for line in row["fee_lines"]]
    doc["taxes"] = [_tax(line) for line in row["tax_lines"]]
    doc["coupons"] = [_coupon(line) for line in row["coupon_lines"]]
    doc["refunds"] = [
        {"id": r["id"], "reason": r["reason"], "amount": r["total"].lstrip("-"), "tax": r["total_tax"].lstrip("-")}
        for r in row["refunds"]
    ]
    doc["stock_taken"] = any(meta["key"] == "_reduced_stock" for line in doc["lines"] for meta in line["meta"])
    if order_keep.read(store, row["id"]) is None:
        order_keep.insert(store, row["id"], doc, Story(way="loaded"))
    else:
        order_keep.update(store, row["id"], doc)
    _reach(store, "post", row["id"])
    items = [*doc["lines"], *doc["shipping_lines"], *doc["fees"], *doc["taxes"], *doc["coupons"]]
    _reach(store, "item", max((item["id"] for item in items), default=0))


def _metas(rows: Sequence[Doc]) -> list[Doc]:
    return [
        {"id": row["id"], "key": row["key"], "value": row["value"], "label": row.get("display_key", "")} for row in rows
    ]


def _line(store: Store, row: Doc) -> Doc:
    card = store.shelf.find(row["variation_id"] or row["product_id"])
    return {
        **{name: row[name] for name in ("id", "name", "product_id", "variation_id", "quantity", "tax_class")},
        **{name: row[name] for name in ("subtotal", "subtotal_tax", "total", "total_tax")},
        "taxable": card.taxable if card else True,
        "entered": row["subtotal"],
        "taxes": [[tax["id"], tax["total"], tax["subtotal"]] for tax in row["taxes"]],
        "meta": _metas(row["meta_data"]),
    }


def _charge(row: Doc) -> Doc:
    kept = {name: value for name, value in row.items() if name != "meta_data"}
    return kept | {"taxes": [[tax["id"], tax["total"]] for tax in row["taxes"]], "meta": _metas(row["meta_data"])}


def _tax(row: Doc) -> Doc:
    kept = {name: row[name] for name in ("id", "rate_code", "rate_id", "label", "compound")}
    return kept | {
        "percent": str(row["rate_percent"]),
        "cart": row["tax_total"],
        "shipping": row["shipping_tax_total"],
    }


def _coupon(row: Doc) -> Doc:
    return {
        "id": row["id"],
        "code": row["code"],
        "coupon_id": 0,
        "kind": row["discount_type"],
        "amount": str(Decimal(str(row["nominal_amount"]))),
        "discount": row["discount"],
        "discount_tax": row["discount_tax"],
        "meta_id": row["meta_data"][0]["id"] if row["meta_data"] else 0,
    }


def _reach(store: Store, counter: str, number: int) -> None:
    """Numbers given from now on are higher."""
    if store.ledger.counter(counter) < number:
        store.ledger.set_counter(counter, number)

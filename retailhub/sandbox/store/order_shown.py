"""Orders and refunds as wc/v3 shows them, from their documents: keys and their order, types, roundings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from retailhub.sandbox.store.php import number, plain
from retailhub.sandbox.store.settings import SYMBOLS, WC_VERSION
from retailhub.sandbox.store.shelf import Card
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
EDITABLE = frozenset({"pending", "on-hold", "auto-draft"})
UNPAID = frozenset({"pending", "failed", "checkout-draft"})
_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class View(msgspec.Struct, frozen=True):
    """How amounts are shown: ``unit`` is 0.01 for two decimals."""

    store: Store
    places: int
    unit: Decimal
    in_list: bool = False

    def money(self, text: str) -> str:
        """An amount with the decimals asked for."""
        whole, _, rest = text.partition(".")
        if self.places and len(rest) <= self.places:
            return f"{whole}.{rest:0<{self.places}}"
        return f"{Decimal(text).quantize(self.unit, ROUND_HALF_UP):f}"

    def tax(self, text: str, *, with_tax: bool) -> str:
        """A rate's share, rounded as its sum is."""
        if not with_tax:
            return self.money(text)
        return f"{Decimal(text).quantize(self.unit, ROUND_HALF_DOWN):f}"


def view_of(store: Store, *, dp: int | None = None, in_list: bool = False) -> View:
    """The store's own decimals, or others."""
    places = store.settings.decimals if dp is None else dp
    return View(store, places, Decimal(1).scaleb(-places), in_list)


def order_shown(view: View, order_id: int, doc: Doc) -> Doc:
    """One order. ``meta_data`` comes as the database happens to find it: by key here, by number in a list."""
    return {**_head(view, order_id, doc), **_rows(view, order_id, doc), **_tail(view, order_id, doc)}


def _head(view: View, order_id: int, doc: Doc) -> Doc:
    clock, totals = view.store.clock, doc["totals"]
    return {
        "id": order_id,
        "parent_id": 0,
        "status": doc["status"],
        "currency": doc["currency"],
        "version": WC_VERSION,
        "prices_include_tax": doc["with_tax"],
        "date_created": clock.local(doc["created"]),
        "date_modified": clock.local(doc["modified"]),
        **{name: view.money(totals[name]) for name in _TOTALS},
        "customer_id": doc["customer_id"],
        "order_key": doc["key"],
        "billing": doc["billing"],
        "shipping": doc["shipping"],
    }


_TOTALS = ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax")


def _rows(view: View, order_id: int, doc: Doc) -> Doc:
    clock = view.store.clock
    by = (lambda row: row["id"]) if view.in_list else (lambda row: (row["key"], row["id"]))
    return {
        "payment_method": doc["method"],
        "payment_method_title": doc["method_title"],
        "transaction_id": doc["transaction_id"],
        "customer_ip_address": doc["ip"],
        "customer_user_agent": doc["agent"],
        "created_via": doc["via"],
        "customer_note": doc["note"],
        "date_completed": clock.local(doc["completed"]),
        "date_paid": clock.local(doc["paid"]),
        "cart_hash": doc["cart_hash"],
        "number": str(order_id),
        "meta_data": sorted(doc["meta"], key=by),
        "line_items": [line_shown(view, line, with_tax=doc["with_tax"]) for line in doc["lines"]],
        "tax_lines": [_tax_row(view, row) for row in doc["taxes"]],
        "shipping_lines": [_shipping_row(view, row, with_tax=doc["with_tax"]) for row in doc["shipping_lines"]],
        "fee_lines": [_fee_row(view, row, with_tax=doc["with_tax"]) for row in doc["fees"]],
        "coupon_lines": [_coupon_row(row) for row in doc["coupons"]],
        "refunds": [_refund_row(view, row) for row in doc["refunds"]],
    }


def _tail(view: View, order_id: int, doc: Doc) -> Doc:
    clock, site, api = view.store.clock, view.store.settings.site, view.store.api
    base = f"{api}/orders/{order_id}"
    links: Doc = {
        "self": [{"href": base, "targetHints": {"allow": _ALL}}],
        "collection": [{"href": f"{api}/orders"}],
        "email_templates": [{"embeddable": True, "href": f"{base}/actions/email_templates"}],
    }
    if doc["customer_id"]:
        links["customer"] = [{"href": f"{api}/customers/{doc['customer_id']}"}]
    return {
        "payment_url": f"{site}/checkout/order-pay/{order_id}/?pay_for_order=true&key={doc['key']}",
        "is_editable": doc["status"] in EDITABLE,
        "needs_payment": doc["status"] in UNPAID and Decimal(doc["totals"]["total"]) > 0,
        "needs_processing": needs_processing(view.store, doc),
        "date_created_gmt": clock.gmt(doc["created"]),
        "date_modified_gmt": clock.gmt(doc["modified"]),
        "date_completed_gmt": clock.gmt(doc["completed"]),
        "date_paid_gmt": clock.gmt(doc["paid"]),
        "currency_symbol": SYMBOLS.get(doc["currency"], doc["currency"]),
        "_links": links,
    }


def needs_processing(store: Store, doc: Doc) -> bool:
    """Whether anything in it must be sent."""
    cards = (card_of(store, line) for line in doc["lines"])
    return any(card is not None and not card.digital for card in cards)


def card_of(store: Store, line: Doc) -> Card | None:
    """What a line sold, as it is now; ``None`` if it is gone or never was."""
    return store.shelf.find(line["variation_id"] or line["product_id"])


def _meta(row: Doc) -> Doc:
    shown = {"id": row["id"], "key": row["key"], "value": row["value"]}
    return {**shown, "display_key": row.get("label") or row["key"], "display_value": row["value"]}


def _shares(view: View, row: Doc, *, with_tax: bool, charge: bool = False) -> list[Doc]:
    return [
        {
            "id": share[0],
            "total": view.tax(share[1], with_tax=with_tax),
            "subtotal": "" if charge else view.tax(share[2], with_tax=with_tax),
        }
        for share in row["taxes"]
    ]


def line_shown(view: View, line: Doc, *, with_tax: bool) -> Doc:
    """A line. Product numbers, SKU and GTIN are the product's present ones."""
    card = card_of(view.store, line)
    quantity = line["quantity"]
    unit_price = Decimal(line["total"]) / Decimal(quantity) if quantity else Decimal(line["total"])
    return {
        "id": line["id"],
        "name": line["name"],
        "product_id": 0 if card is None else line["product_id"],
        "variation_id": 0 if card is None else line["variation_id"],
        "quantity": quantity,
        "tax_class": line["tax_class"],
        "subtotal": view.money(line["subtotal"]),
        "subtotal_tax": view.money(line["subtotal_tax"]),
        "total": view.money(line["total"]),
        "total_tax": view.money(line["total_tax"]),
        "taxes": _shares(view, line, with_tax=with_tax),
        "meta_data": [_meta(row) for row in line["meta"]],
        "sku": None if card is None else card.sku,
        "global_unique_id": None if card is None else card.gtin,
        "price": number(unit_price),
        "image": {"id": "" if card is not None and not card.parent_id else 0, "src": ""},
        "parent_name": None if card is None else card.parent_name,
    }


def _tax_row(view: View, row: Doc) -> Doc:
    return {
        "id": row["id"],
        "rate_code": row["rate_code"],
        "rate_id": row["rate_id"],
        "label": row["label"],
        "compound": row["compound"],
        "tax_total": view.money(row["cart"]),
        "shipping_tax_total": view.money(row["shipping"]),
        "rate_percent": number(Decimal(row["percent"])),
        "meta_data": [],
    }


def _shipping_row(view: View, row: Doc, *, with_tax: bool) -> Doc:
    return {
        "id": row["id"],
        "method_title": row["method_title"],
        "method_id": row["method_id"],
        "instance_id": row["instance_id"],
        "total": view.money(row["total"]),
        "total_tax": view.money(row["total_tax"]),
        "taxes": _shares(view, row, with_tax=with_tax, charge=True),
        "tax_status": row["tax_status"],
        "meta_data": [_meta(meta) for meta in row["meta"]],
    }


def _fee_row(view: View, row: Doc, *, with_tax: bool) -> Doc:
    return {
        "id": row["id"],
        "name": row["name"],
        "tax_class": row["tax_class"],
        "tax_status": row["tax_status"],
        "amount": row["amount"],
        "total": view.money(row["total"]),
        "total_tax": view.money(row["total_tax"]),
        "taxes": _shares(view, row, with_tax=with_tax, charge=True),
        "meta_data": [_meta(meta) for meta in row["meta"]],
    }


def _coupon_row(row: Doc) -> Doc:
    amount = number(Decimal(row["amount"]))
    info = json.dumps([row["coupon_id"], row["code"], row["kind"], amount], separators=(",", ":"))
    return {
        "id": row["id"],
        "code": row["code"],
        "discount": plain(Decimal(row["discount"])),
        "discount_tax": plain(Decimal(row["discount_tax"])),
        "meta_data": [_meta({"id": row["meta_id"], "key": "coupon_info", "value": info})],
        "discount_type": row["kind"],
        "nominal_amount": amount,
        "free_shipping": False,
    }


def _refund_row(view: View, row: Doc) -> Doc:
    return {
        "id": row["id"],
        "reason": row["reason"],
        "total": view.money(f"-{row['amount']}"),
        "total_tax": view.money(f"-{row['tax']}" if Decimal(row["tax"]) else "0"),
    }


def refund_shown(view: View, row_id: int, order_id: int, doc: Doc, *, parent: bool = False) -> Doc:
    """One refund; ``parent`` as in the list of all refunds."""
    clock, base = view.store.clock, f"{view.store.api}/orders/{order_id}"
    with_tax = doc["with_tax"]
    return {
        "id": row_id,
        **({"parent_id": order_id} if parent else {}),
        "date_created": clock.local(doc["created"]),
        "date_created_gmt": clock.gmt(doc["created"]),
        "amount": view.money(doc["amount"]),
        "reason": doc["reason"],
        "refunded_by": doc["refunded_by"],
        "refunded_payment": doc["refunded_payment"],
        "meta_data": doc["meta"],
        "line_items": [line_shown(view, line, with_tax=with_tax) for line in doc["lines"]],
        "shipping_lines": [_shipping_row(view, row, with_tax=with_tax) for row in doc["shipping_lines"]],
        "tax_lines": [_tax_row(view, row) for row in doc["taxes"]],
        "fee_lines": [_fee_row(view, row, with_tax=with_tax) for row in doc["fees"]],
        "_links": {
            "self": [{"href": f"{base}/refunds/{row_id}", "targetHints": {"allow": ["GET", "DELETE"]}}],
            "collection": [{"href": f"{base}/refunds"}],
            "up": [{"href": base}],
        },
    }


def cut_fields(row: Doc, fields: Sequence[str]) -> Doc:
    """``_fields``: only these keys, ``a.b`` for a key inside."""
    tops = {name.partition(".")[0] for name in fields}
    kept = {name: value for name, value in row.items() if name in tops}
    for name in fields:
        top, dot, inner = name.partition(".")
        if dot and top not in fields and isinstance(row.get(top), dict):
            kept[top] = {key: value for key, value in row[top].items() if f"{top}.{key}" in fields or key == inner}
    return kept

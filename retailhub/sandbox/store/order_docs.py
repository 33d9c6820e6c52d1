"""An order's document: how it begins, and how what a caller sends becomes its lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from retailhub.sandbox.store import order_money
from retailhub.sandbox.store.errors import RestError
from retailhub.sandbox.store.ledger import load
from retailhub.sandbox.store.lifelike.catalogue import Coupon
from retailhub.sandbox.store.order_money import exact
from retailhub.sandbox.store.php import fold, to_int, to_number, to_text
from retailhub.sandbox.store.shelf import Card
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
ADDRESS = (
    "first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country",
)  # fmt: skip
BILLING = (*ADDRESS, "email", "phone")
SHIPPING = (*ADDRESS, "phone")


def blank(store: Store, *, now: int) -> Doc:
    """An order with nothing in it, as it begins in the REST API."""
    return {
        "status": "pending",
        "currency": store.settings.currency,
        "with_tax": store.settings.prices_include_tax,
        "created": now,
        "modified": now,
        "completed": None,
        "paid": None,
        "totals": dict.fromkeys(
            ("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax"), "0"
        ),
        "customer_id": 0,
        "key": f"wc_order_{store.random_text(13)}",
        "billing": dict.fromkeys(BILLING, ""),
        "shipping": dict.fromkeys(SHIPPING, ""),
        "method": "",
        "method_title": "",
        "transaction_id": "",
        "ip": "",
        "agent": "",
        "via": "rest-api",
        "note": "",
        "cart_hash": "",
        "meta": [],
        "lines": [],
        "taxes": [],
        "shipping_lines": [],
        "fees": [],
        "coupons": [],
        "refunds": [],
        "stock_taken": False,
    }


def set_meta(store: Store, rows: list[Doc], posted: Sequence[Mapping[str, Any]], *, counter: str) -> None:
    """Values by id or by key; a key that is there is not doubled, ``null`` takes it away."""
    for given in posted:
        ident, key = to_int(given.get("id")), to_text(given.get("key"))
        found = next((row for row in rows if (ident and row["id"] == ident) or (not ident and row["key"] == key)), None)
        value = meta_value(given.get("value"))
        if value is None:
            if found is not None:
                rows.remove(found)
        elif found is not None:
            found["value"] = value
            found["key"] = key or found["key"]
        elif key:
            rows.append({"id": store.ledger.next_id(counter), "key": key, "value": value})


def meta_value(value: Any) -> Any:
    """As the store keeps it: scalars become text, empty mappings lists; nested types survive."""
    if value is None or isinstance(value, list):
        return value
    if isinstance(value, dict):
        return {key: [] if inner == {} else inner for key, inner in value.items()} or []
    return to_text(value)


def find_product(store: Store, posted: Mapping[str, Any]) -> Card | None:
    """What a line names, by number or SKU. Raises `RestError` when it names nothing."""
    number = to_int(posted.get("variation_id")) or to_int(posted.get("product_id"))
    if number:
        return store.shelf.find(number)
    sku = to_text(posted.get("sku"))
    if not sku:
        raise RestError(400, "woocommerce_rest_required_product_reference", "Product ID or SKU is required.")
    found = store.ledger.value("SELECT id FROM product WHERE sku_key = ? ORDER BY id", (fold(sku),))
    return None if found is None else store.shelf.find(found)


def add_line(store: Store, doc: Doc, posted: Mapping[str, Any]) -> Doc:
    """A new product line, priced as the store prices it unless amounts are given."""
    card = find_product(store, posted)
    quantity = to_int(posted.get("quantity", 1))
    line: Doc = {
        "id": store.ledger.next_id("item"),
        "name": card.name if card else "",
        "product_id": (card.parent_id or card.id) if card else 0,
        "variation_id": card.id if card and card.parent_id else 0,
        "quantity": quantity,
        "tax_class": card.tax_class if card else "",
        "taxable": card.taxable if card else True,
        "subtotal_tax": "0",
        "total_tax": "0",
        "taxes": [],
        "meta": [],
    }
    entered = card.price * quantity if card else Decimal(0)
    net = order_money.net_price(store, entered, tax_class=line["tax_class"], taxable=line["taxable"])
    line |= {"entered": exact(entered), "subtotal": exact(net), "total": exact(net)}
    for key, label, value in card.attributes if card else ():
        line["meta"].append({"id": store.ledger.next_id("item_meta"), "key": key, "value": value, "label": label})
    doc["lines"].append(line)
    change_line(store, line, {key: value for key, value in posted.items() if key != "quantity"})
    return line


def change_line(store: Store, line: Doc, posted: Mapping[str, Any]) -> None:
    """What is given changes and nothing else: a new quantity leaves the amounts, so the unit price moves."""
    if "name" in posted:
        line["name"] = to_text(posted["name"])
    if "quantity" in posted:
        line["quantity"] = to_int(posted["quantity"])
    if "tax_class" in posted:
        line["tax_class"] = to_text(posted["tax_class"])
    if posted.get("subtotal") not in (None, ""):
        line["subtotal"] = line["entered"] = exact(to_number(posted["subtotal"]))
    if posted.get("total") not in (None, ""):
        line["total"] = exact(to_number(posted["total"]))
    set_meta(store, line["meta"], posted.get("meta_data") or (), counter="item_meta")


def add_shipping(store: Store, doc: Doc, posted: Mapping[str, Any]) -> Doc:
    if not to_text(posted.get("method_id")):
        raise RestError(400, "woocommerce_rest_invalid_shipping_item", "Shipping method ID is required.")
    row: Doc = {
        "id": store.ledger.next_id("item"),
        "method_title": "",
        "method_id": "",
        "instance_id": "",
        "total": "0",
        "total_tax": "0",
        "taxes": [],
        "tax_status": "taxable",
        "meta": [],
    }
    doc["shipping_lines"].append(row)
    change_shipping(store, row, posted)
    return row


def change_shipping(store: Store, row: Doc, posted: Mapping[str, Any]) -> None:
    for name in ("method_title", "method_id", "instance_id", "tax_status"):
        if name in posted:
            row[name] = to_text(posted[name])
    if "total" in posted:
        row["total"] = exact(to_number(posted["total"]))
    set_meta(store, row["meta"], posted.get("meta_data") or (), counter="item_meta")


def add_fee(store: Store, doc: Doc, posted: Mapping[str, Any]) -> Doc:
    if not to_text(posted.get("name")):
        raise RestError(400, "woocommerce_rest_invalid_fee_item", "Fee name is required.")
    row: Doc = {
        "id": store.ledger.next_id("item"),
        "name": "",
        "tax_class": "",
        "tax_status": "taxable",
        "amount": "",
        "total": "0",
        "total_tax": "0",
        "taxes": [],
        "meta": [],
    }
    doc["fees"].append(row)
    change_fee(store, row, posted)
    return row


def change_fee(store: Store, row: Doc, posted: Mapping[str, Any]) -> None:
    for name in ("name", "tax_class", "tax_status", "amount"):
        if name in posted:
            row[name] = to_text(posted[name])
    if "total" in posted:
        row["total"] = exact(to_number(posted["total"]))
    set_meta(store, row["meta"], posted.get("meta_data") or (), counter="item_meta")


_KINDS: dict[str, tuple[str, Callable[..., Doc], Callable[..., None], tuple[str, ...]]] = {
    "line_items": ("lines", add_line, change_line, ("product_id", "name", "variation_id")),
    "shipping_lines": ("shipping_lines", add_shipping, change_shipping, ("method_id", "method_title")),
    "fee_lines": ("fees", add_fee, change_fee, ("name",)),
}


def set_items(store: Store, doc: Doc, posted: Mapping[str, Any]) -> None:
    """Lines, shipping and fees: without ``id`` one is added, with it changed, with nothing in it removed."""
    for name, (place, add, change, naming) in _KINDS.items():
        for given in posted.get(name) or ():
            ident = to_int(given.get("id"))
            if not ident:
                add(store, doc, given)
                continue
            row = next((row for row in doc[place] if row["id"] == ident), None)
            if row is None:
                text = "Order item ID provided is not associated with order."
                raise RestError(400, "woocommerce_rest_invalid_item_id", text)
            gone = any(key in given and given[key] is None for key in naming)
            if gone or (place == "lines" and "quantity" in given and to_int(given["quantity"]) == 0):
                doc[place].remove(row)
            else:
                change(store, row, given)


def set_coupons(store: Store, doc: Doc, codes: Sequence[str]) -> None:
    """These coupons and no others. Raises `RestError` for an unknown one, with none of them applied."""
    chosen = [_find_coupon(store, code) for code in codes]
    doc["coupons"] = []
    rows = []
    for coupon in chosen:
        row: Doc = {
            "id": store.ledger.next_id("item"),
            "code": coupon.code,
            "coupon_id": coupon.id,
            "kind": coupon.kind,
            "amount": str(coupon.amount),
            "discount": "0",
            "discount_tax": "0",
            "meta_id": store.ledger.next_id("item_meta"),
        }
        doc["coupons"].append(row)
        rows.append((row, coupon))
    order_money.apply_coupons(store, doc, rows)


def _find_coupon(store: Store, code: str) -> Coupon:
    row = store.ledger.one(
        "SELECT id, doc FROM thing WHERE kind = 'coupon' AND key = ? AND status = 'publish'", (fold(code),)
    )
    if row is None:
        text = f"Coupon &quot;{code}&quot; cannot be applied because it does not exist."
        raise RestError(400, "woocommerce_rest_invalid_coupon", text)
    doc = load(row["doc"])
    return Coupon(row["id"], doc["code"], doc["discount_type"], Decimal(doc["amount"]))

"""The store's JSON, byte for byte as WooCommerce 11 writes it: keys and their order, types, escapes.

Money is text with two decimals, a line's price is a bare number without rounding, every slash and every
character outside ASCII is escaped. The same bytes go into a delivery and into the answer of a single read.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from retailhub.sandbox.feeder.states import OrderState
from retailhub.sandbox.store.lifelike.orders import OrderPlan, Person
from retailhub.sandbox.store.lifelike.pricing import PricedCharge, PricedLine, Share, to_cents

WC_VERSION = "11.0.1"
GONE = b'{"code":"woocommerce_rest_shop_order_invalid_id","message":"Invalid ID.","data":{"status":404}}'
"""What a read of a deleted order answers, and what a delivery says when it was deleted before it went out."""

_ENCODE = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode
_LINE_IDS = 16
_META_IDS = 64
_META_KEYS = (
    "_coupons_hash",
    "_debug_log_source_pending_deletion",
    "_fees_hash",
    "_shipping_hash",
    "_taxes_hash",
    "is_vat_exempt",
    "_tracking_number",
    "_tracking_provider",
    "_wp_trash_meta_status",
    "_wp_trash_meta_time",
)
"""In the order in which a single read shows them; each has its own id, which stays."""


def encode(value: Any) -> bytes:
    """JSON as PHP writes it: ASCII only, no spaces, slashes escaped."""
    return _ENCODE(value).replace("/", "\\/").encode("ascii")


def deleted_body(order_id: int) -> bytes:
    """The body of ``order.deleted``, which a trashed order gets."""
    return b'{"id":%d}' % order_id


def order_template(plan: OrderPlan, site: str) -> dict[str, Any]:
    """The order's JSON with all that never changes, and empty places for what ``order_body`` fills."""
    return {**_head(plan), **_rows(plan), **_tail(plan, site)}


def _key(plan: OrderPlan) -> str:
    return f"wc_order_{plan.token[:13]}"


def _head(plan: OrderPlan) -> dict[str, Any]:
    totals, person = plan.totals, plan.person
    address = _address(person)
    return {
        "id": plan.id,
        "parent_id": 0,
        "status": None,
        "currency": plan.profile.currency,
        "version": WC_VERSION,
        "prices_include_tax": plan.with_tax,
        "date_created": None,
        "date_modified": None,
        "discount_total": _money(totals.discount_total),
        "discount_tax": _money(totals.discount_tax),
        "shipping_total": _money(totals.shipping_total),
        "shipping_tax": _money(totals.shipping_tax),
        "cart_tax": _money(totals.cart_tax),
        "total": _money(plan.total),
        "total_tax": _money(totals.total_tax),
        "customer_id": person.id,
        "order_key": _key(plan),
        "billing": {**address, "email": person.email, "phone": person.phone},
        "shipping": {**(address if plan.shipping else dict.fromkeys(address, "")), **_phone(plan)},
    }


def _rows(plan: OrderPlan) -> dict[str, Any]:
    digest = hashlib.md5(plan.token.encode(), usedforsecurity=False).hexdigest()
    shop = plan.channel != "rest-api"
    return {
        "payment_method": plan.method,
        "payment_method_title": plan.method_title,
        "transaction_id": "",
        "customer_ip_address": "127.0.0.1" if shop else "",
        "customer_user_agent": "Mozilla/5.0 (X11; Linux x86_64)" if shop else "",
        "created_via": plan.channel,
        "customer_note": plan.note,
        "date_completed": None,
        "date_paid": None,
        "cart_hash": digest if shop else "",
        "number": str(plan.id),
        "meta_data": [],
        "line_items": [_line_item(plan, at, line) for at, line in enumerate(plan.lines)],
        "tax_lines": _tax_lines(plan),
        "shipping_lines": [_shipping_line(plan, row) for row in plan.shipping],
        "fee_lines": [_fee_line(plan, at, row) for at, row in enumerate(plan.fees)],
        "coupon_lines": _coupon_lines(plan),
        "refunds": [],
    }


def _tail(plan: OrderPlan, site: str) -> dict[str, Any]:
    return {
        "payment_url": f"{site}/checkout/order-pay/{plan.id}/?pay_for_order=true&key={_key(plan)}",
        "is_editable": None,
        "needs_payment": None,
        "needs_processing": True,
        "date_created_gmt": None,
        "date_modified_gmt": None,
        "date_completed_gmt": None,
        "date_paid_gmt": None,
        "currency_symbol": plan.profile.symbol,
        "_links": _links(plan, site),
    }


def order_body(plan: OrderPlan, template: dict[str, Any], state: OrderState) -> bytes:
    """The order as it stands. Fills ``template`` in place, so one order is not rendered by two threads."""
    if state.deleted:
        return GONE
    zone = ZoneInfo(plan.profile.time_zone)
    for name, moment in (
        ("created", state.created),
        ("modified", state.modified),
        ("completed", state.completed),
        ("paid", state.paid),
    ):
        local, gmt = (None, None) if moment is None else _dates(moment, zone)
        template[f"date_{name}"], template[f"date_{name}_gmt"] = local, gmt
    template["status"] = state.status
    template["transaction_id"] = _transaction(plan) if state.paid is not None else ""
    template["is_editable"] = state.editable
    template["needs_payment"] = state.unpaid and plan.total > 0
    template["meta_data"] = _order_meta(plan, state)
    taken = state.stock_taken
    for at, (line, item) in enumerate(zip(plan.lines, template["line_items"], strict=True)):
        item["meta_data"] = _line_meta(plan, at, line, taken=taken and item["product_id"] != 0)
    return encode(template)


def _dates(moment: int, zone: ZoneInfo) -> tuple[str, str]:
    at = dt.datetime.fromtimestamp(moment, dt.UTC)
    return at.astimezone(zone).isoformat()[:19], at.isoformat()[:19]


def _money(amount: Decimal) -> str:
    return str(to_cents(amount))


def _plain(amount: Decimal) -> str:
    """Without the zeros at the end, as coupon amounts are written."""
    return f"{amount.normalize():f}"


def _number(value: Decimal) -> int | float:
    """A JSON number as PHP writes a float: whole ones without a point."""
    return int(value) if value == value.to_integral_value() else float(value)


def _address(person: Person) -> dict[str, str]:
    place = person.place
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "company": person.company,
        "address_1": f"{place.street} {person.house}",
        "address_2": "c/o Ünïcode" if person.house % 5 == 0 else "",
        "city": place.city,
        "state": place.state,
        "postcode": place.postcode,
        "country": place.country,
    }


def _phone(plan: OrderPlan) -> dict[str, str]:
    return {"phone": plan.person.phone if plan.shipping else ""}


def _transaction(plan: OrderPlan) -> str:
    if plan.method == "stripe":
        return f"pi_3{plan.token[20:43]}"
    if plan.method == "paypal":
        return plan.token[20:37].upper()
    return ""


def _shares(shares: tuple[Share, ...], *, charge: bool = False) -> list[dict[str, Any]]:
    return [
        {"id": row.rate.id, "total": _money(row.total), "subtotal": "" if charge else _money(row.subtotal)}
        for row in shares
    ]


def _line_item(plan: OrderPlan, at: int, line: PricedLine) -> dict[str, Any]:
    product = line.product
    gone = plan.planted == "line_without_product" and at == 0
    return {
        "id": plan.index * _LINE_IDS + 1 + at,
        "name": product.name,
        "product_id": 0 if gone else product.parent_id or product.id,
        "variation_id": product.id if product.parent_id and not gone else 0,
        "quantity": line.quantity,
        "tax_class": product.tax_class,
        "subtotal": _money(line.subtotal),
        "subtotal_tax": _money(line.subtotal_tax),
        "total": _money(line.total),
        "total_tax": _money(line.total_tax),
        "taxes": _shares(line.shares),
        "meta_data": [],
        "sku": None if gone else product.sku,
        "global_unique_id": None if gone else product.gtin,
        "price": _number(line.total / line.quantity),
        "image": {"id": 0 if product.parent_id or gone else "", "src": ""},
        "parent_name": None if gone else product.parent_name,
    }


def _meta(meta_id: int, key: str, value: str, label: str | None = None) -> dict[str, Any]:
    return {"id": meta_id, "key": key, "value": value, "display_key": label or key, "display_value": value}


def _line_meta(plan: OrderPlan, at: int, line: PricedLine, *, taken: bool) -> list[dict[str, Any]]:
    first = plan.index * _META_IDS + 8 + 6 * at
    rows = [_meta(first + k, key, value, label) for k, (key, label, value) in enumerate(line.product.attributes)]
    if taken:
        rows.append(_meta(first + 5, "_reduced_stock", str(line.quantity)))
    return rows


def _tax_lines(plan: OrderPlan) -> list[dict[str, Any]]:
    first = plan.index * _LINE_IDS + 11
    return [
        {
            "id": first + at,
            "rate_code": rate.code,
            "rate_id": rate.id,
            "label": rate.label,
            "compound": rate.compound,
            "tax_total": _money(cart),
            "shipping_tax_total": _money(shipping),
            "rate_percent": _number(rate.percent),
            "meta_data": [],
        }
        for at, (rate, cart, shipping) in enumerate(plan.totals.by_rate)
    ]


def _shipping_line(plan: OrderPlan, row: PricedCharge) -> dict[str, Any]:
    shop = plan.channel != "rest-api"
    items = ", ".join(f"{line.product.name} &times; {line.quantity}" for line in plan.lines)
    return {
        "id": plan.index * _LINE_IDS + 7,
        "method_title": row.name,
        "method_id": "flat_rate",
        "instance_id": "1" if shop else "",
        "total": _money(row.total),
        "total_tax": _money(row.total_tax),
        "taxes": _shares(row.shares, charge=True),
        "tax_status": "taxable",
        "meta_data": [_meta(plan.index * _META_IDS + 50, "Items", items)] if shop else [],
    }


def _fee_line(plan: OrderPlan, at: int, row: PricedCharge) -> dict[str, Any]:
    return {
        "id": plan.index * _LINE_IDS + 8 + at,
        "name": row.name,
        "tax_class": "",
        "tax_status": "taxable" if row.taxable else "none",
        "amount": "",
        "total": _money(row.total),
        "total_tax": _money(row.total_tax),
        "taxes": _shares(row.shares, charge=True),
        "meta_data": [],
    }


def _coupon_lines(plan: OrderPlan) -> list[dict[str, Any]]:
    coupon = plan.coupon
    if coupon is None:
        return []
    amount = _number(coupon.amount)
    info = json.dumps([coupon.id, coupon.code, coupon.kind, amount], separators=(",", ":"))
    return [
        {
            "id": plan.index * _LINE_IDS + 14,
            "code": coupon.code,
            "discount": _plain(plan.totals.discount_total),
            "discount_tax": _plain(plan.totals.discount_tax),
            "meta_data": [_meta(plan.index * _META_IDS + 51, "coupon_info", info)],
            "discount_type": coupon.kind,
            "nominal_amount": amount,
            "free_shipping": False,
        }
    ]


def _order_meta(plan: OrderPlan, state: OrderState) -> list[dict[str, Any]]:
    values: dict[str, str] = {}
    if plan.channel == "store-api":
        for at, key in enumerate(("_coupons_hash", "_fees_hash", "_shipping_hash", "_taxes_hash")):
            values[key] = plan.token[8 * at : 8 * at + 32]
    if plan.channel != "rest-api":
        if state.fresh:
            values["_debug_log_source_pending_deletion"] = f"place-order-debug-{plan.token[:8]}"
        values["is_vat_exempt"] = "no"
    if state.tracked:
        values["_tracking_number"] = f"00340434{plan.id:012d}"
        values["_tracking_provider"] = "dhl"
    if state.trashed is not None:
        values["_wp_trash_meta_status"] = f"wc-{state.before_trash}"
        values["_wp_trash_meta_time"] = str(state.trashed)
    first = plan.index * _META_IDS + 52
    return [{"id": first + at, "key": key, "value": values[key]} for at, key in enumerate(_META_KEYS) if key in values]


def _links(plan: OrderPlan, site: str) -> dict[str, Any]:
    base = f"{site}/wp-json/wc/v3"
    self = f"{base}/orders/{plan.id}"
    links: dict[str, Any] = {
        "self": [{"href": self, "targetHints": {"allow": ["GET", "POST", "PUT", "PATCH", "DELETE"]}}],
        "collection": [{"href": f"{base}/orders"}],
        "email_templates": [{"embeddable": True, "href": f"{self}/actions/email_templates"}],
    }
    if plan.person.id:
        links["customer"] = [{"href": f"{base}/customers/{plan.person.id}"}]
    return links

"""A vendor order's own values by our names for them, as text exactly as they came: for people who compare. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

HEAD = {
    "number": "number",
    "status": "status",
    "currency": "currency",
    "placed": "date_created_gmt",
    "payment.method": "payment_method",
    "note": "customer_note",
    "total": "total",
    "total_tax": "total_tax",
    "discount_total": "discount_total",
    "shipping_total": "shipping_total",
}
ADDRESS = {
    "first_name": "first_name",
    "last_name": "last_name",
    "company": "company",
    "street_1": "address_1",
    "street_2": "address_2",
    "city": "city",
    "postcode": "postcode",
    "country": "country",
    "email": "email",
    "phone": "phone",
}
DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=str)
"""Numbers stay as they are written."""
PARTS = ("line_items", "shipping_lines", "fee_lines")


def outline(body: bytes) -> Mapping[str, str] | None:
    """``total``, ``line.31.net``, ``tax.rate-1.amount`` … → text; ``None`` for what is no order."""
    try:
        order = DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if "line_items" not in order or "total" not in order:
        return None
    return {path: str(value) for path, value in _values(order) if value is not None}


def _values(order: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for path, name in HEAD.items():
        yield path, order.get(name)
    for place in ("billing", "shipping"):
        address = order.get(place)
        if isinstance(address, dict):
            for path, name in ADDRESS.items():
                yield f"{place}.{path}", address.get(name)
    for part in PARTS:
        for line in _rows(order, part):
            ref = f"line.{line.get('id')}"
            yield f"{ref}.name", line.get("method_title", line.get("name"))
            yield f"{ref}.net", line.get("total")
            yield f"{ref}.tax", line.get("total_tax")
            if part == "line_items":
                yield f"{ref}.sku", line.get("sku") or ""
                yield f"{ref}.quantity", line.get("quantity")
    for tax in _rows(order, "tax_lines"):
        ref = f"tax.{tax.get('rate_id')}"
        yield f"{ref}.percent", tax.get("rate_percent")
        yield f"{ref}.amount", tax.get("tax_total")
        yield f"{ref}.shipping_amount", tax.get("shipping_tax_total")


def _rows(order: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = order.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

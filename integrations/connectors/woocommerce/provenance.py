"""From which values of a WooCommerce order each field of the canonical order is made: `mapping`, told as a table.

A test holds the two together: each value named here is changed in recorded orders, and exactly the fields that name
it change; and what no field names changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from integrations.connectors.woocommerce import mapping
from integrations.ports.provenance import Source, UnknownField, pattern_of

COPIED = "copied"
AMOUNT = "copied as an exact amount, with the decimals the store sent"
NUMBER = "copied as an exact number"
ID = "copied as text"
ID_OR_NONE = "copied as text; 0 means none"
FIRST_SEEN = "copied when the line was first seen, and kept: the store reads it live from the product"
GMT = "date in GMT, read as UTC"
STATUS = "the store's status in our words; a status of a plugin becomes “other”"
TAX_SHARE = "copied as an exact amount; empty means 0: the rate takes nothing"
META_TEXT = "written as JSON text with sorted keys"
META = "from the order's meta data, sorted by key; the checkout's own log is left out"
LINE_META = "from the line's meta data, sorted by key; the store's notes on its own stock moves are left out"
NO_TAX_NUMBER = "empty: the meta data has none of the keys under which plugins keep a tax number"
TAX_NUMBER = "the first filled one of the keys under which plugins keep a tax number"

ADDRESS = {
    "first_name": "first_name",
    "last_name": "last_name",
    "company": "company",
    "street_1": "address_1",
    "street_2": "address_2",
    "city": "city",
    "state": "state",
    "postcode": "postcode",
    "country": "country",
    "email": "email",
    "phone": "phone",
}
SHARES = {"rate_ref": ("id", ID), "amount": ("total", TAX_SHARE), "subtotal": ("subtotal", AMOUNT)}
HEAD: Mapping[str, tuple[tuple[str, ...], str]] = {
    "order_ref": (("/id",), ID),
    "number": (("/number",), COPIED),
    "status": (("/status",), STATUS),
    "source_status": (("/status",), COPIED),
    "currency": (("/currency",), COPIED),
    "prices_include_tax": (("/prices_include_tax",), COPIED),
    "created_at": (("/date_created_gmt",), GMT),
    "modified_at": (("/date_modified_gmt",), GMT),
    "completed_at": (("/date_completed_gmt",), GMT),
    "total": (("/total",), AMOUNT),
    "total_tax": (("/total_tax",), AMOUNT),
    "discount_total": (("/discount_total",), AMOUNT),
    "discount_tax": (("/discount_tax",), AMOUNT),
    "shipping_total": (("/shipping_total",), AMOUNT),
    "shipping_tax": (("/shipping_tax",), AMOUNT),
    "cart_tax": (("/cart_tax",), AMOUNT),
    "customer.store_ref": (("/customer_id",), "copied as text when first seen, and kept; 0 means a guest"),
    "customer.email": (("/billing/email",), "copied from the billing address"),
    "customer.phone": (("/billing/phone",), "copied from the billing address"),
    "customer.name": (("/billing/first_name", "/billing/last_name"), "first and last name, joined by a space"),
    "customer.company": (("/billing/company",), "copied from the billing address"),
    **{
        f"{kind}.{ours}": ((f"/{kind}/{theirs}",), COPIED)
        for kind in ("billing", "shipping")
        for ours, theirs in ADDRESS.items()
    },
    "payment.method": (("/payment_method",), COPIED),
    "payment.title": (("/payment_method_title",), COPIED),
    "payment.transaction_ref": (("/transaction_id",), COPIED),
    "payment.paid_at": (("/date_paid_gmt",), GMT),
    "parent_ref": (("/parent_id",), ID_OR_NONE),
    "customer_note": (("/customer_note",), COPIED),
    "created_via": (("/created_via",), COPIED),
    "source_version": (("/version",), COPIED),
}
"""Fields that there are once: pointers and rule."""

PARTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "lines": {
        "line_ref": ("id", ID),
        "name": ("name", COPIED),
        "quantity": ("quantity", NUMBER),
        "subtotal": ("subtotal", AMOUNT),
        "subtotal_tax": ("subtotal_tax", AMOUNT),
        "total": ("total", AMOUNT),
        "total_tax": ("total_tax", AMOUNT),
        "sku": ("sku", FIRST_SEEN),
        "product_ref": ("product_id", FIRST_SEEN),
        "variation_ref": ("variation_id", FIRST_SEEN),
    },
    "lines.*.taxes": SHARES,
    "lines.*.attributes": {"key": ("key", LINE_META), "value": ("value", META_TEXT)},
    "shipping": {
        "line_ref": ("id", ID),
        "name": ("method_title", COPIED),
        "total": ("total", AMOUNT),
        "total_tax": ("total_tax", AMOUNT),
        "code": ("method_id", COPIED),
    },
    "fee": {
        "line_ref": ("id", ID),
        "name": ("name", COPIED),
        "total": ("total", AMOUNT),
        "total_tax": ("total_tax", AMOUNT),
    },
    "charges.*.taxes": SHARES,
    "discounts": {
        "code": ("code", COPIED),
        "amount": ("discount", AMOUNT),
        "tax": ("discount_tax", AMOUNT),
    },
    "taxes": {
        "rate_ref": ("rate_id", ID),
        "code": ("rate_code", COPIED),
        "label": ("label", COPIED),
        "percent": ("rate_percent", NUMBER),
        "compound": ("compound", COPIED),
        "amount": ("tax_total", AMOUNT),
        "shipping_amount": ("shipping_tax_total", AMOUNT),
    },
    "refunds": {
        "refund_ref": ("id", ID),
        "amount": ("total", "copied as an exact amount without its sign: the store writes refunds as negative"),
        "reason": ("reason", COPIED),
    },
    "attributes": {"key": ("key", META), "value": ("value", META_TEXT)},
}
"""Fields of what there are many of: the member of the store's entry, and the rule."""

KIND = "by the list of the order in which the store has it: shipping or fees"
FEE_CODE = "empty: fees have none"


def trace(field: str, raw: Any) -> Source:
    """See `integrations.ports.provenance.Tracer`."""
    if field in HEAD:
        return Source(*HEAD[field])
    if field == "customer.tax_number":
        return _tax_number(raw)
    pattern = pattern_of(field)
    group, _, name = pattern.rpartition(".")
    numbers = [int(part) for part in field.split(".") if part.isdigit()]
    if group == "charges.*":
        return _charge(name, numbers[0], raw)
    entries = _entries(group.removesuffix(".*"), numbers, raw)
    known = PARTS.get(group.removesuffix(".*"), {})
    if name not in known or numbers[-1] >= len(entries):
        raise UnknownField(f"An order of this store has no field {field!r}.")
    member, rule = known[name]
    return Source((f"{entries[numbers[-1]]}/{member}",), rule)


def patterns() -> set[str]:
    """Every field that the table tells of, lists as ``*``."""
    lists = {
        f"{group}.*.{name}" for group, names in PARTS.items() if group not in {"shipping", "fee"} for name in names
    }
    charges = {f"charges.*.{name}" for name in ("kind", *PARTS["shipping"])}
    return {*HEAD, "customer.tax_number", *lists, *charges}


def _entries(group: str, numbers: list[int], raw: Any) -> list[str]:
    """Pointers of the store's entries of one list, in the order of the canonical list."""
    if group == "refunds":
        ids = [refund["id"] for refund in raw.get("refunds", [])]
        return [f"/refunds/{place}" for place in sorted(range(len(ids)), key=ids.__getitem__)]
    if group == "attributes":
        return _meta("", raw, mapping.CHECKOUT_BOOKKEEPING)
    if group == "charges.*.taxes":
        return _shares(_charges(raw)[numbers[0]], raw)
    if group.startswith("lines.*."):
        line = f"/line_items/{numbers[0]}"
        return LINE_PARTS[group](line, raw) if group in LINE_PARTS else []
    theirs = {"lines": "line_items", "discounts": "coupon_lines", "taxes": "tax_lines"}.get(group, "")
    return [f"/{theirs}/{place}" for place in range(len(raw.get(theirs, [])))]


def _at(base: str, raw: Any) -> Any:
    for part in base.split("/")[1:]:
        raw = raw[int(part)] if part.isdigit() else raw[part]
    return raw


def _shares(base: str, raw: Any) -> list[str]:
    return [f"{base}/taxes/{place}" for place in range(len(_at(base, raw).get("taxes", [])))]


def _meta(base: str, raw: Any, left_out: frozenset[str]) -> list[str]:
    """As `mapping.attributes` sorts them."""
    entries: Iterable[Any] = _at(base, raw).get("meta_data", [])
    found = [
        (entry["key"], mapping.text_of(entry.get("value")), place)
        for place, entry in enumerate(entries)
        if entry["key"] not in left_out
    ]
    return [f"{base}/meta_data/{place}" for _, _, place in sorted(found)]


LINE_PARTS: Mapping[str, Callable[[str, Any], list[str]]] = {
    "lines.*.taxes": _shares,
    "lines.*.attributes": lambda base, raw: _meta(base, raw, mapping.STOCK_BOOKKEEPING),
}


def _charges(raw: Any) -> list[str]:
    return [
        f"/{theirs}/{place}" for theirs in ("shipping_lines", "fee_lines") for place in range(len(raw.get(theirs, [])))
    ]


def _charge(name: str, place: int, raw: Any) -> Source:
    entries = _charges(raw)
    if place >= len(entries):
        raise UnknownField(f"This order has no charge {place}.")
    base = entries[place]
    is_shipping = base.startswith("/shipping_lines")
    if name == "kind":
        return Source((base,), KIND)
    known = PARTS["shipping" if is_shipping else "fee"]
    if name == "code" and not is_shipping:
        return Source((), FEE_CODE)
    if name not in known:
        raise UnknownField(f"A charge has no field {name!r}.")
    member, rule = known[name]
    return Source((f"{base}/{member}",), rule)


def _tax_number(raw: Any) -> Source:
    """The key that wins, as `mapping.tax_number` has it: of entries with one key the last text counts."""
    filled: dict[str, int] = {}
    texts: dict[str, str] = {}
    for place, entry in enumerate(raw.get("meta_data", [])):
        if isinstance(entry.get("value"), str):
            filled[entry["key"]], texts[entry["key"]] = place, entry["value"].strip()
    winner = next((key for key in mapping.TAX_NUMBER_KEYS if texts.get(key)), None)
    if winner is None:
        return Source((), NO_TAX_NUMBER)
    base = f"/meta_data/{filled[winner]}"
    return Source((f"{base}/value", f"{base}/key"), TAX_NUMBER)

"""POST, PUT and DELETE of orders, with what the store checks and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retailhub.sandbox.store import order_docs, order_keep, order_money, order_status, stock
from retailhub.sandbox.store.errors import RestError, invalid_id
from retailhub.sandbox.store.order_keep import Story
from retailhub.sandbox.store.php import to_bool, to_int, to_text
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_TEXTS = {
    "payment_method": "method",
    "payment_method_title": "method_title",
    "transaction_id": "transaction_id",
    "customer_note": "note",
    "currency": "currency",
    "created_via": "via",
}
_RECKONED = ("billing", "shipping", "line_items", "shipping_lines", "fee_lines", "coupon_lines")
_TOPICS = {
    "rest": ("order.created", "order.updated"),
    "classic": ("order.created", "order.updated"),
    "store-api": ("order.updated", "order.created"),
    "refused": ("order.updated",),
}


def create_order(store: Store, posted: Mapping[str, Any]) -> int:
    """POST orders: never the same twice. Raises `RestError`; after an unknown coupon a draft stays behind."""
    now = store.clock.now()
    doc = order_docs.blank(store, now=now)
    _check_customer(store, posted)
    order_id = store.new_post_id()
    _fill(store, doc, posted)
    order_docs.set_items(store, doc, posted)
    try:
        order_docs.set_coupons(store, doc, _codes(posted))
    except RestError as refusal:
        doc["status"] = "checkout-draft"
        order_money.calculate(store, doc)
        order_keep.insert(store, order_id, doc, Story(way="draft"))
        _tell(store, order_id, "rest", [])
        data = {"new_draft_order_id": order_id}
        raise RestError(400, refusal.code, refusal.message, data=data, keeps=True) from refusal
    reckon(store, doc)
    place(store, order_id, doc, status=_first_status(posted), paid=to_bool(posted.get("set_paid")), story=Story())
    return order_id


def _first_status(posted: Mapping[str, Any]) -> str:
    status = to_text(posted.get("status")) or "pending"
    return status if status in order_status.STATUSES else "pending"


def reckon(store: Store, doc: Doc) -> None:
    """All sums anew."""
    order_money.calculate(store, doc)
    order_money.note_coupon_taxes(store, doc)


def place(store: Store, order_id: int, doc: Doc, *, status: str, paid: bool, story: Story) -> None:
    """Put a reckoned order into its first status, write it down and tell the webhooks in the order of its way.

    ``story.way`` is ``rest``, ``classic``, ``store-api`` or ``refused`` (a block checkout whose payment
    failed). Call inside a transaction.
    """
    now = store.clock.now()
    doc["status"] = "new"
    moved = order_status.change_status(store, order_id, doc, status, now=now)
    if paid:
        moved = list(dict.fromkeys([*moved, *order_status.pay(store, order_id, doc, now=now)]))
    if doc["status"] == "refunded":
        order_status.refund_rest(store, order_id, doc, now=now)
    order_keep.insert(store, order_id, doc, story)
    _tell(store, order_id, story.way, moved, doc=doc)


def _tell(store: Store, order_id: int, way: str, moved: list[int], *, doc: Doc | None = None) -> None:
    for topic in _TOPICS[way]:
        store.hooks.fire(topic, order_id)
    if doc is not None and doc["status"] == "completed":
        _tell_customer(store, doc)
    stock.tell(store, moved)


def _tell_customer(store: Store, doc: Doc) -> None:
    if doc["customer_id"] and order_status.note_customer(store, doc, now=store.clock.now()):
        store.hooks.fire("customer.updated", doc["customer_id"])


def update_order(store: Store, order_id: int, posted: Mapping[str, Any]) -> None:
    """PUT orders/{id}: moves the date whatever is in it. Call inside a transaction.

    A status that does not exist, which only a batch lets through, makes the order pending.
    """
    doc = order_keep.read(store, order_id)
    if doc is None:
        raise invalid_id("shop_order", status=400, message="ID is invalid.")
    now = store.clock.now()
    _check_customer(store, posted)
    _fill(store, doc, posted)
    order_docs.set_items(store, doc, posted)
    if posted.get("coupon_lines") is not None:
        order_docs.set_coupons(store, doc, _codes(posted))
    fitted: list[int] = []
    if any(posted.get(name) is not None for name in _RECKONED):
        reckon(store, doc)
        if doc["stock_taken"] and posted.get("line_items"):
            fitted = order_status.fit_stock(store, doc, now=now)
    stock.tell(store, fitted)
    wanted = to_text(posted.get("status"))
    if wanted and wanted not in order_status.STATUSES:
        wanted = "pending"
    finish(store, order_id, doc, status=wanted, paid=to_bool(posted.get("set_paid")), now=now)


def finish(store: Store, order_id: int, doc: Doc, *, status: str = "", paid: bool = False, now: int) -> None:
    """A change is over: new status if any, new date, written, told. Call inside a transaction."""
    before = doc["status"]
    moved = order_status.change_status(store, order_id, doc, status, now=now) if status else []
    if paid:
        moved = [*moved, *order_status.pay(store, order_id, doc, now=now)]
    if doc["status"] == "refunded" != before:
        order_status.refund_rest(store, order_id, doc, now=now)
    doc["modified"] = now
    order_keep.update(store, order_id, doc)
    store.hooks.fire("order.updated", order_id)
    if doc["status"] == "completed" != before:
        _tell_customer(store, doc)
    stock.tell(store, moved)


def trash_order(store: Store, order_id: int) -> None:
    """DELETE orders/{id}: into the trash; what it was is kept in its meta. Raises `RestError`."""
    doc = order_keep.read(store, order_id)
    if doc is None:
        raise invalid_id("shop_order")
    if doc["status"] == "trash":
        raise RestError(410, "woocommerce_rest_already_trashed", "The order has already been deleted.")
    now = store.clock.now()
    for key, value in (("_wp_trash_meta_status", f"wc-{doc['status']}"), ("_wp_trash_meta_time", str(now))):
        doc["meta"].append({"id": store.ledger.next_id("meta"), "key": key, "value": value})
    doc["status"], doc["modified"] = "trash", now
    order_keep.update(store, order_id, doc)
    store.hooks.fire("order.deleted", order_id)


def restore_order(store: Store, order_id: int) -> None:
    """Out of the trash, into the status it had. Raises `RestError`."""
    doc = order_keep.read(store, order_id)
    if doc is None or doc["status"] != "trash":
        raise invalid_id("shop_order")
    kept = {row["key"]: row["value"] for row in doc["meta"]}
    doc["status"] = str(kept["_wp_trash_meta_status"]).removeprefix("wc-")
    doc["meta"] = [row for row in doc["meta"] if not row["key"].startswith("_wp_trash_meta_")]
    doc["modified"] = store.clock.now()
    order_keep.update(store, order_id, doc)
    store.hooks.fire("order.restored", order_id)


def delete_order(store: Store, order_id: int) -> None:
    """DELETE orders/{id}?force=true: gone, and no order webhook tells of it. Raises `RestError`."""
    if order_keep.read(store, order_id) is None:
        raise invalid_id("shop_order")
    store.hooks.fire("action.woocommerce_before_delete_order", order_id)
    order_keep.remove(store, order_id)
    store.hooks.fire("action.woocommerce_delete_order", order_id)


def _check_customer(store: Store, posted: Mapping[str, Any]) -> None:
    customer_id = to_int(posted.get("customer_id"))
    if customer_id and store.ledger.one("SELECT 1 FROM customer WHERE id = ?", (customer_id,)) is None:
        raise RestError(400, "woocommerce_rest_invalid_customer_id", "Customer ID is invalid.")


def _fill(store: Store, doc: Doc, posted: Mapping[str, Any]) -> None:
    """What is given and is no line. Keys that are not given stay."""
    for name, place in _TEXTS.items():
        if posted.get(name) is not None:
            doc[place] = to_text(posted[name])
    if posted.get("customer_id") is not None:
        doc["customer_id"] = to_int(posted["customer_id"])
    for name, keys in (("billing", order_docs.BILLING), ("shipping", order_docs.SHIPPING)):
        given = posted.get(name) or {}
        doc[name] |= {key: to_text(given[key]) for key in keys if key in given}
    order_docs.set_meta(store, doc["meta"], posted.get("meta_data") or (), counter="meta")


def _codes(posted: Mapping[str, Any]) -> list[str]:
    return [to_text(row.get("code")) for row in posted.get("coupon_lines") or () if row.get("code")]

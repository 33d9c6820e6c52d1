"""The webhooks resource: made, shown without their secret, paused, set active again, deleted."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from retailhub.sandbox.store.delivering import Poster, ping
from retailhub.sandbox.store.errors import RestError, invalid_id, no_trash
from retailhub.sandbox.store.hooks import is_topic
from retailhub.sandbox.store.paging import PAGE, Page, limits
from retailhub.sandbox.store.params import listed, read
from retailhub.sandbox.store.php import Params, to_text
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
STATUSES = ("active", "paused", "disabled")
_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_HOOKS = {
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
    "order.restored": ["untrashed_post", "woocommerce_untrash_order"],
    "product.created": ["woocommerce_process_product_meta", "woocommerce_new_product"],
    "product.updated": ["woocommerce_process_product_meta", "woocommerce_update_product"],
    "product.deleted": ["wp_trash_post"],
    "product.restored": ["untrashed_post"],
    "customer.created": ["user_register", "woocommerce_created_customer", "woocommerce_new_customer"],
    "customer.updated": ["profile_update", "woocommerce_update_customer"],
    "customer.deleted": ["delete_user"],
    "coupon.created": ["woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"],
    "coupon.updated": ["woocommerce_process_shop_coupon_meta", "woocommerce_update_coupon"],
    "coupon.deleted": ["wp_trash_post"],
    "coupon.restored": ["untrashed_post"],
}
LIST = {
    **PAGE,
    "search": {"type": "string"},
    "order": {"type": "string", "enum": ("asc", "desc"), "default": "desc"},
    "orderby": {"type": "string", "enum": ("date", "id", "title")},
    "status": {"type": "string", "enum": ("all", *STATUSES), "default": "all"},
}


def find(store: Store, webhook_id: int) -> sqlite3.Row:
    """The webhook's row. Raises `RestError`."""
    row = store.ledger.one("SELECT * FROM webhook WHERE id = ?", (webhook_id,))
    if row is None:
        raise invalid_id("shop_webhook")
    return row


def shown(store: Store, row: sqlite3.Row, *, fresh: bool = False) -> Doc:
    """Neither the secret nor the count of failures. The answer to the POST has no ``date_modified`` yet."""
    clock, topic = store.clock, row["topic"]
    resource, _, event = topic.partition(".")
    modified = None if fresh else row["modified"]
    return {
        "id": row["id"],
        "name": row["name"],
        "status": row["status"],
        "topic": topic,
        "resource": resource,
        "event": event,
        "hooks": _HOOKS.get(topic, [event]),
        "delivery_url": row["url"],
        "date_created": clock.local(row["created"]),
        "date_created_gmt": clock.gmt(row["created"]),
        "date_modified": clock.local(modified),
        "date_modified_gmt": clock.gmt(modified),
        "_links": {
            "self": [{"href": f"{store.api}/webhooks/{row['id']}", "targetHints": {"allow": _ALL}}],
            "collection": [{"href": f"{store.api}/webhooks"}],
        },
    }


def list_webhooks(store: Store, params: Params) -> tuple[list[Doc], Page]:
    """GET webhooks, the newest first."""
    wanted = read(params, LIST)
    where, values = ("1", []) if wanted["status"] == "all" else ("status = ?", [wanted["status"]])
    size, skip = limits(wanted)
    turn = "ASC" if wanted["order"] == "asc" else "DESC"
    query = f"SELECT * FROM webhook WHERE {where} ORDER BY created {turn}, id {turn} LIMIT ? OFFSET ?"  # noqa: S608 - our own words
    rows = store.ledger.rows(query, (*values, size, skip))
    total = int(store.ledger.value(f"SELECT count(*) FROM webhook WHERE {where}", values))  # noqa: S608
    fields = listed(params["_fields"]) if params.get("_fields") else None
    found = [shown(store, row) for row in rows]
    if fields is not None:
        found = [{name: row[name] for name in row if name in fields} for row in found]
    return found, Page(wanted["page"], size, total)


def create(store: Store, posted: Mapping[str, Any]) -> int:
    """A new webhook, and its ping; whether that arrives only shows in its date. Raises `RestError`."""
    topic, url = to_text(posted.get("topic")), to_text(posted.get("delivery_url"))
    _check_topic(topic)
    _check_url(url)
    now = store.clock.now()
    status = to_text(posted.get("status")) or "active"
    moment = dt.datetime.fromtimestamp(now, dt.UTC).strftime("%b %d, %Y @ %I:%M %p")
    name = to_text(posted.get("name")) or f"Webhook created on {moment}"
    secret = to_text(posted.get("secret")) or store.random_text(50)
    with store.ledger.transaction():
        webhook_id = store.ledger.next_id("webhook")
        store.ledger.run(
            "INSERT INTO webhook (id, name, status, topic, url, secret, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (webhook_id, name, status, topic, url, secret, now),
        )
    store.hooks.changed()
    if status == "active" and ping(Poster(url, seconds=store.settings.delivery_seconds), webhook_id):
        store.ledger.run("UPDATE webhook SET modified = ? WHERE id = ?", (store.clock.now(), webhook_id))
    return webhook_id


def update(store: Store, webhook_id: int, posted: Mapping[str, Any]) -> None:
    """PUT: no ping, and an active one keeps its count of failures. Raises `RestError`."""
    row = find(store, webhook_id)
    topic = to_text(posted.get("topic")) or row["topic"]
    url = to_text(posted.get("delivery_url")) or row["url"]
    _check_topic(topic)
    _check_url(url)
    values = (
        to_text(posted.get("name")) or row["name"],
        to_text(posted.get("status")) or row["status"],
        topic,
        url,
        to_text(posted.get("secret")) or row["secret"],
        store.clock.now(),
        webhook_id,
    )
    store.ledger.run(
        "UPDATE webhook SET name = ?, status = ?, topic = ?, url = ?, secret = ?, modified = ? WHERE id = ?", values
    )
    store.hooks.changed()


def delete(store: Store, webhook_id: int, *, force: bool) -> Doc:
    """DELETE: for good or not at all. Raises `RestError`."""
    if not force:
        raise no_trash("Webhooks")
    body = shown(store, find(store, webhook_id))
    store.ledger.run("DELETE FROM webhook WHERE id = ?", (webhook_id,))
    store.hooks.changed()
    return body


def _check_topic(topic: str) -> None:
    if not is_topic(topic):
        text = "Webhook topic is required and must be valid."
        raise RestError(400, "woocommerce_rest_shop_webhook_invalid_topic", text)


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        text = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise RestError(400, "woocommerce_rest_shop_webhook_invalid_delivery_url", text)

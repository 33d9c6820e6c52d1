"""Webhook deliveries as WooCommerce sends them: headers in the recorded order, signed over the raw body."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from retailhub.sandbox.feeder.bodies import WC_VERSION, order_body, order_template
from retailhub.sandbox.feeder.states import take_step
from retailhub.sandbox.store.lifelike.catalogue import PROFILES, StoreProfile
from retailhub.sandbox.store.lifelike.lives import Step
from retailhub.sandbox.store.lifelike.orders import Mix, OrderPlan, generate, mix_of

WEBHOOK_IDS = {"order.created": 1, "order.updated": 2, "order.deleted": 3, "order.restored": 4}
USER_AGENT = f"WooCommerce/{WC_VERSION} Hookshot (WordPress/7.1)"
_SALT = b"feeder"


class Delivery(msgspec.Struct):
    """One POST the store makes. ``order_id`` is for our own books, it is not sent apart from the body."""

    order_id: int
    topic: str
    body: bytes


def sign(secret: str, body: bytes) -> str:
    """base64(HMAC-SHA256(secret, body)), the value of X-WC-Webhook-Signature."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def delivery_id(webhook_id: int, second: int) -> str:
    """The same for all deliveries of one webhook within one second, so it names no delivery."""
    return hmac.new(_SALT, f"{webhook_id}{second}".encode(), hashlib.md5).hexdigest()


def headers_of(
    delivery: Delivery, *, secret: str, source: str, host: str, now: int, keep_alive: bool = False
) -> dict[str, str]:
    """The headers in the order they are sent. ``now`` is in Unix seconds."""
    webhook_id = WEBHOOK_IDS[delivery.topic]
    resource, event = delivery.topic.split(".")
    return {
        "Host": host,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "deflate, gzip, br, zstd",
        "Content-Type": "application/json",
        "X-WC-Webhook-Source": source,
        "X-WC-Webhook-Topic": delivery.topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": sign(secret, delivery.body),
        "X-WC-Webhook-ID": str(webhook_id),
        "X-WC-Webhook-Delivery-ID": delivery_id(webhook_id, now),
        "Connection": "keep-alive" if keep_alive else "close",
        "Content-Length": str(len(delivery.body)),
    }


def ping_headers(webhook_id: int, host: str) -> dict[str, str]:
    """The unsigned form post the store makes when a webhook is created; its body is ``webhook_id=N``."""
    return {
        "Host": host,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "deflate, gzip, br, zstd",
        "Connection": "close",
        "Content-Length": str(len(f"webhook_id={webhook_id}")),
        "Content-Type": "application/x-www-form-urlencoded",
    }


def request_bytes(target: str, headers: dict[str, str], body: bytes) -> bytes:
    """The POST as it goes over the wire."""
    parts = urlsplit(target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def play(plan: OrderPlan, *, site: str, start: int) -> Iterator[tuple[Step, bytes]]:
    """An order's life without a clock: each step and the body the store has after it.

    ``start`` is the Unix second of the order; every change comes a second after the one before.
    """
    template = order_template(plan, site)
    state = None
    for step in plan.steps:
        state = take_step(state, step, method=plan.method, now=start)
        yield step, order_body(plan, template, state)


def prebuilt(
    count: int,
    *,
    secret: str,
    host: str,
    seed: int = 1,
    size: int = 6144,
    profile: StoreProfile = PROFILES["eu"],
    mix: Mix | None = None,
    now: dt.datetime,
    keep_alive: bool = True,
) -> list[tuple[dict[str, str], bytes]]:
    """Signed ``order.updated`` deliveries of ``count`` different orders in their last state, for load tests.

    Bodies are brought to ``size`` bytes with a longer customer note; a larger one stays as it is.
    """
    second = int(now.timestamp())
    site = "http://127.0.0.1:8081"
    used = mix or mix_of(0.0, {"paid_at_once": 1})
    ready = []
    for plan in generate(seed, count, profile=profile, mix=used):
        body = _last_body(plan, site, second)
        if len(body) < size:
            plan.note += "." * (size - len(body))
            body = _last_body(plan, site, second)
        delivery = Delivery(plan.id, "order.updated", body)
        source = f"{site}/"
        headers = headers_of(delivery, secret=secret, source=source, host=host, now=second, keep_alive=keep_alive)
        ready.append((headers, body))
    return ready


def _last_body(plan: OrderPlan, site: str, second: int) -> bytes:
    *_, (_, body) = play(plan, site=site, start=second)
    return body

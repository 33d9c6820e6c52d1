"""What was recorded from a live WooCommerce 11.0.1 store, as tests use it."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "payloads" / "woocommerce"
SECRET = "rig-webhook-secret-1"


@dataclass(frozen=True)
class Delivery:
    """One webhook delivery, byte for byte. ``topic`` is ``""`` for the pings, which have no such header."""

    name: str
    scenario: str
    body: bytes
    headers: dict[str, str]

    @property
    def topic(self) -> str:
        return self.headers.get("X-WC-Webhook-Topic", "")

    @property
    def signature(self) -> str | None:
        return self.headers.get("X-WC-Webhook-Signature")


@dataclass(frozen=True)
class Answer:
    """One recorded REST answer; ``body`` as bytes."""

    name: str
    method: str
    url: str
    status: int
    headers: dict[str, str]
    body: bytes


@functools.cache
def deliveries() -> tuple[Delivery, ...]:
    """All 173, in the order in which they arrived."""
    index = json.loads((FOLDER / "webhooks" / "index.json").read_text(encoding="utf-8"))
    rows = sorted(index, key=lambda row: str(row["file"]))
    return tuple(_delivery(row["file"], row["scenario"]) for row in rows)


def signed_deliveries() -> tuple[Delivery, ...]:
    """The 163 that are signed: all but the pings."""
    return tuple(delivery for delivery in deliveries() if delivery.signature is not None)


def delivery(prefix: str) -> Delivery:
    """The one whose name begins with ``prefix``, such as ``"011-"``."""
    (found,) = [delivery for delivery in deliveries() if delivery.name.startswith(prefix)]
    return found


@functools.cache
def answers() -> tuple[Answer, ...]:
    """The recorded REST answers about orders, and the errors."""
    paths = sorted((FOLDER / "rest").glob("[!_]*.json"))
    return tuple(_answer(path) for path in paths)


def answer(name: str) -> Answer:
    """By file name without suffix."""
    (found,) = [answer for answer in answers() if answer.name == name]
    return found


@dataclass(frozen=True)
class OrderBody:
    """One whole order as JSON bytes, and where it was recorded (``list`` | ``single`` | ``webhook``)."""

    source: str
    way: str
    body: bytes


@functools.cache
def order_bodies() -> tuple[OrderBody, ...]:
    """Every whole order in the recordings: webhooks, single reads, writes, lists and batches."""
    found = [
        OrderBody(delivery.name, "webhook", delivery.body)
        for delivery in deliveries()
        if b'"order_key"' in delivery.body
    ]
    for recorded in answers():
        found += _orders_of(recorded)
    return tuple(found)


def _orders_of(recorded: Answer) -> list[OrderBody]:
    if b'"order_key"' not in recorded.body or not recorded.body.startswith((b"{", b"[")):
        return []
    content = json.loads(recorded.body)
    several = isinstance(content, list) or "update" in content
    items = content.get("update", [content]) if isinstance(content, dict) else content
    return [
        OrderBody(recorded.name, "list" if several else "single", json.dumps(item).encode())
        for item in items
        if "order_key" in item
    ]


def _delivery(name: str, scenario: str) -> Delivery:
    folder = FOLDER / "webhooks"
    recorded = json.loads((folder / f"{name}.headers.json").read_text(encoding="utf-8"))
    return Delivery(name, scenario, (folder / f"{name}.body").read_bytes(), dict(recorded["headers"]))


def _answer(path: Path) -> Answer:
    recorded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    response = recorded["response"]
    text = json.dumps(response["body"]) if "body" in response else response["body_text"]
    return Answer(
        name=path.stem,
        method=recorded["request"]["method"],
        url=recorded["request"]["url"],
        status=response["status"],
        headers=response["headers"],
        body=text.encode(),
    )

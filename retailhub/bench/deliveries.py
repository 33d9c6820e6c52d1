"""Signed deliveries for load: what the look-alike store says of its orders, under as many numbers as are wanted."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from retailhub.sandbox.store import makers, order_reads
from retailhub.sandbox.store.delivering import headers_of
from retailhub.sandbox.store.php import encode
from retailhub.sandbox.store.seeding import seed_catalogue
from retailhub.sandbox.store.settings import StoreSettings
from retailhub.sandbox.store.store import Store

TOPIC, WEBHOOK = "order.updated", 2
SITE = "http://127.0.0.1:8081"
DISTINCT = 200
"""Orders that are made up; more than that are these again under other numbers."""


def prebuilt(
    count: int, *, secret: str, host: str, now: dt.datetime, size: int = 6144
) -> list[tuple[dict[str, str], bytes]]:
    """Headers and bodies of deliveries of ``count`` different paid orders.

    Bodies are brought to ``size`` bytes with a longer customer note; a larger one stays as it is.
    """
    second = int(now.timestamp())
    ready = []
    for number, order in enumerate(islice(cycle(_orders(second)), count)):
        body = _brought_to(size, order | {"id": 1000 + number, "number": str(1000 + number)})
        headers = headers_of(
            host=host, source=f"{SITE}/", topic=TOPIC, webhook_id=WEBHOOK, secret=secret, body=body, second=second
        )
        ready.append((headers, body))
    return ready


def _orders(second: int) -> Iterator[dict[str, Any]]:
    wish = makers.Wish(count=DISTINCT, lives={"paid_at_once": 1}, silent=True, created=second)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.sqlite", StoreSettings(site=SITE))
        try:
            seed_catalogue(store)
            yield from [order_reads.one_order(store, order_id) for order_id in makers.place_orders(store, wish)]
        finally:
            store.close()


def _brought_to(size: int, order: dict[str, Any]) -> bytes:
    body = encode(order)
    if len(body) >= size:
        return body
    return encode(order | {"customer_note": order["customer_note"] + "." * (size - len(body))})

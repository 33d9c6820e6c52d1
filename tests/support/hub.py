"""A RetailHub set up for a test: connections, deliveries and pumps as the product has them."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hmac
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.db import connection

from integrations import arrivals, connections, delivery, pump, sweep, webhooks
from integrations.calls import lines
from integrations.models import Connection, InboxMessage, LegalEntity, OutboxMessage, Region, SalesRoute
from integrations.ports import documents
from inventory.services import mappings
from orders.models import EligibilityRule, Order
from retailhub.core import clock
from retailhub.sandbox.erp.control import Control, Place, read_place
from tests.support import recordings
from tests.support.recorded_store import RecordedStore

LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def running_erp(folder: Path) -> Iterator[tuple[Place, Control]]:
    """A look-alike ERP in a process of its own, stopped at the end."""
    ready = folder / "erp.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "retailhub.sandbox.erp", "--ledger", folder / "erp.sqlite", "--ready-file", ready],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    try:
        ends = time.monotonic() + 20
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError("the look-alike ERP did not come up")
            time.sleep(0.02)
        place = read_place(ready)
        yield place, Control(place.control_url)
    finally:
        process.terminate()
        process.wait(10)


class Hub:
    """One store connected to one look-alike ERP, live from long ago unless told otherwise."""

    def __init__(self, store: RecordedStore, place: Place, books: Control) -> None:
        self.store, self.place, self.books = store, place, books
        self.secret = recordings.SECRET

    def connect(self, *, mode: str = "live", live_from: dt.datetime = LONG_AGO, settle_seconds: int = 1) -> None:
        """Make the connections ``eu`` and ``erp``, and the route between them."""
        install_eligibility()
        now = clock.now()
        self.eu = connections.add(
            name="eu",
            kind="woocommerce",
            settings={"base_url": self.store.url, "store_code": "eu", "allow_private": True},
            credentials={
                "consumer_key": self.store.key,
                "consumer_secret": self.store.secret,
                "webhook_secrets": [self.secret],
            },
            mode=mode,
            live_from=live_from,
            actor="test",
            now=now,
        )
        self.erp = connections.add(
            name="erp",
            kind="lookalike_erp",
            settings={"base_url": self.place.base_url, "allow_private": True},
            credentials={"api_key": self.place.api_key},
            mode="live",
            live_from=None,
            actor="test",
            now=now,
            settle_seconds=settle_seconds,
        )
        route(self.eu, self.erp)
        webhooks.forget_secrets()

    def know(self, skus: set[str]) -> None:
        """Make SKUs known in the ERP and in RetailHub, as a read catalogue would."""
        self.books.add_products(skus)
        products = [documents.Product(product_ref=sku, sku=sku, name=sku) for sku in sorted(skus)]
        mappings.take_catalogue(connection_id=self.erp.pk, products=products, now=clock.now())

    def deliver(self, body: bytes, topic: str = "order.updated", *, signature: str | None = None, **more: str) -> int:
        """Deliver a body to intake as a store does; returns the HTTP status."""
        signed = base64.b64encode(hmac.digest(self.secret.encode(), body, "sha256")).decode()
        return post(
            "eu",
            body,
            {
                "CONTENT_TYPE": "application/json",
                "HTTP_X_WC_WEBHOOK_TOPIC": topic,
                "HTTP_X_WC_WEBHOOK_SIGNATURE": signed if signature is None else signature,
                **more,
            },
        )

    def drain(self, *, rounds: int = 60, forward: float = 10.0) -> None:
        """Work until nothing is pending, moving the clock forward where work waits for a later time."""
        for number in range(rounds):
            pump.drain(seconds=60)
            if not pending():
                break
            self.shift(forward * (number + 1))
        self.shift(0)

    def drain_singly(self) -> None:
        """Work as `drain` does, but one effect a claim, so that an ERP's chances are thrown for each."""
        shift = 0.0
        with lines() as kept:
            while True:
                found = sweep.take_back_leases() + arrivals.work(lines=kept, limit=50)
                if not found + delivery.work(connection_id=self.erp.pk, lines=kept, limit=1):
                    if not pending():
                        break
                    shift += 5
                    self.shift(shift)
        self.shift(0)

    def shift(self, seconds: float) -> None:
        """Move this connection's clock."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('retailhub.clock_offset', %s, false)", [f"{seconds} seconds"])


def post(name: str, body: bytes, headers: Mapping[str, Any], method: str = "POST") -> int:
    """One request to intake; returns the HTTP status."""
    answered: list[str] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": f"/webhooks/woocommerce/{name}/",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **headers,
    }
    b"".join(webhooks.intake(environ, lambda status, _headers: answered.append(status)))
    return int(answered[0].split()[0])


def install_eligibility() -> None:
    """The table a new installation starts with; transactional tests empty it."""
    if not EligibilityRule.objects.exists():
        for status in ("processing", "completed"):
            EligibilityRule.objects.create(status=status, post=True)
        for status in ("draft", "pending", "on_hold", "cancelled", "failed", "refunded", "trashed", "deleted"):
            EligibilityRule.objects.create(status=status, post=False)


def route(store: Connection, sink: Connection) -> None:
    """Everything of a store goes to a sink."""
    entity = LegalEntity.objects.create(code=f"{store.name}-gmbh", name="Example GmbH", currency="EUR")
    region = Region.objects.create(code=store.name, name="Everywhere", legal_entity=entity, countries=[])
    SalesRoute.objects.create(store=store, region=region, sink=sink)


def pending() -> int:
    """Messages that are not done, parked or cancelled."""
    waiting = ["pending", "in_flight"]
    return (
        InboxMessage.objects.filter(status__in=waiting).count()
        + OutboxMessage.objects.filter(status__in=waiting).count()
    )


def skus_of(bodies: list[bytes]) -> set[str]:
    """Every SKU on these order bodies."""
    return {line["sku"] for body in bodies for line in json.loads(body).get("line_items", []) if line.get("sku")}


def stored_document(order_ref: str) -> documents.Order:
    """The canonical document of an order of ``eu``."""
    return documents.decode(Order.objects.get(order_ref=order_ref).document, documents.Order)

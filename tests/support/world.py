"""A RetailHub with a little of everything, made through the same services as in the product, without a network."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from django.contrib.auth.models import Permission, User
from django.test import Client

from integrations import arrivals, connections, delivery, sweep, webhooks
from integrations.calls import Lines
from integrations.models import Connection
from integrations.ports.capabilities import Ask, Ensured, How, Result
from integrations.ports.documents import DocumentState, ExternalDocument, Product
from integrations.ports.errors import ConnectorError, Rejected
from inventory.services import mappings
from orders.models import Order
from retailhub.core import clock
from tests.support import recordings
from tests.support.hub import LONG_AGO, install_eligibility, post, route

SECRETS = ("ck_0123456789", "cs_must_stay_secret", "hook_must_stay_secret", "erp_must_stay_secret")
CONSUMER_KEY, CONSUMER_SECRET, HOOK_SECRET, API_KEY = SECRETS
EMAIL, LAST_NAME, STREET = "ada.lovelace@example.com", "Lovelace", "Secret Lane 7"
KNOWN_SKU, UNKNOWN_SKU = "KNOWN-1", "UNKNOWN-1"


@dataclass
class Sink:
    """Answers as an ERP would: it makes every document, but for what it is told to refuse."""

    refuse: dict[str, ConnectorError] = field(default_factory=dict)
    batch_size: int = 50
    can_amend: bool = True

    def ensure_many(self, asks: Sequence[Ask]) -> list[Result]:
        return [self.refuse.get(ask.reference) or Ensured(self._document(ask), How.CREATED) for ask in asks]

    def find(self, references: Sequence[str]) -> dict[str, list[ExternalDocument]]:
        return {reference: [] for reference in references}

    @staticmethod
    def _document(ask: Ask) -> ExternalDocument:
        return ExternalDocument(
            reference=ask.reference,
            external_id=f"id-{ask.reference}",
            state=DocumentState.CONFIRMED,
            currency=ask.document.currency,
            total=ask.document.total,
            line_count=len(ask.document.lines),
            number=f"SO-{ask.reference}",
        )


@dataclass
class _Lines:
    sink: Sink

    def connector(self, _row: Connection, _context: Any) -> Sink:
        return self.sink


@dataclass
class World:
    """Store ``eu``, ERP ``erp``, and what was delivered to them."""

    eu: Connection
    erp: Connection
    sink: Sink = field(default_factory=Sink)

    def work(self) -> None:
        """Work both queues until neither has anything due: what one does may ring the other."""
        lines = cast(Lines, _Lines(self.sink))
        while arrivals.work(lines=lines, limit=100) + delivery.work(connection_id=self.erp.pk, lines=lines):
            pass

    def deliver(self, body: bytes, *, signed: bool = True) -> int:
        """One delivery to intake; returns the HTTP status."""
        secret = HOOK_SECRET if signed else "somebody else's"
        return post(
            "eu",
            body,
            {
                "CONTENT_TYPE": "application/json",
                "HTTP_X_WC_WEBHOOK_TOPIC": "order.updated",
                "HTTP_X_WC_WEBHOOK_SIGNATURE": base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode(),
            },
        )

    def order(self, number: int) -> Order:
        return Order.objects.get(order_ref=str(number))


def order_body(number: int, *, sku: str = KNOWN_SKU, email: str = EMAIL, phone: str = "") -> bytes:
    """A recorded order that is paid, under another number, with one SKU and one person."""
    order = json.loads(recordings.delivery("020-").body)
    order |= {"id": number, "number": str(number), "status": "processing", "customer_id": 0}
    for line in order["line_items"]:
        line |= {"sku": sku, "product_id": 11}
    person = {"first_name": "Ada", "last_name": LAST_NAME, "address_1": STREET, "email": email, "phone": phone}
    order["billing"] |= person
    return json.dumps(order).encode()


def build() -> World:
    """Two orders posted, one refused by the ERP, two held for one SKU, a broken delivery, a refused one."""
    install_eligibility()
    now = clock.now()
    world = World(*_connect(now))
    mappings.take_catalogue(
        connection_id=world.erp.pk, products=[Product(product_ref="1", sku=KNOWN_SKU, name="Known")], now=now
    )
    world.sink.refuse["WC-eu-903"] = Rejected("The period is closed.", code="period_closed")
    for number, sku in ((901, KNOWN_SKU), (902, KNOWN_SKU), (903, KNOWN_SKU), (904, UNKNOWN_SKU), (905, UNKNOWN_SKU)):
        assert world.deliver(order_body(number, sku=sku)) == 200
    assert world.deliver(b'{"id": 906, "number": ') == 200
    assert world.deliver(order_body(907), signed=False) == 401
    world.work()
    sweep.beat("pump@test")
    return world


def _connect(now: dt.datetime) -> tuple[Connection, Connection]:
    eu = connections.add(
        name="eu",
        kind="woocommerce",
        settings={"base_url": "https://shop.example.com", "store_code": "eu"},
        credentials={
            "consumer_key": CONSUMER_KEY,
            "consumer_secret": CONSUMER_SECRET,
            "webhook_secrets": [HOOK_SECRET],
        },
        mode="live",
        live_from=LONG_AGO,
        actor="test",
        now=now,
    )
    erp = connections.add(
        name="erp",
        kind="lookalike_erp",
        settings={"base_url": "https://erp.example.com"},
        credentials={"api_key": API_KEY},
        mode="live",
        live_from=None,
        actor="test",
        now=now,
    )
    route(eu, erp)
    webhooks.forget_secrets()
    return eu, erp


def person(*permissions: str, name: str = "olga", everything: bool = False) -> Client:
    """A logged-in client of somebody who may see every page and do what is named, or everything."""
    user = User.objects.create_user(name, password="irrelevant", is_staff=True, is_superuser=everything)
    names = [permission.partition(".") for permission in permissions]
    wanted = [
        *Permission.objects.filter(codename__startswith="view_"),
        *(Permission.objects.get(content_type__app_label=app, codename=code) for app, _, code in names),
    ]
    user.user_permissions.set(wanted)
    client = Client()
    client.force_login(user)
    return client

"""Writing back to a look-alike store, and what the store shows of it."""

from __future__ import annotations

import base64
import hmac
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from integrations import connections
from integrations.models import OutboxMessage
from integrations.ports.documents import Order as OrderDocument
from integrations.ports.documents import Refund
from orders.models import Order
from reconciliation.models import Case
from retailhub.core import clock
from tests.commands.conftest import Written, command
from tests.support.hub import Hub, post
from tests.support.shop import Shop


def set_up(_hub: Hub, **settings: Any) -> None:
    """Change settings of the store's connection."""
    connections.change(
        name="eu", settings=settings, credentials={}, limits={}, actor="test", reason="test", now=clock.now()
    )


def posted(shop: Shop, count: int = 1, *, seconds_ago: int = 0) -> list[str]:
    """Paid orders that the ERP holds; the store's ids of them."""
    refs = [str(each) for each in shop.control.place_orders(count, way="rest", lives={"paid_at_once": 1}, now=True)]
    for ref in refs if seconds_ago else ():
        shop.control.backdate(int(ref), seconds_ago)
    shop.tell()
    shop.drain(rounds=4)
    assert Order.objects.filter(order_ref__in=refs, decision="post").count() == count
    return refs


def publish(ref: str, *words: str) -> Written:
    """``manage.py publish`` for an order of ``eu``."""
    return command("publish", f"eu:{ref}", *words, "--reason", "asked for", "--json")


def notes(shop: Shop, ref: str, *, ours: bool = True, name: str = "eu") -> list[tuple[str, bool]]:
    """Text of the notes on an order and whether the customer sees them, oldest first; ours or the store's own."""
    with shop.connector(name) as connector:
        found = sorted(connector.notes(ref), key=lambda note: int(note.note_ref))
    return [(note.text, note.to_customer) for note in found if ("[WC-" in note.text) is ours]


def audience(shop: Shop, refs: Sequence[str]) -> dict[str, int]:
    """How many notes of ours on these orders are private, and how many are the customers'."""
    found = Counter(to_customer for ref in refs for _, to_customer in notes(shop, ref))
    return {"private": found[False], "customer": found[True]}


def refunds(shop: Shop, ref: str) -> list[Refund]:
    """The refunds of an order, the newest first."""
    with shop.connector() as connector:
        found: list[Refund] = connector.refunds(ref)
    return sorted(found, key=lambda refund: -int(refund.refund_ref))


def shown(shop: Shop, ref: str) -> OrderDocument:
    """The order as the store shows it."""
    with shop.connector() as connector:
        found = connector.read_order(ref)
    assert isinstance(found, OrderDocument)
    return found


def deliver_as_it_is(shop: Shop, ref: str, *, name: str = "eu") -> None:
    """A delivery that tells of the order as the store has it."""
    with shop.connector(name) as connector:
        body = connector._api.order(ref).body
    assert json.loads(body)["id"] == int(ref)
    signed = base64.b64encode(hmac.digest(shop.secret.encode(), body, "sha256")).decode()
    headers = {
        "CONTENT_TYPE": "application/json",
        "HTTP_X_WC_WEBHOOK_TOPIC": "order.updated",
        "HTTP_X_WC_WEBHOOK_SIGNATURE": signed,
    }
    assert post(name, body, headers) == 200


def outbound(ref: str, operation: str = "") -> list[tuple[str, str]]:
    """Status and outcome of what was to be written to the store about an order, oldest first."""
    subject = Order.objects.get(store__name="eu", order_ref=ref).subject
    rows = OutboxMessage.objects.filter(connection__name="eu", subject=subject)
    rows = rows.filter(operation=operation) if operation else rows
    return list(rows.order_by("pk").values_list("status", "outcome"))


def open_cases() -> list[str]:
    """Codes of what needs a person; that a refund has no credit note yet is not counted."""
    found = Case.objects.filter(state="open").exclude(code="refund_not_posted")
    return sorted(found.values_list("code", flat=True))

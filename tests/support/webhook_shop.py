"""Webhooks of a store in memory, and deliveries written as workers leave them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from django.db import connection

from integrations import inbox, webhook_care, webhook_judgement, webhook_known
from integrations.calls import Lines
from integrations.models import Connection, InboxMessage, WebhookCare
from integrations.polls import Round
from integrations.ports.capabilities import Check, Health, Testable
from integrations.ports.stores import HookStatus, Webhook, WebhookHost
from integrations.states import Lane, PollKind, Way
from reconciliation.models import Case
from retailhub.core import clock

MINUTE = dt.timedelta(minutes=1)
URL = "https://hub.example.com/webhooks/woocommerce/eu/"


@dataclass
class Shop(WebhookHost, Testable):
    """A store's webhooks. ``refuse``: what every write is answered with."""

    hooks: dict[str, Webhook] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    refuse: Exception | None = None
    cron: str = ""
    writes: list[str] = field(default_factory=list)
    last: int = 0

    def have(self, topic: str, status: HookStatus = HookStatus.ACTIVE, url: str = URL) -> str:
        self.last += 1
        ref = str(self.last)
        self.hooks[ref] = Webhook(ref, topic, status, url)
        return ref

    def webhooks(self) -> list[Webhook]:
        return list(self.hooks.values())

    def create_webhook(self, *, topic: str, delivery_url: str, secret: str, name: str) -> Webhook:
        self._write(f"make {topic}")
        ref = self.have(topic, url=delivery_url)
        self.hooks[ref] = replace(self.hooks[ref], name=name)
        self.secrets[ref] = secret
        return self.hooks[ref]

    def change_webhook(self, ref: str, *, active: bool | None = None, secret: str | None = None) -> Webhook:
        self._write(f"change {self.hooks[ref].topic}")
        if active is not None:
            self.hooks[ref] = replace(self.hooks[ref], status=HookStatus.ACTIVE if active else HookStatus.PAUSED)
        if secret is not None:
            self.secrets[ref] = secret
        return self.hooks[ref]

    def delete_webhook(self, ref: str) -> None:
        del self.hooks[ref]

    def check(self) -> list[Check]:
        return [Check("cron", Health.OK, self.cron), Check("clock", Health.OK, "The clock is right.")]

    def _write(self, what: str) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.writes.append(what)


@dataclass
class _Lines:
    shop: Shop

    def connector(self, _row: Connection, _context: Any) -> Shop:
        return self.shop


def store() -> Connection:
    return Connection.objects.get(name="eu")


def know(shop: Shop) -> None:
    """RetailHub knows all that are there as its own."""
    for hook in shop.hooks.values():
        webhook_known.note_made(webhook_judgement.care_of(store()), hook)


def look(shop: Shop) -> dict[str, Any]:
    """One look; its report."""
    at = Round(
        id=1,
        connection_id=store().pk,
        kind=PollKind.WEBHOOKS,
        fence=1,
        every_seconds=300,
        cursor_at=None,
        began_at=clock.now(),
    )
    return dict(webhook_care.look_after(store(), cast(Lines, _Lines(shop)), at).report)


def shift(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('retailhub.clock_offset', %s, false)", [f"{seconds} seconds"])


@dataclass(frozen=True)
class Told:
    """A message as its worker left it."""

    order: int
    version_at: dt.datetime | None
    way: Way = Way.WEBHOOK
    topic: str = "order.updated"
    received_at: dt.datetime | None = None


def tell(told: Sequence[Told]) -> None:
    """Store messages, and set what a worker would set; received right after the change unless told otherwise."""
    stored = inbox.store(
        [
            inbox.NewMessage(
                connection_id=store().pk,
                topic=each.topic,
                shard=f"store:{each.order}",
                body=f"{each}".encode(),
                headers={},
                way=each.way,
                lane=Lane.ORDERS,
                wake=each.version_at is None,
            )
            for each in told
        ]
    )
    rows = InboxMessage.objects.in_bulk([each.id for each in stored])
    for row, each in zip((rows[each.id] for each in stored), told, strict=True):
        row.version_at, row.status, row.outcome = each.version_at, "done", "applied"
        row.received_at = each.received_at or (each.version_at or clock.now()) + dt.timedelta(seconds=5)
    InboxMessage.objects.bulk_update(rows.values(), ["version_at", "status", "outcome", "received_at"])


def polled(order: int, at: dt.datetime) -> Told:
    return Told(order, at, way=Way.POLL, topic="order.polled", received_at=at + MINUTE)


def share(report: dict[str, Any]) -> tuple[int, int]:
    found = report["deliveries"]["last_24_hours"]
    return found["changes"], found["missing"]


def known_since(shop: Shop, ago: dt.timedelta) -> dt.datetime:
    """The webhooks were seen active so long ago; returns now."""
    look(shop)
    now = clock.now().replace(microsecond=0)
    WebhookCare.objects.update(active_since=now - ago)
    Connection.objects.update(created_at=now - ago)
    return now


def case(code: str) -> Case:
    return Case.objects.get(code=code)

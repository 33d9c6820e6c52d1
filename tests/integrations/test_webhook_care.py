"""Webhooks of a store in memory, and deliveries written as workers leave them: what care makes, tells and counts."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from integrations import connections, inbox, webhook_care, webhook_rates, webhook_secrets, webhooks
from integrations.calls import Lines
from integrations.connectors.woocommerce.findings import TOPICS
from integrations.models import Connection, ConnectionState, InboxMessage, Poll, WebhookCare, WebhookHole
from integrations.polls import Round, ensure
from integrations.ports.capabilities import Check, Health, Testable
from integrations.ports.errors import AuthRejected, Misconfigured, Rejected
from integrations.ports.stores import HookStatus, Webhook, WebhookHost
from integrations.states import Lane, PollKind, Way
from reconciliation.models import Case
from retailhub import settings as settings_module
from retailhub.core import clock
from tests.support.hub import LONG_AGO, post
from tests.support.recordings import SECRET

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


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    """A store whose webhooks are all there, known for a day."""
    connections.add(
        name="eu",
        kind="woocommerce",
        settings={"base_url": "https://shop.example.com", "store_code": "eu"},
        credentials={"consumer_key": "ck", "consumer_secret": "cs", "webhook_secrets": [SECRET]},
        mode="live",
        live_from=LONG_AGO,
        actor="test",
        now=clock.now(),
    )
    webhooks.forget_secrets()
    shop = Shop()
    for topic in TOPICS:
        shop.have(topic)
    ensure(connection_id=store().pk, kinds=list(PollKind))
    yield shop
    shift(0)
    webhooks.forget_secrets()


def store() -> Connection:
    return Connection.objects.get(name="eu")


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


def test_a_tenth_of_the_deliveries_dropped_at_random_reads_as_ten_percent(shop: Shop) -> None:
    now, dice = known_since(shop, dt.timedelta(hours=24)), random.Random(3)
    told = []
    for number in range(1, 1501):
        # fifty orders change thirty times each, more than what a store merges apart
        at = now - dt.timedelta(hours=23) + dt.timedelta(seconds=50 * number)
        order = number % 50
        told.append(polled(order, at))
        if dice.random() >= 0.1:
            told += [Told(order, at), Told(order, at, topic="order.created")]
    tell(told)

    report = look(shop)

    changes, missing = share(report)
    assert changes == 1500
    assert abs(100 * missing / changes - 10) <= 1
    assert case("webhooks_missing").evidence["changes"] == "1500"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM integrations_inboxmessage WHERE version_at >= date_trunc('day', rh_now())")
        today = report["deliveries"]["since_midnight"]
        assert (today["changes"] > 0) == (cursor.fetchone()[0] > 0)


def test_a_delivery_of_a_state_a_little_newer_tells_of_the_older_one_too(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=3))
    at = now - dt.timedelta(hours=1)
    tell([polled(1, at), Told(1, at + dt.timedelta(seconds=90)), polled(2, at), Told(2, at + dt.timedelta(seconds=91))])
    assert share(look(shop)) == (4, 1)


def test_a_delivery_of_an_older_state_or_of_another_topic_or_order_tells_nothing(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=3))
    at = now - dt.timedelta(hours=1)
    tell([polled(1, at), Told(1, at - MINUTE), Told(1, at, topic="order.created"), Told(2, at)])
    assert share(look(shop)) == (3, 1)


def test_a_move_to_the_trash_is_told_by_a_delivery_that_names_no_version(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=3))
    at = now - dt.timedelta(hours=2)
    gone = Told(1, None, topic="order.deleted", received_at=at + MINUTE)
    much_later = Told(2, None, topic="order.deleted", received_at=at + 70 * MINUTE)
    tell([polled(1, at), gone, polled(2, at), much_later])
    assert share(look(shop)) == (2, 1)


def test_what_is_new_what_is_old_and_what_a_hole_explains_is_not_counted(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=12))
    hole = now - dt.timedelta(hours=6)
    WebhookHole.objects.create(
        connection=store(), topics=["order.updated"], began_at=hole, ended_at=hole + 10 * MINUTE, polled_at=now
    )
    counted = polled(5, now - dt.timedelta(hours=1))
    told = [polled(1, now - 14 * MINUTE), polled(2, now - dt.timedelta(hours=13)), polled(3, hole + MINUTE), counted]
    # what the last delivery before the hole had queued with
    tell([*told, polled(4, hole - 2 * MINUTE)])
    assert share(look(shop)) == (1, 1)


def test_missing_deliveries_are_a_case_above_five_percent_of_twenty_and_until_below_two(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=20))
    at = now - dt.timedelta(hours=10)
    tell([polled(number, at) for number in range(1, 3)] + [Told(number, at) for number in range(3, 20)])
    assert share(look(shop)) == (19, 2)
    assert not Case.objects.exists()
    tell([Told(20, at)])
    look(shop)
    assert case("webhooks_missing").state == "open"
    assert case("webhooks_missing").sentence.startswith("10.0 % of the changes of the last 24 hours came without")
    tell([Told(number, at) for number in range(100, 150)])
    assert share(look(shop)) == (70, 2)
    assert case("webhooks_missing").state == "open", "2.9 % is less than what opens it and more than what closes it"
    tell([Told(number, at) for number in range(200, 240)])
    look(shop)
    assert case("webhooks_missing").state == "closed"
    assert case("webhooks_missing").closed_because.startswith("2 of 110 changes (1.8 %) came without a delivery")


def test_late_deliveries_are_a_case_with_what_the_store_says_of_its_cron_and_polls_come_twice_as_often(
    shop: Shop,
) -> None:
    now = known_since(shop, dt.timedelta(hours=20))
    shop.cron = "WordPress's own cron is switched off."
    at = now - dt.timedelta(hours=4)
    late = [Told(n, at + n * MINUTE, received_at=at + (n + 11) * MINUTE) for n in range(1, 31)]
    tell([*late, *[Told(n, at + n * MINUTE) for n in range(31, 50)]])

    look(shop)

    found = case("webhooks_late")
    assert (found.state, found.evidence["late_seconds"]) == ("open", "660")
    assert "more than 11 minutes after the change. WordPress's own cron is switched off." in found.sentence
    periods = dict(Poll.objects.values_list("kind", "every_seconds"))
    assert (periods["changed"], periods["trash"], periods["drafts"]) == (30, 30, 600)

    tell([Told(100 + n, now + n * MINUTE) for n in range(6)])
    shift(600)
    look(shop)
    assert case("webhooks_late").state == "closed"
    assert Poll.objects.get(kind="changed").every_seconds == 60


@pytest.mark.parametrize(("changes", "hours", "is_told"), [(5, 2.1, True), (4, 2.1, False), (5, 1.9, False)])
def test_silence_is_two_hours_without_a_delivery_while_polling_found_five_changes(
    shop: Shop, changes: int, hours: float, *, is_told: bool
) -> None:
    now = known_since(shop, dt.timedelta(hours=20))
    tell([Told(1, now - dt.timedelta(hours=hours), topic="product.updated")])
    tell([polled(number, now - 30 * MINUTE) for number in range(10, 10 + changes)])
    look(shop)
    assert Case.objects.filter(code="webhooks_late").exists() == is_told


def test_switched_off_webhooks_are_not_silent_and_not_missing(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=20))
    tell([Told(1, now - dt.timedelta(hours=3))])
    tell([polled(number, now - 60 * MINUTE) for number in range(10, 60)])
    for ref, hook in shop.hooks.items():
        shop.hooks[ref] = replace(hook, status=HookStatus.DISABLED)
    assert look(shop)["reactivated"] == list(TOPICS)
    assert list(Case.objects.values_list("code", flat=True)) == ["webhook_disabled"]
    hole = WebhookHole.objects.get()
    assert hole.began_at == now - dt.timedelta(hours=3) + dt.timedelta(seconds=5)
    changed = Poll.objects.get(kind="changed").cursor_at
    assert changed == hole.began_at - dt.timedelta(seconds=180)


def test_a_store_that_never_told_anything_has_a_hole_since_it_was_connected(shop: Shop) -> None:
    shop.hooks["2"] = replace(shop.hooks["2"], status=HookStatus.DISABLED)
    look(shop)
    assert WebhookHole.objects.get().began_at == store().created_at
    assert shop.secrets == {"2": SECRET}, "the secret is set along: another one may be why it failed"


def test_only_webhooks_with_our_path_at_our_address_are_ours(shop: Shop, settings: Any) -> None:
    settings.PUBLIC_URL = "https://hub.example.com"
    off = HookStatus.DISABLED
    shop.have("order.updated", off, "https://staging.example.com/webhooks/woocommerce/eu/")
    shop.have("order.updated", off, "https://hub.example.com/webhooks/woocommerce/eu2/")
    shop.have("order.updated", off, "https://other.example.com/hook")
    report = look(shop)
    assert shop.writes == []
    assert "1 more have this path at another address than https://hub.example.com." in report["sentences"]
    assert not WebhookHole.objects.exists()


def test_what_is_missing_is_made_once_with_the_newest_secret_and_a_name(shop: Shop, settings: Any) -> None:
    settings.PUBLIC_URL = "https://hub.example.com"
    for ref in ("1", "5"):
        shop.delete_webhook(ref)
    set_secrets(["new", SECRET])
    report = look(shop)
    assert report["made"] == ["order.created", TOPICS[-1]]
    assert set(shop.secrets.values()) == {"new"}
    assert [hook.name for hook in shop.hooks.values() if hook.name] == [
        "RetailHub (eu): order.created",
        f"RetailHub (eu): {TOPICS[-1]}",
    ]
    assert look(shop)["made"] == []


def test_without_an_address_people_are_told_what_to_add(shop: Shop) -> None:
    shop.delete_webhook("3")
    shop.hooks["4"] = replace(shop.hooks["4"], status=HookStatus.PAUSED)
    report = look(shop)
    text = " ".join(report["sentences"])
    assert "There are none for order.deleted. Add them in WooCommerce" in text
    assert "delivery URL https://<this RetailHub>/webhooks/woocommerce/eu/" in text
    assert "Somebody paused those for order.restored" in text
    assert shop.writes == []


def test_a_store_without_webhooks_of_ours_has_no_case_of_them(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=20))
    shop.hooks.clear()
    tell([polled(number, now - 60 * MINUTE) for number in range(10, 60)])
    look(shop)
    assert not Case.objects.exists()


def test_a_key_without_the_right_to_write_is_told_in_words(shop: Shop) -> None:
    shop.refuse = AuthRejected("The key may only read.", code="key_lacks_rights")
    shop.hooks["2"] = replace(shop.hooks["2"], status=HookStatus.DISABLED)
    assert "The webhooks cannot be mended: The key may only read." in look(shop)["sentences"]
    assert case("webhook_disabled").state == "open"
    assert ConnectionState.objects.get().last_failure_code == ""


def test_a_webhook_that_is_gone_when_it_is_to_be_mended_is_no_fault(shop: Shop) -> None:
    shop.refuse = Rejected("There is no such webhook.", code="webhook_gone")
    shop.hooks["2"] = replace(shop.hooks["2"], status=HookStatus.DISABLED)
    assert look(shop)["missing_topics"] == ["order.updated"]


def set_secrets(live: list[str]) -> None:
    webhook_secrets._set(store(), live, actor="test", reason="test", now=clock.now())
    webhooks.forget_secrets()


def deliver(number: int, secret: str) -> int:
    body = b'{"id":%d}' % number
    signature = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return post("eu", body, {"CONTENT_TYPE": "application/json", "HTTP_X_WC_WEBHOOK_SIGNATURE": signature})


def test_use_of_the_old_secret_is_noted_at_most_once_a_minute_and_only_while_there_are_two(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(shop)
    assert deliver(1, SECRET) == 200
    assert WebhookCare.objects.get().old_secret_used_at is None
    set_secrets(["new", SECRET])
    assert deliver(2, "new") == 200
    assert WebhookCare.objects.get().old_secret_used_at is None
    assert deliver(3, SECRET) == 200
    first = WebhookCare.objects.get().old_secret_used_at
    assert first is not None
    shift(59)
    assert deliver(4, SECRET) == 200
    assert WebhookCare.objects.get().old_secret_used_at == first
    monkeypatch.setattr(webhooks, "OLD_NOTED_SECONDS", 0.0)
    webhooks.forget_secrets()
    assert deliver(5, SECRET) == 200
    assert WebhookCare.objects.get().old_secret_used_at != first


def test_a_webhook_made_while_a_secret_is_changed_is_signed_with_one_that_intake_knows(
    shop: Shop, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://hub.example.com"
    shop.delete_webhook("5")
    webhook_secrets.begin(row=store(), actor="test", now=clock.now())
    look(shop)
    assert list(shop.secrets.values()) == [SECRET]
    shift(11)
    look(shop)
    (new,) = set(shop.secrets.values())
    assert new == webhook_secrets.secrets_of(store())[0] != SECRET
    assert len(shop.secrets) == 5


def test_an_old_secret_stays_while_a_webhook_does_not_have_the_new_one(shop: Shop) -> None:
    webhook_secrets.begin(row=store(), actor="test", now=clock.now())
    shift(11)
    shop.refuse = AuthRejected("The key may only read.", code="key_lacks_rights")
    look(shop)
    shift(10_000)
    look(shop)
    assert len(webhook_secrets.secrets_of(store())) == 2
    shop.refuse = None
    look(shop)
    shop.have("order.updated")
    shift(13_000)
    look(shop)
    assert len(webhook_secrets.secrets_of(store())) == 2, "one was added by hand, perhaps with the old secret"
    shift(17_000)
    look(shop)
    assert len(webhook_secrets.secrets_of(store())) == 1


def test_a_secret_is_not_changed_twice_at_a_time_nor_where_people_look_after_webhooks(shop: Shop) -> None:
    webhook_secrets.begin(row=store(), actor="test", now=clock.now())
    with pytest.raises(Misconfigured, match="two live secrets"):
        webhook_secrets.begin(row=store(), actor="test", now=clock.now())
    set_secrets(["by hand"])
    assert "somebody set other secrets meanwhile" in " ".join(look(shop)["sentences"])
    webhook_care.leave_to_people(row=store(), leave=True, actor="test", reason="ours", now=clock.now())
    with pytest.raises(Misconfigured, match="left to people"):
        webhook_secrets.begin(row=store(), actor="test", now=clock.now())
    assert webhook_secrets.secrets_of(store()) == ["by hand"]


@pytest.mark.parametrize(
    "url", ["hub.example.com", "https://hub.example.com/path", "https://", "ftp://hub.example.com"]
)
def test_a_public_address_with_a_path_or_without_a_scheme_ends_the_start(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="RETAILHUB_PUBLIC_URL"):
        settings_module._public_url(url)
    assert settings_module._public_url("https://hub.example.com:8443/") == "https://hub.example.com:8443"
    assert settings_module._public_url("") == ""


def test_the_last_day_is_found_by_the_small_index_among_many_older_messages(shop: Shop) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO integrations_inboxmessage (connection_id, lane, shard, status, outcome, due_at, attempts,"
            " deaths, trace_id, code, detail, way, topic, dedupe_key, wake, size, received_at, seen_count,"
            " claimed_seen, subject) SELECT %s, 0, 'store:' || n, 'done', 'applied', now(), 1, 0, '', '', '',"
            " 'webhook', 'order.updated', sha256(n::text::bytea), false, 1, now() - n * interval '2 minutes', 1, 0, ''"
            " FROM generate_series(60000, 1, -1) n",
            [store().pk],
        )
        cursor.execute("ANALYZE integrations_inboxmessage")
        cursor.execute("SELECT pg_relation_size('inbox_received'), pg_relation_size('integrations_inboxmessage')")
        index, table = cursor.fetchone()
        assert index < table / 100
        now = clock.now()
        found = webhook_rates.rates(connection_id=store().pk, since=now, silent_since=now, now=now)
        assert set(found.delivered) == {"order.updated"}
        cursor.execute(
            "EXPLAIN SELECT shard FROM integrations_inboxmessage m WHERE m.received_at > now() - interval '1 day'"
            " AND m.connection_id = %s AND m.way IN ('webhook', 'poll')",
            [store().pk],
        )
        assert "inbox_received" in "\n".join(row[0] for row in cursor.fetchall())

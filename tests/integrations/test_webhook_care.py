"""What looking after webhooks makes, mends and tells."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from integrations import webhook_care, webhook_rates, webhook_secrets, webhooks
from integrations.connectors.woocommerce.findings import TOPICS
from integrations.models import ConnectionState, WebhookCare, WebhookHole
from integrations.ports.errors import AuthRejected, Misconfigured, Rejected
from integrations.ports.stores import HookStatus
from reconciliation.models import Case
from retailhub import settings as settings_module
from retailhub.core import clock
from tests.support.hub import post
from tests.support.recordings import SECRET
from tests.support.webhook_shop import MINUTE, Shop, case, known_since, look, polled, shift, store, tell


def test_only_webhooks_with_our_path_at_our_address_are_ours(shop: Shop, settings: Any) -> None:
    settings.PUBLIC_URL = "https://hub.example.com"
    off = HookStatus.DISABLED
    shop.have("order.updated", off, "https://staging.example.com/webhooks/woocommerce/eu/")
    shop.have("order.updated", off, "https://hub.example.com/webhooks/woocommerce/eu2/")
    shop.have("order.updated", off, "https://other.example.com/hook")
    report = look(shop)
    assert shop.writes == []
    assert "1 more have this path at another address than https://hub.example.com: 6 (" in " ".join(report["sentences"])
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

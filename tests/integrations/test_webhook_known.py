"""Two RetailHubs before one store, under one connection name: each touches its own webhooks only."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
from dataclasses import replace
from typing import Any

import pytest

from integrations import webhook_secrets
from integrations.connectors.woocommerce.findings import TOPICS
from integrations.models import WebhookCare, WebhookHole
from integrations.ports.stores import HookStatus
from integrations.webhook_known import address
from reconciliation.models import Case
from retailhub.core import clock
from tests.support.hub import post
from tests.support.recordings import SECRET
from tests.support.webhook_shop import MINUTE, Shop, case, known_since, look, polled, shift, store, tell

OFF = HookStatus.DISABLED
STAGING = "https://staging.example.com/webhooks/woocommerce/eu/"
HUB = "https://hub.example.com"


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """All five webhooks are there; made by hand, and no delivery has come yet."""
    WebhookCare.objects.update(known=None)
    return shop


def deliver(ref: str, number: int = 1) -> None:
    """A genuine delivery of this webhook comes in."""
    body = b'{"id":%d}' % number
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    headers = {
        "CONTENT_TYPE": "application/json",
        "HTTP_X_WC_WEBHOOK_SIGNATURE": signature,
        "HTTP_X_WC_WEBHOOK_ID": ref,
        "HTTP_X_WC_WEBHOOK_TOPIC": "order.updated",
    }
    assert post("eu", body, headers) == 200


def switch_off(shop: Shop, *refs: str) -> None:
    for ref in refs:
        shop.hooks[ref] = replace(shop.hooks[ref], status=OFF)


def move(shop: Shop, ref: str, url: str) -> None:
    shop.hooks[ref] = replace(shop.hooks[ref], delivery_url=url)


def said(report: dict[str, Any]) -> str:
    return " ".join(report["sentences"])


def refs(report: dict[str, Any], kind: str) -> list[str]:
    return [each["webhook"] for each in report[kind]]


def test_what_nothing_shows_to_be_ours_is_told_and_not_touched(shop: Shop) -> None:
    switch_off(shop, "2")
    report = look(shop)
    assert shop.writes == []
    assert refs(report, "foreign") == ["1", "2", "3", "4", "5"]
    assert "5 have this path, and nothing shows that they are this RetailHub's" in said(report)
    assert "2 (order.updated, disabled, hub.example.com)" in said(report)
    assert report["missing_topics"] == [], "people are not told to make a second set"
    assert not WebhookHole.objects.exists()


def test_a_delivery_shows_which_are_ours_and_the_next_look_mends_them(shop: Shop) -> None:
    switch_off(shop, "2")
    staging = shop.have("order.created", OFF, STAGING)
    look(shop)
    deliver("1")
    report = look(shop)
    assert shop.writes == ["change order.updated"]
    assert shop.hooks["2"].status is HookStatus.ACTIVE
    assert shop.hooks[staging].status is OFF
    assert refs(report, "foreign") == [staging]
    assert case("webhook_disabled").evidence["topics"] == "order.updated"


def test_a_delivery_that_came_before_the_first_look_counts_however_old_it_is(shop: Shop) -> None:
    deliver("1")
    switch_off(shop, "2")
    shift(40 * 86400)
    assert look(shop)["reactivated"] == ["order.updated"]


def test_a_secret_is_given_to_ours_alone(shop: Shop) -> None:
    deliver("1")
    staging = shop.have("order.updated", url=STAGING)
    webhook_secrets.begin(row=store(), actor="test", now=clock.now())
    shift(11)
    look(shop)
    assert sorted(shop.secrets) == ["1", "2", "3", "4", "5"]
    assert staging not in shop.secrets
    shift(7200)
    look(shop)
    assert len(webhook_secrets.secrets_of(store())) == 1, "another one's webhook keeps no secret alive"


def test_an_old_secret_stays_while_webhooks_may_be_ours_that_do_not_have_the_new_one(shop: Shop) -> None:
    webhook_secrets.begin(row=store(), actor="test", now=clock.now())
    look(shop)
    for seconds in (11, 7200, 14_400):
        shift(seconds)
        report = look(shop)
    assert "The old secret stays: 5 webhooks that may be ours do not have the new one." in said(report)
    assert len(webhook_secrets.secrets_of(store())) == 2
    assert shop.secrets == {}


def test_a_set_address_decides_alone_even_against_what_delivered_here(shop: Shop, settings: Any) -> None:
    settings.PUBLIC_URL = "https://staging.example.com"
    deliver("2")
    switch_off(shop, "2")
    report = look(shop)
    assert report["made"] == list(TOPICS)
    assert shop.hooks["2"].status is OFF
    assert [hook.delivery_url for hook in shop.hooks.values()].count(STAGING) == 5


def test_ours_at_an_old_address_are_told_with_what_to_do_and_new_ones_are_made(shop: Shop, settings: Any) -> None:
    settings.PUBLIC_URL = HUB
    look(shop)
    settings.PUBLIC_URL = "https://new.example.com"
    switch_off(shop, "2")
    report = look(shop)
    assert (refs(report, "moved"), report["made"]) == (["1", "2", "3", "4", "5"], list(TOPICS))
    assert "5 that were ours deliver to another address than ours: 1 (order.created, active, hub.example.com)" in said(
        report
    )
    assert "set their delivery URL to https://new.example.com/webhooks/woocommerce/eu/." in said(report)
    assert shop.hooks["2"].status is OFF
    assert not any(write.startswith("change") for write in shop.writes)
    assert not WebhookHole.objects.exists(), "the new ones tell"

    # somebody takes the setting out again: what we made stays ours, what had moved does not come back by itself
    settings.PUBLIC_URL = ""
    switch_off(shop, "7")
    report = look(shop)
    assert (report["reactivated"], refs(report, "moved")) == (["order.updated"], ["1", "2", "3", "4", "5"])
    assert shop.hooks["2"].status is OFF
    settings.PUBLIC_URL = HUB
    assert look(shop)["reactivated"] == ["order.updated"]
    assert shop.hooks["2"].status is HookStatus.ACTIVE


def test_one_that_somebody_edited_is_ours_again_only_when_it_delivers_here_from_its_new_address(shop: Shop) -> None:
    deliver("2")
    look(shop)
    move(shop, "2", STAGING)
    switch_off(shop, "2")
    report = look(shop)
    assert (refs(report, "moved"), shop.writes) == (["2"], [])
    assert "There are none for order.updated" in said(report)
    look(shop)
    assert shop.writes == [], "what it delivered before says nothing of its new address"
    shift(60)
    deliver("2", number=2)
    assert look(shop)["reactivated"] == ["order.updated"]


def test_one_made_by_hand_in_the_place_of_ours_is_ours_at_its_address_and_foreign_elsewhere(shop: Shop) -> None:
    deliver("2")
    look(shop)
    shop.delete_webhook("2")
    shop.delete_webhook("3")
    look(shop)
    assert set(WebhookCare.objects.get().known or ()) == {"1", "4", "5"}
    again = shop.have("order.updated", OFF)
    shop.have("order.deleted", OFF, STAGING)
    report = look(shop)
    assert report["reactivated"] == ["order.updated"]
    assert list(shop.secrets) == [again]
    assert [each["topic"] for each in report["foreign"]] == ["order.deleted"]


def test_a_database_from_before_our_webhooks_were_made_knows_them_by_their_address(shop: Shop) -> None:
    deliver("1")
    look(shop)
    backup = dict(WebhookCare.objects.get().known or {})
    newest = shop.have("order.updated")
    look(shop)
    WebhookCare.objects.update(known=backup)
    switch_off(shop, newest)
    assert look(shop)["reactivated"] == ["order.updated"]


def test_an_id_that_a_restored_store_gave_to_another_webhook_is_not_ours(shop: Shop) -> None:
    deliver("2")
    look(shop)
    shop.hooks.clear()
    shop.last = 1
    assert shop.have("order.updated", OFF, STAGING) == "2"
    assert (refs(look(shop), "foreign"), refs(look(shop), "moved"), shop.writes) == ([], ["2"], [])


def test_deliveries_that_never_came_are_told_although_nothing_shows_whose_the_webhooks_are(shop: Shop) -> None:
    now = known_since(shop, dt.timedelta(hours=5))
    tell([polled(number, now - 30 * MINUTE) for number in range(10, 16)])
    look(shop)
    assert case("webhooks_late").state == "open"


def test_silence_of_foreign_webhooks_alone_is_no_case_where_the_address_is_set(shop: Shop, settings: Any) -> None:
    settings.PUBLIC_URL = "https://new.example.com"
    for ref in list(shop.hooks):
        move(shop, ref, STAGING)
    switch_off(shop, "2")
    now = known_since(shop, dt.timedelta(hours=5))
    shop.refuse = None
    tell([polled(number, now - 30 * MINUTE) for number in range(10, 16)])
    shop.hooks = {ref: hook for ref, hook in shop.hooks.items() if hook.delivery_url == STAGING}
    WebhookCare.objects.update(left_to_people=True)
    look(shop)
    assert not Case.objects.exists()


def test_an_address_is_compared_by_host_and_port_and_nonsense_is_nobodys(shop: Shop) -> None:
    assert address("https://Hub.Example.com/x") == address("https://hub.example.com:443/y") == "hub.example.com"
    assert address("https://hub.example.com:8443/") == "hub.example.com:8443"
    shop.have("order.updated", OFF, "http://[hub/webhooks/woocommerce/eu/")
    shop.have("order.updated", OFF, "http://hub:port/webhooks/woocommerce/eu/")
    deliver("1")
    look(shop)
    assert shop.writes == []

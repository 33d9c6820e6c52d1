"""Webhooks of a store are read, made, set active, given another secret and removed; secrets leave no trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integrations.connectors.woocommerce.connector import Connector
from integrations.ports.context import CallContext, Exchange
from integrations.ports.errors import Misconfigured, Rejected, Transient, Unknown
from integrations.ports.stores import HookStatus, Webhook, WebhookHost
from tests.connectors.woocommerce.conftest import connector_of
from tests.connectors.woocommerce.rest_store import RestStore
from tests.support.recorded_store import Manner

URL = "https://hub.example.com/webhooks/woocommerce/eu/"


def make(connector: Connector, topic: str = "order.created", secret: str = "sec-1") -> Webhook:
    return connector.create_webhook(topic=topic, delivery_url=URL, secret=secret, name=f"RetailHub {topic}")


def test_a_webhook_is_made_active_with_its_secret(shop: RestStore, connector: Connector) -> None:
    assert isinstance(connector, WebhookHost)

    made = make(connector)

    assert made == Webhook("1", "order.created", HookStatus.ACTIVE, URL, "RetailHub order.created")
    assert shop.webhooks[1]["secret"] == "sec-1"
    assert connector.webhooks() == [made]


def test_the_recorded_list_is_read_whole(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner.recorded("webhooks_list")

    found = connector.webhooks()

    assert len(found) == 10
    assert {hook.status for hook in found} == {HookStatus.ACTIVE}
    assert len(shop.calls) == 1


def test_more_than_a_hundred_webhooks_are_read_page_by_page(shop: RestStore, connector: Connector) -> None:
    for _ in range(203):
        make(connector)

    assert len(connector.webhooks()) == 203


def test_a_cache_that_ignores_page_numbers_is_told_and_no_endless_list(shop: RestStore, connector: Connector) -> None:
    for _ in range(150):
        make(connector)
    whole = shop.answers["webhooks"]
    shop.answers["webhooks"] = lambda call, parts: whole(replace(call, pairs=()), parts)
    before = len(shop.calls)

    with pytest.raises(Transient) as caught:
        connector.webhooks()

    assert (caught.value.code, caught.value.evidence["page"]) == ("page_ignored", "2")
    assert len(shop.calls) == before + 2


def test_a_webhook_without_a_secret_is_not_made(shop: RestStore, connector: Connector) -> None:
    with pytest.raises(Misconfigured) as caught:
        make(connector, secret="")
    with pytest.raises(Misconfigured):
        connector.change_webhook("1", secret="")

    assert caught.value.code == "webhook_secret_missing"
    assert shop.calls == []


def test_a_refused_topic_is_named(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner.recorded("webhook_post_bad_topic")

    with pytest.raises(Rejected) as caught:
        make(connector, topic="order.published")

    assert caught.value.evidence["store_code"] == "woocommerce_rest_shop_webhook_invalid_topic"


def test_a_switched_off_webhook_is_told_and_set_active_again(shop: RestStore, connector: Connector) -> None:
    made = make(connector)
    shop.webhooks[1]["status"] = "disabled"
    assert connector.webhooks()[0].status is HookStatus.DISABLED

    changed = connector.change_webhook(made.ref, active=True)

    assert changed.status is HookStatus.ACTIVE
    assert (shop.webhooks[1]["status"], shop.webhooks[1]["secret"]) == ("active", "sec-1")


def test_a_secret_is_changed_and_nothing_else(shop: RestStore, connector: Connector) -> None:
    made = make(connector)
    shop.webhooks[1]["status"] = "paused"

    changed = connector.change_webhook(made.ref, secret="sec-2")

    assert changed.status is HookStatus.PAUSED
    assert shop.webhooks[1]["secret"] == "sec-2"


def test_a_webhook_is_removed_for_good_and_once_more_is_no_error(shop: RestStore, connector: Connector) -> None:
    made = make(connector)

    connector.delete_webhook(made.ref)
    connector.delete_webhook(made.ref)

    assert shop.webhooks == {}
    assert connector.webhooks() == []


def test_changing_one_that_is_gone_is_refused(connector: Connector) -> None:
    with pytest.raises(Rejected) as caught:
        connector.change_webhook("77", active=True)

    assert caught.value.code == "webhook_gone"


def test_secrets_are_in_no_record(shop: RestStore) -> None:
    told: list[Exchange] = []
    connector = connector_of(shop, CallContext(record=told.append))

    make(connector)
    connector.change_webhook("1", secret="sec-2")

    assert len(told) == 2
    assert not any(b"sec-" in exchange.sent + exchange.received for exchange in told)


@pytest.mark.parametrize("name", ["err_500_fatal", "err_502_php_down", "err_200_with_php_notice"])
def test_whether_a_webhook_was_made_is_unknown_after_a_broken_answer(
    shop: RestStore, connector: Connector, name: str
) -> None:
    shop.manner = Manner.recorded(name)

    with pytest.raises(Unknown):
        make(connector)


def test_a_read_only_key_is_named(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner.recorded("err_401_read_only_writes")

    with pytest.raises(Exception, match="read and write") as caught:
        make(connector)

    assert getattr(caught.value, "code", "") == "key_lacks_rights"

"""What people are shown of a store's webhooks, and what they may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations import webhook_secrets
from integrations.models import Connection, ConnectionState, WebhookCare
from retailhub.core import clock
from retailhub.core.models import AuditEntry
from tests.commands.conftest import command
from tests.support.shop import Shop, running_shop


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    """A look-alike store with four of the five webhooks, connected."""
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.hook_up(topics=["order.created", "order.updated", "order.deleted", "order.restored"])
        yield shop


def listed() -> dict[str, object]:
    (store,) = [row for row in command("connection", "list", "--json").json["connections"] if row["name"] == "eu"]
    found: dict[str, object] = store["webhooks"]
    return found


def test_a_look_at_the_webhooks_says_in_words_what_is_missing_and_how_deliveries_come(shop: Shop) -> None:
    shop.control.place_orders(2, way="rest")
    shop.tell()
    shop.settle()

    said = command("poll", "eu", "webhooks")

    assert said.status == 0
    lines = said.out.splitlines()
    assert lines[0] == "4 webhooks deliver to /webhooks/woocommerce/eu/, 4 of them active."
    assert lines[1].startswith("There are none for action.woocommerce_delete_order. Add them in WooCommerce")
    assert "0 of 0 changes (0.0 %) came without a delivery in the last 24 hours" in said.out
    assert "The last delivery came at " in said.out


def test_the_same_numbers_are_in_the_json_of_the_look_and_of_the_list(shop: Shop) -> None:
    found = command("poll", "eu", "webhooks", "--json").json
    share = {"changes": 0, "missing": 0, "percent": 0.0}
    assert found["missing_topics"] == ["action.woocommerce_delete_order"]
    assert (found["deliveries"]["last_24_hours"], found["deliveries"]["since_midnight"]) == (share, share)
    webhooks = listed()
    assert webhooks["deliveries"] == found["deliveries"]
    assert (webhooks["rotation"], webhooks["late_since"], webhooks["missing_since"]) == (None, None, None)


def test_both_steps_of_a_new_secret_are_in_the_list_and_no_secret_is(shop: Shop) -> None:
    # a delivery shows whose webhooks they are
    shop.control.place_orders(1, way="rest")
    shop.tell()
    command("poll", "eu", "webhooks")
    # such as an order that was read: the connection is well
    ConnectionState.objects.filter(pk=shop.eu.pk).update(last_success_at=clock.now())

    assert command("connection", "rotate-secret", "eu", "--json").json == {"connection": "eu", "step": "giving"}

    assert "well; new secret given to 0 of 4 webhooks" in command("connection", "list").out
    live = webhook_secrets.secrets_of(Connection.objects.get(name="eu"))
    assert len(live) == 2
    shop.shift(12)
    command("poll", "eu", "webhooks")
    text = command("connection", "list")
    assert "new secret given, the old one still accepted" in text.out
    rotation = listed()["rotation"]
    assert isinstance(rotation, dict)
    assert (rotation["step"], rotation["given"], rotation["of"]) == ("waiting", 4, 4)
    every = text.out + command("connection", "list", "--json").out + command("poll", "eu", "--json").out
    assert not any(secret in every for secret in live)
    refused = command("connection", "rotate-secret", "eu")
    assert (refused.status, "two live secrets" in refused.err) == (1, True)
    shop.shift(0)


def test_who_looks_after_webhooks_is_said_with_a_reason_and_kept(shop: Shop) -> None:
    left = command("connection", "webhooks", "eu", "leave", "--reason", "the agency does it", "--json")
    assert left.json == {"connection": "eu", "left_to_people": True}
    assert WebhookCare.objects.get().left_to_people
    assert AuditEntry.objects.get(action="leave_webhooks").reason == "the agency does it"
    assert "left to people" in command("poll", "eu", "webhooks").out
    assert command("connection", "rotate-secret", "eu").status == 1
    command("connection", "webhooks", "eu", "care", "--reason", "the agency is gone")
    assert not WebhookCare.objects.get().left_to_people


def test_an_erp_has_no_webhooks(shop: Shop) -> None:
    refused = command("connection", "rotate-secret", "erp", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "not_a_store")

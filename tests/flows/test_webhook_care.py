"""The store's webhooks fail, fall silent or are switched off: RetailHub mends them, and polling loses nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations import connections, webhook_care
from integrations.models import Poll, WebhookHole
from integrations.states import PollKind
from orders.models import Order
from reconciliation.models import Case
from retailhub.core import clock
from tests.support.shop import Shop, known_skus, running_shop

HOOKS = PollKind.WEBHOOKS


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    """A look-alike store with webhooks of ours, connected and read once."""
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        shop.hook_up(topics=webhook_care.TOPICS)
        shop.look()
        shop.look(HOOKS)
        yield shop


def cases(code: str) -> list[Case]:
    return list(Case.objects.filter(code=code).order_by("pk"))


def heard(shop: Shop, count: int) -> list[int]:
    """Orders placed, told of and worked."""
    placed = shop.control.place_orders(count, way="rest")
    shop.tell()
    shop.settle()
    return placed


def switch_off(shop: Shop) -> list[int]:
    """Orders whose deliveries fail until the store has switched every webhook that told of them off."""
    shop.door.answer = 500
    lost = shop.control.place_orders(8, way="rest")
    shop.tell()
    assert {hook.topic for hook in shop.control.books().webhooks if hook.status == "disabled"} == {
        "order.created",
        "order.updated",
    }
    return lost


def test_a_webhook_that_the_store_switched_off_is_set_active_and_its_hole_told_from_first_to_last(shop: Shop) -> None:
    heard(shop, 3)
    lost = switch_off(shop)
    unheard = shop.control.place_orders(4, way="rest")
    shop.door.answer = 0

    shop.look(HOOKS)
    (case,) = cases("webhook_disabled")
    hole = WebhookHole.objects.get()
    shop.settle()
    shop.look(HOOKS)
    (case,) = cases("webhook_disabled")

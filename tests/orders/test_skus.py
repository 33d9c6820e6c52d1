from __future__ import annotations

import json

import pytest

from orders.models import Order, OrderSku
from tests.support.world import KNOWN_SKU, World, build, order_body


@pytest.fixture
def world(db: None) -> World:
    return build()


def skus(world: World, number: int) -> set[str]:
    return set(OrderSku.objects.filter(order=world.order(number)).values_list("sku", flat=True))


def test_every_order_is_known_by_the_skus_of_its_lines(world: World) -> None:
    assert skus(world, 901) == {KNOWN_SKU}
    assert OrderSku.objects.count() == Order.objects.count() == 5


def test_an_edit_adds_and_takes_away_skus_and_nothing_of_other_orders(world: World) -> None:
    body = json.loads(order_body(901))
    line = body["line_items"][0]
    body["line_items"] = [
        line | {"id": 7001, "sku": "NEW-1"},
        line | {"id": 7002, "sku": "NEW-1"},
        line | {"id": 7003, "sku": ""},
    ]
    body["date_modified_gmt"] = "2031-01-01T00:00:00"
    world.deliver(json.dumps(body).encode())
    world.work()
    assert skus(world, 901) == {"NEW-1"}
    assert skus(world, 902) == {KNOWN_SKU}

"""Webhooks that say nothing for two hours, and a sweep over thousands of orders: new orders wait for neither."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations import polls
from integrations.models import InboxMessage, Poll
from integrations.states import PollKind, Way
from orders.models import Order
from reconciliation.models import Case
from tests.support.shop import Shop, known_skus, running_shop
from tests.support.watch import Watch, doubles, watching

MINUTE = 60
SILENT = 120 * MINUTE


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Shop]:
    """A shop whose webhooks RetailHub makes by itself; they are delivered when a test says so."""
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        settings.PUBLIC_URL = shop.door.url
        yield shop


def sell(shop: Shop, watch: Watch, seconds: float, *, told: bool = False, count: int = 4) -> list[int]:
    """So many orders every ten minutes."""
    refs: list[int] = []
    ends = watch.at + seconds
    while watch.at < ends:
        refs += shop.control.place_orders(count, now=True)
        if told:
            shop.tell()
        watch.run(2 * MINUTE, step=30)
        watch.run(8 * MINUTE, step=2 * MINUTE)
    return refs


def waited(shop: Shop, *, drafts: bool) -> float:
    """Seconds from an order's creation in the store until RetailHub had it, at most; carts at the till apart."""
    seen = dict(Order.objects.values_list("order_ref", "first_seen_at"))
    placed = [each for each in shop.control.walk_placed() if (each.status == "checkout-draft") is drafts]
    return max((seen[str(each.id)] - each.at).total_seconds() for each in placed)


def case(code: str) -> Case:
    return Case.objects.get(code=code)


def period() -> int:
    return Poll.objects.get(kind=PollKind.CHANGED).every_seconds


def check_told(heard_at: dt.datetime) -> None:
    """That deliveries are late is told when two hours are over, with what the store says of its cron."""
    late = case("webhooks_late")
    assert late.state == "open"
    assert late.evidence["last_delivery"] == f"{heard_at:%Y-%m-%d %H:%M:%S}"
    after = (late.opened_at - heard_at).total_seconds()
    assert SILENT <= after <= SILENT + polls.periods()[PollKind.WEBHOOKS] + 4 * MINUTE
    assert int(late.evidence["changes_found_by_polling"]) >= 40
    assert "DISABLE_WP_CRON" in late.evidence["store_says"]
    missing = case("webhooks_missing")
    assert (missing.state, float(missing.evidence["percent"]) > 80) == ("open", True)
    assert not Case.objects.filter(code="webhook_disabled").exists()


def test_two_silent_hours_delay_no_order_by_more_than_a_poll_and_are_told_until_deliveries_come_again(
    shop: Shop,
) -> None:
    usual = polls.periods()[PollKind.CHANGED]
    with watching(shop) as watch:
        watch.run(30)
        heard = sell(shop, watch, 10 * MINUTE, told=True)
        assert set(Order.objects.values_list("order_ref", flat=True)) == {str(ref) for ref in heard}
        heard_at = InboxMessage.objects.filter(way=Way.WEBHOOK).latest("received_at").received_at

        unheard = sell(shop, watch, SILENT + 10 * MINUTE)
        assert InboxMessage.objects.filter(way=Way.WEBHOOK).latest("received_at").received_at == heard_at
        assert waited(shop, drafts=False) <= usual + MINUTE
        assert waited(shop, drafts=True) <= polls.periods()[PollKind.DRAFTS] + MINUTE
        assert Order.objects.count() == len([*heard, *unheard])
        assert (shop.untrue(), shop.misposted(), doubles(shop)) == ({}, {}, {})
        check_told(heard_at)
        assert period() == usual // 2

        assert shop.tell() > len(unheard)
        sell(shop, watch, 10 * MINUTE, told=True, count=20)
        assert {found.state for found in Case.objects.filter(code__startswith="webhook")} == {"closed"}
        assert period() == usual
        assert (shop.untrue(), shop.misposted(), doubles(shop)) == ({}, {}, {})

"""Webhooks that say nothing for two hours, and a sweep over thousands of orders: new orders wait for neither."""

from __future__ import annotations

import contextlib
import datetime as dt
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Min

from integrations import polling, polls, pump
from integrations.models import InboxMessage, OutboxMessage, Poll
from integrations.states import PollKind, Way
from orders.models import Order
from reconciliation.models import Case
from retailhub.core import clock
from tests.support.hub import pending
from tests.support.shop import Shop, known_skus, running_shop
from tests.support.watch import Watch, doubles, watching

MINUTE = 60
SILENT = 120 * MINUTE
OLD = 3000


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Shop]:
    """A shop whose webhooks RetailHub makes by itself; they are delivered when a test says so."""
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        settings.PUBLIC_URL = shop.door.url
        yield shop


def sell(shop: Shop, watch: Watch, seconds: float, *, told: bool = False) -> list[int]:
    """So many orders every ten minutes."""
    refs: list[int] = []
    ends = watch.at + seconds
    while watch.at < ends:
        refs += shop.control.place_orders(4, now=True)
        if told:
            shop.tell()
        watch.run(2 * MINUTE, step=30)
        watch.run(8 * MINUTE, step=4 * MINUTE)
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
    assert SILENT <= after <= SILENT + polls.periods()[PollKind.WEBHOOKS] + 5 * MINUTE
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
        sell(shop, watch, 20 * MINUTE, told=True)
        assert case("webhooks_late").reopened_count == 0
        assert {found.state for found in Case.objects.filter(code__startswith="webhook")} == {"closed"}
        assert period() == usual
        assert (shop.untrue(), shop.misposted(), doubles(shop)) == ({}, {}, {})


@contextlib.contextmanager
def pumping() -> Iterator[None]:
    """All threads of a pump, as ``drain --watch`` has them, until the block ends."""
    stop = threading.Event()

    def run() -> None:
        try:
            pump.Watch(stop=stop).run()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def wait_for(true: Callable[[], bool], seconds: float) -> None:
    """Fails when it is not true in time."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)


def buy(shop: Shop) -> int:
    """An order that the store tells of at once, and a moment until the next."""
    (ref,) = shop.control.place_orders(1, lives={"completed": 1}, now=True)
    shop.tell()
    time.sleep(0.1)
    return ref


def posting_took(refs: list[int]) -> float:
    """Seconds from an order's first delivery until it was posted, by our own rows: the 95th of a hundred."""
    heard = InboxMessage.objects.filter(way=Way.WEBHOOK, shard__in=[f"store:{ref}" for ref in refs])
    came = dict(heard.values_list("shard").annotate(at=Min("received_at")))
    posted = OutboxMessage.objects.filter(reference__in=[f"WC-eu-{ref}" for ref in refs], status="done")
    done = dict(posted.values_list("reference", "finished_at"))
    took: list[float] = [(done[f"WC-eu-{ref}"] - came[f"store:{ref}"]).total_seconds() for ref in refs]
    return statistics.quantiles(took, n=20)[-1]


@dataclass
class Swept:
    """What was seen of a sweep while people went on buying."""

    bought: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    """Orders that the sweep had looked at, from order to order."""
    waiting: list[int] = field(default_factory=list)
    """Old orders that it had found and nobody had worked."""


def sweep_while_people_buy(shop: Shop) -> Swept:
    """Until the sweep has gone round and all that it found is worked."""
    found, began = Swept(), clock.now()
    polling.look_now(connection_id=shop.eu.pk, kind=PollKind.SWEEP)
    ends = time.monotonic() + 60
    while True:
        found.bought.append(buy(shop))
        at = Poll.objects.get(kind=PollKind.SWEEP)
        found.seen.append(at.seen)
        found.waiting.append(InboxMessage.objects.filter(way=Way.POLL, status="pending").count())
        if at.finished_at is not None and at.finished_at > began and not found.waiting[-1]:
            return found
        assert time.monotonic() < ends


def is_all_posted() -> bool:
    return not OutboxMessage.objects.exclude(status="done").exists() and not pending()


def test_a_sweep_over_thousands_of_orders_delays_no_new_order_and_goes_on_meanwhile(
    transactional_db: None, tmp_path: Path, settings: Any
) -> None:
    settings.HISTORY_PAUSE_MS = 0  # faster than it ever is
    with running_shop(tmp_path) as shop:
        shop.connect(live_from=clock.now() - dt.timedelta(hours=1))
        shop.know(known_skus())
        shop.hook_up()
        with pumping():
            wait_for(lambda: Poll.objects.filter(kind=PollKind.HISTORY, finished_at__isnull=False).exists(), 20)
            first = [buy(shop) for _ in range(5)]
            usual = [buy(shop) for _ in range(25)]
            shop.control.make_history(OLD, created=clock.now() - dt.timedelta(days=25), spread=20 * 24 * 3600)
            of_unknown, of_known = sweep_while_people_buy(shop), sweep_while_people_buy(shop)
            wait_for(is_all_posted, 20)
        # it was a crowd, and neither stood still for the other
        assert max(of_unknown.waiting) > OLD // 10
        for swept in (of_unknown, of_known):
            assert len(set(swept.seen)) > 5
            assert max(swept.seen) >= OLD
        # a batch of old orders and a page may be under way when a new one comes; behind all of them it would wait for
        # many times that, on a slow machine too
        allowed = 4 * posting_took(usual) + 1.0
        assert posting_took(of_unknown.bought) < allowed
        assert posting_took(of_known.bought) < allowed
        placed = {str(each.id) for each in shop.control.walk_placed()}
        assert set(Order.objects.values_list("order_ref", flat=True)) == placed
        bought = {*first, *usual, *of_unknown.bought, *of_known.bought}
        assert {each.reference for each in shop.books.books().documents} == {f"WC-eu-{ref}" for ref in bought}
        assert doubles(shop) == {}

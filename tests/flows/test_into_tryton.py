"""From signed deliveries through the whole engine into a real Tryton; judged by Tryton's own tables."""

from __future__ import annotations

import itertools
import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from integrations.connectors.woocommerce import mapping
from integrations.models import OutboxMessage
from integrations.ports import versions
from orders.models import Order
from reconciliation.models import Case
from reconciliation.services import replays
from retailhub.core import clock
from retailhub.sandbox.tryton.server import TrytonServer
from tests.flows.test_posting_through_trouble import pump_process
from tests.flows.test_recorded_deliveries import should_be_posted, wsgi_headers
from tests.support import real_tryton, recordings
from tests.support.hub import Hub, pending, skus_of, stored_document
from tests.support.real_tryton import ForgetfulProxy, Shop
from tests.support.recorded_store import newest_orders

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 10))]
NAMELESS = {"165", "310"}
"""Recorded guests without e-mail, phone or address: to be posted, were it known for whom."""
SOLD = ("152", "153", "158", "161", "338", "340", "345")
"""Recorded orders that are paid: one to three lines, taxes of 0, 5, 7 and 19 percent, two currencies."""
SHIPPED_AND_INVOICED = ("processing", 1, 1)
LEFT = {"tryton.after_create": "draft", "tryton.after_quote": "quotation", "tryton.after_confirm": "processing"}
"""In which of Tryton's states a sale is left by a worker that dies at a crash point."""
LEASE = {"RETAILHUB_LEASE_SECONDS": "16", "RETAILHUB_CALL_DEADLINE_SECONDS": "10"}
"""Longer than Tryton takes for one call about fifty sales."""


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    """One server for all of these tests; each sells through a web shop of its own."""
    goods = tuple(sorted(skus_of(list(newest_orders().values()))))
    with real_tryton.running_tryton(tmp_path_factory.mktemp("tryton"), goods=goods) as server:
        yield server


@pytest.fixture
def shop(tryton: TrytonServer) -> Shop:
    return real_tryton.unused_shop(tryton)


@pytest.mark.parametrize("seed", SEEDS)
def test_shuffled_and_repeated_deliveries_end_in_one_sale_for_each_order_that_is_to_be_posted(
    hub: Hub, shop: Shop, seed: int
) -> None:
    real_tryton.connect(hub, shop)
    rng = random.Random(seed)
    flood = [d for d in recordings.signed_deliveries() for _ in range(rng.randint(1, 3))]
    rng.shuffle(flood)
    for number, delivery in enumerate(flood):
        headers = wsgi_headers(delivery)
        signature = headers.pop("HTTP_X_WC_WEBHOOK_SIGNATURE")
        assert hub.deliver(delivery.body, delivery.topic, signature=signature, **headers) == 200
        if number % 40 == 0:
            hub.drain(rounds=1)
    hub.drain()

    assert pending() == 0
    newest = {ref: mapping.order_from_body(body) for ref, body in newest_orders().items()}
    for ref, order in newest.items():
        assert versions.content_hash(stored_document(ref)) == versions.content_hash(order), ref
    due = {ref for ref, body in newest_orders().items() if should_be_posted(ref, body)} - NAMELESS
    assert len(due) == 14
    sales = {sale.web_id.removeprefix("WC-eu-"): sale for sale in shop.sales()}
    assert len(sales) == len(shop.sales())
    # an order refunded in full may have been posted while it was processing: the sale stays, a case tells of it
    refunded = {ref for ref in sales.keys() - due if newest[ref].status == "refunded"}
    assert sales.keys() == due | refunded
    assert refunded <= subjects_of("refund_not_posted")
    assert subjects_of("customer_unknown") == NAMELESS
    for ref, sale in sales.items():
        assert (sale.total, sale.currency) == (newest[ref].total, newest[ref].currency), ref
        assert (sale.state, sale.shipments, sale.invoices) == SHIPPED_AND_INVOICED, ref
    assert hub.books.books().documents == ()


def subjects_of(code: str) -> set[str]:
    """The numbers of the orders that open cases of a code are about."""
    subjects = Case.objects.filter(code=code, state="open").values_list("subject", flat=True)
    return set(
        Order.objects.filter(public_id__in=[s.removeprefix("order:") for s in subjects]).values_list(
            "order_ref", flat=True
        )
    )


def sold_body(number: int) -> bytes:
    """A recorded paid order under another number."""
    body = json.loads(newest_orders()[SOLD[number % len(SOLD)]])
    return json.dumps(body | {"id": number, "number": str(number)}).encode()


def place_orders(hub: Hub, count: int) -> None:
    """All that the store has: a worker also looks at it by itself."""
    hub.store.orders = {str(number): sold_body(number) for number in range(1, count + 1)}
    for body in hub.store.orders.values():
        assert hub.deliver(body) == 200


def assert_each_sold_once(shop: Shop, count: int) -> None:
    expected = {f"WC-eu-{number}": mapping.order_from_body(sold_body(number)) for number in range(1, count + 1)}
    sales = shop.sales()
    assert sorted(sale.web_id for sale in sales) == sorted(expected)
    for sale in sales:
        order = expected[sale.web_id]
        assert (sale.total, sale.currency) == (order.total, order.currency), sale.web_id
        assert (sale.state, sale.shipments, sale.invoices) == SHIPPED_AND_INVOICED, sale.web_id
    assert OutboxMessage.objects.filter(status="done").count() == count
    assert pending() == 0
    assert not Case.objects.filter(state="open").exists()


def commit_then_drop(hub: Hub, shop: Shop, count: int) -> None:
    with ForgetfulProxy(shop.server, share=0.2, seed=count) as proxy:
        real_tryton.connect(hub, shop, url=proxy.url)
        place_orders(hub, count)
        hub.drain_singly()
    for button in ("create", "quote", "confirm"):
        assert proxy.lost[f"model.sale.sale.{button}"] >= count // 10, button
    assert_each_sold_once(shop, count)


def test_when_tryton_commits_and_a_fifth_of_its_answers_is_lost_nothing_is_doubled_or_lost(
    hub: Hub, shop: Shop
) -> None:
    commit_then_drop(hub, shop, 20)


@pytest.mark.long
def test_when_a_fifth_of_the_answers_about_three_hundred_orders_is_lost_nothing_is_doubled_or_lost(
    hub: Hub, shop: Shop
) -> None:
    commit_then_drop(hub, shop, 300)


@pytest.mark.parametrize(("point", "left"), LEFT.items())
def test_sales_that_a_killed_worker_left_half_way_are_completed_not_doubled(
    hub: Hub, shop: Shop, point: str, left: str
) -> None:
    real_tryton.connect(hub, shop)
    place_orders(hub, 5)
    assert dies(pump_process(**LEASE, CRASH_AT=f"{point}:1"))
    assert set(shop.states()) == {left}
    hub.shift(120)
    hub.drain(rounds=20)
    assert_each_sold_once(shop, 5)


def dies(process: subprocess.Popen[bytes], seconds: float = 240) -> bool:
    """Let a worker work until it dies at its crash point, or until nothing is left to do; then end it."""
    ends = time.monotonic() + seconds
    try:
        while process.poll() is None and pending() and time.monotonic() < ends:
            time.sleep(0.1)
        return process.poll() == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


def killed_again_and_again(hub: Hub, shop: Shop, count: int) -> tuple[int, Counter[str]]:
    """Returns the deaths, and how many sales they found in which of Tryton's states."""
    real_tryton.connect(hub, shop)
    place_orders(hub, count)
    rng = random.Random(count)
    left: Counter[str] = Counter()
    points = itertools.cycle(LEFT)
    deaths, passes = 0, 1
    while dies(pump_process(**LEASE, CRASH_AT=f"{next(points)}:{passes}")):
        left += shop.states()
        deaths += 1
        # the first workers die with batches; what was in one is then taken singly
        passes = rng.randint(1, 2) if deaths < 6 else rng.randint(6, 16)
    return deaths, left


def replay_what_was_set_apart() -> None:
    """The third death with one message is for a person: each of those is a case, and none but those."""
    apart = OutboxMessage.objects.filter(status="parked")
    assert set(apart.values_list("outcome", flat=True)) <= {"quarantined"}
    told = Case.objects.filter(state="open")
    assert sorted(told.values_list("subject", flat=True)) == sorted(apart.values_list("subject", flat=True))
    if apart.exists():
        plan = replays.plan_cases(code="worker_died")
        replays.replay(plan=plan, about="code:worker_died", actor="test", reason="the machine is well", now=clock.now())
        assert not dies(pump_process(**LEASE))


@pytest.mark.long
def test_a_worker_killed_again_and_again_while_two_hundred_orders_post_without_redis_leaves_each_sold_once(
    hub: Hub, shop: Shop
) -> None:
    deaths, left = killed_again_and_again(hub, shop, 200)
    assert deaths >= 10
    assert min(left[state] for state in LEFT.values()) > 0
    replay_what_was_set_apart()
    assert_each_sold_once(shop, 200)

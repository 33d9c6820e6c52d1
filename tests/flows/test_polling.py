"""An order that exists in the store exists here, whatever its webhooks did."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from integrations import polling, polls, pump
from integrations.leases import LeaseLost
from integrations.models import InboxMessage, Poll
from integrations.states import Lane, PollKind
from orders.models import Order
from reconciliation.models import Case
from retailhub.sandbox.store.control import running_store
from tests.support.shop import Shop, connect_another, known_skus, running_shop

DAY = 24 * 3600


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        yield shop


def there(shop: Shop) -> int:
    """Orders that the store has not deleted for good."""
    return sum(1 for placed in shop.control.walk_placed() if placed.status != "deleted")


def poll_of(shop: Shop, kind: PollKind) -> Poll:
    return Poll.objects.get(connection=shop.eu, kind=kind)


def test_what_no_webhook_told_is_found_within_two_polls_and_posted_once(shop: Shop) -> None:
    shop.hook_up()
    shop.look()
    shop.control.trouble(drop=0.3, doubled=0.1, seed=5)
    refs = shop.control.place_orders(40, now=True)
    shop.tell()
    shop.settle()
    assert Order.objects.count() > 0
    assert shop.untrue()
    for _ in range(2):
        shop.look()
        shop.settle()
    assert shop.untrue() == {}
    assert shop.misposted() == {}
    assert len(refs) == Order.objects.count()


def test_every_silent_change_is_found_by_the_look_that_is_made_for_it(shop: Shop) -> None:
    shop.hook_up()
    refs = shop.control.place_orders(12, lives={"completed": 1}, now=True)
    refunded = refs[5]
    refund = shop.control.refund(refunded, amount="5.00", api_refund=False)
    shop.tell()
    shop.settle()
    assert shop.untrue() == {}
    shop.door.answer = 500
    for _ in range(7):
        shop.control.update(refs[0], customer_note="again")
        shop.tell()
    assert {hook.status for hook in shop.control.books().webhooks if hook.topic == "order.updated"} == {"disabled"}
    shop.door.answer = 0
    shop.control.trash(refs[1])
    shop.control.delete(refs[2])
    backdated = shop.control.place_orders(1, lives={"completed": 1}, now=True, silent=True)[0]
    shop.control.backdate(backdated, 3 * DAY)
    shop.control.alter(refs[4], customer_note="written into the database")
    shop.control.delete_refund(refunded, refund)
    shop.control.forget_queue()
    expected = {str(ref) for ref in (refs[0], refs[1], refs[2], backdated, refs[4], refunded)}
    assert set(shop.untrue()) == expected
    for kinds, found in (
        ([PollKind.CHANGED], refs[0]),
        ([PollKind.TRASH], refs[1]),
        ([PollKind.REFUNDS], refunded),
        ([PollKind.SWEEP], refs[4]),
        ([PollKind.SWEEP], backdated),
        ([PollKind.WALK], refs[2]),
    ):
        shop.look(*kinds)
        shop.settle()
        expected.discard(str(found))
        left = set(shop.untrue())
        assert str(found) not in left
    assert left == set()
    assert shop.misposted() == {}


def test_webhooks_that_are_silent_for_two_hours_cost_no_order(shop: Shop) -> None:
    shop.hook_up()
    shop.look()
    shop.control.hold_queue()
    for _ in range(4):
        shop.control.place_orders(6, now=True)
        shop.shift(1800)
        shop.control.set_clock(1800)
    shop.shift(0)
    shop.control.set_clock(0)
    shop.look()
    shop.settle()
    assert shop.untrue() == {}
    assert shop.misposted() == {}
    shop.control.release_queue()
    shop.tell()
    shop.settle()
    assert shop.misposted() == {}


def walk_finds_three_of(shop: Shop, count: int) -> None:
    shop.control.make_history(count, created=dt.datetime.now(dt.UTC) - dt.timedelta(days=400), spread=300 * DAY)
    shop.look(PollKind.HISTORY)
    shop.settle()
    assert Order.objects.count() == there(shop) > count * 0.9
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=200)
    hidden = shop.control.place_orders(3, lives={"completed": 1}, now=True, silent=True, created=old)
    shop.look(PollKind.CHANGED, PollKind.SWEEP)
    assert Order.objects.filter(order_ref__in=hidden).count() == 0
    shop.look(PollKind.WALK)
    assert poll_of(shop, PollKind.WALK).report["found"] == [str(ref) for ref in hidden]
    assert poll_of(shop, PollKind.WALK).report["vanished"] == []
    shop.settle()
    assert Order.objects.filter(order_ref__in=hidden).count() == 3
    shop.look(PollKind.WALK)
    assert poll_of(shop, PollKind.WALK).report["found"] == []


def test_the_walk_names_exactly_the_orders_that_were_hidden(shop: Shop, settings: object) -> None:
    settings.HISTORY_PAUSE_MS = 0  # type: ignore[attr-defined]
    walk_finds_three_of(shop, 350)


@pytest.mark.long
def test_the_walk_names_exactly_three_of_ten_thousand(shop: Shop, settings: object) -> None:
    settings.HISTORY_PAUSE_MS = 0  # type: ignore[attr-defined]
    walk_finds_three_of(shop, 10_000)


def test_a_first_load_goes_on_where_a_worker_died_and_posts_nothing(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    settings.HISTORY_PAUSE_MS = 0  # type: ignore[attr-defined]
    with running_shop(tmp_path) as shop:
        shop.connect(live_from=dt.datetime.now(dt.UTC))
        shop.know(known_skus())
        shop.control.make_history(450, created=dt.datetime.now(dt.UTC) - dt.timedelta(days=90), spread=60 * DAY)
        steps = 0
        save = polls.save

        def dying(after: polls.Round, **more: float) -> None:
            nonlocal steps
            steps += after.kind is PollKind.HISTORY
            if steps == 3 and after.kind is PollKind.HISTORY:
                raise LeaseLost("killed before its commit")
            save(after, **more)

        monkeypatch.setattr(polls, "save", dying)
        shop.look(PollKind.HISTORY)
        placed = there(shop)
        assert InboxMessage.objects.count() < placed
        Poll.objects.update(lease_until=None, fence=None)
        polling.drain(seconds=60)
        assert InboxMessage.objects.filter(lane=Lane.CATALOGUE).count() == placed
        shop.settle()
        assert Order.objects.count() == placed
        assert shop.untrue() == {}
        assert shop.books.books().documents == ()
        calls = shop.control.books().calls
        listed = sum(count for name, count in calls.items() if name.startswith("GET") and "orders 200" in name)
        assert listed <= 20


def test_a_full_history_does_not_delay_a_new_order(shop: Shop, settings: object) -> None:
    settings.HISTORY_PAUSE_MS = 0  # type: ignore[attr-defined]
    shop.control.make_history(300, created=dt.datetime.now(dt.UTC) - dt.timedelta(days=90), spread=60 * DAY)
    shop.hook_up()
    shop.look(PollKind.HISTORY)
    assert InboxMessage.objects.filter(status="pending").count() == there(shop) > 270
    (new,) = shop.control.place_orders(1, lives={"completed": 1}, now=True)
    shop.tell()
    polling.hurry(connection_id=shop.eu.pk)
    pump.drain(seconds=30, go_on=lambda worked: worked == 0)
    assert Order.objects.filter(order_ref=new).exists()
    assert InboxMessage.objects.filter(status="pending").count() > 200


def until(over: threading.Event, work: Callable[[], object]) -> Callable[[], None]:
    """For a thread of its own, with a connection of its own."""

    def loop() -> None:
        try:
            while not over.is_set():
                work()
        finally:
            connection.close()

    return loop


LONGEST_WAIT_MS = 250
WAITS = """
SELECT l.locktype, coalesce(owner.relname, own.relname, ''), l.mode, left(a.query, 200)
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid AND a.datname = current_database()
LEFT JOIN pg_class own ON own.oid = l.relation LEFT JOIN pg_class owner ON owner.reltoastrelid = l.relation
WHERE NOT l.granted
"""
A_FILE_GROWS = "extend"
"""The one wait that is allowed: PostgreSQL lets one session at a time make a table's file longer, here that of the
bodies. It is held while pages are added, not until the transaction ends, and nobody holds it and waits."""


def give_up_waiting_after(milliseconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a wait for a lock of more than this fail, in every connection that is opened from now on."""
    options = connection.settings_dict["OPTIONS"]
    assert "lock_timeout=15s" in options["options"]
    shortened = options["options"].replace("lock_timeout=15s", f"lock_timeout={milliseconds}ms")
    monkeypatch.setitem(options, "options", shortened)


def tell_by_three(shop: Shop) -> None:
    """Three runners of the store's queue at a time."""
    runners = [threading.Thread(target=shop.tell) for _ in range(3)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()


def read_alone(shop: Shop) -> int:
    """How often the store was asked for one order by its id."""
    calls = shop.control.books().calls
    return sum(count for name, count in calls.items() if name.startswith("GET") and name.endswith("/{id} 200"))


def test_polling_while_deliveries_come_waits_for_no_lock_and_does_nothing_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.hook_up()
    shop.look()
    samples, waits, limits, failed = 0, [], set(), []
    monkeypatch.setattr(polls, "fail", lambda at, **said: failed.append((at.kind, said)))
    give_up_waiting_after(LONGEST_WAIT_MS, monkeypatch)
    over = threading.Event()

    def sample() -> None:
        nonlocal samples
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            limits.add(cursor.fetchone()[0])
            cursor.execute(WAITS)
            waits.extend(cursor.fetchall())
        samples += 1
        time.sleep(0.002)

    threads = [threading.Thread(target=until(over, work)) for work in (shop.look, sample)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        shop.control.place_orders(8, now=True)
        tell_by_three(shop)
    over.set()
    for thread in threads:
        thread.join()
    assert samples > 50
    assert limits == {f"{LONGEST_WAIT_MS}ms"}
    assert [wait for wait in waits if wait[0] != A_FILE_GROWS] == []
    assert failed == [], "a look waited for longer than allowed"
    assert {each.outcome for each in shop.control.books().deliveries} == {"taken"}, "a delivery waited for longer"
    shop.look()
    shop.settle()
    assert shop.untrue() == {}
    assert shop.misposted() == {}
    # what is told by both is read from neither: a store is asked for single orders only where two contents differ
    assert read_alone(shop) < 48 + 24


@pytest.mark.parametrize("began", ["2026-10-25T00:40:00+00:00", "2027-03-28T00:40:00+00:00"])
def test_two_stores_of_other_habits_through_a_night_of_summer_time(shop: Shop, tmp_path: Path, began: str) -> None:
    night = dt.datetime.fromisoformat(began)
    offset = int((night - dt.datetime.now(dt.UTC)).total_seconds())
    habits = {"currency": "GBP", "time_zone": "America/New_York", "decimals": 3, "prices_include_tax": True}
    with running_store(tmp_path, name="uk", queue_seconds="never", **habits) as (place, control):
        uk = connect_another(shop, place, "uk")
        shop.shift(offset)
        both = ((shop.eu, shop.control), (uk, control))
        for row, books in both:
            books.set_clock(offset)
            polling.look_now(connection_id=row.pk, kind=PollKind.CHANGED)
        polling.drain(seconds=60)
        for minutes in (0, 15, 30, 45, 60, 75):
            shop.shift(offset + 60 * minutes)
            for row, books in both:
                books.set_clock(offset + 60 * minutes)
                books.place_orders(3, now=False)
                polling.look_now(connection_id=row.pk, kind=PollKind.CHANGED)
            polling.drain(seconds=60)
        pump.drain(seconds=60)
        assert Order.objects.filter(store=shop.eu).count() == 18
        assert Order.objects.filter(store=uk).count() == 18
        assert shop.untrue() == {}
        shop.control = control
        assert shop.untrue("uk") == {}
        assert {row.currency for row in Order.objects.filter(store=uk)} == {"GBP"}
        money = {placed.id: placed.total for placed in control.walk_placed()}
        assert {int(row.order_ref): row.total for row in Order.objects.filter(store=uk)} == money


def test_what_names_no_order_rings_a_walk_and_is_over_when_every_id_was_looked_at(shop: Shop, settings: object) -> None:
    settings.HISTORY_PAUSE_MS = 0  # type: ignore[attr-defined]
    refs = shop.control.place_orders(5, lives={"completed": 1}, now=True)
    shop.look()
    shop.settle()
    assert shop.untrue() == {}
    shop.control.delete(refs[3])
    error = b'{"code":"woocommerce_rest_shop_order_invalid_id","message":"Invalid ID.","data":{"status":404}}'
    shop.deliver(error, "order.updated")
    shop.settle()
    assert Case.objects.get(code="delivery_names_no_order").state == "open"
    polling.drain(seconds=60)
    shop.settle()
    assert shop.untrue() == {}
    assert Case.objects.get(code="delivery_names_no_order").state == "closed"
    assert not InboxMessage.objects.filter(status="parked").exists()
    assert shop.misposted() == {}

"""A store that is empty, another one or set back cancels nothing; what was really deleted is, once a person says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import F
from django.urls import reverse

from integrations import by_hand, connections, doubts
from integrations.models import InboxMessage, OrderDoubt, Poll, StorePlace
from integrations.states import PollKind
from orders.models import Order
from reconciliation.models import Case
from retailhub.core import clock
from retailhub.core.models import AuditEntry
from retailhub.sandbox.store.control import Control, Place, running_store
from tests.support.shop import Shop, known_skus, running_shop
from tests.support.world import person

ORDERS = 40
WHY = "they were test orders"


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    """40 orders, all of them posted."""
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        shop.control.place_orders(ORDERS, lives={"completed": 1}, plant=0, now=True)
        shop.look(PollKind.HISTORY)
        shop.look(PollKind.CHANGED)
        shop.settle()
        assert posted(shop) == ORDERS
        yield shop


@pytest.fixture
def other(tmp_path: Path) -> Iterator[tuple[Place, Control]]:
    with running_store(tmp_path, name="other", queue_seconds="never") as running:
        yield running


def posted(shop: Shop) -> int:
    return sum(1 for document in shop.books.books().documents if document.live)


def point(shop: Shop, place: Place) -> None:
    """The connection is pointed at another store, with a key that it takes."""
    connections.change(
        name="eu",
        settings={"base_url": place.url},
        credentials={"consumer_key": place.key, "consumer_secret": place.secret},
        limits={},
        actor="test",
        reason="test",
        now=clock.now(),
    )


def case(code: str = doubts.GONE) -> Case:
    return Case.objects.get(code=code)


def refs(shop: Shop) -> list[int]:
    return sorted(int(ref) for ref in Order.objects.values_list("order_ref", flat=True))


def walk(shop: Shop) -> dict[str, object]:
    shop.look(PollKind.WALK)
    shop.settle()
    report: dict[str, object] = Poll.objects.get(connection=shop.eu, kind=PollKind.WALK).report
    return report


def test_an_empty_store_cancels_nothing_and_the_case_ends_when_the_orders_are_back(
    shop: Shop, other: tuple[Place, Control]
) -> None:
    home = shop.shop
    point(shop, other[0])
    report = walk(shop)
    assert report["held_count"] == report["vanished_count"] == ORDERS
    assert posted(shop) == ORDERS
    assert set(Order.objects.values_list("status", flat=True)) == {"completed"}
    ids = refs(shop)
    told = case()
    assert (told.state, told.code) == ("open", "orders_gone_at_once")
    assert (told.evidence["number"], told.evidence["first"], told.evidence["last"]) == ("40", str(ids[0]), str(ids[-1]))
    assert "another address" in told.sentence
    point(shop, home)
    walk(shop)
    assert (case().state, OrderDoubt.objects.count(), posted(shop)) == ("closed", 0, ORDERS)


def test_orders_gone_from_the_same_store_wait_for_a_person_and_then_exactly_these_are_cancelled(shop: Shop) -> None:
    walk(shop)
    ids = refs(shop)
    for ref in ids[:30]:
        shop.control.delete(ref, silent=True)
    shop.control.forget_queue()
    assert walk(shop)["held_count"] == 30
    assert posted(shop) == ORDERS
    shop.control.delete(ids[30], silent=True)
    shop.control.forget_queue()
    done = doubts.accept(connection_id=shop.eu.pk, actor="test", reason=WHY, now=clock.now())
    assert (done.number, done.first, done.last) == (30, str(ids[0]), str(ids[29]))
    shop.settle()
    assert posted(shop) == ORDERS - 30
    assert case().state == "closed"
    entry = AuditEntry.objects.get(action="accept_gone")
    assert entry.reason == WHY
    assert entry.after is not None
    assert entry.after["orders"] == 30
    with pytest.raises(doubts.NothingHeld):
        doubts.accept(connection_id=shop.eu.pk, actor="test", reason=WHY, now=clock.now())


def test_accepting_from_the_case_needs_the_right_and_a_reason(shop: Shop) -> None:
    for ref in refs(shop):
        shop.control.delete(ref, silent=True)
    shop.control.forget_queue()
    assert walk(shop)["held_count"] == ORDERS
    act = reverse("admin:reconciliation_case_act", args=[case().pk, "accept_gone"])
    assert person("console.replay").post(act, {"reason": WHY}).status_code == 403
    engineer = person("console.connect_system", name="eva")
    assert engineer.post(act, {"reason": ""}).status_code == 200
    assert "40 orders that are held now" in engineer.get(act).content.decode()
    assert not AuditEntry.objects.filter(action="accept_gone").exists()
    engineer.post(act, {"reason": WHY})
    shop.settle()
    assert (posted(shop), case().state) == (0, "closed")
    assert AuditEntry.objects.get(action="accept_gone").reason == WHY


def test_accepting_from_the_command_line_needs_a_reason_and_something_that_is_held(shop: Shop) -> None:
    with pytest.raises(SystemExit):
        call_command("poll", "eu", "walk", "--accept-gone", "--reason", WHY)
    for ref in refs(shop)[:30]:
        shop.control.delete(ref, silent=True)
    shop.control.forget_queue()
    walk(shop)
    for refused in (["walk", "--accept-gone"], ["changed", "--accept-gone", "--reason", WHY]):
        with pytest.raises(SystemExit):
            call_command("poll", "eu", *refused)
    assert posted(shop) == ORDERS
    call_command("poll", "eu", "walk", "--accept-gone", "--reason", WHY)
    shop.settle()
    assert posted(shop) == ORDERS - 30


def test_a_few_that_are_gone_are_believed(shop: Shop) -> None:
    for ref in refs(shop)[:5]:
        shop.control.delete(ref, silent=True)
    shop.control.forget_queue()
    assert walk(shop)["held_count"] == 0
    assert posted(shop) == ORDERS - 5
    assert not Case.objects.filter(code=doubts.GONE).exists()


def test_the_newest_that_are_gone_look_like_a_restore_and_wait(shop: Shop) -> None:
    for ref in refs(shop)[-3:]:
        shop.control.delete(ref, silent=True)
    shop.control.forget_queue()
    assert walk(shop)["held_count"] == 3
    assert posted(shop) == ORDERS
    assert "restore" in case().sentence


def test_a_burst_of_reads_that_find_orders_gone_waits_too(shop: Shop) -> None:
    ids = refs(shop)
    for ref in ids:
        shop.control.delete(ref, silent=True)
    shop.control.forget_queue()
    by_hand.read_again(store_id=shop.eu.pk, order_refs=[str(ref) for ref in ids])
    shop.settle()
    assert posted(shop) >= ORDERS - doubts.FEW
    assert case().state == "open"
    held = InboxMessage.objects.filter(code=doubts.GONE)
    assert {(row.status, row.outcome) for row in held} == {("done", "ignored")}


def test_a_store_that_calls_itself_otherwise_than_before_is_not_believed(shop: Shop) -> None:
    walk(shop)
    assert StorePlace.objects.get().home != ""
    StorePlace.objects.update(home="https://before.example.com")
    shop.control.delete(refs(shop)[0], silent=True)
    shop.control.forget_queue()
    assert walk(shop)["held_count"] == 1
    assert posted(shop) == ORDERS
    assert "before it was https://before.example.com" in case().sentence


@pytest.mark.parametrize("trashed", [False, True])
def test_a_single_read_at_a_changed_address_hides_no_order(
    shop: Shop, other: tuple[Place, Control], *, trashed: bool
) -> None:
    place, control = other
    ref = refs(shop)[0]
    if trashed:
        control.set_counters(order_id=ref)
        there = control.place_orders(1, lives={"completed": 1}, plant=0, now=True)[0]
        ref = there if there in refs(shop) else pytest.fail(f"{there} is no order of ours")
        control.set_clock(60)
        control.trash(there)
    point(shop, place)
    by_hand.read_again(store_id=shop.eu.pk, order_refs=[str(ref)])
    shop.settle()
    assert posted(shop) == ORDERS
    assert Order.objects.get(order_ref=str(ref)).status == "completed"
    assert case().evidence["number"] == "1"


def test_refunded_orders_that_are_absent_ring_the_walk_and_cancel_nothing_themselves(shop: Shop) -> None:
    walk(shop)
    ref = refs(shop)[3]
    shop.control.refund(ref, amount="1.00", api_refund=False)
    shop.look(PollKind.CHANGED)
    shop.settle()
    shop.control.delete(ref, silent=True)
    shop.control.forget_queue()
    before = Poll.objects.get(connection=shop.eu, kind=PollKind.WALK).due_at
    shop.look(PollKind.REFUNDS)
    shop.settle()
    assert posted(shop) == ORDERS
    after = Poll.objects.get(connection=shop.eu, kind=PollKind.WALK).due_at
    assert before is not None
    assert after is not None
    assert after < before - dt.timedelta(hours=4)


def test_a_store_that_shows_older_versions_of_many_is_told_and_nothing_is_set_back(shop: Shop) -> None:
    shop.shift(1800)
    shop.control.set_clock(1800)
    Order.objects.update(version_at=F("version_at") + dt.timedelta(seconds=300))
    known = set(Order.objects.values_list("order_ref", "version_at", "status"))
    shop.look(PollKind.SWEEP)
    shop.settle()
    told = case(doubts.WENT_BACK)
    assert (told.state, told.evidence["number"]) == ("open", str(ORDERS))
    assert set(Order.objects.values_list("order_ref", "version_at", "status")) == known
    Order.objects.update(version_at=F("version_at") - dt.timedelta(seconds=300))
    shop.shift(1800)
    shop.look(PollKind.SWEEP)
    shop.settle()
    assert case(doubts.WENT_BACK).state == "closed"
    shop.shift(0)
    shop.control.set_clock(0)

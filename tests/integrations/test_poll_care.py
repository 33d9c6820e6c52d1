"""One order that a store cannot show stops no look, is noted, and a store that is down is not taken for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from integrations import poll_care, poll_steps
from integrations.poll_findings import News
from integrations.polls import Round
from integrations.ports.errors import Transient
from integrations.ports.stores import ListedOrder, Shelf
from integrations.states import PollKind
from tests.support.listed_shop import BEGAN, Inbox, Shop, patient, persistent, round_of

SHELVES = {PollKind.TRASH: Shelf.TRASH, PollKind.DRAFTS: Shelf.DRAFTS}
EVERY = [*SHELVES, PollKind.CHANGED, PollKind.SWEEP, PollKind.HISTORY, PollKind.WALK]


def shop_with(count: int, shelf: Shelf = Shelf.LISTED, *, size: int = 100) -> Shop:
    """Three orders each second."""
    shop = Shop(page_size=size)
    for number in range(1, count + 1):
        shop.put(str(number), shelf)
        shop.now += dt.timedelta(seconds=number % 3 == 0)
    shop.put("5000")
    shop.now += dt.timedelta(minutes=5)
    return shop


def look(kind: PollKind) -> Round:
    return round_of(kind, BEGAN - dt.timedelta(seconds=60) if kind is not PollKind.HISTORY else None)


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("kind", EVERY)
def test_an_order_that_is_never_shown_is_noted_and_all_others_are_found(kind: PollKind, size: int) -> None:
    shop, inbox = shop_with(40, SHELVES.get(kind, Shelf.LISTED), size=size), Inbox()
    shop.broken = {"17", "18", "33"}
    at = patient(look(kind), shop, inbox, steps=600)
    expected = {ref for ref, (shelf, _) in shop.orders.items() if kind not in SHELVES or shelf is SHELVES[kind]}
    assert set(inbox.known_orders) == expected - shop.broken
    assert set(inbox.parked) == shop.broken
    assert set(at.unread) == shop.broken
    assert inbox.missing == set()


def test_orders_asked_for_by_name_are_found_beside_one_that_is_never_shown() -> None:
    shop, inbox = shop_with(130), Inbox()
    inbox.take([News(ListedOrder(ref, b"", order), b"") for ref, (_, order) in shop.orders.items()])
    shop.put("40", note="its refund is gone", moved=False)
    del shop.orders["60"]
    shop.broken = {"41", "120"}
    patient(look(PollKind.REFUNDS), shop, inbox)
    assert inbox.known_orders["40"].customer_note == "its refund is gone"
    assert set(inbox.parked) == shop.broken
    assert inbox.missing == {"60"}


@pytest.mark.parametrize("kind", EVERY)
def test_a_store_that_shows_no_order_at_all_is_down_and_no_order_is_blamed(kind: PollKind) -> None:
    shop, inbox = shop_with(40, SHELVES.get(kind, Shelf.LISTED)), Inbox()
    shop.down = True
    at = look(kind)
    for _ in range(30):
        at = persistent(at, shop, inbox)
        assert not at.unread
    assert inbox.parked == []
    shop.down = False
    patient(at, shop, inbox)
    assert "40" in inbox.known_orders


def test_the_only_order_of_a_page_is_blamed_only_while_another_is_shown() -> None:
    shop, inbox = shop_with(1), Inbox()
    shop.put("6000")
    shop.broken = {"1", "5000", "6000"}
    at = round_of(PollKind.CHANGED, shop.now + dt.timedelta(seconds=1))
    for _ in range(10):
        at = persistent(at, shop, inbox)
    assert inbox.parked == []
    shop.broken = {"6000"}
    patient(at, shop, inbox)
    assert inbox.parked == ["6000"]


def test_a_store_that_fails_now_and_then_blames_nobody() -> None:
    shop, inbox = shop_with(60, size=10), Inbox()
    at, calls = look(PollKind.CHANGED), 0
    shown = shop._shown

    def moody(rows: object) -> object:
        nonlocal calls
        calls += 1
        if calls % 4:
            raise Transient("The store failed.", code="server_error")
        return shown(rows)  # type: ignore[arg-type]

    shop._shown = moody  # type: ignore[method-assign,assignment]
    for _ in range(40):
        at = persistent(at, shop, inbox)
    shop._shown = shown  # type: ignore[method-assign]
    assert inbox.parked == []


@pytest.mark.parametrize("broken", [1, 17, 40])
def test_a_search_that_takes_long_goes_on_in_the_next_step(monkeypatch: pytest.MonkeyPatch, broken: int) -> None:
    monkeypatch.setattr(poll_care, "CARE_SECONDS", 0.0)
    shop, inbox = shop_with(40), Inbox()
    shop.broken = {str(broken), "25"}
    at = look(PollKind.CHANGED)
    before = 0
    for _ in range(poll_care.SUSPECT + 30):
        at = persistent(at, shop, inbox)
        # one failing part, or one order and its other chances
        assert shop.failed - before <= 1 + poll_care.CHANCES
        before = shop.failed
        if at.done:
            break
    assert at.done
    assert set(inbox.parked) == shop.broken
    assert set(inbox.known_orders) == set(shop.orders) - shop.broken
    assert at.seen == 41


def test_an_order_noted_before_costs_the_next_round_no_failure_and_is_tried_again_after_an_hour() -> None:
    shop, inbox = Shop(page_size=100), Inbox()
    for number in range(1, 4):
        shop.put(str(number))
    shop.broken = {"2"}
    at = patient(look(PollKind.CHANGED), shop, inbox)
    failed = shop.failed
    shop.now += dt.timedelta(seconds=60)
    shop.put("4")
    at = patient(at, shop, inbox, steps=3)
    assert "4" in inbox.known_orders
    assert shop.failed == failed
    shop.now += dt.timedelta(seconds=3601)
    shop.put("5")
    at = patient(replace(at, cursor_at=BEGAN), shop, inbox, steps=3)
    assert shop.failed == failed + 1
    shop.broken = set()
    shop.now += dt.timedelta(seconds=3601)
    at = patient(replace(at, cursor_at=BEGAN), shop, inbox, steps=3)
    assert "2" in inbox.known_orders
    assert at.unread == {}


def test_an_order_noted_before_that_has_changed_is_tried_at_once() -> None:
    shop, inbox = Shop(page_size=100), Inbox()
    for number in range(1, 4):
        shop.put(str(number))
    shop.broken = {"2"}
    at = patient(look(PollKind.CHANGED), shop, inbox)
    shop.broken = set()
    shop.now += dt.timedelta(seconds=2)
    shop.put("2", note="mended")
    patient(at, shop, inbox, steps=3)
    assert inbox.known_orders["2"].customer_note == "mended"


def test_the_cursor_passes_an_order_only_when_it_is_noted() -> None:
    shop, inbox = shop_with(20, size=5), Inbox()
    shop.broken = {"13"}
    at = look(PollKind.CHANGED)
    changed_at = shop.orders["13"][1].modified_at
    while "13" not in inbox.parked:
        at = persistent(at, shop, inbox)
        if "13" not in inbox.parked:
            assert at.cursor_at is not None
            assert at.cursor_at < changed_at
    assert patient(at, shop, inbox).cursor_at == shop.orders["5000"][1].modified_at


def test_what_is_read_with_care_is_told_as_read() -> None:
    shop, inbox = shop_with(10), Inbox()
    shop.broken = {"4"}
    at = replace(look(PollKind.CHANGED).begun(shop.now), failures=poll_care.SUSPECT)
    found = poll_steps.step(at, shop, inbox)
    assert set(found.read) == set(shop.orders) - {"4"}
    assert [each.order_ref for each in found.unread] == ["4"]
    assert found.unread[0].error.code == "server_error"

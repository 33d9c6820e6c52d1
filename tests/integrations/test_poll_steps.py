"""Looks at a store that changes while it is read: nothing is skipped, and the cursor passes nothing unseen."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from integrations import poll_steps
from integrations.poll_findings import News
from integrations.ports.stores import IdPage, Shelf
from integrations.states import PollKind
from tests.support.listed_shop import BEGAN, Inbox, Shop, one, round_of, whole


@pytest.fixture(autouse=True)
def overlap(settings: object) -> None:
    settings.POLL_OVERLAP_SECONDS = 3  # type: ignore[attr-defined]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["new", "change", "trash", "delete", "tick", "resize", "step", "step", "step", "step"]),
        st.integers(0, 30),
    ),
    min_size=8,
    max_size=40,
)


def _act(shop: Shop, act: str, which: int, number: int) -> None:
    """One thing that happens in the store."""
    refs = sorted(shop.orders, key=int)
    ref = refs[which % len(refs)] if refs else ""
    match act:
        case "new":
            shop.put(str(100 + number))
        case "change" if ref:
            shop.put(ref, shop.orders[ref][0], note=f"change {number}")
        case "trash" if ref:
            shop.put(ref, Shelf.TRASH)
        case "delete" if ref:
            del shop.orders[ref]
        case "tick":
            shop.now += dt.timedelta(seconds=1 + which % 2)
        case "resize":
            shop.page_size = 1 + which % 4


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, size=st.integers(1, 4), gaps=st.lists(st.integers(0, 3), min_size=8, max_size=14))
def test_whatever_happens_while_a_list_is_read_one_more_round_has_seen_it_all(
    acts: list[tuple[str, int]], size: int, gaps: list[int]
) -> None:
    shop, inbox = Shop(page_size=size), Inbox()
    for number, seconds in enumerate(gaps):
        shop.put(str(1 + number))
        shop.now += dt.timedelta(seconds=seconds)
    at = round_of(PollKind.CHANGED, BEGAN - dt.timedelta(seconds=1))
    for number, (act, which) in enumerate(acts):
        if act == "step":
            at = one(at, shop, inbox)
            at = replace(at, done=False, began_at=None, place={}) if at.done else at
        else:
            _act(shop, act, which, number)
    at = whole(whole(at, shop, inbox), shop, inbox)
    listed = [order for shelf, order in shop.orders.values() if shelf is Shelf.LISTED]
    assert [inbox.known_orders[order.order_ref].customer_note for order in listed] == [o.customer_note for o in listed]
    if listed and at.cursor_at is not None:
        assert at.cursor_at >= max(order.modified_at for order in listed)


def test_a_second_with_more_orders_than_pages_hold_is_read_whole() -> None:
    shop, inbox = Shop(page_size=3), Inbox()
    for number in range(20):
        shop.put(str(1 + number))
    shop.now += dt.timedelta(seconds=1)
    shop.put("50")
    whole(round_of(PollKind.CHANGED, BEGAN - dt.timedelta(seconds=60)), shop, inbox)
    assert len(inbox.known_orders) == 21


def test_the_cursor_stays_when_a_store_is_quiet_and_goes_to_the_newest_change() -> None:
    shop, inbox = Shop(), Inbox()
    at = whole(round_of(PollKind.CHANGED, BEGAN), shop, inbox)
    assert at.cursor_at == BEGAN
    shop.now += dt.timedelta(seconds=90)
    shop.put("7")
    assert whole(at, shop, inbox).cursor_at == shop.now


def test_a_history_reads_every_shelf_once_and_goes_on_where_it_broke_off() -> None:
    shop, inbox = Shop(page_size=2), Inbox()
    for number in range(1, 12):
        shop.put(str(number), Shelf.TRASH if number % 4 == 0 else Shelf.LISTED)
        shop.now += dt.timedelta(hours=1)
    at = round_of(PollKind.HISTORY)
    for _ in range(3):
        at = one(at, shop, inbox)
    reached = dict(at.place)
    assert reached["after"]
    at = replace(at, fence=2)
    assert not at.done
    whole(at, shop, inbox)
    assert set(inbox.known_orders) == set(shop.orders)


def test_a_sweep_finds_what_moved_no_date() -> None:
    shop, inbox = Shop(page_size=2), Inbox()
    for number in range(1, 8):
        shop.put(str(number))
    whole(round_of(PollKind.CHANGED, BEGAN - dt.timedelta(seconds=60)), shop, inbox)
    shop.put("3", note="changed by hand in the database", moved=False)
    whole(round_of(PollKind.CHANGED, shop.now), shop, inbox)
    shop.now += dt.timedelta(hours=6)
    whole(round_of(PollKind.SWEEP), shop, inbox)
    assert inbox.known_orders["3"].customer_note == "changed by hand in the database"


def test_a_walk_names_exactly_what_nobody_told_and_what_is_gone() -> None:
    shop, inbox = Shop(), Inbox()
    for number in range(1, 451):
        shop.put(str(number * 3), Shelf.TRASH if number % 50 == 0 else Shelf.LISTED)
        inbox.take([News(each, b"") for each in shop.named_orders([str(number * 3)])])
        inbox.shelves[str(number * 3)] = shop.orders[str(number * 3)][0]
    for ref in ("300", "900", "1350"):
        inbox.known_orders.pop(ref)
    for ref in ("3", "603"):
        del shop.orders[ref]
    shop.now += dt.timedelta(days=1)
    at = replace(round_of(PollKind.WALK))
    while not at.done:
        at = one(at, shop, inbox)
    assert at.report["found"] == ["300", "900", "1350"]
    assert at.report["vanished"] == ["3", "603"]
    assert set(inbox.known_orders) - inbox.missing == set(shop.orders)
    assert at.report["not_orders"] == 1350 - 448


def test_an_order_placed_while_the_ids_are_walked_is_not_called_untold() -> None:
    shop, inbox = Shop(), Inbox()
    shop.put("5")
    at = round_of(PollKind.WALK)
    while not at.done:
        at = one(at, shop, inbox)
    assert at.report["found"] == []
    assert set(inbox.known_orders) == {"5"}


def test_an_order_that_leaves_the_list_while_ids_are_walked_hides_no_other() -> None:
    shop, inbox = Shop(), Inbox()
    for number in range(1, 251):
        shop.put(str(number))
    shop.now += dt.timedelta(days=1)
    at = one(round_of(PollKind.WALK), shop, inbox)
    shop.put("4", Shelf.TRASH)
    while not at.done:
        at = one(at, shop, inbox)
    assert set(inbox.known_orders) == set(shop.orders)


def test_an_order_dated_in_the_future_does_not_take_the_cursor_along() -> None:
    shop, inbox = Shop(), Inbox()
    began, shop.now = shop.now, shop.now + dt.timedelta(days=30_000)
    shop.put("1")
    shop.now = began + dt.timedelta(seconds=30)
    at = whole(round_of(PollKind.CHANGED, BEGAN), shop, inbox)
    assert at.cursor_at == shop.now
    shop.now += dt.timedelta(seconds=30)
    shop.put("2")
    whole(at, shop, inbox)
    assert set(inbox.known_orders) == {"1", "2"}


def test_a_list_of_ids_that_hides_many_is_no_word_that_they_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, inbox = Shop(), Inbox()
    for number in range(1, 1300):
        shop.put(str(number))
        inbox.take([News(each, b"") for each in shop.named_orders([str(number)])])
    monkeypatch.setattr(shop, "order_ids", lambda **_asked: IdPage((), 0))
    at = round_of(PollKind.WALK)
    while not at.done:
        at = one(at, shop, inbox)
    assert inbox.missing == set()
    assert at.seen == 0


@pytest.mark.parametrize(("older_by", "told"), [(3600, {"1", "2"}), (30, set())])
def test_an_order_shown_older_than_it_was_known_is_told_unless_answers_may_have_crossed(
    older_by: int, told: set[str]
) -> None:
    shop, inbox = Shop(page_size=10), Inbox()
    for ref in ("1", "2", "3"):
        shop.put(ref)
    whole(round_of(PollKind.SWEEP), shop, inbox)
    shop.now += dt.timedelta(hours=2)
    for ref in ("1", "2"):
        known = inbox.known_orders[ref]
        seen_at = shop.now - dt.timedelta(seconds=older_by)
        inbox.known_orders[ref] = structs.replace(known, modified_at=seen_at, customer_note="newer")
    found = poll_steps.step(round_of(PollKind.SWEEP).begun(shop.now), shop, inbox)
    assert set(found.older) == told
    assert found.news == []

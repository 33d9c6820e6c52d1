"""The walk over all ids misses none, whatever comes and goes between two of its pages, and says what it cut off."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations import poll_walk
from integrations.poll_findings import News
from integrations.ports.stores import ListedOrder, Shelf
from integrations.states import PollKind
from tests.support.listed_shop import Inbox, Shop, one, patient, round_of


def shop_with(numbers: range) -> Shop:
    shop = Shop()
    for number in numbers:
        shop.put(str(number))
    shop.now += dt.timedelta(days=1)
    return shop


def known(shop: Shop, inbox: Inbox) -> None:
    inbox.take([News(ListedOrder(ref, b"", order), b"") for ref, (_, order) in shop.orders.items()])


def test_one_that_leaves_while_another_arrives_hides_no_third() -> None:
    shop, inbox = shop_with(range(1, 251)), Inbox()
    at = one(round_of(PollKind.WALK), shop, inbox)
    shop.put("4", Shelf.TRASH)
    shop.put("300")
    while not at.done:
        at = one(at, shop, inbox)
    assert set(inbox.known_orders) == set(shop.orders)


def test_many_that_leave_while_as_many_arrive_hide_no_other() -> None:
    shop, inbox = shop_with(range(1, 501)), Inbox()
    at = one(one(round_of(PollKind.WALK), shop, inbox), shop, inbox)
    for number in range(150):
        shop.put(str(number + 1), Shelf.TRASH)
        shop.put(str(1000 + number))
    while not at.done:
        at = one(at, shop, inbox)
    assert set(inbox.known_orders) == set(shop.orders)


@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(0, 60),
    sizes=st.lists(st.sampled_from([1, 2, 3, 5, 10, 25]), min_size=1, max_size=8),
    moves=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 59)), max_size=12),
)
def test_whatever_comes_and_goes_every_order_that_stays_is_seen_once(
    count: int, sizes: list[int], moves: list[tuple[int, int, int]]
) -> None:
    shop, inbox = shop_with(range(1, count + 1)), Inbox()
    stays = set(shop.orders)
    at, steps, newest = round_of(PollKind.WALK), 0, count
    while not at.done:
        shop.id_page_size = sizes[steps % len(sizes)]
        at = one(at, shop, inbox)
        gone, come, where = moves[steps] if steps < len(moves) else (0, 0, 0)
        refs = sorted(shop.orders, key=int)
        for ref in refs[where : where + gone]:
            shop.put(ref, Shelf.TRASH)
        for _ in range(come):
            newest += 1
            shop.put(str(newest))
        steps += 1
        assert steps < 2000
    assert stays <= set(inbox.known_orders)


def test_ids_that_are_shown_again_are_counted_once() -> None:
    shop, inbox = shop_with(range(1, 301)), Inbox()
    at = one(one(round_of(PollKind.WALK), shop, inbox), shop, inbox)
    for number in range(1, 131):
        del shop.orders[str(number)]
    known(shop, inbox)
    while not at.done:
        at = one(at, shop, inbox)
    assert at.seen == 300
    assert at.report["not_orders"] == 0


def test_a_report_that_is_cut_says_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_walk, "KEPT", 20)
    shop, inbox = shop_with(range(1, 251)), Inbox()
    known(shop, inbox)
    for number in range(1, 241, 2):
        del inbox.known_orders[str(number)]
    for number in range(2, 62, 2):
        del shop.orders[str(number)]
    at = round_of(PollKind.WALK)
    while not at.done:
        at = one(at, shop, inbox)
    assert (len(at.report["found"]), at.report["found_count"]) == (20, 120)
    assert (len(at.report["vanished"]), at.report["vanished_count"]) == (20, 30)
    assert at.report["found"][:3] == ["1", "3", "5"]


def test_what_is_gone_is_asked_for_in_bounded_parts_and_the_walk_goes_on_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poll_walk, "KNOWN_AT_ONCE", 50)
    monkeypatch.setattr(poll_walk, "STRETCH", 70)
    shop, inbox = shop_with(range(1, 1501)), Inbox()
    known(shop, inbox)
    for number in [*range(80, 800), *range(1200, 1501)]:
        del shop.orders[str(number)]
    for ref in ("40", "900", "1100"):
        inbox.known_orders.pop(ref)
    asked: list[int] = []
    to_be_listed, named_orders = inbox.to_be_listed, shop.named_orders

    def watched(*, store_id: int, after: int, upto: int | None, limit: int) -> list[str]:
        part = to_be_listed(store_id=store_id, after=after, upto=upto, limit=limit)
        asked[-1] += len(part)
        return part

    def named(order_refs: Sequence[str]) -> list[ListedOrder]:
        calls.append(len(order_refs))
        return named_orders(order_refs)

    monkeypatch.setattr(inbox, "to_be_listed", watched)
    monkeypatch.setattr(shop, "named_orders", named)
    at = round_of(PollKind.WALK)
    while not at.done:
        calls: list[int] = []
        asked.append(0)
        at = one(at, shop, inbox)
        assert sum(calls) <= 70 + 100
    assert inbox.missing == {str(number) for number in [*range(80, 800), *range(1200, 1501)]}
    assert at.report["vanished_count"] == 720 + 301
    assert at.report["found"] == ["40", "900", "1100"]
    assert at.seen == 479
    assert at.report["highest_id"] == 1199
    assert max(asked) < 300


def test_what_is_gone_at_the_end_of_the_list_is_found_in_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_walk, "KNOWN_AT_ONCE", 50)
    shop, inbox = shop_with(range(1, 301)), Inbox()
    known(shop, inbox)
    for number in range(80, 301):
        del shop.orders[str(number)]
    at = patient(round_of(PollKind.WALK), shop, inbox)
    assert at.report["vanished_count"] == 221
    assert inbox.missing == {str(number) for number in range(80, 301)}


@pytest.mark.parametrize("most", [1, 2, 3, 5, 10, 25, 50, 100])
def test_each_page_of_ids_holds_the_one_before_it_and_reaches_beyond(most: int) -> None:
    for position in range(1, 5000):
        page, size = poll_walk.window(position, most)
        assert size <= 100
        assert (page - 1) * size < position < page * size
    assert poll_walk.window(0, most) == (1, most)

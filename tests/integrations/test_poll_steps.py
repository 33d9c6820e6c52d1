"""Looks at a store that changes while it is read: nothing is skipped, and the cursor passes nothing unseen."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from integrations import poll_steps
from integrations.connectors.woocommerce.mapping import order_from_body
from integrations.poll_steps import News
from integrations.polls import Round
from integrations.ports import versions
from integrations.ports.documents import Order
from integrations.ports.errors import Transient
from integrations.ports.stores import IdPage, ListedOrder, OrderPage, Shelf
from integrations.states import PollKind
from tests.support.lives import order_body

BEGAN = dt.datetime(2026, 11, 23, 6, 0, tzinfo=dt.UTC)
TEMPLATE = order_from_body(order_body(1))


@dataclass
class Shop:
    """A store's lists with the semantics that were recorded; its clock moves when the test says so."""

    page_size: int = 3
    now: dt.datetime = BEGAN
    orders: dict[str, tuple[Shelf, Order]] = field(default_factory=dict)
    calls: int = 0

    def put(self, ref: str, shelf: Shelf = Shelf.LISTED, *, note: str = "", moved: bool = True) -> None:
        """Place or change an order; ``moved`` false leaves its date as it is."""
        known = self.orders.get(ref)
        created = known[1].created_at if known else self.now
        modified = self.now if moved or known is None else known[1].modified_at
        order = structs.replace(
            TEMPLATE, order_ref=ref, number=ref, created_at=created, modified_at=modified, customer_note=note
        )
        self.orders[ref] = (shelf, order)

    def _page(self, rows: list[Order], page: int) -> OrderPage:
        self.calls += 1
        shown = rows[(page - 1) * self.page_size : page * self.page_size]
        return OrderPage(tuple(ListedOrder(each.order_ref, _bytes(each), each) for each in shown), len(rows))

    def _of(self, shelf: Shelf) -> list[Order]:
        return [order for place, order in self.orders.values() if place is shelf]

    def changed_orders(
        self, *, shelf: Shelf, after: dt.datetime | None, page: int, before: dt.datetime | None = None
    ) -> OrderPage:
        rows = [each for each in self._of(shelf) if _between(each.modified_at, after, before)]
        return self._page(sorted(rows, key=lambda each: (each.modified_at, int(each.order_ref))), page)

    def created_orders(
        self, *, shelf: Shelf, after: dt.datetime, page: int, before: dt.datetime | None = None
    ) -> OrderPage:
        rows = [each for each in self._of(shelf) if _between(each.created_at, after, before)]
        return self._page(sorted(rows, key=lambda each: (each.created_at, int(each.order_ref))), page)

    def named_orders(self, order_refs: Sequence[str]) -> list[ListedOrder]:
        assert len(order_refs) <= poll_steps.NAMED
        found = [self.orders[ref][1] for ref in order_refs if ref in self.orders]
        return [ListedOrder(each.order_ref, _bytes(each), each) for each in found]

    def order_ids(self, *, shelf: Shelf, page: int) -> IdPage:
        refs = sorted((each.order_ref for each in self._of(shelf)), key=int)
        return IdPage(tuple(refs[(page - 1) * 100 : page * 100]), len(refs))


def _between(moment: dt.datetime, after: dt.datetime | None, before: dt.datetime | None) -> bool:
    return (after is None or moment > after) and (before is None or moment < before)


def _bytes(order: Order) -> bytes:
    return json.dumps({"id": order.order_ref, "at": order.modified_at.isoformat()}).encode()


@dataclass
class Inbox:
    """What has been taken in: the newest of each order, as the product would know it."""

    known_orders: dict[str, Order] = field(default_factory=dict)
    shelves: dict[str, Shelf] = field(default_factory=dict)
    vanished: set[str] = field(default_factory=set)

    def news(self, *, store_id: int, listed: Sequence[ListedOrder]) -> list[News]:
        del store_id
        return [
            News(each, versions.content_hash(each.order))
            for each in listed
            if each.order is not None and self._is_news(each.order)
        ]

    def _is_news(self, order: Order) -> bool:
        known = self.known_orders.get(order.order_ref)
        if known is None or order.modified_at > known.modified_at:
            return True
        return order.modified_at == known.modified_at and order.customer_note != known.customer_note

    def known(self, *, store_id: int, after: int, upto: int | None) -> Mapping[str, bool]:
        del store_id
        inside = [ref for ref in self.known_orders if after < int(ref) and (upto is None or int(ref) <= upto)]
        return {ref: self.shelves.get(ref, Shelf.LISTED) is Shelf.LISTED for ref in inside}

    def waiting(self, *, store_id: int, order_refs: Sequence[str]) -> set[str]:
        del store_id, order_refs
        return set()

    def refunded(self, *, store_id: int, since: dt.datetime, after: int, limit: int) -> list[str]:
        del store_id, since
        return sorted((ref for ref in self.known_orders if int(ref) > after), key=int)[:limit]

    def take(self, news: Sequence[News], vanished: Sequence[str] = ()) -> None:
        for each in news:
            if each.listed.order is not None:
                self.known_orders[each.listed.order_ref] = each.listed.order
        for ref in vanished:
            self.vanished.add(ref)
            self.known_orders.pop(ref, None)


@pytest.fixture(autouse=True)
def overlap(settings: object) -> None:
    settings.POLL_OVERLAP_SECONDS = 3  # type: ignore[attr-defined]


def _round(kind: PollKind, cursor_at: dt.datetime | None = None) -> Round:
    return Round(
        id=1, connection_id=1, kind=kind, fence=1, every_seconds=60, cursor_at=cursor_at, began_at=None, place={}
    )


def _one(at: Round, shop: Shop, inbox: Inbox) -> Round:
    found = poll_steps.step(at.begun(shop.now), shop, inbox)
    inbox.take(found.news, found.vanished)
    return replace(found.after, place=json.loads(json.dumps(dict(found.after.place))))


def _whole(at: Round, shop: Shop, inbox: Inbox) -> Round:
    for _ in range(1000):
        at = _one(at, shop, inbox)
        if at.done:
            return replace(at, done=False, began_at=None, place={})
    raise AssertionError("a round that never ends")


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
    at = _round(PollKind.CHANGED, BEGAN - dt.timedelta(seconds=1))
    for number, (act, which) in enumerate(acts):
        if act == "step":
            at = _one(at, shop, inbox)
            at = replace(at, done=False, began_at=None, place={}) if at.done else at
        else:
            _act(shop, act, which, number)
    at = _whole(_whole(at, shop, inbox), shop, inbox)
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
    _whole(_round(PollKind.CHANGED, BEGAN - dt.timedelta(seconds=60)), shop, inbox)
    assert len(inbox.known_orders) == 21


def test_the_cursor_stays_when_a_store_is_quiet_and_goes_to_the_newest_change() -> None:
    shop, inbox = Shop(), Inbox()
    at = _whole(_round(PollKind.CHANGED, BEGAN), shop, inbox)
    assert at.cursor_at == BEGAN
    shop.now += dt.timedelta(seconds=90)
    shop.put("7")
    assert _whole(at, shop, inbox).cursor_at == shop.now


def test_a_history_reads_every_shelf_once_and_goes_on_where_it_broke_off() -> None:
    shop, inbox = Shop(page_size=2), Inbox()
    for number in range(1, 12):
        shop.put(str(number), Shelf.TRASH if number % 4 == 0 else Shelf.LISTED)
        shop.now += dt.timedelta(hours=1)
    at = _round(PollKind.HISTORY)
    for _ in range(3):
        at = _one(at, shop, inbox)
    reached = dict(at.place)
    assert reached["after"]
    at = replace(at, fence=2)
    assert not at.done
    _whole(at, shop, inbox)
    assert set(inbox.known_orders) == set(shop.orders)


def test_a_sweep_finds_what_moved_no_date() -> None:
    shop, inbox = Shop(page_size=2), Inbox()
    for number in range(1, 8):
        shop.put(str(number))
    _whole(_round(PollKind.CHANGED, BEGAN - dt.timedelta(seconds=60)), shop, inbox)
    shop.put("3", note="changed by hand in the database", moved=False)
    _whole(_round(PollKind.CHANGED, shop.now), shop, inbox)
    shop.now += dt.timedelta(hours=6)
    _whole(_round(PollKind.SWEEP), shop, inbox)
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
    at = replace(_round(PollKind.WALK))
    while not at.done:
        at = _one(at, shop, inbox)
    assert at.report["found"] == ["300", "900", "1350"]
    assert at.report["vanished"] == ["3", "603"]
    assert set(inbox.known_orders) == set(shop.orders)
    assert at.report["not_orders"] == 1350 - 448


def test_an_order_placed_while_the_ids_are_walked_is_not_called_untold() -> None:
    shop, inbox = Shop(), Inbox()
    shop.put("5")
    at = _round(PollKind.WALK)
    while not at.done:
        at = _one(at, shop, inbox)
    assert at.report["found"] == []
    assert set(inbox.known_orders) == {"5"}


def test_an_order_that_leaves_the_list_while_ids_are_walked_hides_no_other() -> None:
    shop, inbox = Shop(), Inbox()
    for number in range(1, 251):
        shop.put(str(number))
    shop.now += dt.timedelta(days=1)
    at = _one(_round(PollKind.WALK), shop, inbox)
    shop.put("4", Shelf.TRASH)
    while not at.done:
        at = _one(at, shop, inbox)
    assert set(inbox.known_orders) == set(shop.orders)


def test_an_order_dated_in_the_future_does_not_take_the_cursor_along() -> None:
    shop, inbox = Shop(), Inbox()
    began, shop.now = shop.now, shop.now + dt.timedelta(days=30_000)
    shop.put("1")
    shop.now = began + dt.timedelta(seconds=30)
    at = _whole(_round(PollKind.CHANGED, BEGAN), shop, inbox)
    assert at.cursor_at == shop.now
    shop.now += dt.timedelta(seconds=30)
    shop.put("2")
    _whole(at, shop, inbox)
    assert set(inbox.known_orders) == {"1", "2"}


def test_a_list_of_ids_that_hides_many_is_no_word_that_they_are_gone() -> None:
    shop, inbox = Shop(), Inbox()
    for number in range(1, 700):
        shop.put(str(number))
        inbox.take([News(each, b"") for each in shop.named_orders([str(number)])])
    shop.orders.clear()
    with pytest.raises(Transient):
        _one(_round(PollKind.WALK), shop, inbox)

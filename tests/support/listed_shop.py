"""A store's lists and what is known of them, in memory, for looks that are made step by step."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from integrations import poll_steps
from integrations.connectors.woocommerce.mapping import order_from_body
from integrations.poll_findings import NAMED, Judged, News, Unread
from integrations.polls import Round
from integrations.ports import versions
from integrations.ports.documents import Order
from integrations.ports.errors import Transient
from integrations.ports.stores import IdPage, ListedOrder, OrderPage, Outline, OutlinePage, Shelf, SortKey
from integrations.states import PollKind
from tests.support.lives import order_body

BEGAN = dt.datetime(2026, 11, 23, 6, 0, tzinfo=dt.UTC)
TEMPLATE = order_from_body(order_body(1))


@dataclass
class Shop:
    """A store's lists with the semantics that were recorded; its clock moves when the test says so.

    A read that shows an order of ``broken`` fails; ``down``: every full read does; ``failed`` counts them.
    ``between`` is called after each answer with ids.
    """

    page_size: int = 3
    id_page_size: int = 100
    told_at: dt.datetime | None = None
    now: dt.datetime = BEGAN
    orders: dict[str, tuple[Shelf, Order]] = field(default_factory=dict)
    calls: int = 0
    broken: set[str] = field(default_factory=set)
    down: bool = False
    failed: int = 0
    between: Callable[[int], None] = lambda _page: None

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
        return OrderPage(self._shown(self._cut(rows, page)), len(rows))

    def _cut(self, rows: list[Order], page: int) -> list[Order]:
        return rows[(page - 1) * self.page_size : page * self.page_size]

    def _shown(self, rows: Sequence[Order]) -> tuple[ListedOrder, ...]:
        if rows and (self.down or any(each.order_ref in self.broken for each in rows)):
            self.failed += 1
            raise Transient("The store failed.", code="server_error")
        return tuple(ListedOrder(each.order_ref, _bytes(each), each) for each in rows)

    def _of(self, shelf: Shelf) -> list[Order]:
        return [order for place, order in self.orders.values() if place is shelf]

    def _sorted(self, key: SortKey, shelf: Shelf, after: dt.datetime | None, before: dt.datetime | None) -> list[Order]:
        def moment(order: Order) -> dt.datetime:
            return order.modified_at if key is SortKey.CHANGED else order.created_at

        rows = [each for each in self._of(shelf) if _between(moment(each), after, before)]
        return sorted(rows, key=lambda each: (moment(each), int(each.order_ref)))

    def changed_orders(
        self, *, shelf: Shelf, after: dt.datetime | None, page: int, before: dt.datetime | None = None
    ) -> OrderPage:
        return self._page(self._sorted(SortKey.CHANGED, shelf, after, before), page)

    def created_orders(
        self, *, shelf: Shelf, after: dt.datetime, page: int, before: dt.datetime | None = None
    ) -> OrderPage:
        return self._page(self._sorted(SortKey.CREATED, shelf, after, before), page)

    def outlines(
        self, *, key: SortKey, shelf: Shelf, after: dt.datetime | None, page: int, before: dt.datetime | None = None
    ) -> OutlinePage:
        rows = self._sorted(key, shelf, after, before)
        shown = [Outline(each.order_ref, each.modified_at, each.created_at) for each in self._cut(rows, page)]
        return OutlinePage(tuple(shown), len(rows))

    def named_orders(self, order_refs: Sequence[str]) -> list[ListedOrder]:
        assert len(order_refs) <= NAMED
        return list(self._shown([self.orders[ref][1] for ref in order_refs if ref in self.orders]))

    def order_ids(self, *, shelf: Shelf, page: int, size: int) -> IdPage:
        refs = sorted((each.order_ref for each in self._of(shelf)), key=int)
        answer = IdPage(tuple(refs[(page - 1) * size : page * size]), len(refs))
        self.between(page)
        return answer

    def home(self) -> str:
        return "https://shop.example.com"


def _between(moment: dt.datetime, after: dt.datetime | None, before: dt.datetime | None) -> bool:
    return (after is None or moment > after) and (before is None or moment < before)


def _bytes(order: Order) -> bytes:
    return json.dumps({"id": order.order_ref, "at": order.modified_at.isoformat()}).encode()


@dataclass
class Inbox:
    """What has been taken in: the newest of each order, as the product would know it."""

    known_orders: dict[str, Order] = field(default_factory=dict)
    shelves: dict[str, Shelf] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    parked: list[str] = field(default_factory=list)

    def news(self, *, store_id: int, listed: Sequence[ListedOrder]) -> Judged:
        del store_id
        read = [each for each in listed if each.order is not None]
        new = [(each, each.order) for each in read if each.order and self._is_news(each.order)]
        news = [News(each, versions.content_hash(order)) for each, order in new]
        known = {ref: order.modified_at for ref, order in self.known_orders.items()}
        older = {e.order_ref: known[e.order_ref] for e in read if e.order and self._is_older(e.order)}
        return Judged(news, older)

    def _is_older(self, order: Order) -> bool:
        known = self.known_orders.get(order.order_ref)
        return known is not None and order.modified_at < known.modified_at

    def _is_news(self, order: Order) -> bool:
        known = self.known_orders.get(order.order_ref)
        if known is None or order.modified_at > known.modified_at:
            return True
        return order.modified_at == known.modified_at and order.customer_note != known.customer_note

    def strangers(self, *, store_id: int, order_refs: Sequence[str]) -> set[str]:
        del store_id
        return set(order_refs) - set(self.known_orders)

    def to_be_listed(self, *, store_id: int, after: int, upto: int | None, limit: int) -> list[str]:
        del store_id
        inside = [int(ref) for ref in self.known_orders if after < int(ref) and (upto is None or int(ref) <= upto)]
        listed = [ref for ref in sorted(inside) if self.shelves.get(str(ref), Shelf.LISTED) is Shelf.LISTED]
        return [str(ref) for ref in listed[:limit]]

    def waiting(self, *, store_id: int, order_refs: Sequence[str]) -> set[str]:
        del store_id
        return set(order_refs) & set(self.parked)

    def refunded(self, *, store_id: int, since: dt.datetime, after: int, limit: int) -> list[str]:
        del store_id, since
        return sorted((ref for ref in self.known_orders if int(ref) > after), key=int)[:limit]

    def take(self, news: Sequence[News], missing: Sequence[str] = (), unread: Sequence[Unread] = ()) -> None:
        self.parked += [each.order_ref for each in unread]
        for each in news:
            if each.listed.order is not None:
                self.known_orders[each.listed.order_ref] = each.listed.order
        self.missing.update(missing)


def round_of(kind: PollKind, cursor_at: dt.datetime | None = None) -> Round:
    return Round(
        id=1, connection_id=1, kind=kind, fence=1, every_seconds=60, cursor_at=cursor_at, began_at=None, place={}
    )


def one(at: Round, shop: Shop, inbox: Inbox) -> Round:
    found = poll_steps.step(at.begun(shop.now), shop, inbox)
    inbox.take(found.news, found.missing, found.unread)
    stored = json.loads(json.dumps({"place": dict(found.after.place), "unread": dict(found.after.unread)}))
    return replace(found.after, **stored, failures=0)


def persistent(at: Round, shop: Shop, inbox: Inbox) -> Round:
    """One step as the engine makes it: what fails is tried again, and counted."""
    try:
        return one(at, shop, inbox)
    except Transient:
        return replace(at, failures=at.failures + 1)


def patient(at: Round, shop: Shop, inbox: Inbox, *, steps: int = 200) -> Round:
    for _ in range(steps):
        at = persistent(at, shop, inbox)
        if at.done:
            return replace(at, done=False, began_at=None, place={})
    raise AssertionError("a round that never ends")


def whole(at: Round, shop: Shop, inbox: Inbox) -> Round:
    for _ in range(1000):
        at = one(at, shop, inbox)
        if at.done:
            return replace(at, done=False, began_at=None, place={})
    raise AssertionError("a round that never ends")

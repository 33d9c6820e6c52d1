"""One step of each standing look: which page to ask for, what of it is news, where the next step begins.

No step writes anything. Lists are read by what they are sorted by, not by page number alone: the next page begins
at the second of the last order seen, so nothing is skipped when orders change or vanish while the list is read.
Page numbers only divide a second that has more orders than a page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec
from django.conf import settings

from integrations.polls import Round
from integrations.ports.errors import Transient
from integrations.ports.stores import ListedOrder, OrderHistory, OrderPage, Shelf
from integrations.states import PollKind

SECOND = dt.timedelta(seconds=1)
NAMED = 100
"""Orders asked for by name in one call."""
MANY_GONE = 500
"""Orders that one page of ids may lack: more is a list that hides them, not a shop that deleted them."""
KEPT = 1000
"""Names of orders in a report."""


@dataclass(frozen=True)
class News:
    """An order of a list that says something new; ``digest`` is the hash of its content, empty when unreadable."""

    listed: ListedOrder
    digest: bytes


class Records(Protocol):
    """What is known of a store's orders; filled in by the wiring."""

    def news(self, *, store_id: int, listed: Sequence[ListedOrder]) -> list[News]:
        """Those that are unknown, newer than what is known, or other in content."""

    def known(self, *, store_id: int, after: int, upto: int | None) -> Mapping[str, bool]:
        """The orders with ids in ``(after, upto]``, and whether the store should list them."""

    def waiting(self, *, store_id: int, order_refs: Sequence[str]) -> set[str]:
        """Those of them that a message in the inbox speaks of already."""

    def refunded(self, *, store_id: int, since: dt.datetime, after: int, limit: int) -> list[str]:
        """The next orders after id ``after`` that have a refund and changed at or after ``since``."""


@dataclass(frozen=True)
class Found:
    """What a step found: the look as it leaves it, what is new, and which known orders no list has."""

    after: Round
    news: Sequence[News] = ()
    vanished: Sequence[str] = ()


Step = Callable[[Round, OrderHistory, Records], Found]


def step(at: Round, source: OrderHistory, records: Records) -> Found:
    """Make the next step of a look that has begun."""
    return STEPS[at.kind](at, source, records)


@dataclass(frozen=True)
class Place:
    """Where a sorted list is read on: later than ``after``.

    ``page`` other than 0: within the one second after it, by pages of ``size``; ``total`` as its last page told.
    """

    shelf: Shelf
    after: dt.datetime | None
    page: int = 0
    size: int = 0
    total: int = 0

    @classmethod
    def of(cls, at: Round, *, shelf: Shelf, after: dt.datetime | None) -> Place:
        """As noted, or as given when the round begins."""
        if not at.place:
            return cls(shelf, after)
        told = at.place["after"]
        moment = dt.datetime.fromisoformat(told) if told else None
        return cls(Shelf(at.place["shelf"]), moment, at.place["page"], at.place["size"], at.place["total"])

    def note(self) -> dict[str, str | int]:
        """As it is stored."""
        moment = self.after.isoformat() if self.after else ""
        return {"shelf": self.shelf, "after": moment, "page": self.page, "size": self.size, "total": self.total}

    def fitting(self, size: int) -> Place:
        """With another size of pages their numbers mean something else: this second is read from its beginning."""
        return self if not self.page or self.size == size else replace(self, page=1, size=size, total=0)

    @property
    def before(self) -> dt.datetime | None:
        """The end of the one second that is read."""
        return self.after + 2 * SECOND if self.after and self.page else None

    def next(self, page: OrderPage, *, size: int, newest: dt.datetime | None) -> Place | None:
        """Where to read on, or ``None`` at the end. ``newest`` is the highest sort key of the page."""
        number = max(self.page, 1)
        ended = not page.orders or (number - 1) * size + len(page.orders) >= page.total
        if not self.page:
            if ended:
                return None
            passed = newest is not None and (self.after is None or newest - SECOND > self.after)
            return Place(self.shelf, newest - SECOND) if passed and newest else replace(self, page=1, size=size)
        if page.total < self.total:
            # something left this second while its pages were read: what followed has moved up
            return replace(self, page=1, total=page.total)
        if not ended:
            return replace(self, page=number + 1, total=page.total)
        # the end of a second is not the end of the list
        return Place(self.shelf, self.after + SECOND) if self.after else None


def _counted(at: Round, listed: Sequence[object], news: Sequence[News], *, total: int | None) -> Round:
    seen, fresh = at.seen + len(listed), at.fresh + len(news)
    first = at.total if at.total is not None else total
    return replace(at, seen=seen, fresh=fresh, total=first, calls=at.calls + 1)


def _summary(at: Round) -> dict[str, Any]:
    return {"seen": at.seen, "fresh": at.fresh, "calls": at.calls}


def _changed(shelf: Shelf) -> Step:
    def look(at: Round, source: OrderHistory, records: Records) -> Found:
        overlap = dt.timedelta(seconds=settings.POLL_OVERLAP_SECONDS)
        place = Place.of(at, shelf=shelf, after=at.cursor_at and at.cursor_at - overlap)
        return _by_change(at, place, source, records, then=None)

    return look


def _history(at: Round, source: OrderHistory, records: Records) -> Found:
    place = Place.of(at, shelf=Shelf.LISTED, after=None)
    return _by_change(at, place, source, records, then=_next_shelf(place.shelf))


def _by_change(at: Round, place: Place, source: OrderHistory, records: Records, *, then: Shelf | None) -> Found:
    size = source.page_size
    place = place.fitting(size)
    page = source.changed_orders(shelf=place.shelf, after=place.after, page=max(place.page, 1), before=place.before)
    news = records.news(store_id=at.connection_id, listed=page.orders)
    newest = max((each.order.modified_at for each in page.orders if each.order), default=None)
    following = place.next(page, size=size, newest=newest)
    after = _counted(at, page.orders, news, total=page.total)
    # a place is later than what has been read whole; at the end of the list that is everything
    sure = following.after if following is not None else newest or place.after
    if sure is not None and place.shelf is _own_shelf(at.kind):
        # an order dated in the future, by hand or by a clock that ran ahead, must not take the cursor along
        sure = min(sure, at.began_at or sure)
        after = replace(after, cursor_at=max(sure, at.cursor_at or sure))
    return Found(_gone_on(after, following, then), news)


def _next_shelf(shelf: Shelf) -> Shelf | None:
    return {Shelf.LISTED: Shelf.TRASH, Shelf.TRASH: Shelf.DRAFTS}.get(shelf)


def _own_shelf(kind: PollKind) -> Shelf:
    return {PollKind.TRASH: Shelf.TRASH, PollKind.DRAFTS: Shelf.DRAFTS}.get(kind, Shelf.LISTED)


def _gone_on(after: Round, following: Place | None, then: Shelf | None, since: dt.datetime | None = None) -> Round:
    if following is None and then is not None:
        following = Place(then, since)
    if following is None:
        return replace(after, done=True, report=_summary(after))
    return replace(after, place=following.note())


def _sweep(at: Round, source: OrderHistory, records: Records) -> Found:
    since = at.under_way_since - dt.timedelta(days=settings.SWEEP_DAYS)
    size = source.page_size
    place = Place.of(at, shelf=Shelf.LISTED, after=since - SECOND).fitting(size)
    bounds = (place.after or since, place.before)
    page = source.created_orders(shelf=place.shelf, after=bounds[0], page=max(place.page, 1), before=bounds[1])
    news = records.news(store_id=at.connection_id, listed=page.orders)
    newest = max((each.order.created_at for each in page.orders if each.order), default=None)
    following = place.next(page, size=size, newest=newest)
    after = _counted(at, page.orders, news, total=page.total)
    return Found(_gone_on(after, following, _next_shelf(place.shelf), since - SECOND), news)


def _refunds(at: Round, source: OrderHistory, records: Records) -> Found:
    last = int(at.place.get("last", 0))
    since = at.under_way_since - dt.timedelta(days=settings.REFUND_DAYS)
    refs = records.refunded(store_id=at.connection_id, since=since, after=last, limit=NAMED)
    listed = source.named_orders(refs) if refs else []
    news = records.news(store_id=at.connection_id, listed=listed)
    vanished = sorted(set(refs) - {each.order_ref for each in listed})
    after = _counted(at, listed, news, total=None)
    if len(refs) < NAMED:
        return Found(replace(after, done=True, report=_summary(after)), news, vanished)
    return Found(replace(after, place={"last": int(refs[-1])}), news, vanished)


def _walk(at: Round, source: OrderHistory, records: Records) -> Found:
    """One page of ids against the ids we know; what only one side has is asked for by name."""
    place = Walked.of(at)
    page = source.order_ids(shelf=place.shelf, page=place.page)
    ids = sorted(int(ref) for ref in page.order_refs)
    ends = not ids or place.page * NAMED >= page.total
    first = min(place.last, ids[0] - 1) if ids else place.last
    known = records.known(store_id=at.connection_id, after=first, upto=None if ends else ids[-1])
    shown = {str(each) for each in ids}
    unknown = shown - set(known)
    doubtful = {ref for ref, is_listed in known.items() if is_listed and ref not in shown}
    doubtful = doubtful if place.shelf is Shelf.LISTED else set()
    if len(doubtful) > MANY_GONE:
        raise Transient(
            f"The store's list of ids lacks {len(doubtful)} orders in a row that we know: it is not whole.",
            code="list_not_whole",
            evidence={"missing": str(len(doubtful)), "total": str(page.total)},
        )
    listed = _named(source, sorted(unknown | doubtful, key=int))
    there = {each.order_ref for each in listed}
    vanished = sorted(doubtful - there, key=int)
    news = records.news(store_id=at.connection_id, listed=listed)
    after = replace(_counted(at, ids, news, total=page.total), seen=at.seen + len(ids))
    found = _never_told(at, [each.listed for each in news if each.listed.order_ref in unknown], records)
    following = place.noting(found, vanished, ids).next(page.total, last=ids[-1] if ids else place.last, ends=ends)
    return Found(_walked_on(after, following), news, vanished)


def _never_told(at: Round, listed: Sequence[ListedOrder], records: Records) -> list[str]:
    """Orders that neither webhook nor poll has told of in time; the newest may still be on their way."""
    settled = at.under_way_since - dt.timedelta(seconds=2 * settings.POLL_SECONDS)
    old = [each.order_ref for each in listed if each.order is None or each.order.created_at < settled]
    return [ref for ref in old if ref not in records.waiting(store_id=at.connection_id, order_refs=old)]


@dataclass(frozen=True)
class Walked:
    """How far a walk over ids is, and what it has found: names of at most `KEPT` orders each."""

    shelf: Shelf = Shelf.LISTED
    page: int = 1
    last: int = 0
    total: int = 0
    highest: int = 0
    found: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    ended: bool = False

    @classmethod
    def of(cls, at: Round) -> Walked:
        return msgspec.convert(dict(at.place), cls) if at.place else cls()

    def noting(self, found: Sequence[str], vanished: Sequence[str], ids: Sequence[int]) -> Walked:
        return replace(
            self,
            found=tuple(sorted({*self.found, *found}, key=int)[:KEPT]),
            vanished=tuple(sorted({*self.vanished, *vanished}, key=int)[:KEPT]),
            highest=max([self.highest, *ids]),
        )

    def next(self, total: int, *, last: int, ends: bool) -> Walked:
        """The next page; the one before once more when the list has grown shorter meanwhile: all moved up."""
        if self.page > 1 and total < self.total:
            return replace(self, page=self.page - 1, total=total)
        if not ends:
            return replace(self, page=self.page + 1, total=total, last=last)
        rest = _next_shelf(self.shelf)
        return replace(self, shelf=rest, page=1, last=0, total=0) if rest else replace(self, ended=True)


def _walked_on(after: Round, place: Walked) -> Round:
    if not place.ended:
        return replace(after, place=msgspec.to_builtins(place))
    report = _summary(after) | {
        "found": list(place.found),
        "vanished": list(place.vanished),
        "highest_id": place.highest,
        "not_orders": max(0, place.highest - after.seen),
    }
    return replace(after, done=True, report=report)


def _named(source: OrderHistory, refs: Sequence[str]) -> list[ListedOrder]:
    pages = [refs[start : start + NAMED] for start in range(0, len(refs), NAMED)]
    return [each for page in pages for each in source.named_orders(page)]


STEPS: dict[PollKind, Step] = {
    PollKind.CHANGED: _changed(Shelf.LISTED),
    PollKind.TRASH: _changed(Shelf.TRASH),
    PollKind.DRAFTS: _changed(Shelf.DRAFTS),
    PollKind.REFUNDS: _refunds,
    PollKind.SWEEP: _sweep,
    PollKind.WALK: _walk,
    PollKind.HISTORY: _history,
}

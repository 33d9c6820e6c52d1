"""One step of each standing look: which page to ask for, what of it is news, where the next step begins.

No step writes anything. Lists are read by what they are sorted by, not by page number alone: the next page begins
at the second of the last order seen, so nothing is skipped when orders change or vanish while the list is read.
Page numbers only divide a second that has more orders than a page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from integrations import poll_care
from integrations.poll_findings import NAMED, Found, Records, Step, Unread, counted
from integrations.poll_walk import next_shelf, summary, walk
from integrations.polls import Round
from integrations.ports.documents import Order
from integrations.ports.stores import ListedOrder, OrderHistory, Outline, Shelf, SortKey
from integrations.states import PollKind

SECOND = dt.timedelta(seconds=1)


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

    def next(self, count: int, total: int, *, size: int, newest: dt.datetime | None) -> Place | None:
        """Where to read on after a page of ``count`` orders, or ``None`` at the end.

        ``total`` as its list told, ``newest`` is the highest sort key of the page.
        """
        number = max(self.page, 1)
        ended = not count or (number - 1) * size + count >= total
        if not self.page:
            if ended:
                return None
            passed = newest is not None and (self.after is None or newest - SECOND > self.after)
            return Place(self.shelf, newest - SECOND) if passed and newest else replace(self, page=1, size=size)
        if total < self.total:
            # something left this second while its pages were read: what followed has moved up
            return replace(self, page=1, total=total)
        if not ended:
            return replace(self, page=number + 1, total=total)
        # the end of a second is not the end of the list
        return Place(self.shelf, self.after + SECOND) if self.after else None


@dataclass(frozen=True)
class Page:
    """One page of a sorted list as it was read. ``at``: the look, with what could not be read noted."""

    at: Round
    listed: Sequence[ListedOrder]
    count: int
    total: int
    newest: dt.datetime | None
    unread: Sequence[Unread] = field(default=())
    unfinished: bool = False


def _read_page(at: Round, place: Place, key: SortKey, source: OrderHistory, records: Records) -> Page:
    number = max(place.page, 1)
    if not poll_care.is_due(at, after=place.after, sorted_list=True):
        bounds: dict[str, Any] = {"shelf": place.shelf, "after": place.after, "page": number, "before": place.before}
        page = source.changed_orders(**bounds) if key is SortKey.CHANGED else source.created_orders(**bounds)
        keys = [_key_of(each.order, key) for each in page.orders if each.order]
        newest = max((moment for moment in keys if moment), default=None)
        return Page(at, page.orders, len(page.orders), page.total, newest)
    told = source.outlines(key=key, shelf=place.shelf, after=place.after, page=number, before=place.before)
    moments = {row.order_ref: _key_of(row, key) for row in told.orders}
    found = poll_care.read(at, source, records, told.orders, key=moments)
    newest = max((moment for moment in moments.values() if moment), default=None)
    return Page(found.at, found.listed, len(told.orders), told.total, newest, found.unread, found.unfinished)


def _key_of(order: Order | Outline, key: SortKey) -> dt.datetime | None:
    return order.modified_at if key is SortKey.CHANGED else order.created_at


def _found(at: Round, page: Page, records: Records) -> Found:
    """What a page says, before it is known where the look goes on."""
    judged = records.news(store_id=at.connection_id, listed=page.listed)
    seen = 0 if page.unfinished else page.count
    after = counted(page.at, seen, judged.news, total=page.total)
    older = judged.set_back(at.under_way_since - dt.timedelta(seconds=2 * settings.POLL_SECONDS))
    read = [each.order_ref for each in page.listed]
    return Found(after, judged.news, unread=page.unread, read=read, older=older)


def _once_more(found: Found, place: Place) -> Found:
    """The same page again, where it was left."""
    return replace(found, after=replace(found.after, place={**found.after.place, **place.note()}))


def _changed(shelf: Shelf) -> Step:
    def look(at: Round, source: OrderHistory, records: Records) -> Found:
        overlap = dt.timedelta(seconds=settings.POLL_OVERLAP_SECONDS)
        place = Place.of(at, shelf=shelf, after=at.cursor_at and at.cursor_at - overlap)
        return _by_change(at, place, source, records, then=None)

    return look


def _history(at: Round, source: OrderHistory, records: Records) -> Found:
    place = Place.of(at, shelf=Shelf.LISTED, after=None)
    found = _by_change(at, place, source, records, then=next_shelf(place.shelf))
    # when this round began by the store's own clock: what it changes later is dated later, and the rest is read here
    told = at.place.get("told") or (source.told_at.isoformat() if source.told_at else "")
    if not found.after.done:
        return replace(found, after=replace(found.after, place={**found.after.place, "told": told}))
    if found.after.cursor_at is None and told:
        since = min(dt.datetime.fromisoformat(told), at.under_way_since)
        return replace(found, after=replace(found.after, cursor_at=since))
    return found


def _by_change(at: Round, place: Place, source: OrderHistory, records: Records, *, then: Shelf | None) -> Found:
    at = at if at.place else poll_care.forget_passed(at, after=place.after)
    size = source.page_size
    place = place.fitting(size)
    page = _read_page(at, place, SortKey.CHANGED, source, records)
    found = _found(at, page, records)
    if page.unfinished:
        return _once_more(found, place)
    following = place.next(page.count, page.total, size=size, newest=page.newest)
    # a place is later than what has been read whole; at the end of the list that is everything
    sure = following.after if following is not None else page.newest or place.after
    after = found.after
    if sure is not None and place.shelf is _own_shelf(at.kind):
        # an order dated in the future, by hand or by a clock that ran ahead, must not take the cursor along
        sure = min([sure, *(moment for moment in (at.began_at, source.told_at) if moment)])
        after = replace(after, cursor_at=max(sure, at.cursor_at or sure))
    return replace(found, after=_gone_on(after, following, then))


def _own_shelf(kind: PollKind) -> Shelf:
    return {PollKind.TRASH: Shelf.TRASH, PollKind.DRAFTS: Shelf.DRAFTS}.get(kind, Shelf.LISTED)


def _gone_on(after: Round, following: Place | None, then: Shelf | None, since: dt.datetime | None = None) -> Round:
    if following is None and then is not None:
        following = Place(then, since)
    if following is None:
        return replace(after, done=True, report=summary(after))
    return replace(after, place=following.note())


def _sweep(at: Round, source: OrderHistory, records: Records) -> Found:
    since = at.under_way_since - dt.timedelta(days=settings.SWEEP_DAYS)
    size = source.page_size
    place = Place.of(at, shelf=Shelf.LISTED, after=since - SECOND).fitting(size)
    at = at if at.place else poll_care.forget_passed(at, after=place.after)
    page = _read_page(at, place, SortKey.CREATED, source, records)
    found = _found(at, page, records)
    if page.unfinished:
        return _once_more(found, place)
    following = place.next(page.count, page.total, size=size, newest=page.newest)
    return replace(found, after=_gone_on(found.after, following, next_shelf(place.shelf), since - SECOND))


def _refunds(at: Round, source: OrderHistory, records: Records) -> Found:
    last = int(at.place.get("last", 0))
    since = at.under_way_since - dt.timedelta(days=settings.REFUND_DAYS)
    refs = records.refunded(store_id=at.connection_id, since=since, after=last, limit=NAMED)
    named = poll_care.read_named(at, source, records, refs)
    news = records.news(store_id=at.connection_id, listed=named.listed).news
    read = [each.order_ref for each in named.listed]
    after = counted(named.at, len(read), news, total=None)
    if named.unfinished:
        after = replace(after, place={**after.place, "last": last})
    elif len(refs) < NAMED:
        after = replace(after, done=True, report=summary(after))
    else:
        after = replace(after, place={"last": int(refs[-1])})
    # whether what is absent is gone is judged by the walk, which sees the whole store
    return Found(after, news, sorted(named.absent, key=int), named.unread, read)


STEPS: dict[PollKind, Step] = {
    PollKind.CHANGED: _changed(Shelf.LISTED),
    PollKind.TRASH: _changed(Shelf.TRASH),
    PollKind.DRAFTS: _changed(Shelf.DRAFTS),
    PollKind.REFUNDS: _refunds,
    PollKind.SWEEP: _sweep,
    PollKind.WALK: walk,
    PollKind.HISTORY: _history,
}

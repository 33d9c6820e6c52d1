"""The walk: every order id of a store against every one that we know, shelf by shelf.

A store offers no "id greater than", so ids are read by page numbers. Pages are cut so that each holds at least one id
that was passed already: ids rise, so what stands between it and the page's last one is all there is, whatever left
or joined the list between two answers. A page without such an id may have skipped some; one further up is read then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from django.conf import settings

from integrations import poll_care
from integrations.poll_findings import NAMED, Found, News, Records, counted
from integrations.polls import Round
from integrations.ports.stores import OrderHistory, Shelf

STRETCH = 500
"""Orders that a page lacks and one step asks for by name; the next step goes on behind the last of them."""
KNOWN_AT_ONCE = 1000
"""Ids that we know, read in one query."""
KEPT = 1000
"""Names of orders in a report; it tells beside them how many there are."""


def summary(at: Round) -> dict[str, Any]:
    """What every round reports."""
    return {"seen": at.seen, "fresh": at.fresh, "calls": at.calls}


def next_shelf(shelf: Shelf) -> Shelf | None:
    """Where a look at all shelves goes on."""
    return {Shelf.LISTED: Shelf.TRASH, Shelf.TRASH: Shelf.DRAFTS}.get(shelf)


@dataclass(frozen=True)
class Walked:
    """How far a walk over ids is, and what it has found: names of at most `KEPT` orders each, and their number.

    ``position``: so many ids stand before the next one, as the list was last seen; ``last``: the highest id passed.
    """

    shelf: Shelf = Shelf.LISTED
    position: int = 0
    last: int = 0
    highest: int = 0
    found: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    found_count: int = 0
    vanished_count: int = 0
    ended: bool = False

    @classmethod
    def of(cls, at: Round) -> Walked:
        """As noted, or as a round begins."""
        return msgspec.convert(dict(at.place), cls) if at.place else cls()

    def noting(self, found: Sequence[str], vanished: Sequence[str]) -> Walked:
        """With what a step has found, which no other step finds again."""
        return replace(
            self,
            found=(*self.found, *found)[:KEPT],
            vanished=(*self.vanished, *vanished)[:KEPT],
            found_count=self.found_count + len(found),
            vanished_count=self.vanished_count + len(vanished),
        )

    def passing(self, ids: Sequence[int], *, upto: int, total: int) -> Walked:
        """Behind a page that ends at the position ``upto``."""
        last, highest = max([self.last, *ids]), max([self.highest, *ids])
        if upto < total:
            return replace(self, position=upto, last=last, highest=highest)
        rest = next_shelf(self.shelf)
        ended = replace(self, position=0, last=0, highest=highest)
        return replace(ended, shelf=rest) if rest else replace(ended, ended=True)

    def passing_part(self, ids: Sequence[int], *, reached: int) -> Walked:
        """Behind the id ``reached``; the rest of the same page is read next."""
        return replace(self, last=max(self.last, reached), highest=max([self.highest, *ids]))


def window(position: int, most: int) -> tuple[int, int]:
    """Page and size of the answer that holds the id before ``position`` and reaches furthest beyond it."""
    if not position:
        return 1, most

    def reach(size: int) -> int:
        return ((position - 1) // size + 1) * size

    best = max(range(2, max(most, 2) + 1), key=reach)
    if reach(best) == position:
        # every size up to here has an edge just there
        best = next(size for size in range(best + 1, NAMED + 1) if reach(size) > position)
    return (position - 1) // best + 1, best


def walk(at: Round, source: OrderHistory, records: Records) -> Found:
    """One page of ids against the ids we know; what only one side has is asked for by name."""
    place = Walked.of(at)
    number, size = window(place.position, min(source.id_page_size, NAMED))
    page = source.order_ids(shelf=place.shelf, page=number, size=size)
    start = (number - 1) * size
    ids = sorted(int(ref) for ref in page.order_refs)
    if start and (not ids or ids[0] > place.last):
        # the list has grown shorter before us: some may have moved up, past what has been read
        back = replace(place, position=min(start, page.total))
        return Found(replace(counted(at, 0, (), total=page.total), place=msgspec.to_builtins(back)))
    passed = [each for each in ids if each > place.last]
    upto = start + len(ids)
    doubtful, reached = _lacking(at, place, passed, records, to_the_end=upto >= page.total)
    passed = passed if reached is None else [each for each in passed if each <= reached]
    shown = sorted(str(each) for each in passed)
    unknown = records.strangers(store_id=at.connection_id, order_refs=shown) if shown else set()
    named = poll_care.read_named(at, source, records, sorted(unknown | doubtful, key=int))
    news = records.news(store_id=at.connection_id, listed=named.listed).news
    missing = sorted(doubtful.intersection(named.absent), key=int)
    place = place.noting(_never_told(at, news, unknown, records), missing)
    read = [each.order_ref for each in named.listed]
    after = counted(named.at, 0 if named.unfinished else len(passed), news, total=page.total)
    if named.unfinished:
        return Found(_noted(after, place), news, missing, named.unread, read)
    if reached is not None:
        place = place.passing_part(passed, reached=reached)
        return Found(_noted(after, place), news, missing, named.unread, read)
    place = place.passing(passed, upto=upto, total=page.total)
    home = source.home() if place.ended else ""
    return Found(_walked_on(after, place), news, missing, named.unread, read, home=home)


def _noted(after: Round, place: Walked) -> Round:
    return replace(after, place={**after.place, **msgspec.to_builtins(place)})


def _lacking(
    at: Round, place: Walked, passed: Sequence[int], records: Records, *, to_the_end: bool
) -> tuple[set[str], int | None]:
    """Ids that we know as listed and that a page lacks, and up to which id where they are too many for a step."""
    doubtful: set[str] = set()
    shown = {str(each) for each in passed}
    upto = None if to_the_end else max(passed, default=place.last)
    last = place.last
    while place.shelf is Shelf.LISTED:
        known = records.to_be_listed(store_id=at.connection_id, after=last, upto=upto, limit=KNOWN_AT_ONCE)
        for ref in known:
            if ref not in shown:
                doubtful.add(ref)
            if len(doubtful) >= STRETCH:
                return doubtful, int(ref)
        if len(known) < KNOWN_AT_ONCE:
            break
        last = int(known[-1])
    return doubtful, None


def _never_told(at: Round, news: Sequence[News], unknown: set[str], records: Records) -> list[str]:
    """Orders that neither webhook nor poll has told of in time; the newest may still be on their way."""
    listed = [each.listed for each in news if each.listed.order_ref in unknown]
    settled = at.under_way_since - dt.timedelta(seconds=2 * settings.POLL_SECONDS)
    old = [each.order_ref for each in listed if each.order is None or each.order.created_at < settled]
    told = records.waiting(store_id=at.connection_id, order_refs=old) if old else set()
    return sorted((ref for ref in old if ref not in told), key=int)


def _walked_on(after: Round, place: Walked) -> Round:
    if not place.ended:
        return replace(after, place=msgspec.to_builtins(place))
    report = summary(after) | {
        "found": list(place.found),
        "found_count": place.found_count,
        "vanished": list(place.vanished),
        "vanished_count": place.vanished_count,
        "highest_id": place.highest,
        "not_orders": max(0, place.highest - after.seen),
    }
    return replace(after, done=True, report=report)

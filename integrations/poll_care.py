"""Reading past an order that its store cannot show.

One order whose every full read fails would stop a look at the page it is on. After some failures the page is read
by name, in parts that are halved until the order stands alone; it is noted as unread and the look goes on. What is
a trouble of the store fails here too: its list without contents, or another order, must be readable meanwhile.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from integrations.poll_findings import NAMED, Records, Unread
from integrations.polls import Round
from integrations.ports.errors import ConnectorError, RateLimited, Rejected, Transient
from integrations.ports.stores import ListedOrder, OrderHistory, Outline, Shelf

SUSPECT = 3
"""Failures in a row after which it may be an order's fault and not the store's."""
CHANCES = 2
"""More tries of an order that fails alone, each after another order was shown."""
CARE_SECONDS = 40.0
"""After a failure, how long one step goes on looking for the order at fault; the next step resumes."""
AGAIN = dt.timedelta(hours=1)
"""How soon an order that could not be read is tried again by a look that meets it, if it has not changed."""
KEPT = 1000
"""Notes of orders that could not be read."""
_NOT_AN_ORDERS = frozenset({"unreachable"})
"""Codes of `Transient` that no order can be the reason of."""


class Note(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of an order that could not be read, as ISO 8601: its change, its sort key, when it was tried."""

    modified: str
    key: str
    tried: str


@dataclass(frozen=True)
class Careful:
    """What was read of a page. ``absent``: asked for, and on no shelf. ``unfinished``: the same page comes again."""

    at: Round
    listed: Sequence[ListedOrder]
    absent: Sequence[str] = ()
    unread: Sequence[Unread] = ()
    unfinished: bool = False


@dataclass(frozen=True)
class Resumed:
    """How far a page is read that took more than a step: what is settled, and how many of the rest failed together."""

    settled: Mapping[str, str] = field(default_factory=dict)
    bad: int = 0


def notes_of(at: Round) -> dict[str, Note]:
    """Orders that this look could not read, by id."""
    return msgspec.convert(dict(at.unread), dict[str, Note])


def is_due(
    at: Round, *, refs: Collection[str] = (), after: dt.datetime | None = None, sorted_list: bool = False
) -> bool:
    """Whether the step must be made with care.

    It has failed often, is unfinished, or will meet an order noted before: one of ``refs``, or later in the sorted
    list than ``after``.
    """
    if at.failures >= SUSPECT or "care" in at.place:
        return True
    notes = notes_of(at)
    if sorted_list:
        bound = _iso(after)
        return any(note.key > bound for note in notes.values())
    return any(ref in notes for ref in refs)


def forget_passed(at: Round, *, after: dt.datetime | None) -> Round:
    """Without notes that a round from ``after`` on will not meet."""
    bound = _iso(after)
    return replace(at, unread={ref: note for ref, note in at.unread.items() if note[1] > bound})


def read(
    at: Round,
    source: OrderHistory,
    records: Records,
    wanted: Sequence[Outline],
    *,
    key: Mapping[str, dt.datetime | None],
) -> Careful:
    """Read these orders one by one if need be. Raises what is the store's trouble and not an order's.

    ``key``: what the list is sorted by; empty for lists of names.
    """
    kept = msgspec.convert(at.place.get("care", {}), Resumed)
    notes = notes_of(at)
    rows = {row.order_ref: row for row in wanted if kept.settled.get(row.order_ref) != _iso(row.modified_at)}
    known = [ref for ref, row in rows.items() if ref in notes and notes[ref].modified == _iso(row.modified_at)]
    waiting = records.waiting(store_id=at.connection_id, order_refs=known) if known else set()
    lately = _iso(at.under_way_since - AGAIN)
    resting = {ref for ref in known if ref in waiting and notes[ref].tried > lately}
    fresh = [ref for ref in rows if ref not in known]
    alone = [ref for ref in known if ref not in resting]

    reading = _Reading(source, rows, notes)
    left, bad = reading.read(fresh, bad=kept.bad if "care" in at.place else len(fresh) * (at.failures >= SUSPECT))
    while alone and not left and not reading.is_over:
        reading.read_again(alone.pop(0))
    return _result(at, reading, rows, key, kept, left=left, bad=bad, unfinished=bool(left or alone))


def read_named(at: Round, source: OrderHistory, records: Records, refs: Sequence[str]) -> Careful:
    """Those of these orders that the store has on any shelf, with care where it is due."""
    if is_due(at, refs=refs):
        return read(at, source, records, [Outline(ref, None, None) for ref in refs], key={})
    pages = [refs[start : start + NAMED] for start in range(0, len(refs), NAMED)]
    listed = [each for page in pages for each in source.named_orders(page)]
    return Careful(at, listed, sorted(set(refs) - {each.order_ref for each in listed}))


def _result(
    at: Round,
    reading: _Reading,
    rows: Mapping[str, Outline],
    key: Mapping[str, dt.datetime | None],
    kept: Resumed,
    *,
    left: Sequence[str],
    bad: int,
    unfinished: bool,
) -> Careful:
    unread = [Unread(ref, rows[ref].modified_at, error) for ref, error in reading.unread.items()]
    tried = _iso(at.under_way_since)
    new = {u.order_ref: [_iso(u.modified_at), _iso(key.get(u.order_ref)), tried] for u in unread}
    still = {ref: note for ref, note in at.unread.items() if ref not in reading.asked}
    notes = dict([*still.items(), *new.items()][-KEPT:])
    place = {name: value for name, value in at.place.items() if name != "care"}
    if unfinished:
        settled = {**kept.settled, **{ref: _iso(rows[ref].modified_at) for ref in reading.asked}}
        place["care"] = {"settled": settled, "bad": bad if left else 0}
    return Careful(
        at=replace(at, unread=notes, place=place),
        listed=reading.listed,
        absent=sorted(reading.asked - {each.order_ref for each in reading.listed} - set(reading.unread)),
        unread=unread,
        unfinished=unfinished,
    )


class _Reading:
    """One step's patient reading of the orders ``rows``, of which ``noted`` (and others) could not be read before."""

    def __init__(self, source: OrderHistory, rows: Collection[str], noted: Collection[str]) -> None:
        self.listed: list[ListedOrder] = []
        self.unread: dict[str, ConnectorError] = {}
        self.asked: set[str] = set()
        self._source, self._rows, self._noted = source, list(rows), noted
        self._witness = ""
        self._began, self._failed = time.monotonic(), False

    @property
    def is_over(self) -> bool:
        """Whether the rest is left to the next step."""
        return self._failed and time.monotonic() - self._began >= CARE_SECONDS

    def read(self, refs: Sequence[str], *, bad: int) -> tuple[list[str], int]:
        """Read these; returns those not got to, and how many at their beginning failed together.

        ``bad``: as many at the beginning of ``refs`` have failed together before.
        """
        left = list(refs)
        while left and not self.is_over:
            bad = min(bad, len(left))
            some = left[: min(max(bad // 2, 1), NAMED) if bad else NAMED]
            error = self._try(some)
            if error is not None and not self._witness:
                self._call_witness(but=[*self._rows, *self._noted])
            if error is not None and len(some) > 1:
                bad = len(some)
                continue
            if error is not None:
                self._convict(some[0], error)
                bad = 0
            self.asked.update(some)
            left, bad = left[len(some) :], max(bad - len(some), 0)
        return left, bad

    def read_again(self, ref: str) -> None:
        """Try an order that was found unreadable before."""
        error = self._try([ref])
        if error is not None:
            self.unread[ref] = error
        self.asked.add(ref)

    def _try(self, refs: Sequence[str]) -> ConnectorError | None:
        try:
            found = self._source.named_orders(refs)
        except (Transient, Rejected) as error:
            if isinstance(error, RateLimited) or error.code in _NOT_AN_ORDERS:
                raise
            self._failed = True
            return error
        self.listed += found
        if found and not self._witness:
            self._witness = found[0].order_ref
        return None

    def _convict(self, ref: str, error: ConnectorError | None) -> None:
        """It fails alone: it is unread if it goes on failing while another order is shown each time."""
        if not self._witness:
            self._call_witness(but=[ref, *self._noted])
        for _ in range(CHANCES):
            if self._witness:
                self._source.named_orders([self._witness])
            error = self._try([ref])
            if error is None:
                return
        if error is not None:
            self.unread[ref] = error

    def _call_witness(self, *, but: Sequence[str]) -> None:
        """Find another order that the store shows. Raises its trouble where none is shown; there may be no other."""
        ids = self._source.order_ids(shelf=Shelf.LISTED, page=1, size=NAMED).order_refs
        others = [ref for ref in (*ids, *self._rows) if ref not in but]
        trouble: ConnectorError | None = None
        for ref in dict.fromkeys(others[at] for at in (0, len(others) // 2, -1) if others):
            try:
                if self._source.named_orders([ref]):
                    self._witness = ref
                    return
            except ConnectorError as error:
                trouble = error
        if trouble is not None:
            raise trouble


def _iso(moment: dt.datetime | None) -> str:
    return moment.astimezone(dt.UTC).isoformat() if moment else ""

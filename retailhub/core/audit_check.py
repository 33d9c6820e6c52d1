"""Reading the audit's chain from its first row to its end, and naming what does not hold."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection

from retailhub.core.audit_chain import (
    COLUMNS,
    GENESIS,
    LATE_AFTER,
    VERSION,
    KeyMissing,
    Row,
    canonical,
    digest,
    is_ours,
    mac_of,
)
from retailhub.core.models import AuditChain

PAGE = 2000
NAMED = 20
"""So many breaks are told one by one; all are counted."""
LOWEST = -(2**63)
PAGE_OF = f"SELECT {COLUMNS} FROM core_auditentry WHERE sealed_seq > %s ORDER BY sealed_seq LIMIT {PAGE}"  # noqa: S608
# one statement, so that both are of one moment
END = """
SELECT (SELECT coalesce(max(sealed_seq), 0) FROM core_auditentry), c.head_seq, c.head_hash, c.looked_at, c.key, c.mac
FROM (SELECT 1) AS one LEFT JOIN core_auditchain c ON true
"""
UNSEALED = "SELECT count(*) FROM core_auditentry WHERE sealed_seq IS NULL"


@dataclass(frozen=True, kw_only=True)
class Break:
    """One place where the chain does not hold. ``kind`` is changed, inserted, removed, reordered, truncated, late,
    head, expected, or key_missing; ``entry`` is the row's id, where there is a row."""

    kind: str
    place: int
    entry: int | None
    detail: str


@dataclass(kw_only=True)
class Check:
    """What a reading found. ``head`` is ``place:hash`` of the last row read; ``breaks`` are the first `NAMED`."""

    rows: int = 0
    head: str = ""
    unsealed: int = 0
    seconds: float = 0.0
    broken: int = 0
    breaks: list[Break] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.broken

    def report(self) -> dict[str, Any]:
        """As JSON, for the console and for ``--json``."""
        return {"holds": self.holds, **asdict(self)}


@dataclass(frozen=True)
class Expected:
    """An end of the chain that was kept elsewhere."""

    place: int
    hash: bytes

    @classmethod
    def parse(cls, text: str) -> Expected:
        """From ``place:hash``. Raises ``ValueError``."""
        place, _, found = text.strip().partition(":")
        if not place.isascii() or not place.isdigit() or len(bytes.fromhex(found)) != len(GENESIS):
            raise ValueError(text)
        return cls(int(place), bytes.fromhex(found))


class _Reading:
    def __init__(self, expected: Expected | None) -> None:
        self.check, self.expected = Check(), expected
        self.place, self.hash = 0, GENESIS
        self.missing_keys: set[str] = set()

    def tell(self, kind: str, place: int, entry: int | None, detail: str) -> None:
        self.check.broken += 1
        if len(self.check.breaks) < NAMED:
            self.check.breaks.append(Break(kind=kind, place=place, entry=entry, detail=detail))

    def read(self, row: Row) -> None:
        """Judge one row, in the order of places."""
        assert row.seq is not None  # noqa: S101 - the query asks for places
        self.check.rows += 1
        if None in (row.sealed_at, row.version, row.key, row.previous, row.hash, row.mac) or row.seq < 1:
            self.tell("inserted", row.seq, row.id, "The row has a place in the chain, but no whole seal.")
            return
        follows = row.seq == self.place + 1
        if not follows:
            gone = row.seq - self.place - 1
            self.tell(
                "removed", self.place + 1, None, f"{gone} sealed rows are gone from here: place {row.seq} is next."
            )
        self._judge(row, linked=not follows or bytes(row.previous or b"") == self.hash)
        self._judge_time(row)
        self.place, self.hash = row.seq, bytes(row.hash or b"")
        if self.expected is not None and self.expected.place == row.seq and self.expected.hash != self.hash:
            self.tell("expected", row.seq, row.id, "The row at this place is not the one that was kept elsewhere.")

    def _judge(self, row: Row, *, linked: bool) -> None:
        place = row.seq or 0
        if row.version != VERSION:
            self.tell("inserted", place, row.id, f"The row is sealed in a way {row.version} that nobody knows.")
            return
        if not self._sealed_by_us(row):
            why = "Its seal is not RetailHub's: the row was put in, or changed and sealed by somebody without the key."
            self.tell("inserted", place, row.id, why)
        elif self._own(row) != bytes(row.hash or b""):
            if linked:
                self.tell("changed", place, row.id, "The row says something else than when it was sealed.")
            else:
                self.tell("reordered", place, row.id, "The row was sealed at another place than this one.")
        elif not linked:
            self.tell(
                "reordered", place, row.id, "The row is whole, but was sealed after another one than stands before."
            )

    def _sealed_by_us(self, row: Row) -> bool:
        key = row.key or ""
        try:
            return hmac.compare_digest(mac_of(bytes(row.hash or b""), key), bytes(row.mac or b""))
        except KeyMissing as error:
            if key not in self.missing_keys:
                self.missing_keys.add(key)
                self.tell("key_missing", row.seq or 0, row.id, str(error))
            return True

    def _own(self, row: Row) -> bytes:
        assert row.seq is not None  # noqa: S101
        assert row.sealed_at is not None  # noqa: S101
        data = canonical(row, seq=row.seq, sealed_at=row.sealed_at, sealed_after=row.sealed_after)
        return digest(bytes(row.previous or b""), data)

    def _judge_time(self, row: Row) -> None:
        if row.sealed_after is not None and row.at < row.sealed_after - LATE_AFTER:
            why = "The row came later than any act can be written down: it may have been put into the past."
            self.tell("late", row.seq or 0, row.id, why)
        elif row.sealed_at is not None and row.at > row.sealed_at + LATE_AFTER:
            self.tell("late", row.seq or 0, row.id, "The row tells of a time that had not come when it was sealed.")

    def end(self, chain: AuditChain | None) -> None:
        """Compare the last row read with what says where the chain ends."""
        if chain is None or not chain.key:
            if self.place:
                self.tell("head", self.place, None, "Nothing says where the chain ends: that row is gone.")
        else:
            self._judge_end(chain)
        if self.expected is not None and self.expected.place > self.place:
            why = f"The chain ends at place {self.place}, before the one that was kept elsewhere."
            self.tell("truncated", self.place + 1, None, why)

    def _judge_end(self, chain: AuditChain) -> None:
        try:
            if not is_ours(chain):
                self.tell("head", chain.head_seq, None, "What says where the chain ends was not written by RetailHub.")
                return
        except KeyMissing as error:
            self.tell("key_missing", chain.head_seq, None, str(error))
        if chain.head_seq > self.place:
            gone = chain.head_seq - self.place
            self.tell("truncated", self.place + 1, None, f"The last rows of the chain are gone, {gone} of them.")
        elif chain.head_seq < self.place:
            self.tell("head", chain.head_seq + 1, None, f"Rows stand behind the chain's end, up to place {self.place}.")
        elif bytes(chain.head_hash) != self.hash:
            self.tell("head", self.place, None, "The last row is not the one that the chain ends with.")


def verify(
    *, expected: Expected | None = None, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Check:
    """Read the whole chain in pages. ``progress`` is told how many of how many rows are read, after each page."""
    began, reading = time.monotonic(), _Reading(expected)
    total, _ = _end()
    after = LOWEST
    while True:
        rows = _page(after)
        for row in rows:
            reading.read(row)
            after = row.seq if row.seq is not None else after
        progress(reading.check.rows, max(total, reading.check.rows))
        last, chain = _end()
        if len(rows) < PAGE and last <= max(after, 0):
            break
    reading.end(chain)
    check = reading.check
    check.head = f"{reading.place}:{reading.hash.hex()}"
    with connection.cursor() as cursor:
        cursor.execute(UNSEALED)
        check.unsealed = cursor.fetchone()[0]
    check.seconds = round(time.monotonic() - began, 3)
    return check


def _page(after: int) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(PAGE_OF, [after])
        return [Row(*values) for values in cursor.fetchall()]


def _end() -> tuple[int, AuditChain | None]:
    """The last place of any row, and the row that says where the chain ends, at one moment."""
    with connection.cursor() as cursor:
        cursor.execute(END)
        last, head_seq, head_hash, looked_at, key, mac = cursor.fetchone()
    if head_seq is None:
        return last, None
    return last, AuditChain(head_seq=head_seq, head_hash=head_hash, looked_at=looked_at, key=key, mac=mac)

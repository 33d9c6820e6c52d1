"""The store's own books: every order with its present body, and what became of its deliveries. SQLite.

An order is in the file before its first delivery leaves. What happens later is kept in memory and written in
one transaction now and then (``flush``), always before a list is read and at the end, so that a run costs
few commits. Only orders not yet written are held in memory.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, idx INTEGER NOT NULL UNIQUE, life TEXT NOT NULL, expect TEXT NOT NULL,
    eligible INTEGER NOT NULL, planted TEXT, remainder TEXT NOT NULL,
    currency TEXT NOT NULL, total TEXT NOT NULL, step INTEGER NOT NULL, done INTEGER NOT NULL,
    state TEXT NOT NULL, status TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, body BLOB NOT NULL, sent INTEGER NOT NULL,
    accepted INTEGER NOT NULL, refused INTEGER NOT NULL, dropped INTEGER NOT NULL, owed INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS orders_modified ON orders (modified);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Record(msgspec.Struct, kw_only=True):
    """One order in the books. ``state`` is the JSON of its OrderState; times are Unix seconds."""

    id: int
    idx: int
    life: str
    expect: str
    eligible: bool
    planted: str | None
    remainder: str
    currency: str
    total: str
    step: int = 0
    done: bool = False
    state: str = ""
    status: str = ""
    created: int = 0
    modified: int = 0
    body: bytes = b""
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    dropped: int = 0
    owed: bool = False
    """A delivery of it was refused and no later one has been accepted."""


_FIELDS = Record.__struct_fields__
_SAVE = f"INSERT OR REPLACE INTO orders ({', '.join(_FIELDS)}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608 - our own names
_STORY = tuple(name for name in _FIELDS if name not in ("body", "state"))


class DifferentRun(Exception):
    """The file holds the books of another run (another seed, store or mix)."""


class Ledger:
    """The books of one store. Safe to use from several threads."""

    def __init__(self, path: Path | str) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)
        self._unsaved: dict[int, Record] = {}

    def close(self) -> None:
        """Writes what is left and closes the file."""
        with self._lock:
            self.flush()
            self._db.close()

    def claim(self, run: str) -> None:
        """Says which run the file belongs to. Raises DifferentRun if it is another's."""
        with self._lock, self._db:
            self._db.execute("INSERT OR IGNORE INTO facts VALUES ('run', ?)", (run,))
            (known,) = self._db.execute("SELECT value FROM facts WHERE name = 'run'").fetchone()
        if known != run:
            raise DifferentRun(f"The ledger belongs to run {known}, this is {run}.")

    def place(self, records: Iterable[Record]) -> None:
        """Writes new orders at once: on return they are in the file."""
        with self._lock:
            for record in records:
                self._unsaved[record.id] = record
            self.flush()

    def move(self, record: Record, *, state: str, status: str, modified: int, body: bytes, done: bool) -> None:
        """Books that an order took its next step."""
        with self._lock:
            record.step += 1
            record.state, record.status, record.modified = state, status, modified
            record.body, record.done = body, done
            self._unsaved[record.id] = record

    def owe_all(self) -> None:
        """After a run that broke off: nobody knows which deliveries got through."""
        with self._lock, self._db:
            self._db.execute("UPDATE orders SET owed = 1")

    def drop(self, record: Record) -> None:
        """Books a delivery that was never sent."""
        with self._lock:
            record.dropped += 1
            self._unsaved[record.id] = record

    def count(self, record: Record, body: bytes, *, accepted: bool) -> None:
        """Books one delivery. One that tells the present state and is accepted leaves nothing owed."""
        with self._lock:
            settles = body == record.body
            record.sent += 1
            if accepted:
                record.accepted += 1
                record.owed = record.owed and not settles
            else:
                record.refused += 1
                record.owed = True
            self._unsaved[record.id] = record

    def flush(self) -> None:
        """Writes all that is new in one transaction."""
        with self._lock:
            if not self._unsaved:
                return
            rows = [msgspec.structs.astuple(record) for record in self._unsaved.values()]
            with self._db:
                self._db.executemany(_SAVE, rows)
            self._unsaved.clear()

    def get(self, order_id: int) -> Record | None:
        """One order as it stands now."""
        with self._lock:
            record = self._unsaved.get(order_id)
            if record is not None:
                return record
            rows = self._db.execute(f"SELECT {', '.join(_FIELDS)} FROM orders WHERE id = ?", (order_id,))  # noqa: S608 - our own names
            found = rows.fetchone()
        return None if found is None else _record(found)

    def find(self, where: str, values: Sequence[Any] = (), *, tail: str = "") -> list[Record]:
        """The orders that a condition on the columns names; ``tail`` orders and limits them."""
        with self._lock:
            self.flush()
            sql = f"SELECT {', '.join(_FIELDS)} FROM orders WHERE {where} {tail}"  # noqa: S608 - callers' constants
            return [_record(row) for row in self._db.execute(sql, tuple(values))]

    def how_many(self, where: str, values: Sequence[Any] = ()) -> int:
        """How many orders a condition names."""
        with self._lock:
            self.flush()
            sql = f"SELECT count(*) FROM orders WHERE {where}"  # noqa: S608 - callers' constants
            return int(self._db.execute(sql, tuple(values)).fetchone()[0])

    def sums(self) -> dict[str, int]:
        """Orders placed and done, and the deliveries of all together."""
        with self._lock:
            self.flush()
            row = self._db.execute(
                "SELECT count(*), sum(done), sum(sent), sum(accepted), sum(refused), sum(dropped), sum(owed) "
                "FROM orders"
            ).fetchone()
        names = ("placed", "done", "sent", "accepted", "refused", "dropped", "owed")
        return {name: int(value or 0) for name, value in zip(names, row, strict=True)}

    def stories(self) -> list[dict[str, Any]]:
        """Every order without its body, by number."""
        with self._lock:
            self.flush()
            rows = self._db.execute(f"SELECT {', '.join(_STORY)} FROM orders ORDER BY idx")  # noqa: S608 - our own names
            return [dict(zip(_STORY, row, strict=True)) for row in rows]


def _record(row: Sequence[Any]) -> Record:
    values = dict(zip(_FIELDS, row, strict=True))
    for name in ("eligible", "done", "owed"):
        values[name] = bool(values[name])
    return Record(**values)

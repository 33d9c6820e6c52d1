"""The store's books: one SQLite file, committed before any answer. Survives ``SIGKILL`` of the process.

One writer at a time; reads have connections of their own and never wait for it. Inside a transaction a
thread reads what it wrote.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from retailhub.sandbox.store.errors import RestError
from retailhub.sandbox.store.schema import SCHEMA

Row = sqlite3.Row
_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode


def load(doc: bytes) -> dict[str, Any]:
    """A document from its column."""
    content: dict[str, Any] = _DECODE(doc)
    return content


def dump(doc: Any) -> bytes:
    """A document for its column."""
    return _ENCODE(doc)


class Ledger:
    """Safe to use from many threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._owner = 0
        self._depth = 0
        self._local = threading.local()
        self._writer = self._connect()
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.executescript(SCHEMA)
        self._counters: dict[str, int] = {}
        self._moved: set[str] = set()
        self._read_counters()

    def close(self) -> None:
        """Close the file after the present transaction. Readers' connections end with their threads."""
        with self._lock:
            self._writer.close()

    @property
    def db(self) -> sqlite3.Connection:
        """The connection of this thread: the writer's inside its own transaction."""
        if self._owner == threading.get_ident():
            return self._writer
        found: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if found is None:
            found = self._local.reader = self._connect()
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; committed when the block ends well, or with a refusal that keeps what was done.

        A transaction inside a transaction belongs to the outer one.
        """
        with self._lock:
            if self._depth:
                yield
                return
            self._writer.execute("BEGIN IMMEDIATE")
            self._owner, self._depth = threading.get_ident(), 1
            try:
                yield
            except BaseException as error:
                if isinstance(error, RestError) and error.keeps:
                    self._commit()
                else:
                    self._owner = self._depth = 0
                    self._writer.execute("ROLLBACK")
                    self._read_counters()
                raise
            self._commit()

    def one(self, query: str, values: Sequence[Any] = ()) -> Row | None:
        """The first row, or ``None``."""
        row: Row | None = self.db.execute(query, values).fetchone()
        return row

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        return self.db.execute(query, values).fetchall()

    def value(self, query: str, values: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or ``None``."""
        row = self.db.execute(query, values).fetchone()
        return None if row is None else row[0]

    def run(self, query: str, values: Sequence[Any] = ()) -> int:
        """Write; how many rows it touched."""
        with self.transaction():
            return self._writer.execute(query, values).rowcount

    def run_many(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        with self.transaction():
            self._writer.executemany(query, rows)

    def next_id(self, counter: str, *, count: int = 1) -> int:
        """The first of ``count`` new numbers. Call inside a transaction."""
        first = self._counters.get(counter, 0) + 1
        self._counters[counter] = first + count - 1
        self._moved.add(counter)
        return first

    def counter(self, name: str) -> int:
        """The last number given, 0 for none."""
        return self._counters.get(name, 0)

    def set_counter(self, name: str, value: int) -> None:
        with self.transaction():
            self._counters[name] = value
            self._moved.add(name)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=60)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous = NORMAL")
        return db

    def _commit(self) -> None:
        moved = [(name, self._counters[name]) for name in self._moved]
        self._writer.executemany("INSERT OR REPLACE INTO counter (name, value) VALUES (?, ?)", moved)
        self._moved.clear()
        self._owner = self._depth = 0
        self._writer.execute("COMMIT")

    def _read_counters(self) -> None:
        rows = self._writer.execute("SELECT name, value FROM counter")
        self._counters = {str(row[0]): int(row[1]) for row in rows}
        self._moved.clear()

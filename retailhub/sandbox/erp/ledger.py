"""The look-alike ERP's books: one SQLite file, committed before any answer. References are not unique."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retailhub.sandbox.erp.documents import Content, Draft, RefusedError, amount_text

_SCHEMA = """
CREATE TABLE IF NOT EXISTS product (code TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS customer (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS document (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reference TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'confirmed', 'cancelled')),
    number TEXT NOT NULL DEFAULT '',
    customer TEXT NOT NULL REFERENCES customer (key),
    placed_on TEXT NOT NULL,
    currency TEXT NOT NULL,
    decimals INTEGER NOT NULL,
    total_minor INTEGER NOT NULL,
    tax_minor INTEGER NOT NULL,
    line_count INTEGER NOT NULL,
    lines TEXT NOT NULL,
    rest TEXT NOT NULL,
    shipped INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    changed_at REAL NOT NULL,
    change_number INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS document_reference ON document (reference);
CREATE UNIQUE INDEX IF NOT EXISTS document_change ON document (change_number);
"""
_INSERT = """
INSERT INTO document (reference, state, customer, placed_on, currency, decimals, total_minor, tax_minor,
                      line_count, lines, rest, created_at, changed_at, change_number)
VALUES (?, 'draft', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
RETURNING *
"""


class Ledger:
    """Products, customers and sales orders. Safe to use from many threads: one at a time.

    Amounts are kept in minor units, times as seconds since 1970. Survives ``SIGKILL`` of the process.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        last = self._db.execute("SELECT coalesce(max(change_number), 0) FROM document").fetchone()
        self._change_number = int(last[0])
        self._item_codes = {str(row["code"]) for row in self._rows("SELECT code FROM product", ())}

    def close(self) -> None:
        """Close the file after the present transaction."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; committed when the block ends well."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def add_products(self, products: Iterable[tuple[str, str]]) -> None:
        """Add or rename products, given as code and name."""
        with self.transaction():
            for code, name in products:
                self._db.execute("INSERT OR REPLACE INTO product (code, name) VALUES (?, ?)", (code, name))
                self._item_codes.add(code)

    def has_item(self, code: str) -> bool:
        """Whether a product has this code."""
        return code in self._item_codes

    def products(self, *, after: str, limit: int) -> list[dict[str, str]]:
        """A page of products by code."""
        query = "SELECT code, name FROM product WHERE code > ? ORDER BY code LIMIT ?"
        return [dict(row) for row in self._rows(query, (after, limit))]

    def products_by_code(self, codes: Collection[str]) -> list[dict[str, str]]:
        """The products among these codes."""
        return [dict(row) for row in self._in("SELECT code, name FROM product WHERE code IN", codes)]

    def put_customers(self, customers: Iterable[tuple[str, str]]) -> None:
        """Add or overwrite customers, given as key and JSON."""
        query = """
            INSERT INTO customer (key, body) VALUES (?, ?)
            ON CONFLICT (key) DO UPDATE SET body = excluded.body
        """
        with self.transaction():
            self._db.executemany(query, customers)

    def known_customers(self, keys: Collection[str]) -> set[str]:
        """Which of these customer keys exist."""
        return {str(row["key"]) for row in self._in("SELECT key FROM customer WHERE key IN", keys)}

    def insert(self, draft: Draft) -> dict[str, Any]:
        """Write a new draft, whatever else carries its reference. Call inside `transaction`."""
        now, content = _now(), draft.content
        rows = self._rows(
            _INSERT,
            (
                draft.reference,
                draft.customer,
                draft.placed_on.isoformat(),
                draft.currency,
                content.decimals,
                content.total_minor,
                content.tax_minor,
                content.line_count,
                content.lines_json,
                draft.rest_json,
                now,
                now,
                self._next_change(),
            ),
        )
        return _as_json(rows[0])

    def confirm(self, document_id: str) -> dict[str, Any]:
        """Make a draft final and number it. Raises `RefusedError`. Call inside `transaction`."""
        document = self._row(document_id)
        if document["state"] == "confirmed":
            raise RefusedError("already_confirmed", "The order is confirmed already.", id=document_id)
        if document["state"] == "cancelled":
            raise RefusedError("document_cancelled", "The order is cancelled.", id=document_id)
        number = f"SO-{int(document_id):06d}"
        return self._change(document_id, "state = 'confirmed', number = ?", (number,))

    def cancel(self, document_id: str) -> dict[str, Any]:
        """Cancel a draft or a confirmed order. Raises `RefusedError`. Call inside `transaction`."""
        document = self._row(document_id)
        if document["state"] == "cancelled":
            raise RefusedError("already_cancelled", "The order is cancelled already.", id=document_id)
        if document["shipped"]:
            raise RefusedError("already_shipped", "The order has left the warehouse.", id=document_id)
        return self._change(document_id, "state = 'cancelled'", ())

    def amend(self, document_id: str, content: Content, rest_json: str) -> dict[str, Any]:
        """Replace an order's lines and addresses. Raises `RefusedError`. Call inside `transaction`."""
        document = self._row(document_id)
        if document["state"] == "cancelled":
            raise RefusedError("document_cancelled", "The order is cancelled.", id=document_id)
        if document["shipped"]:
            raise RefusedError("already_shipped", "The order has left the warehouse.", id=document_id)
        values = (
            content.decimals,
            content.total_minor,
            content.tax_minor,
            content.line_count,
            content.lines_json,
            rest_json,
        )
        return self._change(
            document_id,
            "decimals = ?, total_minor = ?, tax_minor = ?, line_count = ?, lines = ?, rest = ?",
            values,
        )

    def ship(self, references: Collection[str]) -> int:
        """Mark the orders under these references as shipped; how many there were."""
        with self.transaction():
            found = self._in("SELECT id FROM document WHERE reference IN", references)
            for row in found:
                self._change(str(row["id"]), "shipped = 1", ())
        return len(found)

    def get(self, document_id: str) -> dict[str, Any]:
        """One document. Raises `RefusedError` ``not_found``."""
        return _as_json(self._row(document_id))

    def by_ids(self, ids: Collection[str]) -> list[dict[str, Any]]:
        """The documents with these ids, at once visible."""
        numbers = [int(text) for text in ids if _is_id(text)]
        return [_as_json(row) for row in self._in("SELECT * FROM document WHERE id IN", numbers)]

    def search(self, references: Collection[str], *, visible_until: float) -> list[dict[str, Any]]:
        """The documents under these references that were created by ``visible_until``."""
        rows = self._in("SELECT * FROM document WHERE reference IN", references)
        return [_as_json(row) for row in rows if row["created_at"] <= visible_until]

    def changes(self, *, since: float, after: int, limit: int, visible_until: float) -> list[dict[str, Any]]:
        """A page of documents changed at or after ``since``, by change number from ``after`` on."""
        query = """
            SELECT * FROM document WHERE change_number > ? AND changed_at >= ? AND created_at <= ?
            ORDER BY change_number LIMIT ?
        """
        return [_as_json(row) for row in self._rows(query, (after, since, visible_until, limit))]

    def every_document(self) -> Iterator[dict[str, Any]]:
        """All documents by id, read in pages so that writers need not wait."""
        last = 0
        while True:
            page = self._rows("SELECT * FROM document WHERE id > ? ORDER BY id LIMIT 500", (last,))
            if not page:
                return
            yield from map(_as_json, page)
            last = int(page[-1]["id"])

    def _next_change(self) -> int:
        self._change_number += 1
        return self._change_number

    def _change(self, document_id: str, setting: str, values: tuple[Any, ...]) -> dict[str, Any]:
        # `setting` is one of this class's own texts.
        query = f"UPDATE document SET {setting}, changed_at = ?, change_number = ? WHERE id = ? RETURNING *"  # noqa: S608
        return _as_json(self._rows(query, (*values, _now(), self._next_change(), int(document_id)))[0])

    def _row(self, document_id: str) -> sqlite3.Row:
        found = self._in("SELECT * FROM document WHERE id IN", [int(document_id)] if _is_id(document_id) else [])
        if not found:
            raise RefusedError("not_found", "There is no such order.", id=document_id)
        return found[0]

    def _rows(self, query: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def _in(self, query: str, values: Collection[Any]) -> list[sqlite3.Row]:
        wanted = list(values)
        found: list[sqlite3.Row] = []
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            found += self._rows(f"{query} ({','.join('?' * len(part))})", part)
        return found


def per_item(items: Iterable[Any], act: Callable[[Any], dict[str, Any]]) -> list[dict[str, Any]]:
    """One answer for each item: the document, or the error that refused it."""
    answers: list[dict[str, Any]] = []
    for item in items:
        try:
            answers.append({"document": act(item)})
        except RefusedError as refused:
            answers.append({"error": refused.as_json()})
    return answers


def _as_json(row: sqlite3.Row) -> dict[str, Any]:
    decimals = int(row["decimals"])
    rest: dict[str, Any] = json.loads(row["rest"])
    return rest | {
        "id": str(row["id"]),
        "reference": row["reference"],
        "state": row["state"],
        "number": row["number"],
        "customer": row["customer"],
        "placed_on": row["placed_on"],
        "currency": row["currency"],
        "decimals": decimals,
        "total": amount_text(row["total_minor"], decimals),
        "tax_total": amount_text(row["tax_minor"], decimals),
        "line_count": row["line_count"],
        "lines": json.loads(row["lines"]),
        "shipped": bool(row["shipped"]),
        "created_at": _instant(row["created_at"]),
        "changed_at": _instant(row["changed_at"]),
        "change_number": row["change_number"],
    }


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _instant(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()


def _now() -> float:
    # As exact as the text that tells it, so that asking for changes since a told time finds that change.
    return round(time.time(), 6)

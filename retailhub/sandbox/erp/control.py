"""A client of the look-alike ERP's control port, for tests, demo and benchmarks. Standard library only."""

from __future__ import annotations

import datetime as dt
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from retailhub.sandbox.changing import changed
from retailhub.sandbox.erp.manners import Manners


def argv(*, ledger: Path, ready_file: Path, port: int = 0) -> list[str]:
    """The command that starts an ERP on this ledger; up once ``ready_file`` exists (see `read_place`)."""
    module = "retailhub.sandbox.erp"
    options = ["--ledger", str(ledger), "--ready-file", str(ready_file), "--port", str(port)]
    return [sys.executable, "-m", module, *options]


@dataclass(frozen=True)
class Place:
    """Where a started ERP is, as its ready file says."""

    base_url: str
    control_url: str
    api_key: str = field(repr=False)
    pid: int = 0


def read_place(ready_file: Path) -> Place:
    """Read the ready file. Raises ``FileNotFoundError`` while the ERP is not up yet."""
    return Place(**json.loads(ready_file.read_text()))


@dataclass(frozen=True)
class LedgerDocument:
    """A document as the ERP's books have it. ``lines`` are as the API tells them."""

    document_id: str
    reference: str
    state: str
    number: str
    currency: str
    total: Decimal
    tax_total: Decimal
    shipped: bool
    lines: tuple[Mapping[str, Any], ...]
    created_at: dt.datetime
    changed_at: dt.datetime

    @property
    def live(self) -> bool:
        """Not cancelled: counts for money and as a double."""
        return self.state != "cancelled"


@dataclass(frozen=True)
class Books:
    """The whole ledger, how often each endpoint was called and how often each fault was committed."""

    documents: tuple[LedgerDocument, ...]
    calls: Mapping[str, int]
    faults: Mapping[str, int]

    def under(self, reference: str) -> list[LedgerDocument]:
        """All documents under one reference."""
        return [document for document in self.documents if document.reference == reference]

    def doubles(self) -> dict[str, list[LedgerDocument]]:
        """The live documents of every reference that has more than one."""
        live: dict[str, list[LedgerDocument]] = {}
        for document in self.documents:
            if document.live:
                live.setdefault(document.reference, []).append(document)
        return {reference: found for reference, found in live.items() if len(found) > 1}


class Control:
    """Talks to the control port. Errors are those of ``urllib``; a refusal is a ``ValueError``."""

    def __init__(self, control_url: str, *, timeout_seconds: float = 10.0) -> None:
        self._url = control_url.rstrip("/")
        self._timeout = timeout_seconds

    def manners(self) -> Manners:
        """The manners in force."""
        return changed(Manners(), self._call("GET", "/_control/manners"))

    def behave(self, **changes: Any) -> Manners:
        """Set some manners (the fields of `Manners`), keep the others, throw the dice anew from the seed."""
        return changed(Manners(), self._call("POST", "/_control/manners", changes))

    def be_good(self) -> Manners:
        """Drop all bad manners."""
        return changed(Manners(), self._call("DELETE", "/_control/manners"))

    def add_products(self, codes: Iterable[str] | Mapping[str, str]) -> None:
        """Make item codes known; a mapping gives names too."""
        named = codes if isinstance(codes, Mapping) else {code: code for code in codes}
        products = [{"code": code, "name": name} for code, name in named.items()]
        self._call("POST", "/_control/products", {"products": products})

    def ship(self, references: Iterable[str]) -> int:
        """Mark the orders under these references as shipped; how many documents that were."""
        return int(self._call("POST", "/_control/ship", {"references": list(references)})["shipped"])

    def books(self) -> Books:
        """The whole ledger in memory."""
        documents: list[LedgerDocument] = []
        counts: dict[str, Any] = {}
        for line in self._lines("/_control/ledger"):
            if "document" in line:
                documents.append(_document(line["document"]))
            else:
                counts = line
        return Books(tuple(documents), counts["calls"], counts["faults"])

    def walk_books(self) -> Iterator[LedgerDocument]:
        """The documents alone, streamed."""
        for line in self._lines("/_control/ledger"):
            if "document" in line:
                yield _document(line["document"])

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        with self._open(method, path, body) as answer:
            return json.loads(answer.read())

    def _lines(self, path: str) -> Iterator[dict[str, Any]]:
        with self._open("GET", path, None) as answer:
            for line in answer:
                yield json.loads(line)

    def _open(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, method=method)  # noqa: S310 - our own address
        request.add_header("Content-Type", "application/json")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            return opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as refused:
            with refused:
                raise ValueError(json.loads(refused.read())["error"]["message"]) from refused


def _document(raw: Mapping[str, Any]) -> LedgerDocument:
    return LedgerDocument(
        document_id=raw["id"],
        reference=raw["reference"],
        state=raw["state"],
        number=raw["number"],
        currency=raw["currency"],
        total=Decimal(raw["total"]),
        tax_total=Decimal(raw["tax_total"]),
        shipped=raw["shipped"],
        lines=tuple(raw["lines"]),
        created_at=dt.datetime.fromisoformat(raw["created_at"]),
        changed_at=dt.datetime.fromisoformat(raw["changed_at"]),
    )

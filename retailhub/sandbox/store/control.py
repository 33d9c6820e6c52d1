"""A client of a look-alike store's control port, and how to start one. Standard library only at run time."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from retailhub.sandbox.changing import changed
from retailhub.sandbox.store.manners import Manners

_REPOSITORY = Path(__file__).resolve().parents[3]
_START_SECONDS = 30.0


def argv(*, ledger: Path, ready_file: Path, **options: Any) -> list[str]:
    """The command that starts a store on this ledger; up once ``ready_file`` exists (see `read_place`).

    ``options`` are those of the command line with underscores: ``time_zone="Europe/London"``,
    ``prices_include_tax=True``, ``queue_seconds="never"``, ``tls=(certificate, key)``.
    """
    words = [sys.executable, "-m", "retailhub.sandbox.store", "--ledger", str(ledger), "--ready-file", str(ready_file)]
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words += [str(word) for word in (value if isinstance(value, list | tuple) else [value])]
    return words


@dataclass(frozen=True)
class Place:
    """Where a started store is, as its ready file says. ``keys`` are (key, secret, rights)."""

    url: str
    tls_url: str
    control_url: str
    key: str
    secret: str = field(repr=False)
    keys: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    pid: int = 0


def read_place(ready_file: Path) -> Place:
    """Read the ready file. Raises ``FileNotFoundError`` while the store is not up yet."""
    raw = json.loads(ready_file.read_text())
    return Place(**{**raw, "keys": tuple(tuple(row) for row in raw["keys"])})


@contextlib.contextmanager
def running_store(folder: Path, *, name: str = "store", **options: Any) -> Iterator[tuple[Place, Control]]:
    """A store of its own process until the block ends; its books are ``folder/name.sqlite``.

    Raises ``RuntimeError`` when it does not come up. ``options`` as for `argv`.
    """
    ready = folder / f"{name}.json"
    ready.unlink(missing_ok=True)
    command = argv(ledger=folder / f"{name}.sqlite", ready_file=ready, **options)
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=_REPOSITORY, stdout=log, stderr=log)
        try:
            _wait(process, ready)
            place = read_place(ready)
            yield place, Control(place.control_url)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], ready: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while not ready.exists():
        if process.poll() is not None:
            raise RuntimeError(f"The store ended with status {process.returncode}; see its log beside {ready}.")
        if time.monotonic() > until:
            raise RuntimeError(f"The store was not up after {_START_SECONDS:.0f} s.")
        time.sleep(0.02)


@dataclass(frozen=True)
class PlacedOrder:
    """An order as the books have it, also when it is gone: ``status`` is then ``deleted``.

    ``way``: rest, classic, store-api, refused or draft. ``expect``: posted, nothing, case or either, "" if it
    was not made up here. ``planted``: the code of the case it must end in.
    """

    id: int
    way: str
    at: dt.datetime
    currency: str
    total: Decimal
    refunded: Decimal
    status: str
    life: str
    expect: str
    planted: str | None


@dataclass(frozen=True)
class Delivery:
    """One delivery. ``outcome``: taken, refused, dropped (never sent, by trouble) or again (its double)."""

    id: int
    webhook_id: int
    topic: str
    arg: int
    at: dt.datetime
    outcome: str
    status: int | None
    delivery_id: str
    sha256: str
    seconds: float


@dataclass(frozen=True)
class Webhook:
    """A webhook with what the API does not tell of it."""

    id: int
    name: str
    status: str
    topic: str
    url: str
    failures: int


@dataclass(frozen=True)
class Books:
    """All of the store's ledger. ``calls`` by "METHOD address status", numbers in addresses as ``{id}``.

    ``disabled``: how often a webhook was switched off.
    """

    placed: tuple[PlacedOrder, ...]
    deliveries: tuple[Delivery, ...]
    webhooks: tuple[Webhook, ...]
    calls: Mapping[str, int]
    faults: Mapping[str, int]
    disabled: int = 0

    def money(self) -> dict[int, tuple[str, Decimal]]:
        """Currency and total of every order that was not deleted for good."""
        return {row.id: (row.currency, row.total) for row in self.placed if row.status != "deleted"}


class Control:
    """Talks to the control port. Errors are those of ``urllib``; a refusal is a ``ValueError``."""

    def __init__(self, control_url: str, *, timeout_seconds: float = 300.0) -> None:
        self._url = control_url.rstrip("/")
        self._timeout = timeout_seconds

    def place_orders(self, count: int = 1, **wish: Any) -> list[int]:
        """Made-up people place orders; their numbers. ``wish`` has the fields of `makers.Wish`.

        ``way="rest" | "classic" | "store-api"``, ``lives={"completed": 1}``, ``plant=0.05``, ``now=True`` for
        whole lives at once, ``silent=True`` for imports, ``created=datetime`` for when.
        """
        return [int(ident) for ident in self._call("POST", "place", _moments({"count": count, **wish}))["ids"]]

    def open_doors(self, orders: int, **shopping: Any) -> None:
        """People place ``orders`` over time, and their lives go on meanwhile; see `progress`.

        ``shopping`` has the fields of `people.Shopping`: ``rate=5.0`` orders a second, ``plant=0.04``. Raises
        ``ValueError`` while others are still shopping.
        """
        self._call("POST", "people", {"orders": orders, **shopping})

    def products(self) -> dict[str, Any]:
        """``{"products": [{"sku", "name", "price"}], "unmapped": [skus]}``: what its ERP knows, and what not."""
        found: dict[str, Any] = self._call("GET", "products")
        return found

    def make_history(self, count: int, **wish: Any) -> tuple[int, int]:
        """Many old orders quickly, silently, at the end of their lives; the first and the last number."""
        found = self._call("POST", "history", _moments({"count": count, **wish}))
        return int(found["first"]), int(found["last"])

    def advance(self, *, steps: int | None = None, order_ids: Sequence[int] | None = None) -> int:
        """Let lives go on, all the way or ``steps`` in all; how many steps were taken."""
        return int(self._call("POST", "advance", {"steps": steps, "order_ids": order_ids})["steps"])

    def update(self, order_id: int, *, silent: bool = False, **fields: Any) -> None:
        """As a PUT of these fields by somebody in the shop."""
        self._deed("update", order_id, fields=fields, silent=silent)

    def alter(self, order_id: int, **fields: Any) -> None:
        """The same without moving its date, and no webhook hears of it."""
        self._deed("alter", order_id, fields=fields)

    def backdate(self, order_id: int, seconds: int) -> None:
        """All dates of the order lie so much earlier; no webhook hears of it."""
        self._deed("backdate", order_id, seconds=seconds)

    def trash(self, order_id: int, *, silent: bool = False) -> None:
        self._deed("trash", order_id, silent=silent)

    def restore(self, order_id: int, *, silent: bool = False) -> None:
        self._deed("restore", order_id, silent=silent)

    def delete(self, order_id: int, *, silent: bool = False) -> None:
        """For good; no order webhook hears of that in the real store either, only an action's."""
        self._deed("delete", order_id, silent=silent)

    def refund(self, order_id: int, *, silent: bool = False, **fields: Any) -> int:
        """A refund as POST refunds takes it (``amount="5.00"``, ``line_items=[...]``); its number."""
        return self._deed("refund", order_id, fields=fields, silent=silent)

    def delete_refund(self, order_id: int, refund_id: int) -> None:
        self._deed("delete_refund", order_id, refund_id=refund_id)

    def run_queue(self) -> int:
        """Deliver all that waits, now; how many were taken from the queue."""
        return int(self._call("POST", "queue", {"do": "run"})["delivered"])

    def hold_queue(self) -> None:
        """It does not run by itself any more."""
        self._call("POST", "queue", {"do": "hold"})

    def release_queue(self) -> None:
        self._call("POST", "queue", {"do": "release"})

    def forget_queue(self) -> None:
        """What waits is never delivered."""
        self._call("POST", "queue", {"do": "forget"})

    def trouble(self, **chances: Any) -> None:
        """Trouble on the wire: the fields of `queue.Trouble`; without any, none."""
        self._call("POST", "trouble", chances)

    def set_clock(self, offset_seconds: int) -> None:
        """The store's clock goes so much ahead of the machine's."""
        self._call("POST", "clock", {"offset": offset_seconds})

    def set_counters(self, **counters: int) -> None:
        """The last number given to ``post`` (orders, refunds, products, coupons), ``customer``, ``webhook``..."""
        self._call("POST", "counters", counters)

    def load(
        self,
        *,
        products: Sequence[Mapping[str, Any]] = (),
        customers: Sequence[Mapping[str, Any]] = (),
        orders: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Bring in what another store showed, with its numbers and dates; no webhook hears of it."""
        shown = {"products": list(products), "customers": list(customers), "orders": list(orders)}
        self._call("POST", "load", shown)

    def manners(self) -> Manners:
        """The manners in force."""
        return changed(Manners(), self._call("GET", "manners"))

    def behave(self, **changes: Any) -> Manners:
        """Set some manners (the fields of `Manners`), keep the others, throw the dice anew from the seed."""
        return changed(Manners(), self._call("POST", "manners", changes))

    def be_good(self) -> Manners:
        """Drop all bad manners."""
        return changed(Manners(), self._call("DELETE", "manners"))

    def progress(self) -> dict[str, Any]:
        """Counts: orders by status, ``alive`` lives, deliveries by outcome, ``pending`` ones, webhooks by status, how
        often one was ``disabled``, and how far the ``people`` are (``wanted``, ``placed``, ``finished``)."""
        found: dict[str, Any] = self._call("GET", "progress")
        return found

    def books(self) -> Books:
        """The whole ledger in memory."""
        rows: dict[str, list[Any]] = {"order": [], "delivery": [], "webhook": []}
        counts: dict[str, Any] = {}
        for line in self._lines("books"):
            if "counts" in line:
                counts = line["counts"]
                continue
            ((kind, row),) = line.items()
            rows[kind].append(_KINDS[kind](**_read(kind, row)))
        return Books(
            tuple(rows["order"]),
            tuple(rows["delivery"]),
            tuple(rows["webhook"]),
            counts["calls"],
            counts["faults"],
            counts["disabled"],
        )

    def walk_placed(self) -> Iterator[PlacedOrder]:
        """The orders alone, streamed."""
        for line in self._lines("books"):
            if "order" not in line:
                return
            yield PlacedOrder(**_read("order", line["order"]))

    def _deed(self, deed: str, order_id: int, **body: Any) -> int:
        return int(self._call("POST", "orders", {"deed": deed, "id": order_id, **body})["id"])

    def _call(self, method: str, page: str, body: Any = None) -> Any:
        with self._open(method, page, body) as answer:
            return json.loads(answer.read())

    def _lines(self, page: str) -> Iterator[dict[str, Any]]:
        with self._open("GET", page, None) as answer:
            for line in answer:
                yield json.loads(line)

    def _open(self, method: str, page: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/_control/{page}", data=data, method=method)  # noqa: S310 - our own address
        request.add_header("Content-Type", "application/json")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            return opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as refused:
            with refused:
                raise ValueError(json.loads(refused.read())["error"]) from refused


_KINDS: dict[str, type[Any]] = {"order": PlacedOrder, "delivery": Delivery, "webhook": Webhook}
_MONEY = ("total", "refunded")


def _read(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    names = {item.name for item in dataclasses.fields(_KINDS[kind])}
    found = {name: value for name, value in row.items() if name in names}
    if "at" in found:
        found["at"] = dt.datetime.fromtimestamp(found["at"], dt.UTC)
    return found | {name: Decimal(found[name]) for name in _MONEY if name in found}


def _moments(wish: dict[str, Any]) -> dict[str, Any]:
    """Dates as Unix seconds, spans as seconds."""
    for name, value in wish.items():
        if isinstance(value, dt.datetime):
            wish[name] = int(value.timestamp())
        elif isinstance(value, dt.timedelta):
            wish[name] = int(value.total_seconds())
    return wish

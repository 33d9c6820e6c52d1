"""The control port's pages: make and change orders behind the API's back, run the queue, set manners, read all.

``METHOD name`` and a JSON body each; `control.Control` is their client and says what they do.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from retailhub.sandbox.changing import changed
from retailhub.sandbox.store import hidden, loading, makers, order_writes, refunds
from retailhub.sandbox.store.calls import Answer
from retailhub.sandbox.store.errors import RestError
from retailhub.sandbox.store.lifelike.catalogue import known_products
from retailhub.sandbox.store.manners import Manners
from retailhub.sandbox.store.people import shopping_of
from retailhub.sandbox.store.queue import Trouble

if TYPE_CHECKING:
    from retailhub.sandbox.store.running import RunningStore

Doc = dict[str, Any]
_BOOKS = (
    ("order", "SELECT id, way, at, currency, total, refunded, status, life, expect, planted FROM placed ORDER BY id"),
    ("delivery", "SELECT * FROM delivery ORDER BY id"),
    ("webhook", "SELECT id, name, status, topic, url, failures FROM webhook ORDER BY id"),
)


class ControlPages:
    """Works on one running store."""

    def __init__(self, running: RunningStore) -> None:
        self._running = running
        self._store = running.store
        self._pages: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("POST", "place"): lambda body: {"ids": makers.place_orders(self._store, makers.wish_of(body))},
            ("POST", "people"): self._people,
            ("POST", "history"): self._history,
            ("POST", "advance"): lambda body: {"steps": makers.advance(self._store, **(body or {}))},
            ("POST", "orders"): self._change_order,
            ("POST", "queue"): self._queue,
            ("POST", "trouble"): self._trouble,
            ("POST", "clock"): self._clock,
            ("POST", "counters"): self._counters,
            ("POST", "load"): self._load,
            ("GET", "manners"): lambda _: dataclasses.asdict(running.temper.manners),
            ("POST", "manners"): self._behave,
            ("DELETE", "manners"): lambda _: self._adopt(Manners()),
            ("GET", "progress"): lambda _: self._progress(),
            ("GET", "products"): lambda _: known_products(),
        }

    def answer(self, method: str, name: str, body: Any) -> Answer | Iterator[Doc]:
        """One page. Raises ValueError, KeyError or TypeError for what it cannot do."""
        if (method, name) == ("GET", "books"):
            return self._books()
        page = self._pages.get((method, name))
        if page is None:
            return Answer(status=404, body=b'{"error": "There is nothing here."}')
        try:
            found = page(body)
        except RestError as error:
            raise ValueError(f"{error.code}: {error.message}") from error
        return Answer(status=200, body=json.dumps(found).encode(), headers={"Content-Type": "application/json"})

    def _people(self, body: Doc) -> Doc:
        self._running.people.start(shopping_of(body))
        return self._running.people.progress()

    def _history(self, body: Doc) -> Doc:
        first, last = makers.make_history(self._store, makers.wish_of(body))
        return {"first": first, "last": last}

    def _change_order(self, body: Doc) -> Doc:
        order_id, store = int(body["id"]), self._store
        deeds: dict[str, Callable[[], Any]] = {
            "trash": lambda: order_writes.trash_order(store, order_id),
            "restore": lambda: order_writes.restore_order(store, order_id),
            "delete": lambda: order_writes.delete_order(store, order_id),
            "update": lambda: order_writes.update_order(store, order_id, body["fields"]),
            "alter": lambda: hidden.alter(store, order_id, body["fields"]),
            "backdate": lambda: hidden.backdate(store, order_id, int(body["seconds"])),
            "refund": lambda: refunds.create(store, order_id, {"api_refund": False, **body["fields"]}),
            "delete_refund": lambda: refunds.delete(store, order_id, int(body["refund_id"]), force=True),
        }
        if body["deed"] not in deeds:
            raise ValueError(f"There is no deed {body['deed']!r}; known are {', '.join(deeds)}.")
        with store.ledger.transaction():
            store.hooks.silent.on = bool(body.get("silent", False))
            try:
                found = deeds[body["deed"]]()
            finally:
                store.hooks.silent.on = False
        return {"id": found if isinstance(found, int) else order_id}

    def _queue(self, body: Doc) -> Doc:
        queue, delivered = self._running.queue, 0
        match body["do"]:
            case "run":
                delivered = queue.run()
            case "hold":
                queue.hold(held=True)
            case "release":
                queue.hold(held=False)
            case "forget":
                self._store.ledger.run("DELETE FROM job WHERE running = 0")
            case other:
                raise ValueError(f"The queue cannot {other}.")
        return {"delivered": delivered, "pending": queue.pending(), "held": queue.held}

    def _trouble(self, body: Doc) -> Doc:
        try:
            trouble = msgspec.convert(body, Trouble)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        self._running.queue.adopt(trouble)
        found: Doc = msgspec.to_builtins(trouble)
        return found

    def _clock(self, body: Doc) -> Doc:
        self._store.set_clock_offset(int(body["offset"]))
        return {"now": self._store.clock.now()}

    def _counters(self, body: Doc) -> Doc:
        for name, value in body.items():
            self._store.ledger.set_counter(name, int(value))
        return dict(body)

    def _load(self, body: Doc) -> Doc:
        with self._store.ledger.transaction():
            return loading.load(self._store, body)

    def _behave(self, body: Doc) -> Doc:
        return self._adopt(changed(self._running.temper.manners, body))

    def _adopt(self, manners: Manners) -> Doc:
        self._running.adopt(manners)
        return dataclasses.asdict(manners)

    def _progress(self) -> Doc:
        """Counts only: cheap to ask again and again."""
        rows = self._store.ledger.rows("SELECT status, count(*) AS n FROM placed GROUP BY status")
        outcomes = self._store.ledger.rows("SELECT outcome, count(*) AS n FROM delivery GROUP BY outcome")
        alive = self._store.ledger.value("SELECT count(*) FROM placed WHERE steps IS NOT NULL")
        hooks = self._store.ledger.rows("SELECT status, count(*) AS n FROM webhook GROUP BY status")
        return {
            "orders": {row["status"]: row["n"] for row in rows},
            "alive": alive,
            "deliveries": {row["outcome"]: row["n"] for row in outcomes},
            "pending": self._running.queue.pending(),
            "people": self._running.people.progress(),
            "webhooks": {row["status"]: row["n"] for row in hooks},
            "disabled": self._store.ledger.counter("disabled"),
        }

    def _books(self) -> Iterator[Doc]:
        for kind, query in _BOOKS:
            for row in self._store.ledger.db.execute(query):
                yield {kind: dict(row)}
        calls, faults = dict(self._running.rest.calls), self._running.temper.faults()
        yield {"counts": {"calls": calls, "faults": faults, "disabled": self._store.ledger.counter("disabled")}}

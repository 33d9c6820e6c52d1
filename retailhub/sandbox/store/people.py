"""The people of a made-up store: they place orders over time, and what becomes of the orders happens meanwhile."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec

from retailhub.sandbox.store import makers
from retailhub.sandbox.store.store import Store

PACE_SECONDS, HURRIED_SECONDS = 2.0, 0.2
"""From one change of an order to the next, on average: with a rate, and as fast as deliveries are taken."""
_BREATH = 0.005


class Shopping(msgspec.Struct, frozen=True, kw_only=True):
    """What they do. ``rate`` is orders a second, ``None`` as fast as the webhooks are taken.

    ``plant`` and ``lives`` as `lifelike.orders.mix_of` takes them. No order is placed while ``alive`` lives are not
    over or ``backlog`` deliveries wait.
    """

    orders: int
    rate: float | None = None
    plant: float | dict[str, float] = 0.04
    lives: dict[str, int] | None = None
    rounding: float = 0.03
    alive: int = 64
    backlog: int = 64

    def wish(self) -> makers.Wish:
        return makers.Wish(plant=self.plant, lives=self.lives, rounding=self.rounding)


class People:
    """Shops in a thread of its own, once at a time."""

    def __init__(self, store: Store, waiting: Callable[[], int]) -> None:
        """``waiting``: how many deliveries wait."""
        self._store, self._waiting = store, waiting
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._wanted = self._placed = 0
        self._rng = Random(f"{store.settings.seed}:people")  # noqa: S311 - made-up behaviour
        self._due: list[tuple[float, int]] = []

    def start(self, shopping: Shopping) -> None:
        """Raises ``ValueError`` while they shop already, and for lives and problems that do not exist."""
        shopping.wish().mix()
        if not self.finished:
            raise ValueError("They are shopping already.")
        self._wanted, self._placed = shopping.orders, 0
        self._thread = threading.Thread(target=self._shop, args=(shopping,), name="people", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End after the order that is being placed."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    @property
    def finished(self) -> bool:
        """All that was wanted is placed, and all lives are over."""
        return self._thread is None or not self._thread.is_alive()

    def progress(self) -> dict[str, Any]:
        """``{"wanted", "placed", "finished"}`` of the last start."""
        return {"wanted": self._wanted, "placed": self._placed, "finished": self.finished}

    def _shop(self, shopping: Shopping) -> None:
        wish, began = shopping.wish(), time.monotonic()
        pace = HURRIED_SECONDS if shopping.rate is None else PACE_SECONDS
        alive = self._store.ledger.rows("SELECT id FROM placed WHERE steps IS NOT NULL ORDER BY id")
        self._due = []
        for row in alive:
            self._await(row["id"], pace)
        while not self._stop.is_set() and (self._placed < self._wanted or self._due):
            if self._waiting() < shopping.backlog and self._go_on(shopping, wish, began, pace):
                continue
            self._stop.wait(_BREATH)

    def _go_on(self, shopping: Shopping, wish: makers.Wish, began: float, pace: float) -> bool:
        """One change of an order whose time has come, or else one new order; false when nothing was to do."""
        now = time.monotonic()
        if self._due and self._due[0][0] <= now:
            _, order_id = heapq.heappop(self._due)
            with self._store.ledger.transaction():
                makers.advance_one(self._store, order_id)
            self._await(order_id, pace)
            return True
        asked = self._wanted if shopping.rate is None else 1 + int((now - began) * shopping.rate)
        if self._placed >= min(asked, self._wanted) or len(self._due) >= shopping.alive:
            return False
        for order_id in makers.place_orders(self._store, wish):
            self._await(order_id, pace)
        self._placed += 1
        return True

    def _await(self, order_id: int, pace: float) -> None:
        """Its next change comes after a while, if its life goes on."""
        if self._store.ledger.value("SELECT steps FROM placed WHERE id = ?", (order_id,)) is not None:
            heapq.heappush(self._due, (time.monotonic() + self._rng.uniform(0, 2 * pace), order_id))


def shopping_of(given: Mapping[str, Any]) -> Shopping:
    """From JSON. Raises ``ValueError``."""
    try:
        return msgspec.convert(given, Shopping)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error

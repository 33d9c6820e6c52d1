"""One store: its settings, books, clock, hooks, and what it remembers of them between calls."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from retailhub.sandbox.store.clock import Clock
from retailhub.sandbox.store.hooks import Hooks
from retailhub.sandbox.store.ledger import Ledger
from retailhub.sandbox.store.rates import Rates
from retailhub.sandbox.store.settings import StoreSettings
from retailhub.sandbox.store.shelf import Shelf

API = "/wp-json/wc/v3"
_FIRST_ID = 1000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Store:
    """What every page of the store works on. Safe to use from many threads."""

    def __init__(self, path: Path, settings: StoreSettings) -> None:
        self.settings = settings
        self.ledger = Ledger(path)
        self.clock = Clock(settings.time_zone)
        self.hooks = Hooks(self.ledger)
        self.rates = Rates(self.ledger)
        self.shelf = Shelf(self.ledger)
        self._random = random.Random(f"{settings.seed}:keys")  # noqa: S311 - made-up keys of made-up orders
        self._random_lock = threading.Lock()
        with self.ledger.transaction():
            self.clock.offset = float(self.ledger.counter("clock_offset"))
            if self.ledger.counter("post") < _FIRST_ID - 1:
                self.ledger.set_counter("post", _FIRST_ID - 1)

    @property
    def api(self) -> str:
        """The address of wc/v3."""
        return f"{self.settings.site}{API}"

    def random_text(self, length: int) -> str:
        """Letters and digits, another each time."""
        with self._random_lock:
            return "".join(self._random.choices(_ALPHABET, k=length))

    def new_post_id(self) -> int:
        """Orders, refunds, products and coupons share one row of numbers. Call inside a transaction."""
        return self.ledger.next_id("post")

    def set_clock_offset(self, seconds: int) -> None:
        """The store's clock goes ``seconds`` ahead of the machine's (behind, if negative)."""
        self.ledger.set_counter("clock_offset", seconds)
        self.clock.offset = float(seconds)

    def close(self) -> None:
        self.ledger.close()

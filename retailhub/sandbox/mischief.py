"""What goes wrong in a demo with ``--faults``: in the ERP, in the store, on the wire between, and among our workers."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from retailhub.sandbox.erp.control import Control as ErpControl
from retailhub.sandbox.stack import Stack
from retailhub.sandbox.store.control import Control, PlacedOrder

ERP_FAULTS = {
    "commit_then_drop": 0.10,
    "drop_before_commit": 0.05,
    "error_body": 0.03,
    "truncated": 0.03,
    "rate_limited": 0.03,
    "unavailable": 0.03,
    "search_lag_seconds": 1.0,
}
"""Chances for each call."""
STORE_FAULTS = {
    "answer_seconds": 0.3,
    "rate_limited": 0.06,
    "maintenance": 0.04,
    "error_page": 0.04,
    "gateway_down": 0.04,
    "truncated": 0.04,
    "drop": 0.04,
    "maintenance_seconds": 1,
    "retry_after_seconds": 1,
}
WIRE = {"doubled": 0.08, "shuffled": 0.2, "late": 0.02}
"""What happens to deliveries in every demo."""
NEVER_SENT = 0.3
SENT_AGAIN_AT, REFUSED_AT, MEDDLED_AT = 0.4, 0.5, 0.6
"""Shares of the orders that are placed when deliveries arrive again, are all refused, and somebody meddles."""
KILL_EVERY_SECONDS = 6.0
MOST_KILLS = 6
SENT_ON_AT_ONCE, NEVER_PAID = ("paid_at_once", "cash_on_delivery"), ("never_paid",)
"""Lives of a single state: nothing more becomes of these orders by themselves."""


class Mischief:
    """Goes on at every look while the store is open. ``begin``, ``go_on`` …, ``end``; faults stay in the ERP."""

    def __init__(self, *, store: Control, erp: ErpControl | None, stack: Stack, seed: int) -> None:
        """``erp`` is ``None`` for a real one: it behaves, and cancels nothing that it has begun to ship."""
        self._store, self._erp, self._stack, self._seed = store, erp, stack, seed
        self._rng = random.Random(seed)  # noqa: S311 - which worker is killed, not a secret
        self._next_kill = time.monotonic() + KILL_EVERY_SECONDS
        self._wire: dict[str, float] = {}
        self._was_off = self._over = False
        self._meddled: dict[str, int] = {}
        self.kills = 0

    def begin(self) -> None:
        """The ERP and the store misbehave, and three of ten deliveries are never sent."""
        if self._erp is not None:
            self._erp.behave(**ERP_FAULTS, seed=self._seed)
        self._store.behave(**STORE_FAULTS, seed=self._seed)
        self._upset({"drop": NEVER_SENT})
        self._next_kill = time.monotonic() + KILL_EVERY_SECONDS

    def go_on(self, store: Mapping[str, Any]) -> None:
        """One look; ``store`` is the store's progress."""
        people = store["people"]
        placed = people["placed"] / max(people["wanted"], 1)
        self._was_off = self._was_off or store["disabled"] > 0
        if placed >= REFUSED_AT and not self._was_off:
            self._upset({"refused": 1.0})
        elif placed >= SENT_AGAIN_AT:
            self._upset({})
        if placed >= MEDDLED_AT:
            self._meddle("trash", "delete")

    def end(self) -> None:
        """The store behaves and all that it still tells arrives; what nobody has meddled with yet is meddled with."""
        if not self._over:
            self._store.be_good()
            self._upset({})
            # by now the other looks are past this order: only the sweep can find it
            self._meddle("trash", "delete", "alter")
            self._over = True

    def kill_now_and_then(self) -> None:
        """Kill a pump, if it is time; another takes its place at once."""
        now = time.monotonic()
        if now < self._next_kill or self.kills == MOST_KILLS:
            return
        number = self._rng.randrange(self._stack.pumps)
        supervisor = self._stack.services.supervisor
        child = supervisor.children[f"pump-{number}"]
        os.kill(child.pid, signal.SIGKILL)
        supervisor.stop(child.name)
        self._stack.start_pump(number)
        self.kills += 1
        self._next_kill = now + KILL_EVERY_SECONDS

    def _upset(self, more: Mapping[str, float]) -> None:
        wire = WIRE | dict(more)
        if wire != self._wire:
            self._store.trouble(**wire, seed=self._seed)
            self._wire = wire

    def _meddle(self, *names: str) -> None:
        """Once each, unheard: an order thrown away, one deleted for good, one paid by a plugin that moves no date."""
        lives = SENT_ON_AT_ONCE if self._erp is not None else NEVER_PAID
        deeds: dict[str, tuple[tuple[str, ...], Callable[[int], None]]] = {
            "trash": (lives, lambda ident: self._store.trash(ident, silent=True)),
            "delete": (lives, lambda ident: self._store.delete(ident, silent=True)),
            "alter": (NEVER_PAID, lambda ident: self._store.alter(ident, status="processing")),
        }
        left = [name for name in names if name not in self._meddled]
        placed = list(self._store.walk_placed()) if left else []
        for name in left:
            wanted, do = deeds[name]
            victim = self._victim(placed, wanted)
            if victim is not None:
                do(victim)
                self._meddled[name] = victim

    def _victim(self, placed: list[PlacedOrder], lives: tuple[str, ...]) -> int | None:
        chosen = [row.id for row in placed if row.life in lives and not row.planted and row.status != "trash"]
        return next((ident for ident in chosen if ident not in self._meddled.values()), None)

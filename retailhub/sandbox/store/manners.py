"""The store's bad manners: what a caller meets beside the proper answers, and the dice for it."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What can go wrong with one call; the name is also the name of its chance in `Manners`."""

    DROP = "drop"
    COMMIT_THEN_DROP = "commit_then_drop"
    RATE_LIMITED = "rate_limited"
    MAINTENANCE = "maintenance"
    ERROR_PAGE = "error_page"
    GATEWAY_DOWN = "gateway_down"
    DATABASE_DOWN = "database_down"
    FATAL = "fatal"
    LOGIN_PAGE = "login_page"
    NOTICE = "notice"
    TRUNCATED = "truncated"


AFTER = frozenset({Fault.COMMIT_THEN_DROP, Fault.NOTICE, Fault.TRUNCATED})
"""These happen to an answer; the others instead of one."""


@dataclass(frozen=True, kw_only=True)
class Manners:
    """Chances between 0 and 1 for each fault, thrown from ``seed``, and switches.

    ``paths`` (beginnings, below wc/v3) and ``methods`` limit all of it, ``times`` the faults to so many.
    ``answer_seconds`` passes before each answer; ``bytes_per_second`` is how fast it then comes (0: at once).
    ``cached``: a GET is answered as the same GET was before. ``read_only``: no key may write. ``redirect_to``
    sends everybody to another address. ``strip_authorization``: the header never reaches the store.
    ``broken_orders``: every full read that one of these ids is in ends as a PHP error, alone or in a list.
    """

    drop: float = 0.0
    commit_then_drop: float = 0.0
    rate_limited: float = 0.0
    maintenance: float = 0.0
    error_page: float = 0.0
    gateway_down: float = 0.0
    database_down: float = 0.0
    fatal: float = 0.0
    login_page: float = 0.0
    notice: float = 0.0
    truncated: float = 0.0

    seed: int = 0
    times: int | None = None
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    answer_seconds: float = 0.0
    bytes_per_second: float = 0.0
    retry_after_seconds: int = 1
    retry_after_as_date: bool = False
    maintenance_seconds: int = 600
    cached: bool = False
    read_only: bool = False
    redirect_to: str = ""
    strip_authorization: bool = False
    broken_orders: tuple[int, ...] = ()

    def concern(self, method: str, place: str) -> bool:
        """Whether they hold for this call; ``place`` is the path below wc/v3."""
        if self.methods and method not in self.methods:
            return False
        return not self.paths or place.startswith(self.paths)


class Temper:
    """The manners in force and the dice thrown by them. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: Counter[str] = Counter()
        self.adopt(Manners())

    def adopt(self, manners: Manners) -> None:
        """Take new manners; the dice start again from their seed."""
        with self._lock:
            self.manners = manners
            self._random = random.Random(manners.seed)  # noqa: S311 - faults must be repeatable
            self._left = manners.times

    def fault_for(self, method: str, place: str) -> Fault | None:
        """What goes wrong with this call, if anything."""
        with self._lock:
            manners = self.manners
            if self._left == 0 or not manners.concern(method, place):
                return None
            for fault in Fault:
                chance: float = getattr(manners, fault.value)
                if chance > 0 and self._random.random() < chance:
                    self._faults[fault.value] += 1
                    self._left = None if self._left is None else self._left - 1
                    return fault
            return None

    def faults(self) -> dict[str, int]:
        """How often each fault happened since the start."""
        with self._lock:
            return dict(self._faults)

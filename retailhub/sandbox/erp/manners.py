"""The look-alike ERP's bad manners: what it does wrong, how often, and the seeded dice that decide."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

WRITES = frozenset({"create", "confirm", "cancel", "amend"})
"""Endpoints that change orders."""


class Fault(StrEnum):
    """What goes wrong with one call. Named like its chance in `Manners`; tried in this order."""

    DROP_BEFORE_COMMIT = "drop_before_commit"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    LOGIN_PAGE = "login_page"
    COMMIT_THEN_DROP = "commit_then_drop"
    ERROR_BODY = "error_body"
    TRUNCATED = "truncated"
    BYTE_BY_BYTE = "byte_by_byte"
    LATE = "late"


BEFORE_COMMIT = frozenset({Fault.DROP_BEFORE_COMMIT, Fault.RATE_LIMITED, Fault.UNAVAILABLE, Fault.LOGIN_PAGE})
"""Faults after which nothing was done. All others come after the commit."""
_ONLY_WRITES = frozenset({Fault.DROP_BEFORE_COMMIT, Fault.COMMIT_THEN_DROP})


@dataclass(frozen=True)
class Manners:
    """How the ERP behaves. Good by default; the first group are chances from 0 to 1 for each call.

    ``endpoints`` narrows the chances to calls of these names (empty: all; drops only hit writes), and
    ``times`` to so many faults in all. ``search_lag_seconds`` hides new documents from search and changes.
    ``closed_before`` is an ISO date, ``all_or_nothing`` refuses a whole create when one item is bad,
    ``double_next`` is how many of the next created documents double by themselves, ``revoked`` refuses the
    key, ``down`` closes the port of the API.
    """

    commit_then_drop: float = 0.0
    drop_before_commit: float = 0.0
    error_body: float = 0.0
    login_page: float = 0.0
    truncated: float = 0.0
    rate_limited: float = 0.0
    unavailable: float = 0.0
    byte_by_byte: float = 0.0
    late: float = 0.0

    seed: int = 0
    endpoints: tuple[str, ...] = ()
    times: int | None = None
    late_seconds: float = 5.0
    seconds_per_byte: float = 1.0
    retry_after_seconds: int = 1
    retry_after_as_date: bool = False
    search_lag_seconds: float = 0.0
    closed_before: str = ""
    unknown_items: tuple[str, ...] = ()
    all_or_nothing: bool = False
    double_next: int = 0
    revoked: bool = False
    down: bool = False


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
            self._doubles = manners.double_next

    def fault_for(self, endpoint: str) -> Fault | None:
        """What goes wrong with this call, if anything."""
        with self._lock:
            manners = self.manners
            if self._left == 0 or (manners.endpoints and endpoint not in manners.endpoints):
                return None
            for fault in Fault:
                if fault in _ONLY_WRITES and endpoint not in WRITES:
                    continue
                chance: float = getattr(manners, fault.value)
                if chance > 0 and self._random.random() < chance:
                    self._faults[fault.value] += 1
                    self._left = None if self._left is None else self._left - 1
                    return fault
            return None

    def take_double(self) -> bool:
        """Whether the document being created doubles by itself."""
        with self._lock:
            if self._doubles == 0:
                return False
            self._doubles -= 1
            self._faults["doubled"] += 1
            return True

    def faults(self) -> dict[str, int]:
        """How often each fault happened since the start."""
        with self._lock:
            return dict(self._faults)

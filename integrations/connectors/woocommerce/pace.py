"""How much is asked of a store at once: less while it is slow or fails, slowly more when it is quick again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from integrations.ports.errors import ConnectorError

RUNGS = (100, 50, 25, 10, 5, 1)
MOST = RUNGS[0]
"""More than a hundred items a store refuses, in lists and in batches."""
QUICK_SHARE = 0.3
QUICK_IN_A_ROW = 5
_TOO_MUCH = frozenset({"timed_out", "connection_lost", "server_error", "answer_too_large"})


@dataclass
class Load:
    """One call as it is timed: how many items were asked, and how many came."""

    asked: int
    got: int = 0


class Pace:
    """The present size of pages or batches of one store. Lives as long as its connector.

    A call of more than ``slow_seconds``, or one that failed for what may be its size, takes a rung down;
    `QUICK_IN_A_ROW` full calls well below that take one up.
    """

    def __init__(self, start: int = MOST, *, slow_seconds: float = 10.0) -> None:
        self.size = start
        self.slow_seconds = slow_seconds
        self._quick = 0

    @contextmanager
    def watch(self, asked: int) -> Iterator[Load]:
        """Time one call for ``asked`` items and draw the conclusion; the caller tells how many came."""
        load = Load(asked)
        begun = time.monotonic()
        try:
            yield load
        except ConnectorError as error:
            if error.code in _TOO_MUCH:
                self.lower(asked)
            raise
        self.took(time.monotonic() - begun, load)

    def took(self, seconds: float, load: Load) -> None:
        """A call was answered after ``seconds``. One that brought little proves nothing about larger ones."""
        if seconds > self.slow_seconds:
            self.lower(load.asked)
        elif seconds > self.slow_seconds * QUICK_SHARE:
            self._quick = 0
        elif load.got >= self.size:
            self._quick += 1
            if self._quick >= QUICK_IN_A_ROW:
                self._raise()

    def lower(self, asked: int) -> None:
        """Go one rung below what was asked, if that is less than the present size."""
        self._quick = 0
        below = [rung for rung in RUNGS if rung < min(asked, self.size)]
        self.size = min(self.size, below[0] if below else RUNGS[-1])

    def _raise(self) -> None:
        self._quick = 0
        above = [rung for rung in RUNGS if rung > self.size]
        self.size = above[-1] if above else self.size

    def part_of(self, whole: int) -> int:
        """The largest size now allowed that divides ``whole`` into equal parts."""
        return next(rung for rung in RUNGS if rung <= min(self.size, whole) and whole % rung == 0)

"""A receiver, and feeders on a fixed clock that are closed when a test ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from retailhub.sandbox.feeder import (
    Feeder,
    FeederSettings,
)
from tests.sandbox.feeder.support import NOON, SECRET, Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink(lambda number: 200)
    yield sink
    sink.close()


@pytest.fixture
def feeders() -> Iterator[Callable[..., Feeder]]:
    """Makes started feeders on a fixed clock and closes them."""
    made: list[Feeder] = []

    def make(target: str, *, clock: Callable[[], dt.datetime] = lambda: NOON, **more: Any) -> Feeder:
        feeder = Feeder(FeederSettings(target=target, secret=SECRET, **more), clock=clock)
        feeder.start()
        made.append(feeder)
        return feeder

    yield make
    for feeder in made:
        feeder.close()

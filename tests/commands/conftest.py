"""Running commands as people do, and reading what they write."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command

from tests.support import recordings
from tests.support.hub import Hub, skus_of
from tests.support.recorded_store import newest_orders


@dataclass(frozen=True)
class Written:
    """What a command wrote and how it ended."""

    out: str
    err: str
    status: int

    @property
    def json(self) -> Any:
        """The one object it wrote; fails when there is anything else."""
        (line,) = self.lines
        return line

    @property
    def lines(self) -> list[Any]:
        """One object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def command(*words: str) -> Written:
    """Run a command in this process."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command(*words, stdout=out, stderr=err)
    except SystemExit as ended:
        status = int(ended.code or 0)
    return Written(out.getvalue(), err.getvalue(), status)


Run = Callable[..., Written]


@pytest.fixture
def run(transactional_db: None) -> Run:
    return command


@pytest.fixture
def shop(hub: Hub) -> Hub:
    """A store and an ERP, connected; every SKU of the recorded orders is known."""
    hub.connect()
    hub.know(skus_of(list(newest_orders().values())))
    return hub


def deliver_order(hub: Hub, body: bytes | None = None, **changes: Any) -> str:
    """Deliver the recorded order 148, changed, and let reads answer the same; returns the store's id of it."""
    order = json.loads(body or newest_orders()["148"]) | changes
    raw = json.dumps(order).encode()
    ref = str(order["id"])
    hub.store.set_order(ref, raw)
    assert hub.deliver(raw) == 200
    return ref


def recorded(prefix: str) -> bytes:
    """The body of a recorded delivery."""
    return recordings.delivery(prefix).body

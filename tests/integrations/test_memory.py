"""The largest bodies that intake takes, worked by a real pump process: its memory is bounded and does not grow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest
from django.conf import settings
from django.db import connection

from integrations.models import InboxMessage
from orders.models import Order
from tests.support.hub import ROOT, Hub
from tests.support.recorded_store import newest_orders

MEGABYTE = 1024 * 1024
DELIVERIES = 30
MOST_MEGABYTES = 600
"""Resident, at the peak: a pump at rest has about 90, and a claim's 32 MB of bodies are there in several forms."""
MAY_GROW = 1.15
"""The second half's peak to the first's. Were a third of each body kept, it would be more."""


def largest(number: int, padding: Callable[[int], list[Any]]) -> bytes:
    """Order 148 under another number, as large as intake takes it, by what plugins leave on an order."""
    order = json.loads(newest_orders()["148"]) | {"id": number, "number": str(number)}
    order["meta_data"] = padding(settings.INTAKE_MAX_BYTES - len(json.dumps(order)) - 4096)
    body = json.dumps(order).encode()
    return body + b" " * (settings.INTAKE_MAX_BYTES - len(body))


def one_text(size: int) -> list[Any]:
    return [{"id": 1, "key": "_builder", "value": "x" * (size - 64)}]


def many_small(size: int) -> list[Any]:
    entry = {"id": 123456, "key": "_plugin", "value": "y"}
    return [entry] * (size // (len(json.dumps(entry)) + 2))


def start_pump(log: Path) -> psutil.Popen:
    parts = urlsplit(os.environ["DATABASE_URL"])
    own_database = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    # as in production: with DEBUG Django keeps every statement
    own = {
        "DATABASE_URL": own_database,
        "RETAILHUB_DEBUG": "no",
        "RETAILHUB_SECRET_KEY": settings.SECRET_KEY,
        "RETAILHUB_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
    }
    with log.open("wb") as out:
        return psutil.Popen(
            [sys.executable, "manage.py", "drain"],
            cwd=ROOT,
            env={**os.environ, **own},
            stdout=out,
            stderr=subprocess.STDOUT,
        )


def peaks_by_half(pump: psutil.Popen) -> tuple[int, int]:
    """The pump's largest resident memory, in bytes, until half of the deliveries are done, and afterwards."""
    halves = [0, 0]
    while True:
        half = int(InboxMessage.objects.filter(status="done").count() * 2 >= DELIVERIES)
        try:
            halves[half] = max(halves[half], pump.memory_info().rss)
            pump.wait(0.01)
        except psutil.TimeoutExpired:
            continue
        return halves[0], halves[1]


@pytest.mark.long
@pytest.mark.parametrize("padding", [one_text, many_small])
def test_a_pump_that_works_the_largest_bodies_stays_small(
    hub: Hub, tmp_path: Path, padding: Callable[[int], list[Any]]
) -> None:
    hub.connect()
    body = largest(1000, padding)
    for number in range(1000, 1000 + DELIVERIES):
        # one order that changes often, and as many that come once
        ref = 1000 if number % 2 else number
        shown = body.replace(b'"id": 1000,', b'"id": %d,' % ref, 1).replace(b'"value": "', b'"value": "%d' % number, 1)
        assert hub.deliver(shown[: settings.INTAKE_MAX_BYTES]) == 200
    assert hub.deliver(body + b" ") == 413

    pump = start_pump(tmp_path / "log")
    first, second = peaks_by_half(pump)

    assert pump.returncode == 0, (tmp_path / "log").read_text()[-2000:]
    assert InboxMessage.objects.filter(status="done").count() == DELIVERIES
    assert Order.objects.count() == 1 + DELIVERIES // 2 - 1
    assert second <= first * MAY_GROW, (first // MEGABYTE, second // MEGABYTE)
    assert max(first, second) <= MOST_MEGABYTES * MEGABYTE, (first // MEGABYTE, second // MEGABYTE)

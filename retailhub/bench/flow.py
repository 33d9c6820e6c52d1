"""From a delivery to a posted order in the look-alike ERP: orders a second on this machine, and where the time goes."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from retailhub.bench import machine
from retailhub.sandbox import progress
from retailhub.sandbox.stack import Stack
from retailhub.sandbox.supervisor import SandboxError
from retailhub.sandbox.tally import feeder_page

STAGES = {
    "store": ("feeder",),
    "intake": ("web",),
    "import_and_post": ("pump-0", "pump-1"),
    "erp": ("erp",),
    "database": ("postgres",),
    "bells_and_schedule": ("worker", "schedule", "valkey"),
}


def measure(stack: Stack, *, feeder: str, orders: int) -> dict[str, Any]:
    """Let the feeder go and wait until all is posted or a case. Stack, ERP and feeder run; all is connected."""
    children = stack.services.supervisor.children
    pids = {name: child.pid for name, child in children.items()}
    before = {name: machine.cpu_seconds([pid]) for name, pid in pids.items()}
    began = time.perf_counter()
    os.kill(pids["feeder"], signal.SIGUSR1)
    with machine.Watcher(pids) as watcher:
        seen = _until_posted(stack, feeder, began)
    seconds = time.perf_counter() - began
    used = {name: machine.cpu_seconds([pid]) - before[name] for name, pid in pids.items()}
    stages = {
        stage: round(sum(used.get(name, 0.0) for name in names) / orders * 1000, 2) for stage, names in STAGES.items()
    }
    deliveries = feeder_page(feeder, "progress")["sent"]
    return {
        "orders": orders,
        "deliveries": deliveries,
        "posted": seen.posted,
        "seconds": round(seconds, 2),
        "orders_per_second": round(orders / seconds, 1),
        "cpu_ms_an_order": {**stages, "all": round(sum(used.values()) / orders * 1000, 2)},
        "peak_memory_mb": {name: round(peak, 1) for name, peak in sorted(watcher.peak.items())},
    }


def _until_posted(stack: Stack, feeder: str, began: float) -> progress.Pulse:
    while True:
        stack.services.supervisor.check()
        finished = feeder_page(feeder, "progress")["finished"]
        seen = progress.pulse()
        if finished and seen.quiet:
            return seen
        if time.perf_counter() - began > 900:
            raise SandboxError("The orders were not posted within a quarter of an hour.")
        time.sleep(0.1)

"""From the store to a posted order in the look-alike ERP: orders a second on this machine, and where the time goes."""

from __future__ import annotations

import time
from typing import Any

from retailhub.bench import machine
from retailhub.sandbox import progress
from retailhub.sandbox.erp.control import Control as ErpControl
from retailhub.sandbox.stack import Stack
from retailhub.sandbox.store.control import Control as StoreControl
from retailhub.sandbox.supervisor import SandboxError
from retailhub.sandbox.tally import Held, tally

STAGES = {
    "store": ("store",),
    "intake": ("web",),
    "import_and_post": ("pump-0", "pump-1"),
    "erp": ("erp",),
    "database": ("postgres",),
    "bells_and_schedule": ("worker", "schedule", "valkey"),
}


def measure(stack: Stack, *, store: StoreControl, erp: ErpControl, orders: int) -> dict[str, Any]:
    """Let people into the store and wait until all is posted or a case. All runs and is connected."""
    children = stack.services.supervisor.children
    pids = {name: child.pid for name, child in children.items()}
    before = {name: machine.cpu_seconds([pid]) for name, pid in pids.items()}
    began = time.perf_counter()
    store.open_doors(orders, alive=256, backlog=256)
    with machine.Watcher(pids) as watcher:
        seen = _until_posted(stack, store, began)
    seconds = time.perf_counter() - began
    used = {name: machine.cpu_seconds([pid]) - before[name] for name, pid in pids.items()}
    stages = {
        stage: round(sum(used.get(name, 0.0) for name in names) / orders * 1000, 2) for stage, names in STAGES.items()
    }
    books = store.books()
    held = [Held(row.reference, row.currency, row.total) for row in erp.walk_books() if row.state == "confirmed"]
    account = tally(books=books, held=held, cases=progress.cases(), known=progress.known_orders())
    return {
        "orders": orders,
        "deliveries": sum(1 for delivery in books.deliveries if delivery.outcome != "dropped"),
        "posted": seen.posted,
        **{name: account[name] for name in ("lost", "duplicates", "money_difference", "cases", "planted")},
        "seconds": round(seconds, 2),
        "orders_per_second": round(orders / seconds, 1),
        "cpu_ms_an_order": {**stages, "all": round(sum(used.values()) / orders * 1000, 2)},
        "peak_memory_mb": {name: round(peak, 1) for name, peak in sorted(watcher.peak.items())},
    }


def _until_posted(stack: Stack, store: StoreControl, began: float) -> progress.Pulse:
    while True:
        stack.services.supervisor.check()
        shop = store.progress()
        seen = progress.pulse()
        if shop["people"]["finished"] and shop["pending"] == 0 and seen.quiet:
            return seen
        if time.perf_counter() - began > 900:
            raise SandboxError("The orders were not posted within a quarter of an hour.")
        time.sleep(0.1)

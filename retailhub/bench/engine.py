"""The engine: messages claimed and completed a second in batches, against no-op Celery tasks in the same run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

BATCH = 200


def measure(*, count: int, folder: Path) -> dict[str, Any]:
    """Needs Django's settings, connection ``shop``, and a worker of `noop`. Rounds alternate; medians are told."""
    rounds = [(_engine(count), _celery(min(count, 2000), folder)) for _ in range(3)]
    engine = sorted(one for one, _ in rounds)[1]
    tasks = sorted(two for _, two in rounds)[1]
    return {
        "messages_per_second": round(engine, 1),
        "noop_celery_tasks_per_second": round(tasks, 1),
        "ratio": round(engine / tasks, 2),
        "batch": BATCH,
    }


def _engine(count: int) -> float:
    from integrations import connections, inbox, leases  # noqa: PLC0415 - needs Django's settings
    from integrations.states import Outcome, Status  # noqa: PLC0415

    shop = connections.named("shop").pk
    for start in range(0, count, 500):
        inbox.store(
            [
                inbox.NewMessage(
                    connection_id=shop, topic="bench", shard=f"bench:{n}", body=b"{}", headers={}, unique=True
                )
                for n in range(start, min(start + 500, count))
            ]
        )
    began, done = time.perf_counter(), 0
    while done < count:
        fence = leases.next_fence()
        claimed = inbox.claim(fence=fence, limit=BATCH, lease_seconds=60)
        if not claimed:
            break
        inbox.finish([inbox.Finish(id=m.id, status=Status.DONE, outcome=Outcome.IGNORED) for m in claimed], fence=fence)
        done += len(claimed)
    return done / (time.perf_counter() - began)


def _celery(count: int, folder: Path) -> float:
    from retailhub.bench.noop import nothing  # noqa: PLC0415

    mark = folder / f"noop-{time.monotonic_ns()}"
    began = time.perf_counter()
    for _ in range(count - 1):
        nothing.delay()
    nothing.delay(str(mark))
    while not mark.exists():
        time.sleep(0.002)
    return count / (time.perf_counter() - began)

"""Celery tasks. Losing any of them loses no work: the next slot rings again, and pumps look by themselves."""

from __future__ import annotations

import socket

import structlog
from celery import shared_task

from integrations import polling, pump, sweep
from integrations.chores import chore

log = structlog.get_logger(__name__)
TURN_SECONDS = 20.0
SWEEP_SECONDS = 5


@shared_task(name="integrations.drain")
def drain(connection_id: int | None = None) -> None:
    """Look at the queues and work what is due, for a turn."""
    pump.drain(seconds=TURN_SECONDS, connection_id=connection_id)


@shared_task(name="integrations.sweep")
def sweep_leases() -> None:
    """Free work of dead workers, and ring for each queue; a bell that nobody hears within the slot is forgotten."""
    if sweep.take_slot(task="sweep", every_seconds=SWEEP_SECONDS):
        sweep.take_back_leases()
        for target in (None, *pump.sink_ids()):
            drain.apply_async((target,), expires=SWEEP_SECONDS)
        # where no pump runs, this is the sign that somebody looks for work
        sweep.beat(f"celery@{socket.gethostname()}")


@shared_task(name="integrations.look_at_stores")
def look_at_stores() -> None:
    """Make the looks at stores that are due; the pumps make them too."""
    if sweep.take_slot(task="look_at_stores", every_seconds=10):
        polling.drain(seconds=8.0)


@shared_task(name="integrations.keep_house")
@chore(every_seconds=3600)
def keep_house() -> None:
    """Partitions ahead, retention."""
    log.info("kept_house", **sweep.keep_house())

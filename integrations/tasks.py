"""Celery tasks: bells and the schedule. Losing any of them loses no work: the pumps look by themselves."""

from __future__ import annotations

import structlog
from celery import shared_task

from integrations import pump, sweep

log = structlog.get_logger(__name__)
TURN_SECONDS = 20.0


@shared_task(name="integrations.drain")
def drain(connection_id: int | None = None) -> None:
    """Look at the queues and work what is due, for a turn."""
    pump.drain(seconds=TURN_SECONDS, connection_id=connection_id)


@shared_task(name="integrations.sweep")
def sweep_leases() -> None:
    """Free work of dead workers, and look for what no bell announced."""
    if sweep.take_slot(task="sweep", every_seconds=5):
        sweep.take_back_leases()
        pump.drain(seconds=4.0)


@shared_task(name="integrations.keep_house")
def keep_house() -> None:
    """Partitions ahead, retention."""
    if sweep.take_slot(task="keep_house", every_seconds=3600):
        log.info("kept_house", **sweep.keep_house())

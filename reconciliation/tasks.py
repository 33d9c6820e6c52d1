"""Celery tasks of reconciliation."""

from __future__ import annotations

from celery import shared_task

from integrations.sweep import take_slot
from reconciliation.services import overdue
from retailhub.core import clock


@shared_task(name="reconciliation.watch_overdue")
def watch_overdue() -> None:
    """Look whether work waits for longer than it should; the pump cannot, as it knows no cases."""
    if take_slot(task="watch_overdue", every_seconds=30):
        overdue.watch(now=clock.now())

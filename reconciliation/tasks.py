"""Celery tasks of reconciliation."""

from __future__ import annotations

from celery import shared_task

from integrations.chores import chore
from reconciliation.services import overdue
from retailhub.core import clock


@shared_task(name="reconciliation.watch_overdue")
@chore(every_seconds=30)
def watch_overdue() -> None:
    """Look whether work waits for longer than it should; the pump cannot, as it knows no cases."""
    overdue.watch(now=clock.now())

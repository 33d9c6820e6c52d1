"""Celery tasks of reconciliation."""

from __future__ import annotations

from celery import shared_task

from integrations.chores import chore
from reconciliation.services import audits, bulk, overdue, totals
from retailhub.core import clock

BULK_SECONDS = 5.0
"""So long each of these acts is gone on with before other chores have their turn."""


@shared_task(name="reconciliation.watch_overdue")
@chore(every_seconds=30)
def watch_overdue() -> None:
    """Look whether work waits for longer than it should; the pump cannot, as it knows no cases."""
    overdue.watch(now=clock.now())


@shared_task(name="reconciliation.seal_audit")
@chore(every_seconds=30)
def seal_audit() -> None:
    """Add the audit's new rows to its chain."""
    audits.seal(now=clock.now())


@shared_task(name="reconciliation.check_audit")
@chore(every_seconds=86_400)
def check_audit() -> None:
    """Read the audit's whole chain, each night."""
    audits.check(now=clock.now())


@shared_task(name="reconciliation.tend_triage")
@chore(every_seconds=15)
def tend_triage() -> None:
    """Fold what cases changed into the totals of their causes; go on with acts on many that nobody waits for."""
    totals.fold()
    bulk.finish_abandoned(seconds=BULK_SECONDS, now=clock.now())

"""Celery tasks of the console."""

from __future__ import annotations

from celery import shared_task

from integrations.chores import chore
from retailhub.console import trends
from retailhub.core import clock


@shared_task(name="console.measure")
@chore(every_seconds=trends.SLOT_SECONDS)
def measure() -> None:
    """Write down what Home's figures are now, and fold what is old."""
    trends.measure(now=clock.now())

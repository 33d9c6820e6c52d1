"""The chore that writes and sends notices."""

from __future__ import annotations

from celery import shared_task

from integrations.chores import chore
from retailhub.console.notices import changes, sending
from retailhub.core import clock


@shared_task(name="console.send_notices")
@chore(every_seconds=30)
def send_notices() -> None:
    """Write down what changed for each rule, and send what is due."""
    now = clock.now()
    changes.watch(now=now)
    sending.send_due()
    sending.forget(now=now)

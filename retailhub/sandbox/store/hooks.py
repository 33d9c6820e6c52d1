"""What happens in the store and which webhooks hear of it.

One pending job per (webhook, number): what happens again before the queue runs is merged into it and keeps
its place. A job that is being delivered is not pending any more, so a change meanwhile makes another.
"""

from __future__ import annotations

import threading

from retailhub.sandbox.store.ledger import Ledger

RESOURCES = ("coupon", "customer", "order", "product")
EVENTS = ("created", "updated", "deleted", "restored")
_QUEUE = "INSERT OR IGNORE INTO job (webhook_id, arg) VALUES (?, ?)"


def is_topic(topic: str) -> bool:
    """Whether a webhook can have this topic."""
    resource, _, event = topic.partition(".")
    if resource == "action":
        return bool(event)
    return resource in RESOURCES and event in EVENTS and (event != "restored" or resource != "customer")


class Hooks:
    """Queues deliveries. Knows the active webhooks by topic; ``changed`` when one was written."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._active: dict[str, list[int]] | None = None
        self.silent = threading.local()
        self.woken = threading.Event()
        """Set when something was queued."""

    def changed(self) -> None:
        """A webhook was made, altered or deleted."""
        with self._lock:
            self._active = None

    def fire(self, topic: str, arg: int) -> None:
        """``topic`` happened to ``arg``. Call inside the transaction of the change."""
        if getattr(self.silent, "on", False):
            return
        for webhook_id in self._webhooks().get(topic, ()):
            self._ledger.run(_QUEUE, (webhook_id, arg))
            self.woken.set()

    def _webhooks(self) -> dict[str, list[int]]:
        with self._lock:
            if self._active is None:
                self._active = {}
                for row in self._ledger.rows("SELECT id, topic FROM webhook WHERE status = 'active' ORDER BY id"):
                    self._active.setdefault(row["topic"], []).append(row["id"])
            return self._active

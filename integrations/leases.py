"""Fences and leases of both queues: who holds claimed work, and for how long."""

from __future__ import annotations

import time

from django.conf import settings
from django.db import connection

INBOX, OUTBOX = "integrations_inboxmessage", "integrations_outboxmessage"


class LeaseLost(RuntimeError):
    """Another worker has taken the work over; whatever this one was about to write must not be written."""


def next_fence() -> int:
    """A number greater than every fence given out before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('integrations_fence')")
        (fence,) = cursor.fetchone()
    return int(fence)


class Lease:
    """A claim's hold on its messages, asked before each call; renewed when a third of its time is over.

    ``table`` is `INBOX` or `OUTBOX`. Raises `LeaseLost` when nothing under ``fence`` is ours any more.
    """

    def __init__(self, table: str, *, fence: int, connection_id: int | None = None) -> None:
        self.fence = fence
        self.renewed = time.monotonic()
        held, self._values = "status = 'in_flight' AND fence = %s", [fence]
        if connection_id is not None:
            # a claim of one connection: its index begins with it
            held, self._values = f"connection_id = %s AND {held}", [connection_id, fence]
        self._check = f"SELECT 1 FROM {table} WHERE {held} LIMIT 1"  # noqa: S608 - constants
        self._renew = f"UPDATE {table} SET lease_until = (SELECT rh_now()) + %s * interval '1 second' WHERE {held}"  # noqa: S608

    def __call__(self) -> None:
        with connection.cursor() as cursor:
            if time.monotonic() - self.renewed > settings.LEASE_SECONDS / 3:
                cursor.execute(self._renew, [settings.LEASE_SECONDS, *self._values])
                self.renewed = time.monotonic()
            else:
                cursor.execute(self._check, self._values)
            if cursor.rowcount == 0:
                raise LeaseLost("the work was taken over")

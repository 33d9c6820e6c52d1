"""A person sends one message back to work."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from integrations import arrivals, delivery
from retailhub.core import audit


class NotParked(ValueError):
    """The message is not parked any more: there is nothing to do again."""


def replay_message(*, direction: str, message_id: int, actor: Any, reason: str, now: dt.datetime) -> None:
    """Put one parked message back to work. ``direction`` is ``i`` or ``o``.

    Locks the message. An outbound one that may have reached the other system is looked for before it is sent.
    Raises `NotParked` when a worker or another person was faster.
    """
    release = {"i": arrivals.release, "o": delivery.release}[direction]
    with transaction.atomic():
        if not release(message_ids=[message_id], why=f"replayed: {reason}"):
            raise NotParked(f"msg_{direction}{message_id} is not parked any more.")
        audit.record(
            actor=actor,
            action="replay_message",
            subject=f"message:msg_{direction}{message_id}",
            reason=reason,
            now=now,
        )

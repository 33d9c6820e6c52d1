"""What people settle by hand: parked messages that are given up or found done, and orders that are read again."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from integrations import inbox
from integrations.states import Outcome, Status, Way

READ_AGAIN = "order.read"
"""Topic of a look that somebody has asked for: the store is asked, whatever is known."""
SETTLE = """
UPDATE integrations_outboxmessage SET status = 'done', outcome = %s, finished_at = (SELECT rh_now()), deaths = 0
WHERE id = %s AND status = 'parked' RETURNING id
"""
MOVE = """
UPDATE integrations_inboxmessage SET status = %s, outcome = '', due_at = (SELECT rh_now()), attempts = 0, deaths = 0,
    finished_at = CASE WHEN %s = 'cancelled' THEN (SELECT rh_now()) END
WHERE id = %s AND status = %s RETURNING id
"""


def settle(*, message_id: int) -> bool:
    """A parked outbound message is done: its document was found. False when it is not parked any more."""
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, [Outcome.APPLIED.value, message_id])
        return cursor.fetchone() is not None


def give_up_arrival(*, message_id: int) -> bool:
    """A parked inbound message is not worked any more. False when it is not parked."""
    return _move(message_id, Status.CANCELLED, Status.PARKED)


def take_arrival_back(*, message_id: int) -> bool:
    """An inbound message that was given up is worked again. False when it was not given up."""
    return _move(message_id, Status.PENDING, Status.CANCELLED)


def _move(message_id: int, to: Status, was: Status) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [to.value, to.value, message_id, was.value])
        return cursor.fetchone() is not None


def read_again(*, store_id: int, order_refs: Sequence[str]) -> None:
    """Have a store asked for orders as it has them now, as durable work, in the caller's transaction."""
    inbox.store(
        [
            inbox.NewMessage(
                connection_id=store_id,
                topic=READ_AGAIN,
                shard=f"store:{ref}",
                body=b"",
                headers={},
                way=Way.OPERATOR,
                wake=True,
                unique=True,
            )
            for ref in order_refs
        ]
    )

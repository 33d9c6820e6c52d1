"""Orders that a store cannot show: parked in the inbox, so that a person sees them and a replay reads them again."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from integrations import inbox
from integrations.events import ArrivalsParked, Parked
from integrations.models import Connection
from integrations.poll_findings import Unread
from integrations.ports.errors import Rejected
from integrations.states import Lane, Outcome, Way
from retailhub.core import bus, clock

UNREAD = "order.unread"
"""Topic of what says that there is an order, and that its store could not show it."""
PARK = """
UPDATE integrations_inboxmessage SET
    status = 'parked', outcome = %s, code = %s, detail = %s, version_at = %s, finished_at = (SELECT rh_now())
WHERE id = %s AND status = 'pending' RETURNING id
"""
END = """
UPDATE integrations_inboxmessage SET status = 'done', outcome = 'superseded', finished_at = (SELECT rh_now())
WHERE status = 'parked' AND topic = %s AND connection_id = %s AND shard = ANY(%s) RETURNING id
"""


def park(unread: Sequence[Unread], *, store: Connection, lane: Lane) -> None:
    """Take in what could not be read as parked messages, in the caller's transaction; each opens a case.

    What is parked already stays as it is.
    """
    parked = [told for told in (_parked(each, store, lane) for each in unread) if told is not None]
    if parked:
        bus.publish(ArrivalsParked(parked, clock.now()))


def _parked(each: Unread, store: Connection, lane: Lane) -> Parked | None:
    message = inbox.NewMessage(
        connection_id=store.pk,
        topic=UNREAD,
        shard=f"store:{each.order_ref}",
        body=b'{"id":%d}' % int(each.order_ref),
        headers={},
        way=Way.POLL,
        lane=lane,
        wake=True,
    )
    (stored,) = inbox.store([message])
    outcome = Outcome.REJECTED if isinstance(each.error, Rejected) else Outcome.UNKNOWN
    detail = f"Order {each.order_ref} could not be read from {store.name}, which shows others: {each.error.detail}"
    values = [outcome.value, each.error.code[:60], detail[:2000], each.modified_at, stored.id]
    with connection.cursor() as cursor:
        cursor.execute(PARK, values)
        if cursor.fetchone() is None:
            return None
    return Parked(
        connection_id=store.pk,
        direction="i",
        message_id=stored.id,
        subject=f"message:msg_i{stored.id}",
        operation="read_order",
        outcome=outcome.value,
        code=each.error.code,
        detail=detail,
        evidence={**each.error.evidence, "order": each.order_ref},
    )


def end_unread(*, connection_id: int, order_refs: Sequence[str]) -> None:
    """End what is parked of orders that the store has shown since, in the caller's transaction; cases close."""
    if not order_refs:
        return
    with connection.cursor() as cursor:
        cursor.execute(END, [UNREAD, connection_id, [f"store:{ref}" for ref in order_refs]])
        ended = [message_id for (message_id,) in cursor.fetchall()]
    inbox.close_cases(ended, "a look has read the order since")

"""What our own writes make of an order comes in like everything else a store says, only at once."""

from __future__ import annotations

import datetime as dt
import os

from integrations.models import InboxMessage
from integrations.outbox import Held
from integrations.ports.documents import Order
from integrations.states import Lane, Status, Way
from integrations.workflow import Arrival, Look, StoreFacts
from retailhub.core import clock

OWN_WRITE = "order.written"
"""Topic of the answer to a write of ours."""


def arrived(*, held: Held, store: StoreFacts, order: Order, began: dt.datetime, fence: int) -> Look:
    """Keep the store's answer to a write as an inbound message that is worked already, in the caller's transaction.

    The answer is as good as a read that was begun with the write. The message is held under ``fence`` and must be
    finished or put back before that transaction ends; put back, it asks for another read.
    """
    now = clock.now()
    row = InboxMessage.objects.create(
        connection_id=store.id,
        lane=Lane.ORDERS.value,
        shard=f"store:{order.order_ref}",
        status=Status.IN_FLIGHT.value,
        due_at=now,
        attempts=1,
        lease_until=now,
        fence=fence,
        trace_id=held.trace_id,
        way=Way.API.value,
        topic=OWN_WRITE,
        dedupe_key=os.urandom(32),
        wake=True,
        received_at=now,
        claimed_seen=1,
    )
    arrival = Arrival(message_id=row.pk, trace_id=held.trace_id, way=Way.API.value, attempts=1, order=None)
    return Look(store=store, order_ref=order.order_ref, arrivals=(arrival,), read=order, read_began=began)

"""Our own writes to stores, taken in at once as the newest word on the order, and known again when they echo."""

from __future__ import annotations

from integrations import inbox
from integrations.events import StoreAnswered
from integrations.ports import versions
from orders.models import OrderVersion
from orders.services import imports


def note_writes(event: StoreAnswered) -> None:
    """Bring what the store answered to our writes into the orders, in the transaction in which they are done.

    An answer that cannot be told from somebody else's change of the same second is put back: the store is read.
    """
    writes = [(write, write.look) for write in event.done if write.look is not None]
    if not writes:
        return
    left = imports.apply(looks=[look for _, look in writes], fence=event.fence, now=event.at)
    inbox.put_back([arrival.message_id for look in left for arrival in look.arrivals], fence=event.fence)
    for write, look in writes:
        (arrival,) = look.arrivals
        if arrival.order is not None:
            mine = OrderVersion.objects.filter(
                order__store_id=look.store.id,
                order__order_ref=look.order_ref,
                version_at=arrival.order.modified_at,
                content_hash=versions.content_hash(arrival.order),
            )
            mine.update(written_by=write.reference)

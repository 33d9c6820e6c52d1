"""Our own writes to stores, taken in at once as the newest word on the order, and known again when they echo."""

from __future__ import annotations

from integrations import inbox
from integrations.events import StoreAnswered
from integrations.ports import versions
from integrations.ports.documents import Order as OrderDocument
from integrations.workflow import Look
from orders.models import Order, OrderVersion
from orders.services import imports


def note_writes(event: StoreAnswered) -> None:
    """Bring what the store answered to our writes into the orders, in the transaction in which they are done.

    Locks the orders. Where somebody else's change of the same second came in during the call, nobody can tell which
    was last: the store is read.
    """
    writes = {write.look.order: write for write in event.done if write.look is not None}
    looks = [write.look for write in event.done if write.look is not None]
    refs = [look.order_ref for look in looks]
    stores = {look.store.id for look in looks}
    locked = Order.objects.select_for_update().filter(store__in=stores, order_ref__in=refs).order_by("pk")
    rows = {(row.store_id, row.order_ref): row for row in locked} if looks else {}
    unclear = {look.order for look in looks if look.order in rows and _is_unclear(rows[look.order], look)}
    clear = [look for look in looks if look.order not in unclear]
    left = imports.apply(looks=clear, fence=event.fence, now=event.at) if clear else []
    again = [*left, *(look for look in looks if look.order in unclear)]
    inbox.put_back([arrival.message_id for look in again for arrival in look.arrivals], fence=event.fence)
    for look in looks:
        if look.order in rows and isinstance(look.read, OrderDocument):
            _claim_version(rows[look.order], look.read, writes[look.order].reference)


def _is_unclear(row: Order, look: Look) -> bool:
    order, began = look.read, look.read_began
    if not isinstance(order, OrderDocument) or began is None or row.version_at != order.modified_at:
        return False
    return row.changed_at > began and versions.content_hash(order) != bytes(row.version_hash or b"")


def _claim_version(row: Order, order: OrderDocument, reference: str) -> None:
    """Write down that this version of the order is our doing, whichever way it came in first."""
    mine = OrderVersion.objects.filter(order=row, version_at=order.modified_at, written_by="")
    mine.filter(content_hash=versions.content_hash(order)).update(written_by=reference)

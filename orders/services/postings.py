"""What follows for orders when a sink has answered, or when something they waited for has come."""

from __future__ import annotations

from integrations import inbox, outbox
from integrations.events import EffectsAnswered, MessagesReleased
from integrations.ports import documents
from integrations.ports.documents import Order as OrderDocument
from inventory.events import SkusMapped
from orders.models import Finding, Order, OrderTransition
from orders.policies import axes
from orders.services.effects import CANCEL
from orders.states import FulfilmentState, OrderState
from retailhub.core import bus

CHUNK = 1000


def note_answers(event: EffectsAnswered) -> None:
    """Close what is complete, and look again at orders that changed while they were being posted.

    Locks the orders first, in pk order: whoever changes an order and its effects does it in that order.
    """
    subjects = [effect.subject for effect in event.done] + [each.subject for each in event.parked]
    public_ids = [subject.removeprefix("order:") for subject in subjects if subject.startswith("order:")]
    rows = {
        row.subject: row
        for row in Order.objects.select_for_update()
        .filter(public_id__in=public_ids)
        .order_by("pk")
        .select_related("store")
    }
    steps: list[OrderTransition] = []
    again: dict[int, list[str]] = {}
    for effect in event.done:
        row = rows.get(effect.subject)
        if row is None or effect.operation == CANCEL:
            continue
        document = documents.decode(row.document, OrderDocument)
        if row.fulfilment_state == FulfilmentState.SHIPPED and row.order_state == OrderState.ACCEPTED:
            steps.append(
                OrderTransition(
                    order=row,
                    axis="order",
                    before=row.order_state,
                    after=OrderState.CLOSED.value,
                    why=f"posted as {effect.reference}",
                    at=event.at,
                    trace_id=effect.trace_id,
                )
            )
        if axes.refunded_amount(document) > 0 or row.order_state not in {
            OrderState.ACCEPTED,
            OrderState.CLOSED,
        }:
            again.setdefault(row.store_id, []).append(row.order_ref)
    if steps:
        Order.objects.filter(pk__in=[step.order_id for step in steps]).update(
            order_state=OrderState.CLOSED.value, changed_at=event.at
        )
        OrderTransition.objects.bulk_create(steps)
    for store_id, refs in again.items():
        inbox.ring(connection_id=store_id, order_refs=refs)


def note_mapped(event: SkusMapped) -> None:
    """Look again at every order that waits for one of these SKUs, as durable work."""
    found = Finding.objects.filter(code="sku_unmapped", key__in=list(event.skus))
    waiting: dict[int, list[str]] = {}
    for store_id, ref in found.values_list("order__store_id", "order__order_ref").distinct():
        waiting.setdefault(store_id, []).append(ref)
    for store_id, refs in waiting.items():
        inbox.ring(connection_id=store_id, order_refs=refs)
    refused = outbox.parked(connection_id=event.connection_id, code="unknown_item")
    look_again(public_ids=[subject.removeprefix("order:") for subject in refused.values()])
    released = outbox.unpark(list(refused))
    if released:
        why = "an item that the sink refused is known now"
        bus.publish(MessagesReleased("o", list(released.values()), why, event.at))


def look_again(*, public_ids: list[str]) -> int:
    """Ask for another decision on these orders; returns how many there are."""
    rows = Order.objects.filter(public_id__in=public_ids).values_list("store_id", "order_ref")
    by_store: dict[int, list[str]] = {}
    for store_id, ref in rows:
        by_store.setdefault(store_id, []).append(ref)
    for store_id, refs in by_store.items():
        inbox.ring(connection_id=store_id, order_refs=refs)
    return sum(len(refs) for refs in by_store.values())

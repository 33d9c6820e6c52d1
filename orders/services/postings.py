"""What follows for orders when a sink has answered, or when something they waited for has come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from integrations import inbox, outbox
from integrations.events import EffectDone, EffectsAnswered, PathsChanged
from integrations.ports import documents
from integrations.ports.documents import Order as OrderDocument
from integrations.states import Lane
from inventory.events import SkusMapped
from orders.models import Finding, Order, OrderTransition
from orders.policies import axes
from orders.services.effects import CANCEL
from orders.states import FulfilmentState, OrderState


def note_answers(event: EffectsAnswered) -> None:
    """Close what is complete, and look again at orders that changed while they were being posted.

    Locks the orders first, in pk order: whoever changes an order and its effects does it in that order.
    """
    subjects = [effect.subject for effect in event.done] + [each.subject for each in event.parked]
    public_ids = [subject.removeprefix("order:") for subject in subjects if subject.startswith("order:")]
    locked = Order.objects.select_for_update().filter(public_id__in=public_ids).order_by("pk")
    rows = {row.subject: row for row in locked}
    live = [(rows[e.subject], e) for e in event.done if e.subject in rows and e.operation != CANCEL]
    _close([(row, effect) for row, effect in live if _is_complete(row)], event.at)
    again: dict[int, list[str]] = {}
    refused = [rows[each.subject] for each in event.parked if each.subject in rows]
    for row in [row for row, _ in live if _is_to_be_looked_at(row)] + refused:
        again.setdefault(row.store_id, []).append(row.order_ref)
    for store_id, refs in again.items():
        inbox.ring(connection_id=store_id, order_refs=refs)


def _is_complete(row: Order) -> bool:
    return row.fulfilment_state == FulfilmentState.SHIPPED and row.order_state == OrderState.ACCEPTED


def _is_to_be_looked_at(row: Order) -> bool:
    """Posted only now: a refund told before, or a change that waited for this, is decided on again."""
    document = documents.decode(row.document, OrderDocument)
    return axes.refunded_amount(document) > 0 or row.order_state not in {OrderState.ACCEPTED, OrderState.CLOSED}


def _close(posted: list[tuple[Order, EffectDone]], now: dt.datetime) -> None:
    steps = [
        OrderTransition(
            order=row,
            axis="order",
            before=row.order_state,
            after=OrderState.CLOSED.value,
            why=f"posted as {effect.reference}",
            at=now,
            trace_id=effect.trace_id,
        )
        for row, effect in posted
    ]
    if steps:
        Order.objects.filter(pk__in=[row.pk for row, _ in posted]).update(
            order_state=OrderState.CLOSED.value, changed_at=now
        )
        OrderTransition.objects.bulk_create(steps)


def held_for(*, skus: Sequence[str]) -> list[str]:
    """Public ids of the orders that are held because one of these SKUs is not known, oldest first."""
    found = Finding.objects.filter(code="sku_unmapped", key__in=list(skus))
    return list(found.order_by("order_id").values_list("order__public_id", flat=True).distinct())


def refused_items(*, connection_id: int) -> list[str]:
    """Public ids of the orders whose documents this sink has refused because it does not know an item."""
    refused = outbox.parked(connection_id=connection_id, code="unknown_item")
    return [subject.removeprefix("order:") for subject in refused.values()]


def note_mapped(event: SkusMapped) -> None:
    """Look again at every order that waits for one of these SKUs, as durable work."""
    look_again(public_ids=held_for(skus=event.skus))
    look_again(public_ids=refused_items(connection_id=event.connection_id), retry=True)


WAITING = ("held", "shadow", "sink_not_live")
"""Decisions that something outside the order may change."""


def note_paths(event: PathsChanged) -> None:
    """Look again at every order that may have waited for a route or for a connection to go live."""
    look_again_at(store_ids=event.store_ids, decisions=WAITING)


def note_rule(*, store_id: int | None, status: str) -> None:
    """Look again at orders that a changed line of the eligibility table is about; ``None``: of every store."""
    look_again_at(store_ids=None if store_id is None else [store_id], decisions=(*WAITING, f"waits_{status}"[:40]))


def look_again_at(*, store_ids: Sequence[int] | None, decisions: Sequence[str]) -> None:
    """Ask for another decision on the orders of stores with one of these decisions, as durable work."""
    rows = Order.objects.filter(decision__in=decisions).order_by("pk")
    if store_ids is not None:
        rows = rows.filter(store_id__in=list(store_ids))
    waiting: dict[int, list[str]] = {}
    for store_id, ref in rows.values_list("store_id", "order_ref").iterator(chunk_size=2000):
        waiting.setdefault(store_id, []).append(ref)
    for store_id, refs in waiting.items():
        inbox.ring(connection_id=store_id, order_refs=refs)


def look_again(*, public_ids: Sequence[str], retry: bool = False, lane: Lane = Lane.ORDERS) -> int:
    """Ask for another decision on these orders; returns how many there are.

    ``retry`` also puts back to work what they have parked, with a new body where the order has changed. With a
    ``lane`` behind that of orders, what comes in meanwhile goes first.
    """
    rows = Order.objects.filter(public_id__in=list(public_ids)).values_list("store_id", "order_ref")
    by_store: dict[int, list[str]] = {}
    for store_id, ref in rows:
        by_store.setdefault(store_id, []).append(ref)
    for store_id, refs in by_store.items():
        inbox.ring(connection_id=store_id, order_refs=refs, topic=inbox.RETRY if retry else inbox.RECHECK, lane=lane)
    return sum(len(refs) for refs in by_store.values())

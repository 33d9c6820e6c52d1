"""What deciding again on orders would do, and whether it is still being done: for replays, which show it first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from integrations import connections, outbox
from integrations import selectors as pipes
from integrations.ports import documents
from integrations.ports.documents import SalesOrder
from integrations.states import STORE_OPERATIONS
from orders.models import Order
from orders.services import decisions
from orders.services.effects import AMEND, CANCEL, POST
from retailhub.core import ids

EFFECTS = (POST, AMEND, CANCEL)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a plan says of an order before anything is done with it."""

    store_id: int
    currency: str
    total: Decimal | None


def facts_of(*, subjects: Sequence[str]) -> dict[str, Facts]:
    """Store, currency and total of orders by their subject, as far as there are such orders."""
    rows = Order.objects.filter(public_id__in=_public_ids(subjects))
    return {
        f"order:{public_id}": Facts(store_id=store_id, currency=currency, total=total)
        for public_id, store_id, currency, total in rows.values_list("public_id", "store_id", "currency", "total")
    }


def _public_ids(subjects: Sequence[str]) -> list[str]:
    return [subject.removeprefix("order:") for subject in subjects if subject.startswith("order:")]


def busy(*, subjects: Sequence[str]) -> dict[str, set[str]]:
    """The orders that are not worked yet, with what they wait for: an operation, or nothing named for a look."""
    rows = Order.objects.filter(public_id__in=_public_ids(subjects)).values_list("public_id", "store_id", "order_ref")
    shards = {(store_id, f"store:{ref}"): f"order:{public_id}" for public_id, store_id, ref in rows}
    found: dict[str, set[str]] = {}
    for connection_id, key, operation in pipes.open_work(shards=shards, subjects=subjects):
        found.setdefault(key if operation else shards[connection_id, key], set()).add(operation)
    return found


def waits_for_sink(operations: set[str]) -> bool:
    """Whether any of what an order waits for is more than what its store is told back."""
    return bool(operations - STORE_OPERATIONS)


@dataclass(frozen=True, kw_only=True)
class Would:
    """What another decision on one order would lead to now. ``issues`` are code and value at fault of what would
    still hold it; ``sends`` is the document that would go out, ``sent`` the one before it, if there was one."""

    subject: str
    decision: str
    issues: tuple[tuple[str, str], ...]
    operation: str = ""
    sends: SalesOrder | None = None
    sent: SalesOrder | None = None


def would_do(*, subjects: Sequence[str], now: dt.datetime) -> list[Would]:
    """Decide on these orders as the engine would, read what came of it, and take all of it back.

    It is the same code in a transaction that never commits, so nothing is sent and nothing stays. Locks the
    orders' rows for that moment, in pk order. For a few orders at a time.
    """
    with transaction.atomic():
        rows = list(Order.objects.select_for_update().filter(public_id__in=_public_ids(subjects)).order_by("pk"))
        stores = connections.store_facts({row.store_id for row in rows})
        before = outbox.history_by_subject(subjects=[row.subject for row in rows], operations=EFFECTS)
        decided = [
            decisions.Decided(
                row=row, store=stores[row.store_id], trace_id=ids.new_trace_id(), why="looked at again", retry=True
            )
            for row in rows
            if row.document
        ]
        decisions.decide(orders=decided, now=now)
        after = outbox.history_by_subject(subjects=[row.subject for row in rows], operations=EFFECTS)
        transaction.set_rollback(True)
    found = {each.row.subject: _would(each, before, after) for each in decided}
    return [found[subject] for subject in subjects if subject in found]


History = dict[str, list[outbox.Latest]]


def _would(order: decisions.Decided, before: History, after: History) -> Would:
    subject = order.row.subject
    past = {effect.id: effect for effect in before.get(subject, [])}
    last = after[subject][-1] if after.get(subject) else None
    goes = last is not None and last.status == "pending"
    known = past.get(last.id) if last is not None else None
    earlier = known or (before[subject][-1] if before.get(subject) else None)
    return Would(
        subject=subject,
        decision=order.row.decision,
        issues=tuple((issue.code, issue.key) for issue in order.issues if issue.blocking),
        operation=last.operation if last is not None and goes else "",
        sends=documents.decode(last.document, SalesOrder) if last is not None and goes else None,
        sent=documents.decode(earlier.document, SalesOrder) if earlier is not None and earlier.document else None,
    )

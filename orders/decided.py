"""Reads of a store's orders by what was decided on them, for whoever looks on before anything is posted."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from orders.models import Order

SHADOW, HELD = "shadow", "held"
"""Would be posted if its store were live; something stands against it."""


@dataclass(frozen=True, kw_only=True)
class Outline:
    """An order without what is personal."""

    subject: str
    number: str
    placed_at: dt.datetime | None
    currency: str
    total: Decimal | None
    decision: str


def count(*, store_id: int, decision: str, cap: int) -> int:
    """How many orders of a store are decided on so, at most ``cap``; reads an index as far as that."""
    return Order.objects.filter(store=store_id, decision=decision).order_by()[:cap].count()


def newest(*, store_id: int, limit: int) -> list[Outline]:
    """The orders of a store that became known last, the newest first."""
    return _outlines(Order.objects.filter(store=store_id).order_by("-pk")[:limit])


def oldest(*, store_id: int, decision: str, limit: int) -> list[Outline]:
    """The first orders of a store that are decided on so."""
    return _outlines(Order.objects.filter(store=store_id, decision=decision).order_by("pk")[:limit])


def _outlines(rows: QuerySet[Order]) -> list[Outline]:
    return [
        Outline(
            subject=row.subject,
            number=row.number or row.order_ref,
            placed_at=row.placed_at,
            currency=row.currency,
            total=row.total,
            decision=row.decision,
        )
        for row in rows.defer("document", "version_hash")
    ]

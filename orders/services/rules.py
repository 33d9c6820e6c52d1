"""Saying which orders are posted: one line of the table, status × payment method, for one store or all."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from orders.models import EligibilityRule, Finding
from retailhub.core import audit


def set_rule(
    *,
    store_id: int | None,
    status: str,
    payment_method: str,
    post: bool,
    actor: Any,
    reason: str,
    now: dt.datetime,
) -> EligibilityRule:
    """Make or change the line for a status. Orders that wait for it are the caller's to have looked at again.

    Locks the line. Raises ``ValueError`` for an empty status.
    """
    if not status.strip():
        raise ValueError("A status is needed.")
    with transaction.atomic():
        key: dict[str, Any] = {"store_id": store_id, "status": status, "payment_method": payment_method}
        known = EligibilityRule.objects.select_for_update().filter(**key).first()
        before = None if known is None else {"post": known.post}
        row, _ = EligibilityRule.objects.update_or_create(**key, defaults={"post": post})
        audit.record(
            actor=actor,
            action="set_rule",
            subject=f"eligibilityrule:{row}"[:120],
            reason=reason,
            now=now,
            before=before,
            after={**key, "post": post},
        )
    return row


def waiting(*, code: str, key: str | None = None, store_id: int | None = None, limit: int = 100_000) -> list[str]:
    """Public ids of the orders with this finding, oldest first."""
    rows = Finding.objects.filter(code=code)
    rows = rows if key is None else rows.filter(key=key)
    rows = rows if store_id is None else rows.filter(order__store=store_id)
    return list(rows.order_by("order_id").values_list("order__public_id", flat=True).distinct()[:limit])

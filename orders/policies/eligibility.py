"""Whether an order may be posted: a table, status × payment method, per store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from integrations.ports.documents import Order, OrderStatus
from integrations.states import Mode


@dataclass(frozen=True)
class Rule:
    """One line of the table. ``store_id`` ``None``: every store; ``payment_method`` empty: every method."""

    store_id: int | None
    status: str
    payment_method: str
    post: bool


def status_key(order: Order) -> str:
    """How the table names the order's status: ours, or the store's own word for a custom one."""
    return order.source_status if order.status is OrderStatus.OTHER else order.status.value


def rule_for(order: Order, *, store_id: int, rules: Iterable[Rule]) -> Rule | None:
    """The most specific line that fits; ``None`` when the table does not know the status."""
    status, method = status_key(order), order.payment.method
    fitting = [
        rule
        for rule in rules
        if rule.status == status and rule.store_id in {None, store_id} and rule.payment_method in {"", method}
    ]
    return max(fitting, key=lambda rule: (rule.store_id is not None, rule.payment_method != ""), default=None)


def reason_not_to_post(order: Order, *, mode: str, live_from: dt.datetime | None, rule: Rule | None) -> str:
    """Why the order is not posted now, as a stable word; empty when it may be."""
    if live_from is None or order.created_at < live_from:
        return "before_live_from"
    if rule is None:
        return "status_unknown"
    if not rule.post:
        return f"waits_{status_key(order)}"[:40]
    return "shadow" if mode != Mode.LIVE else ""

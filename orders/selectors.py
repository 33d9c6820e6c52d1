"""Reads of orders and customers."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from orders.models import Finding, Order, OrderTransition, OrderVersion
from orders.states import OrderState

MANY = 500
CAP = 100_000
"""Counting orders of one state stops here: a dashboard needs no more, and a table of millions is not read."""


def order_named(name: str) -> Order | None:
    """The order with this public id, else the newest with this number or store id; ``None`` when there is none."""
    rows = Order.objects.select_related("store", "customer", "legal_entity", "region")
    found = rows.filter(public_id=name.removeprefix("order:")).first()
    found = found or rows.filter(number=name).order_by("-id").first()
    return found or rows.filter(order_ref=name).order_by("-id").first()


@dataclass(frozen=True, kw_only=True)
class Life:
    """What an order has been: its versions without their documents, its changes of state, what stands against it."""

    versions: list[OrderVersion]
    transitions: list[OrderTransition]
    findings: list[Finding]


def life_of(*, order_id: int) -> Life:
    """Versions, transitions and present findings of an order, each oldest first."""
    return Life(
        versions=list(
            OrderVersion.objects.filter(order_id=order_id).defer("document").order_by("number")[:MANY]
        ),
        transitions=list(OrderTransition.objects.filter(order_id=order_id).order_by("id")[:MANY]),
        findings=list(Finding.objects.filter(order_id=order_id).order_by("id")),
    )


def count_by_state() -> dict[str, int]:
    """Orders by state, each count at most `CAP`."""
    one = "SELECT %s, count(*) FROM (SELECT 1 FROM orders_order WHERE order_state = %s LIMIT %s) AS some"
    states = [state.value for state in OrderState]
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join([one] * len(states)),
            [part for state in states for part in (state, state, CAP)],
        )
        return dict(cursor.fetchall())

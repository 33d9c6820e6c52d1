"""Finding orders and customers by a name that somebody typed: exact, each by one index, newest first.

Written as SQL, each part with its own order and limit: joined by OR, a planner may walk a million orders by their key
to find the twenty newest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from orders.models import Customer, CustomerIdentity
from orders.policies import matching
from retailhub.core.crypto import keyed_hash


@dataclass(frozen=True, kw_only=True)
class OrderHead:
    """An order as a list shows it; its document is not read."""

    public_id: str
    store: str
    order_ref: str
    number: str
    order_state: str
    currency: str
    total: Decimal | None
    placed_at: dt.datetime | None

    @property
    def subject(self) -> str:
        return f"order:{self.public_id}"


@dataclass(frozen=True, kw_only=True)
class CustomerHead:
    """A customer as a list shows them. ``name`` and ``email`` are personal data."""

    id: int
    public_id: str
    name: str
    email: str


HEADS = """
SELECT o.public_id, c.name AS store, o.order_ref, o.number, o.order_state, o.currency, o.total, o.placed_at
FROM ({ids}) AS found JOIN orders_order o ON o.id = found.id JOIN integrations_connection c ON c.id = o.store_id
ORDER BY o.id DESC LIMIT %(limit)s
"""
CALLED = """
(SELECT id FROM orders_order WHERE number = %(text)s ORDER BY number, id DESC LIMIT %(limit)s)
UNION
(SELECT id FROM orders_order WHERE store_id = ANY(%(stores)s) AND order_ref = %(text)s LIMIT %(limit)s)
"""
NAMED = "SELECT id FROM orders_order WHERE public_id = ANY(%(ids)s)"
WITH_SKU = """
SELECT order_id AS id FROM orders_ordersku WHERE sku = %(sku)s ORDER BY sku, order_id DESC LIMIT %(limit)s
"""
OF_CUSTOMERS = """
SELECT newest.id FROM unnest(%(customers)s::bigint[]) AS customer, LATERAL (
    SELECT id FROM orders_order WHERE customer_id = customer ORDER BY customer_id, id DESC LIMIT %(limit)s
) AS newest
"""


def orders_called(text: str, *, store_ids: Sequence[int], limit: int) -> list[OrderHead]:
    """Orders whose number is ``text``, or whose id in one of these stores is."""
    return _heads(CALLED, text=text, stores=list(store_ids), limit=limit)


def orders_named(public_ids: Sequence[str]) -> list[OrderHead]:
    """Orders by public id."""
    return _heads(NAMED, ids=list(public_ids), limit=len(public_ids)) if public_ids else []


def orders_with(sku: str, *, limit: int) -> list[OrderHead]:
    """The newest orders with a line of this SKU."""
    return _heads(WITH_SKU, sku=sku, limit=limit)


def orders_of(customers: Sequence[CustomerHead], *, limit: int) -> list[OrderHead]:
    """The newest orders of these customers."""
    return _heads(OF_CUSTOMERS, customers=[one.id for one in customers], limit=limit) if customers else []


def _heads(found: str, **values: Any) -> list[OrderHead]:
    with connection.cursor() as cursor:
        cursor.execute(HEADS.format(ids=found), values)
        names = [column.name for column in cursor.description]
        return [OrderHead(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def customers_by_email(email: str) -> list[CustomerHead]:
    """The customer known by this whole address, found by its hash; whoever they were merged into instead of them."""
    key = keyed_hash(matching.EMAIL, matching.fold(email))
    rows = CustomerIdentity.objects.filter(kind=matching.EMAIL, key=key).select_related("customer__merged_into")
    return [_head(row.customer.merged_into or row.customer) for row in rows]


NAME = """
SELECT id, public_id, name, email FROM orders_customer WHERE lower(name) = lower(%s)
ORDER BY lower(name), id DESC LIMIT %s
"""


def customers_named(name: str, *, limit: int) -> list[CustomerHead]:
    """The newest customers of this whole name; capitals do not matter."""
    with connection.cursor() as cursor:
        cursor.execute(NAME, [name, limit])
        return [
            CustomerHead(id=pk, public_id=public_id, name=called, email=email)
            for pk, public_id, called, email in cursor.fetchall()
        ]


def customer_with(public_id: str) -> list[CustomerHead]:
    """The customer of this public id, if there is one."""
    return [_head(row) for row in Customer.objects.filter(public_id=public_id)]


def _head(row: Customer) -> CustomerHead:
    return CustomerHead(id=row.pk, public_id=row.public_id, name=row.name, email=row.email)

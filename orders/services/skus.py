"""Keeping which orders have which SKU, beside their documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q
from psycopg2.extras import execute_values

from integrations.ports.documents import Order as OrderDocument
from orders.models import OrderSku

LONGEST = OrderSku._meta.get_field("sku").max_length or 0
ADD = "INSERT INTO orders_ordersku (order_id, sku) VALUES %s ON CONFLICT DO NOTHING"


@dataclass(frozen=True, kw_only=True)
class Changed:
    """An order's row id, its newest document, and the one before; ``None`` when it is the first."""

    order_id: int
    document: OrderDocument
    before: OrderDocument | None


def keep(*, changed: Sequence[Changed]) -> None:
    """Bring the SKUs of these orders up to their newest documents: one statement, two when any lost a SKU.

    Called in the transaction that stores the documents, under the orders' locks.
    """
    have = {one.order_id: skus_of(one.document) for one in changed}
    rows = [(order_id, sku) for order_id, skus in have.items() for sku in sorted(skus)]
    gone = Q()
    for one in changed:
        lost = skus_of(one.before) - have[one.order_id] if one.before is not None else set()
        if lost:
            gone |= Q(order=one.order_id, sku__in=sorted(lost))
    if rows:
        with connection.cursor() as cursor:
            execute_values(cursor.cursor, ADD, rows, page_size=len(rows))
    if gone:
        OrderSku.objects.filter(gone).delete()


def skus_of(document: OrderDocument) -> set[str]:
    """The SKUs of an order's lines, as they are kept."""
    return {line.sku[:LONGEST] for line in document.lines if line.sku}

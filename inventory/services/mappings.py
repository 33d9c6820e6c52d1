"""How SKUs are called elsewhere: by a person, or from the other system's catalogue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from integrations.ports.documents import Product
from inventory.events import SkusMapped
from inventory.models import SkuMapping
from retailhub.core import audit, bus

CHUNK = 1000


def map_sku(*, connection_id: int, sku: str, item_code: str, actor: Any, reason: str, now: dt.datetime) -> SkuMapping:
    """Say by hand what a SKU is called at a connection; orders waiting for it are looked at again: a few at once,
    many as a replay that begins with one of them.

    Locks the mapping row. Raises ``ValueError`` for an empty SKU or item code.
    """
    if not sku.strip() or not item_code.strip():
        raise ValueError("a SKU and an item code are needed")
    with transaction.atomic():
        row = SkuMapping.objects.select_for_update().filter(connection_id=connection_id, sku=sku).first()
        before = None if row is None else {"item_code": row.item_code, "active": row.active, "source": row.source}
        row = row or SkuMapping(connection_id=connection_id, sku=sku)
        row.item_code, row.source = item_code, SkuMapping.Source.OPERATOR
        row.active, row.changed_at = True, now
        row.save()
        audit.record(
            actor=actor,
            action="map_sku",
            subject=f"sku:{sku}"[:120],
            reason=reason,
            now=now,
            before=before,
            after={"item_code": item_code, "connection": connection_id},
        )
        bus.publish(SkusMapped(connection_id, (sku,), now, actor=actor, reason=reason))
    return row


def take_catalogue(*, connection_id: int, products: Iterable[Product], now: dt.datetime) -> int:
    """Make every product of a sink known under its own code; returns how many SKUs are new.

    Rows a person made stay as they are. Commits in chunks, so it may be stopped and run again.
    """
    made = 0
    chunk: list[str] = []
    for product in products:
        if product.active and product.sku:
            chunk.append(product.sku)
        if len(chunk) >= CHUNK:
            made += _take_chunk(connection_id, chunk, now)
            chunk = []
    return made + _take_chunk(connection_id, chunk, now)


def _take_chunk(connection_id: int, codes: list[str], now: dt.datetime) -> int:
    if not codes:
        return 0
    with transaction.atomic():
        known = set(SkuMapping.objects.filter(connection_id=connection_id, sku__in=codes).values_list("sku", flat=True))
        new = sorted(set(codes) - known)
        SkuMapping.objects.bulk_create(
            [
                SkuMapping(
                    connection_id=connection_id,
                    sku=code,
                    item_code=code,
                    source=SkuMapping.Source.CATALOGUE,
                    changed_at=now,
                )
                for code in new
            ],
            ignore_conflicts=True,
        )
        if new:
            bus.publish(SkusMapped(connection_id, new, now))
    return len(new)

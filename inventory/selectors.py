"""Reads of inventory."""

from __future__ import annotations

from collections.abc import Iterable

from inventory.models import SkuMapping


def item_codes(*, connection_id: int, skus: Iterable[str]) -> dict[str, str]:
    """SKU → item code at a connection, for those it knows. Exact in case and code points."""
    rows = SkuMapping.objects.filter(connection_id=connection_id, sku__in=list(skus), active=True)
    return dict(rows.values_list("sku", "item_code"))


def mapping_of(*, connection_id: int, sku: str) -> SkuMapping | None:
    """The mapping of one SKU, active or not."""
    return SkuMapping.objects.filter(connection_id=connection_id, sku=sku).first()

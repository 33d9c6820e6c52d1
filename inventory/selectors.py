"""Reads of inventory."""

from __future__ import annotations

from collections.abc import Iterable

from inventory.models import SkuMapping


def item_codes(*, connection_id: int, skus: Iterable[str]) -> dict[str, str]:
    """SKU → item code at a connection, for those it knows. Exact in case and code points."""
    rows = SkuMapping.objects.filter(connection_id=connection_id, sku__in=list(skus), active=True)
    return dict(rows.values_list("sku", "item_code"))


def in_catalogue(*, connection_id: int, code: str) -> bool:
    """Whether the connection's catalogue, as last read, sells an item under exactly this code."""
    # a row of the catalogue is called by its code, so the unique index answers
    rows = SkuMapping.objects.filter(connection_id=connection_id, sku=code, item_code=code, active=True)
    return rows.filter(source=SkuMapping.Source.CATALOGUE).exists()


def skus_of(*, connection_id: int, item_code: str) -> list[str]:
    """The SKUs that are called by this item code at a connection."""
    rows = SkuMapping.objects.filter(connection_id=connection_id, item_code=item_code, active=True)
    return list(rows.order_by("sku").values_list("sku", flat=True)[:100])


def mapping_of(*, connection_id: int, sku: str) -> SkuMapping | None:
    """The mapping of one SKU, active or not."""
    return SkuMapping.objects.filter(connection_id=connection_id, sku=sku).first()

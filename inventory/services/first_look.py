"""A first look at catalogues while a person waits: what the ERP sells, and how much of a store it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from integrations import bounded, connections
from integrations.ports.errors import ConnectorError, Misconfigured
from integrations.selectors import role_of
from inventory.selectors import item_codes
from inventory.services import mappings
from retailhub.core import audit, clock

CHUNK = 5000


@dataclass(frozen=True, kw_only=True)
class Imported:
    """``read`` products of an ERP, ``new`` SKUs among them; ``error`` is why it is not the whole, if it said why."""

    read: int
    new: int
    is_whole: bool
    error: ConnectorError | None


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The SKUs of a store against what an ERP is known to sell. ``unknown`` are (SKU, name)."""

    known: int
    unknown: Sequence[tuple[str, str]]
    nameless: int
    """Things that the store sells without any SKU."""
    is_whole: bool
    error: ConnectorError | None

    @property
    def total(self) -> int:
        """Different SKUs that were read."""
        return self.known + len(self.unknown)


def import_within(*, connection_name: str, seconds: float, actor: Any) -> Imported:
    """Read as much of an ERP's catalogue as there is time for, and make it known.

    What was read counts also when it is not the whole: the workers read it again while the ERP is not off.
    Raises `Misconfigured` for what is no ERP.
    """
    row = connections.named(connection_name)
    if role_of(row.name) != "erp":
        raise Misconfigured(f"{connection_name} is no ERP; only catalogues of ERPs are imported.")
    part = bounded.products(row=row, seconds=seconds)
    now = clock.now()
    new = mappings.take_catalogue(connection_id=row.pk, products=part.items, now=now)
    if part.is_whole:
        connections.note_catalogue(connection_id=row.pk)
    audit.record(
        actor=actor,
        action="import_catalogue",
        subject=f"connection:{row.name}",
        reason="setting up",
        now=now,
        after={"read": len(part.items), "new": new, "whole": part.is_whole},
    )
    return Imported(read=len(part.items), new=new, is_whole=part.is_whole, error=part.error)


def compare(*, store: str, sink: str, seconds: float, actor: Any) -> Compared:
    """Read a store's products as far as there is time, and look their SKUs up among the ERP's. Changes nothing."""
    row, target = connections.named(store), connections.named(sink)
    if role_of(row.name) != "store":
        raise Misconfigured(f"{store} is no store.")
    part = bounded.products(row=row, seconds=seconds)
    sold = [product for product in part.items if product.active]
    names = {product.sku: product.name for product in sold if product.sku}
    known = _known(target.pk, list(names))
    unknown = sorted((sku, name) for sku, name in names.items() if sku not in known)
    audit.record(
        actor=actor,
        action="compare_skus",
        subject=f"connection:{row.name}",
        reason="setting up",
        now=clock.now(),
        after={"read": len(names), "unknown": len(unknown), "whole": part.is_whole},
    )
    return Compared(
        known=len(names) - len(unknown),
        unknown=unknown,
        nameless=sum(1 for product in sold if not product.sku),
        is_whole=part.is_whole,
        error=part.error,
    )


def _known(sink_id: int, skus: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(skus), CHUNK):
        found |= set(item_codes(connection_id=sink_id, skus=skus[start : start + CHUNK]))
    return found

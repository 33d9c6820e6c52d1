"""What of a document that waits to be sent a person may change, and which of it is money."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.ports.documents import SalesOrder

FIXED = ("reference", "store", "currency", "customer_key", "order_ref")
"""By these a document is found again; they stay as they are, always."""
MONEY = frozenset({"total", "total_tax", "net", "quantity", "amount", "percent", "taxes", "lines", "paid", "compound"})
"""Any change beneath one of these changes what is booked, unless only a name or an item is changed there."""
HARMLESS_IN_LINES = frozenset({"item_code", "name", "source_ref", "kind", "code"})


@dataclass(frozen=True)
class Change:
    """One value that an edit changes: where (``lines.0.item_code``), from what, to what. ``None``: not there."""

    path: str
    before: Any
    after: Any

    @property
    def is_money(self) -> bool:
        parts = self.path.split(".")
        return bool(MONEY & set(parts)) and parts[-1] not in HARMLESS_IN_LINES


def changes(before: Any, after: Any, path: str = "") -> list[Change]:
    """What differs between two JSON values, leaf by leaf."""
    return list(_changes(before, after, path))


def _changes(before: Any, after: Any, path: str) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            yield from _changes(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for at, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, f"{path}.{at}")
    elif before != after:
        yield Change(path, before, after)


def refuse(found: Sequence[Change]) -> str:
    """Why an edit may not be made; empty when it may."""
    if not found:
        return "Nothing was changed."
    fixed = sorted({change.path for change in found if change.path.split(".")[0] in FIXED})
    if fixed:
        return f"{', '.join(fixed)} cannot be changed: by it the document is found again."
    return ""


def refuse_sums(document: SalesOrder) -> str:
    """Why the amounts of an edited document are not right; empty when its lines and taxes meet its totals."""
    taxes = sum((tax.amount for line in document.lines for tax in line.taxes), Decimal(0))
    net = sum((line.net for line in document.lines), Decimal(0))
    if net + taxes != document.total:
        return f"The lines with their taxes add up to {net + taxes}, not to the total of {document.total}."
    if taxes != document.total_tax:
        return f"The taxes of the lines add up to {taxes}, not to {document.total_tax}."
    return ""

"""The demo's account: what the store placed against what the ERP holds, read from their own ledgers."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Held:
    """One live document in an ERP's own books."""

    reference: str
    currency: str
    total: Decimal


def feeder_page(url: str, page: str) -> Any:
    """``ledger``, ``progress`` or ``products`` of a feeder."""
    with urllib.request.urlopen(f"{url}/_control/{page}", timeout=60) as answer:  # noqa: S310 - our own child
        return json.load(answer)


def order_of(reference: str) -> str:
    """``WC-eu-1001-O2`` → ``WC-eu-1001``: the order, whichever life of it."""
    return "-".join(reference.split("-")[:3])


def tally(*, ledger: Mapping[str, Any], held: list[Held], cases: Mapping[str, set[str]]) -> dict[str, Any]:
    """Compare the ledgers. ``cases`` are open cases: code → references of the orders (empty text: no order).

    ``lost`` is placed - posted - ineligible - orders with an open case, as sets, so that nothing is counted twice.
    """
    placed = {order["reference"]: order for order in ledger["orders"]}
    by_order: dict[str, list[Held]] = defaultdict(list)
    for document in held:
        by_order[order_of(document.reference)].append(document)
    ineligible = {f"{order['reference']}" for order in ledger["orders"] if order["expect"] == "nothing"}
    with_case = {reference for references in cases.values() for reference in references}
    missing = set(placed) - set(by_order) - ineligible - with_case
    difference: dict[str, Decimal] = defaultdict(Decimal)
    for reference, documents in by_order.items():
        order = placed.get(reference)
        for document in documents[:1]:
            wanted = Decimal(order["total"]) if order else Decimal(0)
            same = order is not None and order["currency"] == document.currency
            difference[document.currency] += abs(document.total - (wanted if same else Decimal(0)))
    return {
        "placed": len(placed),
        "posted": len(by_order),
        "duplicates": sum(len(documents) - 1 for documents in by_order.values()),
        "money_difference": {currency: str(amount) for currency, amount in sorted(difference.items())},
        "lost": len(missing),
        "lost_references": sorted(missing)[:20],
        "ineligible": len(ineligible - set(by_order)),
        "wrongly_posted": sorted(ineligible & set(by_order))[:20],
        "cases": dict(sorted(Counter({code: len(references) for code, references in cases.items()}).items())),
        "planted": dict(sorted(ledger["planted"].items())),
    }

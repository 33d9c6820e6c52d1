"""The demo's account: what the store placed against what the ERP holds, read from their own ledgers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from retailhub.sandbox.store.control import Books, PlacedOrder

SENT_ON = frozenset({"processing", "completed"})
GONE = frozenset({"trash", "deleted"})
OFF, MISSING = "webhook_disabled", "webhooks_missing"


@dataclass(frozen=True)
class Held:
    """One live document in an ERP's own books."""

    reference: str
    currency: str
    total: Decimal


def order_of(reference: str) -> str:
    """``WC-eu-1001-O2`` → ``WC-eu-1001``: the order, whichever life of it."""
    return "-".join(reference.split("-")[:3])


def reference_of(placed: PlacedOrder) -> str:
    """The same of an order of the store, connected under the code ``eu``."""
    return f"WC-eu-{placed.id}"


def ought_to_be_posted(placed: PlacedOrder) -> bool:
    """By what it was made for, unless somebody has meddled: thrown it away, or paid what nobody was to pay."""
    if placed.status in GONE:
        return False
    return placed.expect != "nothing" or placed.status in SENT_ON


def tally(*, books: Books, held: list[Held], cases: Mapping[str, set[str]], known: Mapping[str, str]) -> dict[str, Any]:
    """Compare the ledgers.

    ``cases``: code → references of the orders that cases are about, open ones, and those about the webhooks also when
    they closed themselves. ``known``: reference → the store's status of the order as RetailHub knows it.

    ``lost`` is placed - posted - ineligible - orders with a case, as sets, so that nothing is counted twice.
    ``stale`` are orders that RetailHub knows otherwise than the store has them.
    """
    placed = {reference_of(row): row for row in books.placed}
    by_order: dict[str, list[Held]] = defaultdict(list)
    for document in held:
        by_order[order_of(document.reference)].append(document)
    ineligible = {reference for reference, row in placed.items() if not ought_to_be_posted(row)}
    with_case = {reference for references in cases.values() for reference in references}
    missing = set(placed) - set(by_order) - ineligible - with_case
    return {
        "placed": len(placed),
        "posted": len(by_order),
        "duplicates": sum(len(documents) - 1 for documents in by_order.values()),
        "money_difference": _money_difference(placed, by_order),
        "lost": len(missing),
        "lost_references": sorted(missing)[:20],
        "ineligible": len(ineligible - set(by_order)),
        "wrongly_posted": sorted(ineligible & set(by_order))[:20],
        "stale": sorted(reference for reference, row in placed.items() if _is_stale(row, known.get(reference)))[:20],
        # missing deliveries are judged a quarter of an hour later: whether a run sees that case is its length's doing
        "cases": {code: len(references) for code, references in sorted(cases.items()) if code != MISSING},
        "planted": dict(sorted(_planted(books).items())),
    }


def _money_difference(placed: Mapping[str, PlacedOrder], by_order: Mapping[str, list[Held]]) -> dict[str, str]:
    difference: dict[str, Decimal] = defaultdict(Decimal)
    for reference, documents in by_order.items():
        order = placed.get(reference)
        # a double's money is too much money
        for number, document in enumerate(documents):
            same = order is not None and order.currency == document.currency and number == 0
            difference[document.currency] += abs(document.total - (order.total if order and same else Decimal(0)))
    return {currency: str(amount) for currency, amount in sorted(difference.items())}


def _is_stale(placed: PlacedOrder, status: str | None) -> bool:
    # what was gone before anybody could see it leaves nothing behind
    return status != placed.status and not (status is None and placed.status == "deleted")


def _planted(books: Books) -> Counter[str]:
    planted = Counter(row.planted for row in books.placed if row.planted)
    if books.disabled:
        planted[OFF] = 1
    return planted

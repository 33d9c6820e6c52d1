"""The store's tax rates and which of them fall on goods sent somewhere."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import msgspec

from retailhub.sandbox.store.ledger import Ledger, load


class TaxRate(msgspec.Struct, frozen=True):
    """One rate. ``percent`` as entered; ``tax_class`` is "" for the standard one."""

    id: int
    country: str
    state: str
    name: str
    percent: Decimal
    fraction: Decimal
    tax_class: str
    priority: int
    compound: bool
    shipping: bool

    @property
    def code(self) -> str:
        parts = (self.country, self.state, self.name or "Tax", str(self.priority))
        return "-".join(part for part in parts if part).upper()


def rate_of(rate_id: int, doc: dict[str, Any]) -> TaxRate:
    """A rate from its document."""
    percent = Decimal(doc["rate"])
    return TaxRate(
        id=rate_id,
        country=doc["country"],
        state=doc["state"],
        name=doc["name"],
        percent=percent,
        fraction=percent / 100,
        tax_class="" if doc["class"] == "standard" else doc["class"],
        priority=doc["priority"],
        compound=doc["compound"],
        shipping=doc["shipping"],
    )


class Rates:
    """All rates in memory; ``changed`` when one was written. Postcodes and cities of rates are not looked at."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._all: list[TaxRate] | None = None
        self._found: dict[tuple[str, str, str], tuple[TaxRate, ...]] = {}

    def changed(self) -> None:
        with self._lock:
            self._all = None
            self._found = {}

    def everything(self) -> list[TaxRate]:
        with self._lock:
            if self._all is None:
                rows = self._ledger.rows("SELECT id, doc FROM thing WHERE kind = 'rate' ORDER BY id")
                self._all = [rate_of(row["id"], load(row["doc"])) for row in rows]
            return self._all

    def by_id(self, rate_id: int) -> TaxRate | None:
        return next((rate for rate in self.everything() if rate.id == rate_id), None)

    def falling_on(self, country: str, state: str, tax_class: str) -> tuple[TaxRate, ...]:
        """The rates for goods of a class sent there, one a priority, in the order they are applied."""
        place = (country, state, tax_class)
        found = self._found.get(place)
        if found is None:
            chosen: dict[int, TaxRate] = {}
            for rate in sorted(self.everything(), key=lambda rate: (rate.country == "", rate.state == "", rate.id)):
                if _covers(rate, country, state, tax_class):
                    chosen.setdefault(rate.priority, rate)
            found = self._found[place] = tuple(chosen[priority] for priority in sorted(chosen))
        return found


def _covers(rate: TaxRate, country: str, state: str, tax_class: str) -> bool:
    return (
        rate.tax_class == tax_class
        and rate.country in ("", country)
        and rate.state in ("", state, f"{country}-{state}")
    )

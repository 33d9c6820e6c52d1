"""Moments, spans, amounts and JSON as people read them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from retailhub.core.money import minor_digits

NEVER = "never"
SPANS = ((86_400, "day", "days"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s"))


def moment(at: dt.datetime | None) -> str:
    """``2026-11-23 21:07:10`` in UTC; "never" when there is none."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S") if at else NEVER


def span(seconds: float) -> str:
    """``45 s``, ``3 min``, ``2 h``, ``5 days``: the largest unit that fits, rounded down."""
    for size, one, many in SPANS:
        number = int(seconds // size)
        if number >= 1:
            return f"{number} {one if number == 1 else many}"
    return "0 s"


def ago(at: dt.datetime | None, now: dt.datetime) -> str:
    """``3 min ago``, or ``in 3 min`` for what is to come; "never" when there is no moment."""
    if at is None:
        return NEVER
    seconds = (now - at).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def money(amount: Decimal | None, currency: str) -> str:
    """``1,234.50 EUR``: at least the currency's decimals, more only where the amount has them; empty for none."""
    if amount is None:
        return ""
    whole = amount.normalize()
    exponent = whole.as_tuple().exponent
    digits = max(-exponent if isinstance(exponent, int) else 0, minor_digits(currency))
    return f"{whole:,.{digits}f} {currency}".strip()


def amounts(by_currency: Mapping[str, Decimal]) -> str:
    """Several currencies' amounts, the currencies in order."""
    return ", ".join(money(amount, currency) for currency, amount in sorted(by_currency.items()))


def pretty(value: Any) -> str:
    """A JSON value over several lines; text stays as it is."""
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def words(name: str) -> str:
    """``in_flight`` → ``in flight``."""
    return name.replace("_", " ")

"""Exact money: ``Decimal`` amounts with an ISO 4217 currency; never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

MINOR_DIGITS = {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3} | dict.fromkeys(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ),
    0,
)
"""Currencies whose minor unit is not a hundredth (ISO 4217)."""


def minor_digits(currency: str) -> int:
    """Decimals of a currency's minor unit."""
    return MINOR_DIGITS.get(currency, 2)


def scale_of(amount: Decimal) -> int:
    """How many decimals an amount is written with."""
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int):
        raise TypeError(f"{amount} is not a finite amount")
    return max(-exponent, 0)


def round_to(amount: Decimal, digits: int) -> Decimal:
    """Rounded half up (away from zero), as shops and ledgers do."""
    return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def plain_amount(amount: Decimal, currency: str, *, digits: int | None = None) -> str:
    """An amount as text, with ``digits`` decimals (the currency's if not given), more only where there is more."""
    shortest = amount.normalize()
    return str(round_to(amount, max(minor_digits(currency) if digits is None else digits, scale_of(shortest))))

"""What is known to be in a sandbox Tryton: the arguments of its set-up, and part of its snapshot's key."""

from __future__ import annotations

from dataclasses import dataclass

TAX_PERCENTS = ("0", "4", "5", "5.5", "6", "7", "8", "10", "13", "19", "20", "21", "22", "23", "25")


@dataclass(frozen=True)
class KnownData:
    """Everything a test or a demo may rely on. ``compound_taxes`` are (lower, upper) percents; the upper one
    serves also where it stands alone.
    """

    goods: tuple[str, ...] = ()
    services: tuple[str, ...] = ("SHIPPING", "FEE", "ROUNDING")
    tax_percents: tuple[str, ...] = TAX_PERCENTS
    compound_taxes: tuple[tuple[str, str], ...] = (("5", "9.975"),)
    web_shops: tuple[str, ...] = ("retailhub",)
    company: str = "Sandbox Retail"
    user: str = "retailhub"
    password: str = "sandbox-secret-1"  # noqa: S105 - a throw-away server on the loopback address

"""By what a customer is known: the match ladder, as normalised identities."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import phonenumbers

from integrations.ports.documents import Order

STORE_ACCOUNT, EMAIL, PHONE_AND_NAME, TAX_NUMBER = "store_account", "email", "phone_and_name", "tax_number"
LADDER = (STORE_ACCOUNT, EMAIL, PHONE_AND_NAME, TAX_NUMBER)
"""Strongest first. The first two decide; the others only raise a question for a person."""
DECIDES = frozenset({STORE_ACCOUNT, EMAIL})


@dataclass(frozen=True)
class Identity:
    """One rung: what kind, and the normalised value (hashed before it is stored)."""

    kind: str
    value: str


def fold(text: str) -> str:
    """Trimmed, spaces merged, Unicode NFC, case folded."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip().casefold()


def phone_digits(phone: str, country: str) -> str:
    """E.164 where the number can be read, with the address's country as default; otherwise empty."""
    try:
        number = phonenumbers.parse(phone, country or None)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def identities(order: Order, *, store: str) -> list[Identity]:
    """The rungs this order's customer stands on, strongest first; empty when nothing is known of them."""
    customer, found = order.customer, []
    if customer.store_ref:
        found.append(Identity(STORE_ACCOUNT, f"{store}\0{customer.store_ref}"))
    if fold(customer.email):
        found.append(Identity(EMAIL, fold(customer.email)))
    phone = phone_digits(customer.phone, order.billing.country) if customer.phone else ""
    if phone and fold(customer.name):
        found.append(Identity(PHONE_AND_NAME, f"{phone}\0{fold(customer.name)}"))
    if fold(customer.tax_number):
        found.append(Identity(TAX_NUMBER, re.sub(r"[^0-9a-z]", "", fold(customer.tax_number))))
    return found

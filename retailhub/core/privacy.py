"""Personal data out of what people are shown: names, addresses, contact data, free text.

Only what is known to be harmless is left inside an address or a customer; a body that is not JSON is not shown,
because nobody can tell what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

HIDDEN = "•••"
CONTAINERS = frozenset({"billing", "shipping", "customer", "meta_data", "attributes"})
"""Objects, or lists of them, that are personal but for `HARMLESS` keys."""
HARMLESS = frozenset({"id", "key", "country", "store_ref"})
PERSONAL = frozenset(
    {
        "email",
        "billing_email",
        "first_name",
        "last_name",
        "username",
        "phone",
        "company",
        "address_1",
        "address_2",
        "street_1",
        "street_2",
        "city",
        "postcode",
        "tax_number",
        "vat_number",
        "avatar_url",
        "customer_note",
        "note",
        "customer_ip_address",
        "customer_user_agent",
        # whoever has it sees the order in the shop
        "order_key",
        "payment_url",
    }
)
_EMAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:]+")


def mask_email(text: str) -> str:
    """``ada@example.com`` → ``a•••@example.com``: enough to recognise, too little to write to."""
    name, at, domain = text.rpartition("@")
    return f"{name[:1]}{HIDDEN}@{domain}" if at else mask_word(text)


def mask_word(text: str) -> str:
    """The first letter; empty stays empty."""
    return f"{text[:1]}{HIDDEN}" if text else ""


def mask_text(text: str) -> str:
    """A sentence with the e-mail addresses in it masked."""
    return _EMAIL.sub(lambda found: mask_email(found[0]), text)


def mask_json(value: Any, *, inside: bool = False) -> Any:
    """A decoded JSON value with personal values hidden; its shape stays."""
    if isinstance(value, dict):
        return {key: _mask_member(key, member, inside=inside) for key, member in value.items()}
    if isinstance(value, list):
        return [mask_json(member, inside=inside) for member in value]
    if inside:
        return HIDDEN if value not in {None, ""} else value
    return mask_text(value) if isinstance(value, str) else value


def _mask_member(key: str, member: Any, *, inside: bool) -> Any:
    if key in HARMLESS and not isinstance(member, dict | list):
        return member
    if isinstance(member, dict | list):
        return mask_json(member, inside=inside or key in CONTAINERS)
    if inside or key in PERSONAL:
        return HIDDEN if member not in {None, ""} else member
    return mask_json(member)


def is_personal(path: Sequence[str | int]) -> bool:
    """Whether `mask_json` hides a value for where it stands: its path of member names and places in lists."""
    inside, hidden = False, False
    for part in path:
        # a member that is harmless, or not, by its own name; what is in a list goes by the list's
        if isinstance(part, str):
            hidden = part not in HARMLESS and (inside or part in PERSONAL)
            inside = inside or part in CONTAINERS
        else:
            hidden = inside
    return hidden


def body_for_people(raw: bytes, *, unmasked: bool) -> Any:
    """A raw body as JSON value where it is JSON, as text otherwise; masked unless ``unmasked``."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if unmasked:
            return raw.decode("utf-8", "replace")
        return f"{len(raw)} bytes that are not JSON; nobody can tell what is personal in them"
    return value if unmasked else mask_json(value)

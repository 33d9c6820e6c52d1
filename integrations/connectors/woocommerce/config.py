"""What a user sets for a WooCommerce store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from integrations.connectors.http import check_base_url
from integrations.ports.errors import Misconfigured

_STORE_CODE = re.compile(r"[a-z0-9]{1,16}")
_PATH = re.compile(r"`\$\.?([^`\[]+)[^`]*`|field `([^`]+)`")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the store is and how it reckons.

    ``base_url`` is the store's home address as its own settings show it; the scheme decides how calls are
    signed (https: Basic, http: OAuth 1.0a). ``store_code`` is part of every reference other systems get.
    ``rounding``: whether the store rounds tax per line or at the subtotal.
    """

    base_url: str
    store_code: str
    rounding: Literal["line", "subtotal"] = "line"
    allow_private: bool = False
    connect_seconds: float = 5.0


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``webhook_secrets``: the present secret and, while it is being changed, the one before."""

    consumer_key: str
    consumer_secret: str
    webhook_secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return "Credentials(…)"


Kind = TypeVar("Kind", Settings, Credentials)


def parse_settings(settings: Mapping[str, Any]) -> Settings:
    """Raises ``Misconfigured`` with the setting's name in one sentence."""
    parsed = _convert(settings, Settings)
    base_url = check_base_url(parsed.base_url)
    if _STORE_CODE.fullmatch(parsed.store_code) is None:
        raise Misconfigured("store_code must be 1 to 16 lower-case letters or digits, such as eu.")
    if not 0 < parsed.connect_seconds <= 60:
        raise Misconfigured("connect_seconds must be more than 0 and at most 60 seconds.")
    return msgspec.structs.replace(parsed, base_url=base_url)


def parse_credentials(credentials: Mapping[str, Any]) -> Credentials:
    """Raises ``Misconfigured`` with the name of what is missing, never with its value."""
    parsed = _convert(credentials, Credentials)
    for name in ("consumer_key", "consumer_secret"):
        value = getattr(parsed, name).strip()
        if not value:
            raise Misconfigured(f"{name} is empty.")
        if not (value.isascii() and value.isprintable() and " " not in value):
            raise Misconfigured(f"{name} holds a character that no such key has; copy it again from the shop.")
    if not 1 <= len(parsed.webhook_secrets) <= 2:
        raise Misconfigured("webhook_secrets must hold one secret, or two while it is being changed.")
    if not all(parsed.webhook_secrets):
        raise Misconfigured("webhook_secrets holds an empty secret, under which anybody could sign.")
    return parsed


def _convert(values: Mapping[str, Any], kind: type[Kind]) -> Kind:
    """msgspec quotes values in some sentences, so only the field's name is taken from them."""
    try:
        return msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        problem = str(error)
    match = _PATH.search(problem)
    field = next((part for part in match.groups() if part), "") if match else ""
    if "unknown field" in problem:
        raise Misconfigured(f"{field} is not a setting of a WooCommerce store.")
    if "missing required field" in problem:
        raise Misconfigured(f"{field} is missing.")
    raise Misconfigured(f"{field or 'A setting'} has a value of the wrong kind.")

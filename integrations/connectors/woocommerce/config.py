"""What a user sets for a WooCommerce store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from integrations.connectors.http import check_base_url
from integrations.ports.errors import Misconfigured
from integrations.ports.stores import Moment

_STORE_CODE = re.compile(r"[a-z0-9]{1,16}")
_STATUS = re.compile(r"[a-z0-9_-]{1,20}")
NEVER_SET = frozenset({"refunded", "cancelled", "failed", "trash", "auto-draft", "checkout-draft"})
"""These refund, cancel or hide an order: no moment of its life is shown by them."""
_PATH = re.compile(r"`\$\.?([^`\[]+)[^`]*`|field `([^`]+)`")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the store is and how it reckons.

    ``base_url`` is the store's home address as its own settings show it; the scheme decides how calls are
    signed (https: Basic, http: OAuth 1.0a). ``store_code`` is part of every reference other systems get.
    ``rounding``: whether the store rounds tax per line or at the subtotal. ``status_map``: which of its statuses
    the store shows from which moment of an order on; ``tracking_…_meta``: the meta in which it keeps tracking;
    ``note_when_posted``: whether a private note on the order says what the ERP calls it.
    """

    base_url: Annotated[
        str,
        Meta(
            title="Address of the store",
            description="The home address as the store's own settings show it, such as https://shop.example.com.",
        ),
    ]
    store_code: Annotated[
        str,
        Meta(
            title="Code of the store",
            description="Up to 16 small letters or digits, such as eu. It is part of every reference in the ERP, so it"
            " cannot change later.",
        ),
    ]
    rounding: Annotated[
        Literal["line", "subtotal"],
        Meta(
            title="Tax is rounded",
            description="As in WooCommerce under Settings, Tax: per line, or at the subtotal. The test says if it is"
            " the other way.",
        ),
    ] = "line"
    allow_private: Annotated[
        bool,
        Meta(
            title="It is in our own network",
            description="Allows an address that is not of the open internet. Without it such an address is not called.",
        ),
    ] = False
    connect_seconds: Annotated[
        float, Meta(title="Seconds to connect", description="How long to wait for the store to take a call up.")
    ] = 5.0
    status_map: Annotated[
        dict[Moment, str],
        Meta(
            title="Statuses to show",
            description="Which status the store shows from which moment on, such as shipped = completed. Empty: it is"
            " left alone.",
        ),
    ] = {}
    tracking_number_meta: Annotated[
        str, Meta(title="Tracking number kept in", description="The order's meta that a tracking plugin reads.")
    ] = "_tracking_number"
    tracking_carrier_meta: Annotated[str, Meta(title="Carrier kept in", description="The same for the carrier.")] = (
        "_tracking_provider"
    )
    tracking_url_meta: Annotated[str, Meta(title="Tracking link kept in", description="The same for the link.")] = (
        "_tracking_url"
    )
    note_when_posted: Annotated[
        bool,
        Meta(
            title="Note the ERP's number on the order",
            description="A private note, which only people in the shop see.",
        ),
    ] = False


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``webhook_secrets``: the present secret and, while it is being changed, the one before."""

    consumer_key: Annotated[
        str, Meta(title="Consumer key", description="Begins with ck_. The store shows it once, when it is made.")
    ]
    consumer_secret: Annotated[
        str, Meta(title="Consumer secret", description="Begins with cs_. It is shown together with the key.")
    ]
    webhook_secrets: Annotated[
        tuple[str, ...],
        Meta(title="Secrets of the webhooks", description="What deliveries are signed with.", extra={"made": True}),
    ]

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
    _check_publishing(parsed)
    return msgspec.structs.replace(parsed, base_url=base_url)


def _check_publishing(parsed: Settings) -> None:
    for moment, status in parsed.status_map.items():
        if _STATUS.fullmatch(status) is None or status.startswith("wc-") or status in NEVER_SET:
            raise Misconfigured(
                f"status_map gives {moment.value} the status {status[:40]!r}; it takes a status as the REST API names"
                " it, such as completed, and none that makes the store do more than show it."
            )
    keys = [parsed.tracking_number_meta, parsed.tracking_carrier_meta, parsed.tracking_url_meta]
    for name, key in zip(("number", "carrier", "url"), keys, strict=True):
        if not key.strip() or keys.count(key) > 1:
            raise Misconfigured(f"tracking_{name}_meta must be a name of its own.")


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

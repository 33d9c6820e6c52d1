"""What a user sets for a Tryton company."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from integrations.connectors.http import check_base_url
from integrations.ports.errors import Misconfigured

_PATH = re.compile(r"`\$\.?([^`\[]+)[^`]*`|field `([^`]+)`")
_TAX = re.compile(r"\d+(\.\d+)?( compound)?")
HARMLESS_WARNINGS = ("check_move_quantity", "stock_quantity", "no_carrier")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Tryton is and how our documents become its sales.

    ``url`` has the database in its path (``https://erp.example.com/shop``). ``web_shop`` is the name of the
    shop whose (shop, web id) pair carries our reference. ``company`` (id) and ``warehouse`` (code) are needed
    only when the user or the shop has more than one. ``rounding_limit`` is the largest difference, in the
    document's currency, that becomes a rounding line. ``taxes`` overrides the tax found by percent:
    ``{"19": 7, "9.975 compound": 12}``. Tryton's times carry no zone; ``server_time_zone`` names it.
    ``skip_warnings`` are the names of Tryton's questions that are answered with yes.
    """

    url: Annotated[
        str,
        Meta(
            title="Address of Tryton",
            description="With the database at its end, such as https://erp.example.com/shop.",
        ),
    ]
    web_shop: Annotated[
        str,
        Meta(title="Web shop", description="The name of the web shop in Tryton under which our sales are kept."),
    ]
    company: Annotated[
        int | None, Meta(title="Company", description="Its number; only where the user has more than one.")
    ] = None
    warehouse: Annotated[
        str | None, Meta(title="Warehouse", description="Its code; only where the shop has more than one.")
    ] = None
    rounding_limit: Annotated[
        Decimal,
        Meta(
            title="Largest difference that is rounding",
            description="In the order's currency. A larger one is never posted; it becomes a case.",
        ),
    ] = Decimal("0.05")
    server_time_zone: Annotated[
        str, Meta(title="Time zone of the server", description="Tryton's times name none. Such as Europe/Berlin.")
    ] = "UTC"
    allow_private: Annotated[
        bool,
        Meta(
            title="It is in our own network",
            description="Allows an address that is not of the open internet. Without it such an address is not called.",
        ),
    ] = False
    taxes: Annotated[
        dict[str, int],
        Meta(
            title="Taxes by percent",
            description="Only where a percent alone does not name the tax, such as 19 = 7 for the tax with number 7.",
        ),
    ] = {}
    shipping_item: Annotated[str, Meta(title="Product for shipping", description="Code of a service that is sold.")] = (
        "SHIPPING"
    )
    fee_item: Annotated[str, Meta(title="Product for fees", description="Code of a service that is sold.")] = "FEE"
    rounding_item: Annotated[str, Meta(title="Product for rounding", description="Code of a service that is sold.")] = (
        "ROUNDING"
    )
    skip_warnings: Annotated[
        tuple[str, ...],
        Meta(title="Questions answered with yes", description="Names of Tryton's warnings that stop nothing."),
    ] = HARMLESS_WARNINGS


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Tryton user in the groups Sales, Sales Administrator (which may process a sale anew), Stock, Accounting
    and Party Administration; it needs not be an administrator."""

    user: Annotated[
        str,
        Meta(
            title="User",
            description="In the groups Sales, Sales Administrator, Stock, Accounting and Party Administration.",
            extra={"plain": True},
        ),
    ]
    password: Annotated[str, Meta(title="Password", description="Of that user.")]

    def __repr__(self) -> str:
        return "Credentials(…)"


Kind = TypeVar("Kind", Settings, Credentials)


def parse_settings(settings: Mapping[str, Any]) -> Settings:
    """Raises ``Misconfigured`` with the setting's name in one sentence."""
    parsed = _convert(settings, Settings)
    url = check_base_url(parsed.url, name="url")
    if not urlsplit(url).path:
        raise _wrong("url", "must end with the name of the database, as in https://erp.example.com/shop")
    for name in ("web_shop", "shipping_item", "fee_item", "rounding_item"):
        if not getattr(parsed, name).strip():
            raise _wrong(name, "is empty")
    if not (parsed.rounding_limit.is_finite() and parsed.rounding_limit >= 0):
        raise _wrong("rounding_limit", "must be an amount of 0 or more")
    if parsed.server_time_zone not in zoneinfo.available_timezones():
        raise _wrong("server_time_zone", "must be a time zone such as Europe/Berlin")
    if not all(_TAX.fullmatch(percent) for percent in parsed.taxes):
        raise _wrong("taxes", 'must have percents such as "19" or "9.975 compound" as its names')
    return msgspec.structs.replace(parsed, url=url)


def parse_credentials(credentials: Mapping[str, Any]) -> Credentials:
    """Raises ``Misconfigured`` with the name of what is missing, never with its value."""
    parsed = _convert(credentials, Credentials)
    for name in ("user", "password"):
        if not getattr(parsed, name).strip():
            raise _wrong(name, "is empty")
    return parsed


def _wrong(name: str, how: str) -> Misconfigured:
    return Misconfigured(f"The setting {name} {how}.", evidence={"field": name})


def _convert(values: Mapping[str, Any], kind: type[Kind]) -> Kind:
    """Only the field's name is taken from what msgspec says, because some of its sentences quote values."""
    try:
        return msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        problem = str(error)
    match = _PATH.search(problem)
    name = next((part for part in match.groups() if part), "") if match else ""
    if "unknown field" in problem:
        raise _wrong(name, "does not exist for Tryton")
    if "missing required field" in problem:
        raise _wrong(name, "is missing")
    raise _wrong(name, "has a value of the wrong kind")

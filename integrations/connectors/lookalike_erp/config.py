"""What a user sets for a look-alike ERP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from integrations.connectors.http import check_base_url
from integrations.ports.errors import Misconfigured

_FIELD = re.compile(r"field `(?P<missing>[^`]+)`|`\$\.(?P<path>[^`]+)`")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``base_url`` is where the ERP answers; ``allow_private`` permits a private or loopback address."""

    base_url: Annotated[
        str, Meta(title="Address", description="Where the ERP answers, such as https://erp.example.com.")
    ]
    allow_private: Annotated[
        bool,
        Meta(
            title="It is in our own network",
            description="Allows an address that is not of the open internet. Without it such an address is not called.",
        ),
    ] = False


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``api_key`` is sent as a bearer token."""

    api_key: Annotated[str, Meta(title="API key", description="As the ERP gave it out.")]

    def __repr__(self) -> str:
        return "Credentials(…)"


Kind = TypeVar("Kind", Settings, Credentials)


def parse_settings(settings: Mapping[str, Any]) -> Settings:
    """Raises `Misconfigured` naming the setting at fault."""
    parsed = _convert(settings, Settings)
    return msgspec.structs.replace(parsed, base_url=check_base_url(parsed.base_url))


def parse_credentials(credentials: Mapping[str, Any]) -> Credentials:
    """Raises `Misconfigured` naming the credential at fault, never its value."""
    parsed = _convert(credentials, Credentials)
    if not (parsed.api_key.isascii() and parsed.api_key.isprintable() and parsed.api_key.strip()):
        raise _misconfigured("api_key", "must be plain visible text")
    return parsed


def _convert(values: Mapping[str, Any], kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(dict(values), kind)
    except msgspec.ValidationError as error:
        # Only the field's name is taken from the sentence, as it may quote a secret.
        problem = str(error)
    match = _FIELD.search(problem)
    name = (match["missing"] or match["path"]) if match else "unknown"
    if "unknown field" in problem:
        raise _misconfigured(name, "is not a setting of a look-alike ERP")
    raise _misconfigured(name, "is missing" if "missing" in problem else "has a value of the wrong type")


def _misconfigured(name: str, problem: str) -> Misconfigured:
    return Misconfigured(f"The setting {name} {problem}.", evidence={"field": name})

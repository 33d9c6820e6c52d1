"""How PHP and WordPress read and write values: JSON, query strings, numbers out of anything."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote_plus

_ENCODE = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_TAG = re.compile(r"<[^>]*>?")
_PERCENT_CODE = re.compile(r"%[a-fA-F0-9]{2}")

Params = dict[str, Any]
"""Query parameters: text, a list (``x[]=``, ``x[0]=``) or a mapping (``x[key]=``)."""


def encode(value: Any) -> bytes:
    """JSON as PHP writes it: ASCII only, no spaces, slashes escaped."""
    return _ENCODE(value).replace("/", "\\/").encode("ascii")


def read_query(pairs: Sequence[tuple[str, str]]) -> Params:
    """A query as PHP has it: the last of a name wins, brackets make lists and mappings."""
    params: Params = {}
    for name, value in pairs:
        top, bracket, rest = name.partition("[")
        if not bracket or "]" not in rest:
            params[name] = value
            continue
        inner = params.get(top)
        if not isinstance(inner, dict):
            inner = params[top] = {}
        key = rest.partition("]")[0]
        inner[key or str(len(inner))] = value
    return {name: _listed(value) for name, value in params.items()}


def _listed(value: Any) -> Any:
    if isinstance(value, dict) and list(value) == [str(at) for at in range(len(value))]:
        return list(value.values())
    return value


def write_query(params: Params) -> str:
    """Back to a query string, lists as ``x%5B0%5D=``."""
    parts = []
    for name, value in params.items():
        rows = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else None
        if rows is None:
            parts.append(f"{quote_plus(name)}={quote_plus(str(value))}")
        else:
            parts += [f"{quote_plus(f'{name}[{key}]')}={quote_plus(str(inner))}" for key, inner in rows]
    return "&".join(parts)


def to_number(value: Any) -> Decimal:
    """PHP's ``(float)``: what the text begins with, 0 for nonsense."""
    if isinstance(value, bool):
        return Decimal(int(value))
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value))
    found = _NUMBER.match(value) if isinstance(value, str) else None
    try:
        return Decimal(found.group().strip()) if found else Decimal(0)
    except InvalidOperation:
        return Decimal(0)


def to_int(value: Any) -> int:
    """PHP's ``(int)``."""
    return int(to_number(value))


def to_text(value: Any) -> str:
    """PHP's ``(string)`` of a scalar: ``True`` is "1", ``False`` and ``None`` are ""."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    return str(value)


def to_bool(value: Any) -> bool:
    """WordPress's reading of a boolean parameter."""
    return str(value).lower() in {"true", "1", "yes"}


def plain(amount: Decimal) -> str:
    """Without exponent and without zeros at the end."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: Decimal) -> int | float:
    """A JSON number as PHP writes a float: whole ones without a point."""
    return int(value) if value == value.to_integral_value() else float(value)


def clean_text(value: Any) -> str:
    """WordPress's ``sanitize_text_field``: no tags, no percent codes, spaces trimmed and merged."""
    text = _TAG.sub("", to_text(value))
    while _PERCENT_CODE.search(text):
        text = _PERCENT_CODE.sub("", text)
    return " ".join(text.split())


def fold(text: str) -> str:
    """What the store's database compares: without case, accents and the difference between ß and ss."""
    parts = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(char for char in parts if not unicodedata.combining(char))


def slug_of(text: str) -> str:
    """A name as part of an address."""
    return re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")

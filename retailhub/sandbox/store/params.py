"""Checks parameters against small schemas, with WordPress's messages and its leniency.

A schema is a mapping with ``type`` (or none, for anything) and, where they apply, ``enum``, ``minimum``,
``maximum``, ``items``, ``properties``, ``format`` and ``default``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retailhub.sandbox.store.errors import BadParam, invalid_params, missing_params
from retailhub.sandbox.store.php import to_bool, to_int, to_number

Schema = Mapping[str, Any]
_TRUTHS = {"true", "false", "0", "1", "", "yes", "no"}


def check(values: Mapping[str, Any], schemas: Mapping[str, Schema], *, required: Sequence[str] = ()) -> None:
    """Raises `RestError` with all problems at once. ``None`` passes: it is "not given" at the top."""
    missing = [name for name in required if name not in values]
    if missing:
        raise missing_params(missing)
    problems: dict[str, BadParam] = {}
    for name, schema in schemas.items():
        value = values.get(name)
        if value is None:
            continue
        try:
            _fit(value, schema, name)
        except BadParam as problem:
            problems[name] = problem
    if problems:
        raise invalid_params(problems)


def read(values: Mapping[str, Any], schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Checked query parameters in their types, defaults filled in. Raises `RestError`."""
    check(values, schemas)
    found: dict[str, Any] = {}
    for name, schema in schemas.items():
        if values.get(name) is not None:
            found[name] = _typed(values[name], schema)
        elif "default" in schema:
            found[name] = schema["default"]
    return found


def listed(value: Any) -> list[Any]:
    """A list parameter: a list, or text with commas between."""
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping):
        return list(value.values())
    return [word.strip() for word in str(value).split(",") if word.strip()]


def _typed(value: Any, schema: Schema) -> Any:
    kind = schema.get("type")
    if kind == "integer":
        return to_int(value)
    if kind == "number":
        return to_number(value)
    if kind == "boolean":
        return to_bool(value)
    if kind == "array":
        return [_typed(item, schema.get("items", {})) for item in listed(value)]
    return value


def _fit(value: Any, schema: Schema, name: str) -> None:
    kind = schema.get("type")
    if kind is not None:
        _TYPES[kind](value, schema, name)
    if "enum" in schema and value not in schema["enum"]:
        raise BadParam(f"{name} is not one of {_spoken(schema['enum'])}.", "rest_not_in_enum")


def _wrong_type(name: str, kind: str) -> BadParam:
    return BadParam(f"{name} is not of type {kind}.", "rest_invalid_type", {"param": name})


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        try:
            return math.isfinite(float(value)) and value == value.rstrip()
        except ValueError:
            return False
    return isinstance(value, int | float)


def _fit_text(value: Any, schema: Schema, name: str) -> None:
    if not isinstance(value, str):
        raise _wrong_type(name, "string")
    if schema.get("format") == "email" and value and not _is_email(value):
        raise BadParam("Invalid email address.", "rest_invalid_email")


def _is_email(text: str) -> bool:
    box, at, host = text.partition("@")
    return bool(box and at) and "." in host.strip(".") and " " not in text and "@" not in host


def _fit_integer(value: Any, schema: Schema, name: str) -> None:
    if not _is_number(value) or float(value) != math.floor(float(value)):
        raise _wrong_type(name, "integer")
    _fit_bounds(value, schema, name)


def _fit_number(value: Any, schema: Schema, name: str) -> None:
    if not _is_number(value):
        raise _wrong_type(name, "number")
    _fit_bounds(value, schema, name)


def _fit_bounds(value: Any, schema: Schema, name: str) -> None:
    least, most = schema.get("minimum"), schema.get("maximum")
    amount = to_number(value)
    if least is not None and most is not None:
        if not least <= amount <= most:
            text = f"{name} must be between {least} (inclusive) and {most} (inclusive)"
            raise BadParam(text, "rest_out_of_bounds")
    elif least is not None and amount < least:
        raise BadParam(f"{name} must be greater than or equal to {least}", "rest_out_of_bounds")


def _fit_boolean(value: Any, _schema: Schema, name: str) -> None:
    if not (isinstance(value, bool) or str(value).lower() in _TRUTHS):
        raise _wrong_type(name, "boolean")


def _fit_array(value: Any, schema: Schema, name: str) -> None:
    if isinstance(value, Mapping) or not isinstance(value, list | str | int | float):
        raise _wrong_type(name, "array")
    for at, item in enumerate(listed(value)):
        _fit(item, schema.get("items", {}), f"{name}[{at}]")


def _fit_object(value: Any, schema: Schema, name: str) -> None:
    if not isinstance(value, Mapping) and value not in ("", []):
        raise _wrong_type(name, "object")
    for key, inner in schema.get("properties", {}).items():
        if isinstance(value, Mapping) and key in value:
            _fit(value[key], inner, f"{name}[{key}]")


def _spoken(words: Sequence[str]) -> str:
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"


_TYPES: dict[str, Callable[[Any, Schema, str], None]] = {
    "string": _fit_text,
    "integer": _fit_integer,
    "number": _fit_number,
    "boolean": _fit_boolean,
    "array": _fit_array,
    "object": _fit_object,
}

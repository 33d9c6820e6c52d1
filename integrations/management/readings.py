"""Settings typed as ``name=value``: text, unless the connector says that it wants something else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from integrations.ports.errors import Misconfigured
from retailhub.core.cli import Failed


def pairs(given: Sequence[str]) -> dict[str, list[str]]:
    """``["a=1", "b=2", "b=3"]`` → ``{"a": ["1"], "b": ["2", "3"]}``. Raises `Failed` for what has no ``=``."""
    found: dict[str, list[str]] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise Failed("not_a_pair", f"{name[:40]!r} must be written as name=value.")
        found.setdefault(name.strip(), []).append(value)
    return found


def settle(given: Mapping[str, Sequence[str]], parse: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    """The values as the connector takes them: each as text first, then as JSON, then as a list of texts.

    A password of digits stays text, ``allow_private=true`` becomes a truth value, a name given twice is a list.
    Raises the connector's own `Misconfigured` when no reading fits.
    """
    readings = {name: _readings(texts) for name, texts in given.items()}
    chosen = dict.fromkeys(readings, 0)
    first: Misconfigured | None = None
    while True:
        values = {name: readings[name][number] for name, number in chosen.items()}
        try:
            parse(values)
        except Misconfigured as error:
            first = first or error
            blamed = _next_blamed(error, readings, chosen)
            if blamed is None:
                raise first from error
            chosen[blamed] += 1
        else:
            return values


def _readings(texts: Sequence[str]) -> list[Any]:
    if len(texts) > 1:
        return [list(texts)]
    found: list[Any] = [texts[0]]
    with contextlib.suppress(msgspec.DecodeError):
        found.append(msgspec.json.decode(texts[0]))
    return [*found, [texts[0]]]


def _next_blamed(error: Misconfigured, readings: Mapping[str, Sequence[Any]], chosen: Mapping[str, int]) -> str | None:
    blamed = [name for name in readings if name in error.detail.split() or name == error.evidence.get("field")]
    return next((name for name in blamed if chosen[name] + 1 < len(readings[name])), None)


def from_json(text: str) -> dict[str, Any]:
    """Credentials as one JSON object. Raises `Failed` without quoting what was read."""
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Failed("not_json", "The credentials are not JSON.") from error
    if not isinstance(found, dict):
        raise Failed("not_json", "The credentials must be one JSON object.")
    return found

"""Changing what a look-alike system does: its manners are a frozen dataclass whose fields all have defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

M = TypeVar("M", bound="DataclassInstance")


def changed(manners: M, changes: Mapping[str, Any]) -> M:
    """``manners`` with ``changes``. Raises ``ValueError`` for an unknown manner or a wrong value."""
    known = {field.name for field in dataclasses.fields(manners)}
    strange = sorted(set(changes) - known)
    if strange:
        raise ValueError(f"no such manner: {', '.join(strange)}")
    values: dict[str, Any] = {}
    for name, value in changes.items():
        value = tuple(value) if isinstance(value, list) else value
        if not _fits(getattr(type(manners), name), value):
            raise ValueError(f"{name} cannot be {value!r}")
        values[name] = value
    return dataclasses.replace(manners, **values)


def _fits(default: Any, value: Any) -> bool:
    if default is None:
        return value is None or (isinstance(value, int) and not isinstance(value, bool))
    if isinstance(default, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return type(value) is type(default)

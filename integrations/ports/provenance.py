"""Where a field of a canonical order comes from in the bytes of its store. Plain data; connectors fill it in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from integrations.ports.documents import Order

_NUMBER = re.compile(r"\.[0-9]+(?=\.|$)")


class UnknownField(LookupError):
    """An order has no such field."""


@dataclass(frozen=True)
class Source:
    """The values of the store's order (as JSON pointers) that make one field, and what is done to them, in words.

    No pointers: the field is what it is because the store's order has nothing that makes it.
    """

    pointers: tuple[str, ...]
    rule: str


class Tracer(Protocol):
    """Tells of one field of an order, such as ``lines.0.total``, where it comes from in its store's order.

    ``raw`` is the decoded JSON that the document was made of. Raises `UnknownField`.
    """

    def __call__(self, field: str, raw: Any) -> Source: ...


def pattern_of(field: str) -> str:
    """``lines.0.taxes.1.amount`` → ``lines.*.taxes.*.amount``."""
    return _NUMBER.sub(".*", field)


def fields(order: Order) -> Iterator[tuple[str, Any]]:
    """Every field of an order that holds no further fields, with its value, in the order of the document."""
    yield from leaves(order)


def field_of(order: Order, field: str) -> Any:
    """The value of one field. Raises `UnknownField`, which says what there is."""
    for name, value in fields(order):
        if name == field:
            return value
    known = [name for name, _ in fields(order) if name.startswith(field.split(".")[0])]
    there = ", ".join(known[:12] or sorted({name.split(".")[0] for name, _ in fields(order)}))
    raise UnknownField(f"This order has no field {field!r}; there are {there}{' …' if len(known) > 12 else ''}.")


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The same of any canonical document."""
    if isinstance(value, msgspec.Struct):
        for part in value.__struct_fields__:
            yield from leaves(getattr(value, part), f"{name}.{part}" if name else part)
    elif isinstance(value, tuple):
        for position, item in enumerate(value):
            yield from leaves(item, f"{name}.{position}")
    else:
        yield name, value

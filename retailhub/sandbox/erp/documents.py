"""Sales orders as the look-alike ERP understands them: what it takes, refuses, and what they add up to."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

LINE_KINDS = frozenset({"goods", "shipping", "fee", "rounding"})
MOST_DECIMALS = 6


class RefusedError(Exception):
    """A business no to one item. ``facts`` go into the answer beside code and message."""

    def __init__(self, code: str, message: str, **facts: str) -> None:
        super().__init__(message)
        self.code = code
        self.facts = facts

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": str(self), **self.facts}


@dataclass(frozen=True)
class Content:
    """The lines of an order and what they add up to, in minor units of ``decimals`` decimals."""

    lines_json: str
    line_count: int
    item_codes: tuple[str, ...]
    decimals: int
    total_minor: int
    tax_minor: int


@dataclass(frozen=True)
class Draft:
    """An order as asked for, checked for form; its items, customer and period are still to be checked."""

    reference: str
    customer: str
    placed_on: dt.date
    currency: str
    rest_json: str
    content: Content


def read_draft(raw: object) -> Draft:
    """Check one order of a create call. Raises `RefusedError` ``invalid_order`` naming the field at fault."""
    order = _object(raw, "order")
    return Draft(
        reference=_text(order, "reference"),
        customer=_text(order, "customer"),
        placed_on=_date(order, "placed_on"),
        currency=_currency(order),
        rest_json=read_rest(order),
        content=read_content(order),
    )


def read_content(order: Mapping[str, Any]) -> Content:
    """Check and add up the lines: total = nets + taxes, summed exactly, rounded once to ``decimals``."""
    decimals = order.get("decimals")
    if not isinstance(decimals, int) or isinstance(decimals, bool) or not 0 <= decimals <= MOST_DECIMALS:
        raise _invalid("decimals")
    raw_lines = order.get("lines")
    if not isinstance(raw_lines, list):
        raise _invalid("lines")
    lines = [_line(_object(line, "lines")) for line in raw_lines]
    net = sum((Decimal(line["net"]) for line in lines), Decimal())
    tax = sum((Decimal(share["amount"]) for line in lines for share in line["taxes"]), Decimal())
    return Content(
        lines_json=json.dumps(lines),
        line_count=len(lines),
        item_codes=tuple(line["item_code"] for line in lines if line["kind"] == "goods"),
        decimals=decimals,
        total_minor=_minor(net + tax, decimals),
        tax_minor=_minor(tax, decimals),
    )


def read_rest(order: Mapping[str, Any]) -> str:
    """What is kept and told again as it came, as JSON."""
    kept = ("bill_to", "ship_to", "payment", "note", "channel")
    return json.dumps({name: order[name] for name in kept if name in order})


def amount_text(minor: int, decimals: int) -> str:
    """``1234`` with two decimals is ``12.34``."""
    return f"{Decimal(minor).scaleb(-decimals):f}"


def _minor(amount: Decimal, decimals: int) -> int:
    return int(amount.scaleb(decimals).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    kind = line.get("kind")
    if kind not in LINE_KINDS:
        raise _invalid("lines.kind")
    item_code = _text(line, "item_code", may_be_empty=kind != "goods")
    net = _number(line, "net")
    taxes = line.get("taxes", [])
    if not isinstance(taxes, list):
        raise _invalid("lines.taxes")
    return {
        "kind": kind,
        "item_code": item_code,
        "description": _text(line, "description", may_be_empty=True),
        "quantity": f"{_number(line, 'quantity'):f}",
        "net": f"{net:f}",
        "taxes": [_tax(_object(share, "lines.taxes"), net) for share in taxes],
    }


def _tax(share: Mapping[str, Any], net: Decimal) -> dict[str, str]:
    percent = _number(share, "percent")
    amount = _number(share, "amount") if "amount" in share else net * percent / 100
    return {"percent": f"{percent:f}", "amount": f"{amount:f}"}


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(name)
    return value


def _text(source: Mapping[str, Any], name: str, *, may_be_empty: bool = False) -> str:
    value = source.get(name, "" if may_be_empty else None)
    if not isinstance(value, str) or not (value or may_be_empty):
        raise _invalid(name)
    return value


def _currency(order: Mapping[str, Any]) -> str:
    value = _text(order, "currency")
    if len(value) != 3 or not value.isalpha() or not value.isupper():
        raise _invalid("currency")
    return value


def _date(order: Mapping[str, Any], name: str) -> dt.date:
    try:
        return dt.date.fromisoformat(_text(order, name))
    except ValueError as error:
        raise _invalid(name) from error


def _number(source: Mapping[str, Any], name: str) -> Decimal:
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise _invalid(name)
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise _invalid(name) from error
    if not number.is_finite():
        raise _invalid(name)
    return number


def _invalid(name: str) -> RefusedError:
    return RefusedError("invalid_order", f"The field {name} is missing or wrong.", field=name)

"""The table of where fields come from, held against what the mapping does to recorded orders."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from integrations.connectors.woocommerce import mapping, provenance
from integrations.ports import provenance as ports
from integrations.ports.documents import Order, OrderStatus
from retailhub.core.json_places import parts, places
from tests.support import recordings


def bodies() -> list[recordings.OrderBody]:
    """One of each content; the recordings tell most orders several times."""
    return list({body.body: body for body in recordings.order_bodies()}.values())


def declared(kind: Any, name: str = "") -> Iterator[str]:
    """Every field of a canonical struct as a pattern."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield from declared(field.type, f"{name}.{field.name}" if name else field.name)
    elif str(kind).startswith("tuple["):
        yield from declared(get_args(kind)[0], f"{name}.*")
    else:
        yield name


def other(value: Any, pointer: str) -> Any:
    """A value like this one that is not it."""
    if pointer == "/status":
        return "failed" if value != "failed" else "on-hold"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if value is None:
        return "2031-01-01T00:00:00" if "date_" in pointer else "something"
    if isinstance(value, list | dict):
        return ["something", value]
    if "date_" in pointer:
        return f"2031{value[4:]}"
    if pointer == "/currency":
        return "XAU"
    if value.replace(".", "").lstrip("-").isdigit() and "meta_data" not in pointer:
        return f"{value}7" if "." in value else f"{value}.07"
    if not value and pointer.rpartition("/")[2] in {"total", "subtotal"}:
        return "1.07"
    return f"{value}\x01"  # sorts right behind it


def put(raw: Any, pointer: str, change: Any) -> Any:
    changed = copy.deepcopy(raw)
    *way, last = parts(pointer)
    inner = changed
    for part in way:
        inner = inner[int(part)] if isinstance(inner, list) else inner[part]
    key: Any = int(last) if isinstance(inner, list) else last
    inner[key] = change
    return changed


def get(raw: Any, pointer: str) -> Any:
    for part in parts(pointer):
        raw = raw[int(part)] if isinstance(raw, list) else raw.get(part)
    return raw


def mapped(raw: Any) -> dict[str, Any]:
    return dict(ports.fields(mapping.order_from_body(msgspec.json.encode(raw))))


def test_the_table_tells_of_every_field_of_a_canonical_order_and_of_no_other() -> None:
    assert provenance.patterns() == set(declared(Order))


NEVER_SENT = {"shipping.email", "lines.*.taxes.*.subtotal", "charges.*.taxes.*.subtotal"}
"""The store leaves these out of some orders."""


def test_every_field_of_every_recorded_order_is_traced_to_values_that_are_there() -> None:
    absent = set()
    for recorded in bodies():
        raw, known = msgspec.json.decode(recorded.body), places(recorded.body)
        for field in mapped(raw):
            missing = [pointer for pointer in provenance.trace(field, raw).pointers if pointer not in known]
            absent |= {ports.pattern_of(field)} if missing else set()
    assert absent <= NEVER_SENT


def test_what_a_field_names_changes_it_and_no_field_that_does_not_name_it() -> None:
    tried: set[str] = set()
    for recorded in bodies():
        raw = msgspec.json.decode(recorded.body)
        before = mapped(raw)
        named: dict[str, set[str]] = {}
        for field in before:
            for pointer in provenance.trace(field, raw).pointers:
                named.setdefault(pointer, set()).add(field)
        for pointer, fields in named.items():
            if ports.pattern_of(next(iter(fields))) == "charges.*.kind":
                continue
            after = mapped(put(raw, pointer, other(get(raw, pointer), pointer)))
            changed = {field for field in before.keys() | after.keys() if before.get(field) != after.get(field)}
            assert changed == fields, (recorded.source, pointer, get(raw, pointer))
            tried |= {ports.pattern_of(field) for field in fields}
    never = provenance.patterns() - tried
    assert never <= {"charges.*.kind", "customer.tax_number"}, never


def test_what_no_field_names_changes_nothing() -> None:
    for recorded in bodies():
        raw = msgspec.json.decode(recorded.body)
        before = mapped(raw)
        named = {pointer for field in before for pointer in provenance.trace(field, raw).pointers}
        containers = {pointer for pointer in places(recorded.body) if isinstance(get(raw, pointer), list | dict)}
        changed, count = raw, 0
        for pointer in places(recorded.body).keys() - named - containers:
            if any(pointer.startswith(f"{name}/") for name in named if name.endswith("/value")):
                continue  # within the value of a meta entry, which is named whole
            if "/meta_data/" in pointer:
                continue  # the entries left out by their key
            changed, count = put(changed, pointer, "something else"), count + 1
        assert count > 10
        assert mapped(changed) == before, recorded.source


def test_a_charge_is_shipping_or_a_fee_by_the_list_it_stands_in() -> None:
    raw = msgspec.json.decode(next(body.body for body in bodies() if b'"fee_lines":[{' in body.body.replace(b" ", b"")))
    last = max(int(field.split(".")[1]) for field in mapped(raw) if field.startswith("charges."))
    source = provenance.trace(f"charges.{last}.kind", raw)
    assert source.pointers == (f"/fee_lines/{len(raw['fee_lines']) - 1}",)
    assert provenance.trace(f"charges.{last}.code", raw).pointers == ()
    assert provenance.trace(f"charges.{last}.total", raw).pointers == (f"{source.pointers[0]}/total",)


@pytest.mark.parametrize(
    ("meta", "pointers"),
    [
        ([], ()),
        ([{"key": "vat_number", "value": " "}], ()),
        ([{"key": "vat_number", "value": 7}], ()),
        (
            [{"key": "billing_nif", "value": "N"}, {"key": "vat_number", "value": "V"}],
            ("/meta_data/1/value", "/meta_data/1/key"),
        ),
        (
            [{"key": "vat_number", "value": "V"}, {"key": "vat_number", "value": "W"}],
            ("/meta_data/1/value", "/meta_data/1/key"),
        ),
    ],
)
def test_the_tax_number_is_traced_to_the_entry_that_won(meta: list[dict[str, Any]], pointers: tuple[str, ...]) -> None:
    raw = msgspec.json.decode(bodies()[0].body) | {"meta_data": meta}
    assert provenance.trace("customer.tax_number", raw).pointers == pointers
    won = mapped(raw)["customer.tax_number"]
    assert won == (get(raw, pointers[0]) if pointers else "")
    for pointer in pointers:
        assert mapped(put(raw, pointer, "changed"))["customer.tax_number"] != won


@pytest.mark.parametrize("field", ["nothing", "lines.99.total", "lines.0.colour", "charges.99.total", "lines", ""])
def test_a_field_that_is_not_there_is_said_to_be_unknown(field: str) -> None:
    with pytest.raises(ports.UnknownField):
        provenance.trace(field, msgspec.json.decode(bodies()[0].body))


def test_a_status_of_a_plugin_is_traced_too() -> None:
    raw = msgspec.json.decode(bodies()[0].body) | {"status": "picked-up"}
    assert mapped(raw)["status"] is OrderStatus.OTHER
    assert provenance.trace("status", raw).pointers == ("/status",)

"""The table of what is sent to an ERP, held against the document that is made of recorded orders."""

from __future__ import annotations

from typing import Any

import msgspec

from integrations.connectors.woocommerce import mapping
from integrations.ports import provenance
from integrations.ports.documents import Order
from orders.policies import posting, sent
from tests.support import recordings


def flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, msgspec.Struct):
        parts = [(field, getattr(value, field)) for field in value.__struct_fields__]
    elif isinstance(value, tuple):
        parts = [(str(place), item) for place, item in enumerate(value)]
    else:
        return {name: value}
    return {key: leaf for part, item in parts for key, leaf in flat(item, f"{name}.{part}" if name else part).items()}


class _Codes(dict[str, str]):
    def __missing__(self, sku: str) -> str:
        return f"item {sku}"


def document(order: Order) -> dict[str, Any]:
    made = posting.sales_order(order, reference="WC-eu-1", store="eu", customer_key="cus_1", item_codes=_Codes())
    # what the other sums leave open stands in a line of its own
    return flat(msgspec.structs.replace(made, lines=tuple(line for line in made.lines if line.kind != "rounding")))


def changed(order: Order, field: str) -> Order | None:
    """The order with another value in this field; ``None`` where there is no other that is sure to count."""
    raw = msgspec.to_builtins(order)
    *way, last = field.split(".")
    inner = raw
    for part in way:
        inner = inner[int(part)] if isinstance(inner, list | tuple) else inner[part]
    before = inner[last]
    if isinstance(before, bool):
        inner[last] = not before
    elif field.endswith("_at"):
        inner[last] = None if before and field == "payment.paid_at" else "2031-01-01T00:00:00Z"
    elif before is None:
        inner[last] = "1"
    elif before.replace(".", "").replace("-", "").isdigit() and not field.endswith(("_ref", "code", "name", "number")):
        inner[last] = "7.77"
    else:
        inner[last] = f"{before}1"
    try:
        return msgspec.convert(raw, Order)
    except msgspec.ValidationError:
        return None


def test_what_is_said_to_be_sent_changes_with_the_field_and_nothing_else_does() -> None:
    tried = set()
    for recorded in {body.body: body for body in recordings.order_bodies()}.values():
        order = mapping.order_from_body(recorded.body)
        before = document(order)
        for field, _ in provenance.fields(order):
            other = changed(order, field)
            if other is None or field.endswith(".rate_ref"):
                continue  # a rate that nothing points at is another order altogether
            after = document(other)
            told = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
            named = {target.field for target in sent.targets(order, field)}
            if field in {"payment.paid_at", "status"}:
                assert told <= named, (recorded.source, field)
            else:
                # whether it is paid hangs on sums and refunds too; it is told of where it hangs most
                assert told - {"paid"} == named, (recorded.source, field)
            tried |= {provenance.pattern_of(field)} if named else set()
    assert len(tried) > 40


def test_every_field_named_is_one_of_the_document() -> None:
    for recorded in recordings.order_bodies():
        order = mapping.order_from_body(recorded.body)
        there = document(order).keys()
        for field, _ in provenance.fields(order):
            assert {target.field for target in sent.targets(order, field)} <= there, (recorded.source, field)

"""What makes two documents of one order the same, and what is kept as first seen."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from msgspec import structs

from integrations.ports.documents import (
    Address,
    Attribute,
    Customer,
    Order,
    OrderLine,
    OrderStatus,
    Payment,
)
from integrations.ports.versions import content_hash, keep_first_seen

ZERO = Decimal("0.00")
MOMENT = dt.datetime(2026, 11, 23, 5, 28, 28, tzinfo=dt.UTC)


def _line(ref: str, *, sku: str | None, product: str | None, variation: str | None = None) -> OrderLine:
    return OrderLine(
        line_ref=ref,
        name="Mug",
        quantity=Decimal(1),
        subtotal=ZERO,
        subtotal_tax=ZERO,
        total=ZERO,
        total_tax=ZERO,
        sku=sku,
        product_ref=product,
        variation_ref=variation,
        attributes=(Attribute(key="b", value="1"), Attribute(key="a", value="2")),
    )


ORDER = Order(
    order_ref="1",
    number="1",
    status=OrderStatus.PENDING,
    source_status="pending",
    currency="EUR",
    prices_include_tax=False,
    created_at=MOMENT,
    modified_at=MOMENT,
    total=ZERO,
    total_tax=ZERO,
    discount_total=ZERO,
    discount_tax=ZERO,
    shipping_total=ZERO,
    shipping_tax=ZERO,
    cart_tax=ZERO,
    customer=Customer(store_ref="7", name="Anna"),
    billing=Address(),
    shipping=Address(),
    payment=Payment(method="cod"),
    lines=(_line("1", sku="MUG", product="11", variation="12"),),
    attributes=(Attribute(key="z", value="1"), Attribute(key="y", value="2")),
)


@pytest.mark.parametrize(
    "same",
    [
        structs.replace(ORDER, modified_at=MOMENT + dt.timedelta(seconds=1)),
        structs.replace(ORDER, customer=Customer(store_ref=None, name="Anna")),
        structs.replace(ORDER, lines=(_line("1", sku=None, product=None),)),
        structs.replace(ORDER, attributes=ORDER.attributes[::-1]),
    ],
)
def test_time_live_fields_and_the_order_of_attributes_are_outside_the_hash(same: Order) -> None:
    assert content_hash(same) == content_hash(ORDER)
    assert len(content_hash(same)) == 32


@pytest.mark.parametrize(
    "other",
    [
        structs.replace(ORDER, total=Decimal("0.01")),
        structs.replace(ORDER, total=Decimal("0.0")),
        structs.replace(ORDER, customer=Customer(store_ref="7", name="Bea")),
        structs.replace(ORDER, lines=()),
        structs.replace(ORDER, attributes=ORDER.attributes[:1]),
        structs.replace(ORDER, status=OrderStatus.TRASHED, source_status="trash"),
    ],
)
def test_everything_else_is_inside_the_hash(other: Order) -> None:
    assert content_hash(other) != content_hash(ORDER)


def test_first_seen_codes_stay_when_the_store_changes_or_loses_them() -> None:
    incoming = structs.replace(
        ORDER,
        customer=Customer(store_ref=None, name="Bea"),
        lines=(_line("1", sku=None, product=None), _line("2", sku="CUP", product="13")),
    )

    kept = keep_first_seen(ORDER, incoming)

    assert kept.customer == Customer(store_ref="7", name="Bea")
    assert [(line.sku, line.product_ref, line.variation_ref) for line in kept.lines] == [
        ("MUG", "11", "12"),
        ("CUP", "13", None),
    ]


def test_a_renamed_sku_does_not_change_an_order() -> None:
    renamed = structs.replace(ORDER, lines=(_line("1", sku="MUG-2", product="99"),))

    assert keep_first_seen(ORDER, renamed) == ORDER


def test_what_was_missing_at_first_is_taken_when_it_comes() -> None:
    bare = structs.replace(ORDER, customer=Customer(store_ref=None), lines=(_line("1", sku=None, product=None),))

    assert keep_first_seen(bare, ORDER) is ORDER

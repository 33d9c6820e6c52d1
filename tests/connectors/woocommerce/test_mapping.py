"""Recorded orders become canonical orders, whole and exact."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.woocommerce import mapping
from integrations.ports import documents
from integrations.ports.documents import ChargeKind, Order, OrderStatus
from integrations.ports.errors import Rejected
from integrations.ports.versions import content_hash
from tests.support import recordings

ORDER = recordings.delivery("011-").body


def _changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(ORDER), **fields}).encode()


def _without(field: str) -> bytes:
    return json.dumps({key: value for key, value in json.loads(ORDER).items() if key != field}).encode()


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


@pytest.mark.parametrize("recorded", recordings.order_bodies(), ids=lambda recorded: recorded.source)
def test_every_recorded_order_maps_and_its_sums_meet(recorded: recordings.OrderBody) -> None:
    order = mapping.order_from_body(recorded.body)

    net = _sum(line.total for line in order.lines) + _sum(charge.total for charge in order.charges)
    assert net + order.total_tax == order.total
    assert order.cart_tax + order.shipping_tax == order.total_tax
    assert _sum(tax.amount for tax in order.taxes) == order.cart_tax
    assert _sum(tax.shipping_amount for tax in order.taxes) == order.shipping_tax
    shipping = _sum(charge.total for charge in order.charges if charge.kind is ChargeKind.SHIPPING)
    assert shipping == order.shipping_total
    assert _sum(line.subtotal - line.total for line in order.lines) == order.discount_total
    assert _sum(discount.amount for discount in order.discounts) == order.discount_total
    taxed = [*(line.taxes for line in order.lines), *(charge.taxes for charge in order.charges)]
    shares = _sum(share.amount for taxes in taxed for share in taxes)
    assert abs(shares - order.total_tax) <= Decimal("0.001")
    assert documents.decode(documents.encode(order), Order) == order


def test_the_recordings_hold_131_whole_orders() -> None:
    assert len(recordings.order_bodies()) == 131


def test_an_order_is_read_field_by_field() -> None:
    order = mapping.order_from_body(ORDER)

    assert (order.order_ref, order.number, order.status) == ("148", "148", OrderStatus.PENDING)
    assert order.created_at == dt.datetime(2026, 11, 23, 5, 28, 27, tzinfo=dt.UTC)
    assert order.modified_at == dt.datetime(2026, 11, 23, 5, 28, 28, tzinfo=dt.UTC)
    assert (order.currency, str(order.total), str(order.total_tax)) == ("EUR", "125.16", "14.59")
    assert order.customer.store_ref is None
    assert order.customer.name == "Zoë Müller-Łukasz 😀"
    assert order.billing.street_2 == "c/o Ünïcode"
    shirt = order.lines[2]
    assert (shirt.sku, shirt.product_ref, shirt.variation_ref) == ("TS-M-ROT", "20", "22")
    assert [attribute.key for attribute in shirt.attributes] == ["Gravur", "farbe", "grose"]
    assert [(charge.kind, str(charge.total)) for charge in order.charges] == [
        (ChargeKind.SHIPPING, "4.90"),
        (ChargeKind.FEE, "2.50"),
    ]
    assert order.charges[0].taxes == (documents.TaxShare(rate_ref="1", amount=Decimal("0.93")),)
    assert order.discounts == (documents.Discount(code="sommer10", amount=Decimal("11.46"), tax=Decimal("1.46")),)
    assert order.attributes[1] == documents.Attribute(key="gclid", value='{"a":[1,2]}')


@pytest.mark.parametrize(
    ("name", "currency", "total"),
    [
        ("order_post_jpy", "JPY", "1500.00"),
        ("order_post_usd", "USD", None),
        ("order_post_zero", "EUR", "0.00"),
    ],
)
def test_amounts_keep_the_scale_of_the_store(name: str, currency: str, total: str | None) -> None:
    order = mapping.order_from_body(recordings.answer(name).body)

    assert order.currency == currency
    assert order.total.as_tuple().exponent == -2
    if total is not None:
        assert str(order.total) == total


def test_a_compound_tax_keeps_both_rates_on_each_line() -> None:
    order = mapping.order_from_body(recordings.answer("order_post_quebec_compound").body)

    assert [(str(tax.percent), tax.compound) for tax in order.taxes] == [("5", False), ("9.975", True)]
    rates = {tax.rate_ref for tax in order.taxes}
    assert all({share.rate_ref for share in line.taxes} == rates for line in order.lines if line.taxes)


def test_prices_with_tax_still_give_line_totals_without_tax() -> None:
    order = mapping.order_from_body(recordings.answer("order_post_prices_include_tax").body)

    assert order.prices_include_tax
    net = _sum(line.total for line in order.lines) + _sum(charge.total for charge in order.charges)
    assert net + order.total_tax == order.total


def test_refunds_are_positive_and_quantities_stay_as_ordered() -> None:
    order = mapping.order_from_body(recordings.answer("order_get_partially_refunded").body)

    assert order.refunds == (
        documents.RefundSummary(refund_ref="149", amount=Decimal("10.60"), reason="1 Becher zerbrochen"),
    )
    assert order.lines[0].quantity == Decimal(3)
    assert order.lines[0].attributes == ()


def test_a_line_of_an_unknown_product_points_at_none() -> None:
    order = mapping.order_from_body(recordings.answer("err_400_line_item_unknown_product").body)

    line = order.lines[0]
    assert (line.product_ref, line.sku, line.total) == (None, None, Decimal("0.00"))


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("trash", OrderStatus.TRASHED),
        ("checkout-draft", OrderStatus.DRAFT),
        ("auto-draft", OrderStatus.DRAFT),
        ("on-hold", OrderStatus.ON_HOLD),
        ("awaiting-pickup", OrderStatus.OTHER),
    ],
)
def test_statuses_are_translated_and_the_stores_word_is_kept(source: str, status: OrderStatus) -> None:
    order = mapping.order_from_body(_changed(status=source))

    assert (order.status, order.source_status) == (status, source)


def test_a_negative_fee_stays_negative() -> None:
    fee = {"id": 9, "name": "Nachlass", "total": "-25.69", "total_tax": "-4.88", "taxes": []}

    order = mapping.order_from_body(_changed(fee_lines=[fee]))

    assert order.charges[-1].total == Decimal("-25.69")


def test_minus_zero_is_zero() -> None:
    assert str(mapping.order_from_body(_changed(discount_total="-0.00")).discount_total) == "0.00"


@pytest.mark.parametrize(
    "key", ["_billing_vat_number", "billing_vat", "_vat_number", "vat_number", "_billing_eu_vat_number"]
)
def test_the_tax_number_is_found_under_the_usual_keys(key: str) -> None:
    order = mapping.order_from_body(_changed(meta_data=[{"id": 1, "key": key, "value": " DE123456789 "}]))

    assert order.customer.tax_number == "DE123456789"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (_without("currency"), "currency"),
        (_without("line_items"), "line_items"),
        (_without("date_modified_gmt"), "date_modified_gmt"),
        (_changed(id=0), "id"),
        (_changed(id="148"), "id"),
        (_changed(currency="EUR\n"), "currency"),
        (_changed(total="12,50"), "total"),
        (_changed(total="NaN"), "total"),
        (_changed(total="1e9"), "total"),
        (_changed(total="٣"), "total"),
        (_changed(total=12.5), "total"),
        (_changed(total=None), "total"),
        (_changed(date_created_gmt=None), "date_created_gmt"),
        (_changed(date_created_gmt="0001-01-01T00:00:00+10:00"), "date_*_gmt"),
        (_changed(customer_note="a\0b"), "text"),
        (_changed(refunds=[{"id": 1, "total": ""}]), "refunds.total"),
        (ORDER.replace(b'"quantity":3', b'"quantity":3e99999999'), "line_items.quantity"),
        (ORDER.replace(b'"rate_percent":19', b'"rate_percent":null'), "tax_lines.rate_percent"),
        (ORDER.replace(b'"subtotal_tax":"5.64"', b'"subtotal_tax":[]'), "line_items.subtotal_tax"),
    ],
)
def test_an_order_that_cannot_be_read_is_rejected_with_the_field(body: bytes, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        mapping.order_from_body(body)

    assert caught.value.code == "order_unreadable"
    assert caught.value.evidence["field"] == field
    assert field in caught.value.detail


def test_the_same_state_has_one_hash_by_list_single_read_and_webhook() -> None:
    ways: dict[tuple[str, dt.datetime], dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))
    for recorded in recordings.order_bodies():
        if recorded.source == "orders_list_dp":
            continue
        order = mapping.order_from_body(recorded.body)
        ways[order.order_ref, order.modified_at][recorded.way].add(content_hash(order))

    met_by_webhook = [hashes for hashes in ways.values() if len(hashes) > 1 and "webhook" in hashes]
    assert len(met_by_webhook) == 31
    for hashes in met_by_webhook:
        assert hashes.get("list", set()) <= hashes["webhook"]
        assert hashes.get("single", set()) <= hashes["webhook"]
    several = {ref for (ref, _), hashes in ways.items() if len(set().union(*hashes.values())) > 1}
    assert several == {"165", "156"}, "these two really changed twice within one second"


def test_what_the_store_reads_live_is_outside_the_hash() -> None:
    before = mapping.order_from_body(ORDER)
    renamed = ORDER.replace(b'"sku":"MUG-01"', b'"sku":"MUG-02"')
    deleted = renamed.replace(b'"product_id":11', b'"product_id":0')
    without_account = deleted.replace(b'"customer_id":0', b'"customer_id":9')

    assert content_hash(mapping.order_from_body(without_account)) == content_hash(before)
    assert content_hash(mapping.order_from_body(_changed(customer_note="x"))) != content_hash(before)


def test_the_order_of_meta_data_does_not_matter() -> None:
    meta = json.loads(ORDER)["meta_data"]

    first = mapping.order_from_body(_changed(meta_data=meta))
    second = mapping.order_from_body(_changed(meta_data=meta[::-1]))

    assert first == second


def test_the_checkouts_own_log_note_is_no_content() -> None:
    note = {"id": 99, "key": "_debug_log_source_pending_deletion", "value": "place-order-debug-1"}
    meta = json.loads(ORDER)["meta_data"]

    assert mapping.order_from_body(_changed(meta_data=[*meta, note])) == mapping.order_from_body(ORDER)


def test_a_list_maps_in_its_order() -> None:
    body = recordings.answer("orders_list_p1").body

    orders = mapping.orders_from_list(body)

    assert [int(order.order_ref) for order in orders] == [item["id"] for item in json.loads(body)]

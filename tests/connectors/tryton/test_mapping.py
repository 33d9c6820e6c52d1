"""What is sent to Tryton and read from it has the recorded shapes."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from integrations.connectors.tryton import mapping, schemas
from integrations.connectors.tryton.amounts import Priced, Tax
from integrations.connectors.tryton.lines import PlannedLine
from integrations.ports.documents import Address, DocumentState
from tests.connectors.tryton.build import simple
from tests.connectors.tryton.recorded import recording
from tests.connectors.tryton.test_lines import FACTS

NOT_SENT = {"payment_term", "carrier", "invoice_method", "shipment_method"}
"""Left to the company's own defaults."""


def recorded_sale() -> dict[str, Any]:
    sale: dict[str, Any] = recording("04-sale-030")["request"]["body"]["params"][0][0]
    return sale


def test_a_sale_is_created_with_the_recorded_values() -> None:
    recorded = recorded_sale()
    tax = Tax(1, Decimal("0.23"), None, raises_base=False)
    lines = tuple(
        PlannedLine(
            line["product"],
            line["unit"],
            line.get("description", ""),
            Priced(Decimal(str(line["quantity"])), Decimal(line["unit_price"]["decimal"]), (tax,)),
        )
        for line in recorded["lines"][0][1]
    )
    document = msgspec.structs.replace(simple(recorded["web_id"]), number=recorded["reference"])
    values = schemas.to_wire(
        mapping.sale_values(document, lines, FACTS, party=9, invoice_address=8, shipment_address=8)
    )
    for line in recorded["lines"][0][1]:
        line.setdefault("description", "")
    expected = {key: value for key, value in recorded.items() if key not in NOT_SENT}
    del expected["shipment_cost_method"]
    assert values == expected


def test_where_tryton_would_add_its_own_shipping_cost_it_is_told_not_to() -> None:
    facts = dataclasses.replace(FACTS, has_shipment_cost=True)
    values = mapping.sale_values(simple("WC-eu-1"), (), facts, party=9, invoice_address=8, shipment_address=8)
    assert values["shipment_cost_method"] is None
    assert recorded_sale()["shipment_cost_method"] is None


def sale_row(number: str) -> schemas.SaleRow:
    """A recorded sale, with the two fields that were not asked for then."""
    (row,) = recording(number)["response"]["body"]["result"]
    return schemas.rows({**row, "lines": [1, 2, 3, 4], "currency.": {"id": 1, "code": "EUR"}}, schemas.SaleRow)


@pytest.mark.parametrize(
    ("number", "state", "sale_number"),
    [
        ("04-sale-034", DocumentState.DRAFT, ""),
        ("04-sale-038", DocumentState.CONFIRMED, "226"),
        ("07-cancel-094", DocumentState.CANCELLED, "233"),
    ],
)
def test_a_recorded_sale_is_read_as_our_document(number: str, state: DocumentState, sale_number: str) -> None:
    document = mapping.external_document(sale_row(number), "UTC")
    assert (document.state, document.number) == (state, sale_number)
    assert (document.total, document.currency, document.line_count) == (Decimal("71.71"), "EUR", 4)


def test_a_sale_that_is_only_confirmed_is_incomplete() -> None:
    row = msgspec.structs.replace(sale_row("04-sale-038"), state="confirmed")
    assert mapping.external_document(row, "UTC").state is DocumentState.INCOMPLETE


def test_times_of_the_server_are_turned_to_utc_and_back() -> None:
    local = dt.datetime(2026, 7, 1, 14, 30)  # noqa: DTZ001 - Tryton's times have no zone
    moment = mapping.to_utc(local, "Europe/Berlin")
    assert moment == dt.datetime(2026, 7, 1, 12, 30, tzinfo=dt.UTC)
    assert mapping.to_local(moment, "Europe/Berlin") == local


def address(**changes: str) -> dict[str, Any]:
    place = Address(
        first_name=" Ana ", last_name="Silva", street_1="Rua  1", street_2="2 esq", city="Lisboa", country="PT"
    )
    changed = msgspec.structs.replace(place, **changes)
    return mapping.address_values(changed, countries={"PT": 1, "US": 2}, subdivisions={"US-CA": 30})


def test_an_address_is_tidied_so_that_it_is_found_again() -> None:
    assert address() == {
        "party_name": "Ana Silva",
        "street": "Rua 1\n2 esq",
        "postal_code": "",
        "city": "Lisboa",
        "country": 1,
        "subdivision": None,
    }
    row = schemas.AddressRow(
        id=8, party_name="Ana Silva", street="Rua 1\n2 esq", postal_code=None, city="Lisboa", country=1
    )
    assert mapping.row_key(row) == mapping.address_key(address())


@pytest.mark.parametrize(
    ("country", "state", "city", "subdivision"),
    [
        ("US", "CA", "Lisboa", 30),
        ("US", "US-CA", "Lisboa", 30),
        ("US", "NV", "Lisboa, NV", None),
        ("PT", "PT-11", "Lisboa", None),
        ("", "Somewhere", "Lisboa, Somewhere", None),
    ],
)
def test_a_state_is_kept_as_subdivision_or_beside_the_city(
    country: str, state: str, city: str, subdivision: int | None
) -> None:
    values = address(country=country, state=state)
    assert (values["city"], values["subdivision"]) == (city, subdivision)


def test_an_order_without_shipping_address_goes_to_the_billing_address() -> None:
    document = simple("WC-eu-1")
    assert mapping.shipping_address(document) == document.shipping
    digital = msgspec.structs.replace(document, shipping=Address(first_name="Ana"))
    assert mapping.shipping_address(digital) == document.billing


def test_a_customer_is_a_party_under_our_key() -> None:
    values = mapping.party_values(simple("WC-eu-1", customer="cus_9"), [])
    assert (values["code"], values["name"]) == ("cus_9", "Ana Silva")
    assert values["contact_mechanisms"] == [
        (
            "create",
            [{"type": "email", "value": "ana@example.com"}, {"type": "phone", "value": "+351 213 456 789"}],
        )
    ]
    assert "identifiers" not in values


def test_numbers_that_tryton_refused_are_kept_without_its_check() -> None:
    document = simple("WC-eu-1")
    customer = msgspec.structs.replace(document.customer, tax_number="PT000")
    document = msgspec.structs.replace(document, customer=customer)
    checked = mapping.party_values(document, [])
    assert checked["identifiers"] == [("create", [{"type": "eu_vat", "code": "PT000"}])]
    unchecked = mapping.party_values(document, [], unchecked=True)
    assert unchecked["identifiers"] == [("create", [{"type": None, "code": "PT000"}])]
    kinds = {contact["type"] for contact in unchecked["contact_mechanisms"][0][1]}
    assert kinds == {"other"}

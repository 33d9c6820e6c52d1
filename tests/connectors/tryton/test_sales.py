"""How a batch goes on after Tryton's questions and lost answers; the server answers as recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integrations.connectors.tryton.connector import Connector
from integrations.ports.capabilities import Ensured, How
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.errors import Rejected, Transient, Unknown
from tests.connectors.tryton.build import asks, simple
from tests.connectors.tryton.recorded import RecordedTryton, recording

SALE = "model.sale.sale"
WARNING = recording("05-shipment-070")["response"]["body"]["error"][1][0]


def row(document_number: int, state: str) -> dict[str, Any]:
    """The recorded draft with our test order's reference, total and number of lines."""
    recorded = recording("04-sale-034")["response"]["body"]["result"][0]
    return {
        **recorded,
        "id": document_number,
        "web_id": f"WC-eu-{document_number}",
        "state": state,
        "total_amount": {"__class__": "Decimal", "decimal": "29.63"},
        "lines": [1, 2],
        "currency.": {"id": 1, "code": "EUR"},
    }


@pytest.fixture
def server() -> Iterator[RecordedTryton]:
    with RecordedTryton() as running:
        running.result(f"{SALE}.fields_get", {"web_shop": {}})
        running.result("model.web.shop.search_read", [{"id": 1, "company": 1, "warehouses": [5]}])
        running.result("model.stock.location.search_read", [{"id": 5, "code": "WH"}])
        rounding = {"__class__": "Decimal", "decimal": "0.01"}
        running.result("model.currency.currency.search_read", [{"id": 1, "code": "EUR", "rounding": rounding}])
        running.result("model.country.country.search_read", [{"id": 1, "code": "PT"}])
        running.result("model.account.tax.search_read", [standard_tax()])
        running.result("model.account.configuration.read", [{"id": 1, "tax_rounding": "document"}])
        running.result(f"{SALE}.quote", None)
        running.result(f"{SALE}.confirm", None)
        yield running


def standard_tax() -> dict[str, Any]:
    return {
        "id": 1,
        "rate": {"__class__": "Decimal", "decimal": "0.19"},
        "sequence": 10,
        "update_unit_price": False,
        "start_date": None,
        "end_date": None,
        "childs": [],
    }


@pytest.fixture
def connector(server: RecordedTryton) -> Iterator[Connector]:
    credentials = {"user": "connector", "password": "connector-secret-1"}
    made = Connector(ConnectionInfo("erp", "tryton", server.settings(), credentials), CallContext())
    yield made
    made.close()


def with_new_customer(server: RecordedTryton) -> None:
    """The products are there; the party is created with its address."""
    products = [
        {"id": number, "code": code, "name": code, "active": True, "salable": True, "sale_uom": 1, "template": 1}
        for number, code in enumerate(("SKU-1", "SHIPPING", "ROUNDING"), start=4)
    ]
    address = {
        "id": 8,
        "party_name": "Ana Silva",
        "street": "Rua Augusta 1",
        "postal_code": "1100-048",
        "city": "Lisboa",
        "country": 1,
    }
    party = {"id": 9, "code": "cus_WC-eu-2", "addresses": [8], "addresses.": [address]}
    server.result("model.product.product.search_read", products)
    server.result("model.party.party.search_read", [], [party])
    server.result("model.party.party.create", [9])


def test_a_harmless_question_is_answered_and_the_button_pressed_again(
    connector: Connector, server: RecordedTryton
) -> None:
    server.result(f"{SALE}.search_read", [row(1, "draft")], [row(1, "processing")])
    server.forget(f"{SALE}.quote")
    server.recorded(f"{SALE}.quote", "05-shipment-070")
    server.result(f"{SALE}.quote", None)
    server.recorded("model.res.user.warning.skip", "05-shipment-071")
    (result,) = connector.ensure_many(asks(simple("WC-eu-1")))
    assert isinstance(result, Ensured)
    assert result.how is How.RESUMED
    assert server.methods().count(f"{SALE}.quote") == 2
    (skip,) = [call for call in server.calls if call.method == "model.res.user.warning.skip"]
    assert skip.parameters[:2] == [WARNING, False]


def test_another_question_is_for_a_person(server: RecordedTryton) -> None:
    server.result(f"{SALE}.search_read", [row(1, "draft")])
    server.forget(f"{SALE}.quote")
    server.recorded(f"{SALE}.quote", "05-shipment-070")
    settings = {**server.settings(), "skip_warnings": []}
    credentials = {"user": "connector", "password": "connector-secret-1"}
    connector = Connector(ConnectionInfo("erp", "tryton", settings, credentials), CallContext())
    (result,) = connector.ensure_many(asks(simple("WC-eu-1")))
    connector.close()
    assert isinstance(result, Rejected)
    assert (result.code, result.evidence["warning"]) == ("erp_warning", WARNING)
    assert "model.res.user.warning.skip" not in server.methods()
    assert f"{SALE}.confirm" not in server.methods()


def test_a_lost_answer_is_unknown_for_its_own_orders_and_stops_the_others_unharmed(
    connector: Connector, server: RecordedTryton, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_new_customer(server)
    server.result(f"{SALE}.search_read", [row(1, "draft")])
    properly = server.answer
    monkeypatch.setattr(
        server,
        "answer",
        lambda call: (502, b"Bad gateway") if call.method == f"{SALE}.create" else properly(call),
    )
    known, new = connector.ensure_many(asks(simple("WC-eu-1"), simple("WC-eu-2")))
    assert isinstance(known, Transient)
    assert known.code == "batch_stopped"
    assert isinstance(new, Unknown)
    assert new.code == "server_error"
    assert f"{SALE}.quote" not in server.methods()


def test_a_sale_that_another_worker_made_meanwhile_is_resumed_not_doubled(
    connector: Connector, server: RecordedTryton
) -> None:
    with_new_customer(server)
    server.result(f"{SALE}.search_read", [], [row(2, "draft")], [row(2, "processing")])
    server.recorded(f"{SALE}.create", "04-sale-031")
    (result,) = connector.ensure_many(asks(simple("WC-eu-2")))
    assert isinstance(result, Ensured)
    assert result.how is How.RESUMED
    assert server.methods().count(f"{SALE}.create") == 1


def test_what_tryton_cannot_process_is_refused_with_its_reason(connector: Connector, server: RecordedTryton) -> None:
    server.result(f"{SALE}.search_read", [row(1, "confirmed")])
    server.recorded(f"{SALE}.process", "11-failures-140")
    (result,) = connector.ensure_many(asks(simple("WC-eu-1")))
    assert isinstance(result, Rejected)
    assert result.code == "erp_refused"
    assert "receivable account" in result.evidence["erp_text"]
    assert "Ana" not in result.detail

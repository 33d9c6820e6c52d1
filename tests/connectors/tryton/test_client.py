"""What Tryton answers, by its recorded shapes: results, faults, sessions that end, logins that are refused."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.tryton import client as tryton
from integrations.connectors.tryton import schemas
from integrations.connectors.tryton.config import parse_credentials, parse_settings
from integrations.ports.context import CallContext, Exchange
from integrations.ports.errors import AuthRejected, Misconfigured, RateLimited, Transient, Unknown
from tests.connectors.tryton.recorded import RecordedTryton, recording

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
LOGIN = "common.db.login"
CREATE = "model.sale.sale.create"
SEARCH = "model.sale.sale.search_read"


@pytest.fixture
def server() -> Iterator[RecordedTryton]:
    with RecordedTryton() as running:
        yield running


@pytest.fixture
def exchanges() -> list[Exchange]:
    return []


@pytest.fixture
def client(server: RecordedTryton, exchanges: list[Exchange]) -> Iterator[tryton.Client]:
    context = CallContext(now=lambda: NOW, record=exchanges.append, correlation_id="c-1")
    credentials = parse_credentials({"user": "connector", "password": "connector-secret-1"})
    made = tryton.Client(parse_settings(server.settings()), credentials, context=lambda: context)
    yield made
    made.close()


def test_the_session_of_the_login_goes_with_every_call(client: tryton.Client, server: RecordedTryton) -> None:
    server.recorded(CREATE, "04-sale-030")
    assert client.create("sale.sale", [{}]) == [267]
    login, preferences, create = server.calls
    user, key = recording("01-auth-003")["response"]["body"]["result"][:2]
    expected = base64.b64encode(f"connector:{user}:{key}".encode()).decode()
    assert login.authorization == ""
    assert [preferences.authorization, create.authorization] == [f"Session {expected}"] * 2
    assert login.parameters == recording("01-auth-003")["request"]["body"]["params"]


def test_a_call_has_exactly_the_keys_tryton_wants_and_the_context_last(
    client: tryton.Client, server: RecordedTryton
) -> None:
    server.recorded(CREATE, "04-sale-030")
    client.create("sale.sale", [{"web_id": "x"}])
    call = server.calls[-1]
    assert call.keys == {"id", "method", "params"}
    assert call.parameters[0] == [{"web_id": "x"}]
    assert call.parameters[-1]["company"] == 1
    assert call.parameters[-1]["language"] == "en"


def test_the_password_and_the_session_are_never_recorded(
    client: tryton.Client, server: RecordedTryton, exchanges: list[Exchange]
) -> None:
    server.recorded(CREATE, "04-sale-030")
    client.create("sale.sale", [{}])
    key = recording("01-auth-003")["response"]["body"]["result"][1].encode()
    kept = b"".join(exchange.sent + exchange.received for exchange in exchanges)
    assert len(exchanges) == 3
    assert b"connector-secret-1" not in kept
    assert key not in kept


def test_a_session_that_ended_is_renewed_once_and_the_call_made_again(
    client: tryton.Client, server: RecordedTryton
) -> None:
    server.recorded(CREATE, "01-auth-008", "04-sale-030")
    assert client.create("sale.sale", [{}]) == [267]
    assert server.methods().count(LOGIN) == 2
    assert server.methods().count(CREATE) == 2


def test_a_session_refused_right_after_login_is_refused_credentials(
    client: tryton.Client, server: RecordedTryton
) -> None:
    server.recorded(CREATE, "01-auth-008")
    with pytest.raises(AuthRejected):
        client.create("sale.sale", [{}])
    assert server.methods().count(CREATE) == 2


def test_a_wrong_password_is_refused_credentials(client: tryton.Client, server: RecordedTryton) -> None:
    server.forget(LOGIN)
    server.recorded(LOGIN, "01-auth-004")
    with pytest.raises(AuthRejected, match="user name or the password"):
        client.preferences()


def test_too_many_logins_are_waited_for(client: tryton.Client, server: RecordedTryton) -> None:
    server.forget(LOGIN)
    server.recorded(LOGIN, "11-failures-147")
    with pytest.raises(RateLimited) as caught:
        client.preferences()
    assert caught.value.retry_at == NOW + tryton.LOGIN_WAIT


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        ("04-sale-031", tryton.UserFault, "The web ID on the sale must be unique per shop."),
        ("07-cancel-095", tryton.UserFault, 'You can not call "cancel" on'),
        ("11-failures-133", tryton.UserFault, "is not valid according to its domain"),
        ("05-shipment-070", tryton.WarningFault, "does not have a carrier set"),
        ("11-failures-131", tryton.ConcurrencyFault, "Records were modified in the meanwhile"),
        ("01-auth-012", tryton.ServerFault, "'no.such'"),
    ],
)
def test_a_fault_is_known_by_its_shape(
    client: tryton.Client, server: RecordedTryton, number: str, kind: type[tryton.Fault], text: str
) -> None:
    server.recorded(CREATE, number)
    with pytest.raises(kind) as caught:
        client.create("sale.sale", [{}])
    assert text in caught.value.text


def test_a_warning_has_the_name_that_answers_it(client: tryton.Client, server: RecordedTryton) -> None:
    server.recorded("model.stock.shipment.out.pack", "05-shipment-070")
    server.recorded("model.res.user.warning.skip", "05-shipment-071")
    with pytest.raises(tryton.WarningFault) as caught:
        client.press("stock.shipment.out", "pack", [229])
    client.skip_warning(caught.value.name)
    assert server.calls[-1].parameters[:2] == recording("05-shipment-071")["request"]["body"]["params"][:2]


def test_a_read_without_rights_is_a_setting_and_a_failing_read_is_tried_again(
    client: tryton.Client, server: RecordedTryton
) -> None:
    server.recorded(SEARCH, "11-failures-135", "01-auth-012")
    with pytest.raises(Misconfigured):
        client.search_read("sale.sale", [], ["code"], schemas.Coded)
    with pytest.raises(Transient):
        client.search_read("sale.sale", [], ["code"], schemas.Coded)


@pytest.mark.parametrize("body", ["<html><body>Bad gateway</body></html>", "{", '{"id":1,"error":["New",1]}'])
def test_an_answer_that_is_not_trytons_leaves_a_write_unknown(
    client: tryton.Client, server: RecordedTryton, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.preferences()
    monkeypatch.setattr(server, "answer", lambda _call: (200, body.encode()))
    with pytest.raises(Unknown):
        client.create("sale.sale", [{}])


def test_a_large_answer_comes_gzipped(client: tryton.Client, server: RecordedTryton) -> None:
    rows = [{"id": number, "code": f"SKU-{number:05d}"} for number in range(200)]
    server.result("model.product.product.search_read", rows)
    found = client.search_read("product.product", [], ["code"], schemas.Coded)
    assert [row.code for row in found] == [row["code"] for row in rows]


def test_values_of_trytons_own_classes_survive_both_ways() -> None:
    values: dict[str, Any] = {
        "total": Decimal("71.71"),
        "on": dt.date(2026, 11, 23),
        "at": dt.datetime(2026, 11, 23, 6, 3, 41, 194488),  # noqa: DTZ001 - Tryton's times have no zone
        "text": "Zoë",
        "lines": [1, 2.5, None, True],
    }
    wire = schemas.to_wire(values)
    assert wire["total"] == {"__class__": "Decimal", "decimal": "71.71"}
    assert schemas.from_wire(wire) == values


def test_walking_goes_on_after_the_last_id_of_a_full_page(
    client: tryton.Client, server: RecordedTryton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tryton, "PAGE", 2)
    pages = [[{"id": 4, "code": "A"}, {"id": 9, "code": "B"}], [{"id": 12, "code": "C"}]]
    server.result("model.product.product.search_read", *pages)
    found = list(client.walk("product.product", [("salable", "=", True)], ["code"], schemas.Coded))
    assert [row.code for row in found] == ["A", "B", "C"]
    asked = [call.parameters[0] for call in server.calls if call.method.endswith("search_read")]
    assert [domain[-1] for domain in asked] == [["id", ">", 0], ["id", ">", 9]]

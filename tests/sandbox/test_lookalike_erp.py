"""The look-alike ERP keeps its books, and its bad manners are what they say."""

from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from retailhub.sandbox.changing import changed
from retailhub.sandbox.erp.control import Control, Place
from retailhub.sandbox.erp.manners import Fault, Manners, Temper
from tests.connectors.lookalike_erp.support import running_erp

ORDERS = "/api/v1/sales-orders"


class Caller:
    """Speaks the ERP's API as any client would."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.control = Control(place.control_url)
        self.key = place.api_key

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.place.base_url).netloc, timeout=5)
        try:
            headers = {"Authorization": f"Bearer {self.key}"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def create(self, *orders: dict[str, Any]) -> list[dict[str, Any]]:
        status, answer = self("POST", ORDERS, {"orders": orders})
        assert status == 200
        items: list[dict[str, Any]] = answer["items"]
        return items

    def created(self, reference: str) -> str:
        """The id of a new draft."""
        return str(self.create(order(reference))[0]["document"]["id"])


def order(reference: str, **changes: Any) -> dict[str, Any]:
    line = {
        "kind": "goods",
        "item_code": "MUG",
        "description": "Mug",
        "quantity": "1",
        "net": "10.005",
        "taxes": [{"percent": "20", "amount": "2.001"}],
    }
    return {
        "reference": reference,
        "customer": "cus_1",
        "placed_on": "2026-03-01",
        "currency": "EUR",
        "decimals": 2,
        "lines": [line],
    } | changes


@pytest.fixture(scope="module")
def erp_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running_erp(tmp_path_factory.mktemp("erp")) as place:
        yield place


@pytest.fixture
def erp(erp_place: Place) -> Iterator[Caller]:
    caller = Caller(erp_place)
    caller.control.be_good()
    prepare(caller)
    yield caller
    caller.control.be_good()


def prepare(caller: Caller) -> None:
    caller.control.add_products({"MUG": "A mug"})
    status, _ = caller("POST", "/api/v1/customers", {"customers": [{"key": "cus_1", "name": "Ada"}]})
    assert status == 200


def test_two_creates_with_one_reference_make_two_documents(erp: Caller) -> None:
    assert erp.created("WC-two") != erp.created("WC-two")
    assert len(erp.control.books().under("WC-two")) == 2
    assert set(erp.control.books().doubles()) == {"WC-two"}


def test_the_erp_adds_up_by_itself_and_rounds_once_to_the_decimals_it_is_told(erp: Caller) -> None:
    twice = order("WC-sum")["lines"] * 2
    cents, mills, by_rate = erp.create(
        order("WC-sum", lines=twice, total="999"),
        order("WC-sum", lines=twice, decimals=3),
        order("WC-sum", lines=[{**twice[0], "net": "10", "taxes": [{"percent": "19.5"}]}]),
    )

    assert cents["document"]["total"] == "24.01"
    assert mills["document"]["total"] == "24.012"
    assert by_rate["document"]["total"] == "11.95"
    assert by_rate["document"]["tax_total"] == "1.95"


def test_each_item_is_taken_or_refused_by_itself(erp: Caller) -> None:
    line = order("x")["lines"][0]
    wrong = [
        order("WC-a", lines=[{**line, "item_code": "NIX"}]),
        order("WC-b", customer="cus_nobody"),
        order("WC-c", currency="euro"),
        order("WC-d", lines=[{**line, "net": "NaN"}]),
        order("WC-e", placed_on="yesterday"),
        order("", decimals=2),
    ]

    items = erp.create(*wrong, order("WC-good"))

    assert [item.get("error", {}).get("code") for item in items] == [
        "unknown_item",
        "unknown_customer",
        "invalid_order",
        "invalid_order",
        "invalid_order",
        "invalid_order",
        None,
    ]
    assert items[0]["error"]["item_code"] == "NIX"
    assert items[3]["error"]["field"] == "net"
    assert len(erp.control.books().under("WC-good")) == 1
    assert erp.control.books().under("WC-a") == []


def test_confirming_and_cancelling_twice_are_errors(erp: Caller) -> None:
    document_id = erp.created("WC-twice")

    _, first = erp("POST", f"{ORDERS}/confirm", {"ids": [document_id, "999999"]})
    _, second = erp("POST", f"{ORDERS}/confirm", {"ids": [document_id]})
    _, third = erp("POST", f"{ORDERS}/cancel", {"ids": [document_id]})
    _, fourth = erp("POST", f"{ORDERS}/cancel", {"ids": [document_id]})

    assert first["items"][0]["document"]["state"] == "confirmed"
    assert first["items"][0]["document"]["number"]
    assert first["items"][1]["error"]["code"] == "not_found"
    assert second["items"][0]["error"]["code"] == "already_confirmed"
    assert third["items"][0]["document"]["state"] == "cancelled"
    assert fourth["items"][0]["error"]["code"] == "already_cancelled"


def test_what_has_shipped_is_neither_cancelled_nor_amended(erp: Caller) -> None:
    document_id = erp.created("WC-shipped")
    assert erp.control.ship(["WC-shipped"]) == 1

    _, cancelled = erp("POST", f"{ORDERS}/cancel", {"ids": [document_id]})
    status, amended = erp("PUT", f"{ORDERS}/{document_id}", {"decimals": 2, "lines": order("x")["lines"]})

    assert cancelled["items"][0]["error"]["code"] == "already_shipped"
    assert (status, amended["error"]["code"]) == (422, "already_shipped")
    assert [document.total for document in erp.control.books().under("WC-shipped")] == [Decimal("12.01")]


def test_a_lagging_search_hides_what_reading_by_id_shows(erp: Caller) -> None:
    erp.control.behave(search_lag_seconds=3600.0)
    document_id = erp.created("WC-lag")

    _, found = erp("POST", f"{ORDERS}/search", {"references": ["WC-lag"]})
    _, read = erp("GET", f"{ORDERS}/{document_id}")
    _, many = erp("GET", f"{ORDERS}?ids={document_id},5x,999999")
    assert found["documents"] == []
    assert read["document"]["reference"] == "WC-lag"
    assert [document["id"] for document in many["documents"]] == [document_id]

    erp.control.behave(search_lag_seconds=0)
    _, found = erp("POST", f"{ORDERS}/search", {"references": ["WC-lag"]})
    assert [document["id"] for document in found["documents"]] == [document_id]


def test_changes_are_paged_in_the_order_of_change(erp: Caller) -> None:
    ids = [erp.created(f"WC-change-{number}") for number in range(5)]
    _, first = erp("GET", f"{ORDERS}/{ids[0]}")
    erp("POST", f"{ORDERS}/confirm", {"ids": [ids[1]]})
    since = first["document"]["changed_at"].replace("+", "%2B")

    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        _, page = erp("GET", f"{ORDERS}/changes?since={since}&after={after}&limit=2")
        seen += [document["id"] for document in page["documents"]]
        after = page["next"]

    assert seen == [ids[0], ids[2], ids[3], ids[4], ids[1]]


def test_without_the_key_nothing_is_told(erp: Caller) -> None:
    document_id = erp.created("WC-key")
    erp.key = "wrong"
    assert erp("GET", f"{ORDERS}/{document_id}")[0] == 401
    erp.key = erp.place.api_key
    erp.control.behave(revoked=True)
    assert erp("GET", f"{ORDERS}/{document_id}")[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/nothing", None, 404),
        ("GET", f"{ORDERS}/999999", None, 404),
        ("POST", ORDERS, {"orders": "all"}, 422),
        ("POST", ORDERS, None, 422),
        ("POST", f"{ORDERS}/confirm", {"ids": ["1"] * 501}, 422),
        ("GET", f"{ORDERS}/changes?since=monday", None, 422),
    ],
)
def test_a_wrong_call_is_refused(erp: Caller, method: str, path: str, body: Any, status: int) -> None:
    assert erp(method, path, body)[0] == status


def test_while_down_the_port_is_closed_and_the_control_port_open(erp: Caller) -> None:
    erp.control.behave(down=True)

    with pytest.raises(ConnectionRefusedError):
        erp("GET", "/api/v1/ping")

    assert erp.control.manners().down
    erp.control.be_good()
    assert erp("GET", "/api/v1/ping")[0] == 200


def test_the_books_survive_a_killed_process(tmp_path: Path) -> None:
    with running_erp(tmp_path) as place:
        erp = Caller(place)
        prepare(erp)
        document_id = erp.created("WC-kill")
        erp.control.behave(commit_then_drop=1.0, endpoints=["confirm"])
        with pytest.raises(http.client.RemoteDisconnected):
            erp("POST", f"{ORDERS}/confirm", {"ids": [document_id]})
        os.kill(place.pid, signal.SIGKILL)

    with running_erp(tmp_path) as place:
        erp = Caller(place)
        books = erp.control.books()
        assert [(document.reference, document.state) for document in books.documents] == [("WC-kill", "confirmed")]
        assert erp.created("WC-kill-2") != document_id


def test_the_books_count_calls_and_faults(erp: Caller) -> None:
    before = erp.control.books()
    erp.control.behave(rate_limited=1.0, endpoints=["ping"], times=2)

    statuses = [erp("GET", "/api/v1/ping")[0] for _ in range(3)]

    after = erp.control.books()
    assert statuses == [429, 429, 200]
    assert after.calls["ping"] - before.calls.get("ping", 0) == 3
    assert after.faults["rate_limited"] - before.faults.get("rate_limited", 0) == 2


@pytest.mark.parametrize("manners", [{"rudeness": 1.0}, {"commit_then_drop": "often"}, {"down": 1}, {"times": True}])
def test_a_manner_that_does_not_exist_or_fit_is_refused(erp: Caller, manners: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(manners))):
        erp.control.behave(**manners)

    assert erp.control.manners() == Manners()


def test_one_seed_throws_the_same_dice_again() -> None:
    def thrown(seed: int) -> list[Fault | None]:
        temper = Temper()
        temper.adopt(changed(Manners(), {"commit_then_drop": 0.2, "truncated": 0.2, "seed": seed}))
        return [temper.fault_for("create") for _ in range(200)]

    assert thrown(5) == thrown(5) != thrown(6)
    assert 20 < thrown(5).count(Fault.COMMIT_THEN_DROP) < 60


def test_drops_hit_writes_only() -> None:
    temper = Temper()
    temper.adopt(Manners(commit_then_drop=1.0, drop_before_commit=1.0))

    assert temper.fault_for("search") is None
    assert temper.fault_for("confirm") is Fault.DROP_BEFORE_COMMIT

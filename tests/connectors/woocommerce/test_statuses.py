"""Public statuses: known before they are sent, set in batches, answered one by one."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from integrations.connectors.woocommerce.connector import Connector
from integrations.ports.context import CallContext
from integrations.ports.documents import OrderStatus
from integrations.ports.errors import AuthRejected, ConnectorError, RateLimited, Rejected, Unknown
from integrations.ports.stores import StatusAsk, Written
from tests.connectors.woocommerce.conftest import connector_of
from tests.connectors.woocommerce.rest_store import RestStore, order_body, recorded
from tests.connectors.woocommerce.written_store import Ledger
from tests.support.recorded_store import Manner


def test_the_stores_statuses_are_asked_once_an_hour(shop: RestStore, ledger: Ledger) -> None:
    now = [dt.datetime(2026, 11, 23, tzinfo=dt.UTC)]
    shop.asks_for_keys = False
    connector = connector_of(shop, CallContext(now=lambda: now[0]))

    first = connector.known_statuses()
    now[0] += dt.timedelta(minutes=59)
    connector.known_statuses()
    once = len(shop.calls)
    now[0] += dt.timedelta(minutes=1)
    connector.known_statuses()

    assert first == {
        *("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")
    }
    assert (once, len(shop.calls)) == (1, 2)


def test_statuses_are_set_and_the_versions_told_by_which_our_echo_is_known(
    shop: RestStore, ledger: Ledger, connector: Connector
) -> None:
    first, second = connector.set_statuses([StatusAsk("148", "completed"), StatusAsk("149", "on-hold")])

    assert isinstance(first, Written)
    assert isinstance(second, Written)
    assert first.order is not None
    assert (first.order_ref, first.order.status) == ("148", OrderStatus.COMPLETED)
    assert first.modified_at == dt.datetime(2026, 11, 24, 0, 0, 1, tzinfo=dt.UTC) == first.order.modified_at
    assert connector.read_order("148") == first.order
    assert ledger.order("149")["status"] == "on-hold"
    assert shop.paths()[:2] == ["GET /reports/orders/totals", "POST /orders/batch"]


def test_an_unknown_status_is_never_sent(shop: RestStore, ledger: Ledger, connector: Connector) -> None:
    """In a batch the store would answer 200 and make the order pending."""
    results = connector.set_statuses([StatusAsk("148", "shipped"), StatusAsk("149", "completed")])

    assert isinstance(results[0], Rejected)
    assert results[0].code == "unknown_status"
    assert results[0].evidence["status"] == "shipped"
    assert isinstance(results[1], Written)
    assert [call.body for call in shop.calls if call.method == "POST"] == [
        b'{"update":[{"id":149,"status":"completed"}]}'
    ]
    assert ledger.order("148")["status"] == "processing"


def test_a_plugins_status_is_known(shop: RestStore, ledger: Ledger, connector: Connector) -> None:
    ledger.known.append("shipped")
    totals = json.dumps([{"slug": slug} for slug in ledger.known]).encode()
    shop.answers["reports"] = lambda _call, _parts: (200, {}, totals)

    (result,) = connector.set_statuses([StatusAsk("148", "shipped")])

    assert isinstance(result, Written)
    assert result.order is not None
    assert (result.order.status, result.order.source_status) == (OrderStatus.OTHER, "shipped")


@pytest.mark.parametrize("status", ["refunded", "trash", "checkout-draft"])
def test_a_status_that_does_more_than_show_is_not_set(ledger: Ledger, connector: Connector, status: str) -> None:
    (result,) = connector.set_statuses([StatusAsk("148", status)])

    assert isinstance(result, Rejected)
    assert result.code == "status_not_allowed"
    assert ledger.seconds == 0


def test_one_order_that_is_gone_does_not_hide_the_others(ledger: Ledger, connector: Connector) -> None:
    asks = [StatusAsk(ref, "completed") for ref in ("148", "999999", "x", "149", "149")]

    results = connector.set_statuses(asks)

    told = ["written" if isinstance(result, Written) else result.code for result in results]
    assert told == ["written", "item_gone", "order_ref_malformed", "written", "asked_twice"]


def test_a_store_that_makes_something_else_of_a_status_is_told(
    shop: RestStore, ledger: Ledger, connector: Connector
) -> None:
    body = b'{"update":[' + order_body(148, status="pending") + b"]}"
    shop.answers["orders"] = lambda _call, _parts: (200, {}, body)

    (result,) = connector.set_statuses([StatusAsk("148", "completed")])

    assert isinstance(result, Rejected)
    assert (result.code, result.evidence["got"]) == ("status_not_kept", "pending")


def test_statuses_go_in_batches_and_are_answered_in_their_order(shop: RestStore, connector: Connector) -> None:
    shop.orders = {str(number): order_body(number) for number in range(1, 131)}
    ledger = Ledger(shop.orders)
    shop.answers |= {"orders": ledger.answer, "reports": lambda _call, _parts: recorded("reports_orders_totals")}

    results = connector.set_statuses([StatusAsk(str(number), "completed") for number in range(1, 131)])

    assert [result.order_ref for result in results if isinstance(result, Written)] == [
        str(number) for number in range(1, 131)
    ]
    sizes = [len(json.loads(call.body)["update"]) for call in shop.calls if call.method == "POST"]
    assert sizes == [50, 50, 30]


@pytest.mark.parametrize(
    ("name", "kind", "code", "behind"),
    [
        ("err_500_fatal", Unknown, "server_error", "batch_stopped"),
        ("err_500_fatal_accept_html", Unknown, "server_error", "batch_stopped"),
        ("err_500_db_down", Unknown, "server_error", "batch_stopped"),
        ("err_502_php_down", Unknown, "server_error", "batch_stopped"),
        ("err_200_with_php_notice", Unknown, "answer_not_json", "batch_stopped"),
        ("err_503_maintenance", Unknown, "server_error", "batch_stopped"),
        ("err_401_read_only_writes", AuthRejected, "key_lacks_rights", "key_lacks_rights"),
    ],
)
def test_a_broken_batch_is_the_answer_of_each_of_its_items_and_the_rest_is_not_sent(
    shop: RestStore, ledger: Ledger, name: str, kind: type[ConnectorError], code: str, behind: str
) -> None:
    connector = connector_of(shop)
    connector._order_batches.size = 5
    shop.answers["orders"] = lambda _call, _parts: recorded(name)

    results = connector.set_statuses([StatusAsk(str(number), "completed") for number in range(148, 158)])

    assert [type(result) for result in results[:5]] == [kind] * 5
    assert [getattr(result, "code", "") for result in results] == [code] * 5 + [behind] * 5


def test_a_batch_that_is_refused_whole_is_split_until_the_bad_one_stands_alone(
    shop: RestStore, ledger: Ledger, connector: Connector
) -> None:
    def refuse_153(call: Any, parts: list[str]) -> Any:
        if call.method == "POST" and b'"id":153,' in call.body:
            return recorded("products_batch_101")
        return ledger.answer(call, parts)

    shop.answers["orders"] = refuse_153

    results = connector.set_statuses([StatusAsk(str(number), "completed") for number in range(148, 158)])

    refused = [place for place, result in enumerate(results) if isinstance(result, ConnectorError)]
    assert refused == [5]
    assert sum(isinstance(result, Written) for result in results) == 9


def test_no_answer_about_the_statuses_is_the_answer_of_each(
    shop: RestStore, ledger: Ledger, connector: Connector
) -> None:
    shop.manner = Manner.recorded("err_503_maintenance")

    results = connector.set_statuses([StatusAsk("148", "completed"), StatusAsk("149", "completed")])

    assert [type(result) for result in results] == [RateLimited, RateLimited]
    assert connector.set_statuses([]) == []

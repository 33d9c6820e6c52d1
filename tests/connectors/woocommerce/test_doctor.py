"""The connection test names each set-up fault with its fix, raises nothing and changes nothing."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
from typing import Any

import pytest

from integrations.connectors.woocommerce import findings
from integrations.ports.capabilities import Health
from integrations.ports.context import CallContext
from tests.connectors.woocommerce.conftest import connector_of
from tests.connectors.woocommerce.faults import FAULTS, HTML, Fault, SetUp, lines
from tests.connectors.woocommerce.rest_store import RestStore, as_json, recorded
from tests.support.recorded_store import Manner

LINES = [
    *("reachability", "certificate", "permalinks", "credentials", "rights", "clock", "cache", "paging", "address"),
    *("version", "language", "time zone", "cron", "rounding", "decimals", "webhooks"),
]


@pytest.fixture
def set_up(shop: RestStore) -> SetUp:
    return SetUp(shop)


def test_a_store_that_is_set_up_right_has_only_good_lines(shop: RestStore, set_up: SetUp) -> None:
    found = lines(shop)

    assert list(found) == LINES
    assert {name for name, check in found.items() if check.health is not Health.OK} == {"certificate"}
    assert found["certificate"].health is Health.SKIPPED
    assert found["version"].sentence == "WooCommerce 11.0.1, WordPress 7.1."
    assert found["decimals"].sentence == "Amounts are in EUR with 2 decimals."
    assert found["time zone"].sentence == "Times are asked for in GMT; the store's own clock shows +1 h."
    assert found["webhooks"].sentence == "5 webhooks of ours are active."


def test_the_test_changes_nothing_in_the_store(shop: RestStore, set_up: SetUp) -> None:
    orders, hooks = dict(shop.orders), json.dumps(shop.webhooks)

    lines(shop)

    assert (shop.orders, json.dumps(shop.webhooks), set_up.ledger.seconds) == (orders, hooks, 0)
    assert [path for path in shop.paths() if not path.startswith("GET")] == ["PUT /orders/9007199254740991"]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_each_set_up_fault_is_named_with_its_fix(shop: RestStore, set_up: SetUp, fault: Fault) -> None:
    fault.make(set_up)

    found = lines(shop, **fault.settings)

    check = found[fault.line]
    assert check.health is fault.health
    assert fault.says in check.sentence
    assert fault.fix in check.fix
    assert check.sentence.endswith(".")
    assert check.fix.endswith(".")
    others = [name for name, line in found.items() if line.health is Health.FAILED and name != fault.line]
    assert others == []


def test_webhooks_of_other_people_do_not_matter(shop: RestStore, set_up: SetUp) -> None:
    set_up.hook(9, topic="order.updated", delivery_url="https://other.example.com/hook", status="disabled", name="x")

    assert lines(shop)["webhooks"].health is Health.OK


def test_webhooks_of_another_hub_and_of_another_connection_do_not_matter(shop: RestStore, set_up: SetUp) -> None:
    for number, topic in enumerate(findings.TOPICS[:3], 20):
        set_up.hook(number, topic=topic, delivery_url="https://staging.example.com/webhooks/woocommerce/eu/")
        other = "https://hub.example.com/webhooks/woocommerce/wholesale/"
        set_up.hook(number + 10, topic=topic, delivery_url=other, name=f"RetailHub (wholesale): {topic}")

    assert lines(shop)["webhooks"].sentence == "5 webhooks of ours are active."


def test_a_told_address_decides_where_webhooks_should_point(shop: RestStore, set_up: SetUp) -> None:
    connector = connector_of(shop, deliver_to="https://new.example.com/webhooks/woocommerce/eu/")

    (check,) = [check for check in connector.check() if check.name == "webhooks"]

    assert check.health is Health.FAILED
    assert "https://new.example.com/webhooks/woocommerce/eu/" in check.fix


def test_nothing_listens(shop: RestStore) -> None:
    connector = connector_of(shop)
    shop.__exit__(None, None, None)
    try:
        (check,) = connector.check()
    finally:
        shop._server.server_close = lambda: None  # type: ignore[method-assign]
    assert (check.name, check.health) == ("reachability", Health.FAILED)
    assert "lets our servers in" in check.fix


def test_a_store_that_does_not_answer_in_time(shop: RestStore, set_up: SetUp) -> None:
    shop.manner = Manner(seconds=30, properly=True)

    (check,) = lines(shop, CallContext(deadline_seconds=0.3)).values()

    assert (check.name, check.health) == ("reachability", Health.FAILED)
    assert "why the store is slow" in check.fix


def test_plain_permalinks_are_told_from_a_wrong_address(shop: RestStore, set_up: SetUp) -> None:
    proper = shop._proper

    def without_permalinks(call: Any) -> Any:
        if call.path == "/" and dict(call.pairs) == {"rest_route": "/"}:
            return as_json(200, b'{"name":"Shop","namespaces":["wc/v3"]}')
        return 404, HTML, b"<html>Not Found</html>" if call.path.startswith("/wp-json") else proper(call)

    shop.asks_for_keys = False
    shop._proper = without_permalinks  # type: ignore[method-assign]

    (check,) = lines(shop).values()

    assert (check.name, check.health) == ("permalinks", Health.FAILED)
    assert "Settings → Permalinks" in check.fix


@pytest.mark.parametrize(
    ("ahead", "health", "says"),
    [
        (dt.timedelta(seconds=50), Health.OK, "agrees"),
        (dt.timedelta(seconds=75), Health.FAILED, "75 s ahead of ours."),
        (dt.timedelta(minutes=-5), Health.FAILED, "5 min behind ours."),
        (dt.timedelta(minutes=15), Health.FAILED, "15 min ahead of ours. Over http it refuses every call for that."),
        (dt.timedelta(hours=-3), Health.FAILED, "3 h behind ours. Over http"),
    ],
)
def test_the_clocks_difference_is_told(ahead: dt.timedelta, health: Health, says: str) -> None:
    now = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)

    check = findings.clock({"Date": email.utils.format_datetime(now + ahead, usegmt=True)}, now=now, signed=True)

    assert check.health is health
    assert says in check.sentence


def test_a_refused_signature_of_an_old_time_is_told_as_the_clock(shop: RestStore, set_up: SetUp) -> None:
    """The store refuses what was signed 20 minutes ago, and its own Date shows why."""
    late = CallContext(now=lambda: dt.datetime.now(dt.UTC) - dt.timedelta(minutes=20))

    (check,) = lines(shop, late).values()

    assert (check.name, check.health) == ("clock", Health.FAILED)
    assert "20 min ahead of ours" in check.sentence or "19 min ahead of ours" in check.sentence
    assert "NTP" in check.fix


def test_missing_totals_are_told() -> None:
    assert findings.paging({}).health is Health.FAILED
    assert "X-WP-" in findings.paging({}).fix


def test_a_slow_store_is_told() -> None:
    assert findings.reachability(6.2).sentence == "The store took 6.2 s for one id."
    assert findings.reachability(6.2).health is Health.FAILED


def test_another_language_is_only_told(shop: RestStore, set_up: SetUp) -> None:
    set_up.environment(language="de_DE")

    assert lines(shop)["language"].health is Health.OK
    assert "de_DE" in lines(shop)["language"].sentence


def test_lines_that_need_more_rights_are_skipped_and_the_others_stay(shop: RestStore, set_up: SetUp) -> None:
    for part in ("system_status", "settings", "webhooks"):
        shop.answers[part] = lambda _call, _parts: recorded("err_401_missing")

    found = lines(shop)

    skipped = {name for name, check in found.items() if check.health is Health.SKIPPED}
    assert skipped == {"certificate", "report", "rounding", "decimals", "webhooks"}
    assert not any(check.health is Health.FAILED for check in found.values())


def test_a_store_without_orders_is_looked_at_too(shop: RestStore, set_up: SetUp) -> None:
    shop.orders.clear()

    found = lines(shop)

    assert list(found) == LINES
    assert found["time zone"].health is Health.OK

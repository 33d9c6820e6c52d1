"""A store that is set up right, and what can be wrong with one: made, and named by the line of the connection test."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from integrations.connectors.woocommerce import findings
from integrations.ports.capabilities import Check, Health
from integrations.ports.context import CallContext
from tests.connectors.woocommerce.conftest import connector_of
from tests.connectors.woocommerce.rest_store import RestStore, as_json, body_of, order_body, recorded
from tests.connectors.woocommerce.written_store import Ledger
from tests.support import recordings
from tests.support.recorded_store import Manner

URL = "https://hub.example.com/webhooks/woocommerce/eu/"
LOGIN_PAGE = b'<!DOCTYPE html><html><form><input type="password"></form></html>'
HTML = {"Content-Type": "text/html; charset=UTF-8"}


class SetUp:
    """A store that is set up right, and the knobs to make it wrong."""

    def __init__(self, shop: RestStore) -> None:
        self.shop = shop
        shop.orders = {"148": order_body(148)}
        self.ledger = Ledger(shop.orders)
        self.report = body_of("system_status")
        self.report["environment"] |= {"home_url": shop.url, "wp_cron": True}
        self.settings: dict[str, dict[str, str]] = {"tax": {}, "general": {}}
        self.plain_permalinks = False
        shop.list_headers = {"Allow": "GET, POST"}
        shop.answers |= {
            "orders": self.ledger.answer,
            "system_status": lambda _call, _parts: as_json(200, json.dumps(self.report).encode()),
            "settings": self._settings,
        }
        for number, topic in enumerate(findings.TOPICS, 1):
            self.hook(number, topic=topic)

    def hook(self, number: int, **changed: Any) -> None:
        self.shop.webhooks[number] = body_of("webhook_post") | {"id": number, "delivery_url": URL} | changed

    def environment(self, **changed: Any) -> None:
        self.report["environment"] |= changed

    def _settings(self, _call: Any, parts: list[str]) -> Any:
        entries = json.loads(recordings.answer(f"settings_{parts[1]}").body)
        changed = self.settings[parts[1]]
        told = [{"id": entry["id"], "value": changed.get(entry["id"], entry["value"])} for entry in entries]
        return as_json(200, json.dumps(told).encode())


def lines(shop: RestStore, context: CallContext | None = None, **settings: Any) -> dict[str, Check]:
    connector = connector_of(shop, context, **settings)
    try:
        checks = connector.check()
    finally:
        connector.close()
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


@dataclass(frozen=True)
class Fault:
    """A set-up fault: how it is made, which line names it and what its sentence and fix speak of."""

    name: str
    make: Callable[[SetUp], object]
    line: str
    says: str
    fix: str
    settings: dict[str, Any] = field(default_factory=dict)
    health: Health = Health.FAILED

    def __str__(self) -> str:
        return self.name


def _answers(name: str) -> Callable[[SetUp], object]:
    return lambda at: setattr(at.shop, "manner", Manner.recorded(name))


def _manner(manner: Manner) -> Callable[[SetUp], object]:
    return lambda at: setattr(at.shop, "manner", manner)


def _refuses_writes(at: SetUp) -> None:
    proper = at.shop.answers["orders"]
    at.shop.answers["orders"] = lambda call, parts: (
        recorded("err_401_read_only_writes") if call.method == "PUT" else proper(call, parts)
    )


def _setting(group: str, **changed: str) -> Callable[[SetUp], object]:
    return lambda at: at.settings[group].update(changed)


def _future(at: SetUp) -> None:
    local = dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)
    at.shop.orders["148"] = order_body(148, date_modified_gmt=local.replace(tzinfo=None, microsecond=0).isoformat())


def _header(**headers: str) -> Callable[[SetUp], object]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda at: at.shop.list_headers.update(told)


def _hook(number: int, **changed: Any) -> Callable[[SetUp], object]:
    return lambda at: at.hook(number, topic="order.updated", **changed)


FAULTS = [
    Fault(
        "wrong key", _answers("err_401_bad_key_oauth"), "credentials", "refused the consumer key", "new REST API key"
    ),
    Fault("key not seen", _answers("err_401_missing"), "credentials", "did not see a valid key", "Authorization"),
    Fault("write-only key", _answers("err_401_write_only_reads"), "rights", "lacks the right", "read and write"),
    Fault("read-only key", _refuses_writes, "rights", "lacks the right", "read and write"),
    Fault("user may only read", _header(Allow="GET"), "rights", "not change them", "shop manager"),
    Fault("firewall", _manner(Manner(403, HTML, b"<html>blocked")), "firewall", "without a word", "firewall"),
    Fault("no WooCommerce", _answers("err_404_route"), "address", "WooCommerce does not answer", "Activate"),
    Fault("no such place", _manner(Manner(404, HTML, b"<html>")), "address", "nothing at the address", "home address"),
    Fault(
        "redirect",
        _manner(Manner(301, {"Location": "https://www.shop.example.com/"})),
        "address",
        "sends calls elsewhere",
        "https://www.shop.example.com/",
    ),
    Fault("login page", _manner(Manner(200, HTML, LOGIN_PAGE)), "login page", "login page", "asks for a login"),
    Fault("web page", _manner(Manner(200, HTML, b"<html>soon")), "answers", "web page", "maintenance or cache"),
    Fault("plugin text", _answers("err_200_with_php_notice"), "answers", "not JSON", "WP_DEBUG_DISPLAY"),
    Fault("maintenance", _answers("err_503_maintenance"), "maintenance", "told us when", "under maintenance"),
    Fault("fatal error", _answers("err_500_fatal"), "reachability", "status 500", "error log"),
    Fault("database down", _answers("err_500_db_down"), "reachability", "status 500", "error log"),
    Fault("PHP down", _answers("err_502_php_down"), "reachability", "status 502", "error log"),
    Fault("cache", _header(X_Cache="HIT", Age="3"), "cache", "cache in front", "/wp-json/"),
    Fault(
        "home address",
        lambda at: at.environment(home_url="https://shop.example.com"),
        "address",
        "calls itself https://shop.example.com",
        "Set base_url to https://shop.example.com.",
    ),
    Fault("too old", lambda at: at.environment(version="5.4.1"), "version", "5.4.1", "Update WooCommerce"),
    Fault(
        "newer than known",
        lambda at: at.environment(version="12.1.0"),
        "version",
        "newer than",
        "first orders",
        health=Health.OK,
    ),
    Fault(
        "PHP's zone",
        lambda at: at.environment(default_timezone="Europe/Berlin"),
        "time zone",
        "Europe/Berlin",
        "date_default_timezone_set",
    ),
    Fault("local times as GMT", _future, "time zone", "in the future", "plugin or import"),
    Fault(
        "no cron",
        lambda at: at.environment(wp_cron=False),
        "cron",
        "DISABLE_WP_CRON",
        "wp-cron.php",
        {},
        Health.SKIPPED,
    ),
    Fault(
        "rounding",
        _setting("tax", woocommerce_tax_round_at_subtotal="yes"),
        "rounding",
        "per subtotal",
        "Set rounding to subtotal.",
    ),
    Fault("our rounding", lambda _at: None, "rounding", "per line", "Set rounding to line.", {"rounding": "subtotal"}),
    Fault("no cents", _setting("general", woocommerce_price_num_decimals="0"), "decimals", "0 decimals", "to 2"),
    Fault("switched off", _hook(2, status="disabled"), "webhooks", "switched off", "active again"),
    Fault("paused", _hook(2, status="paused"), "webhooks", "paused for order.updated", "active"),
    Fault("missing", lambda at: at.shop.webhooks.pop(2), "webhooks", "no webhook of ours for order.updated", "secret"),
    Fault("twice", _hook(9), "webhooks", "more than one webhook of ours for order.updated", "Remove all but one"),
    Fault(
        "elsewhere",
        _hook(2, delivery_url="https://old.example.com/webhooks/woocommerce/eu/"),
        "webhooks",
        "point elsewhere: https://old.example.com/webhooks/woocommerce/eu/.",
        "point at https://hub.example.com/webhooks/woocommerce/eu/,",
    ),
    Fault(
        "without its slash",
        _hook(2, delivery_url=URL.rstrip("/")),
        "webhooks",
        "elsewhere",
        "/webhooks/woocommerce/eu/",
    ),
    Fault(
        "of another connection",
        _hook(2, name="RetailHub (eu): order.updated", delivery_url="https://hub.example.com/webhooks/woocommerce/us/"),
        "webhooks",
        "point elsewhere: https://hub.example.com/webhooks/woocommerce/us/",
        "/webhooks/woocommerce/eu/",
    ),
]

"""A WooCommerce store as a source of orders."""

from __future__ import annotations

from typing import ClassVar

from integrations.connectors.answers import Answer
from integrations.connectors.woocommerce import schemas
from integrations.connectors.woocommerce.history import OrderLists
from integrations.connectors.woocommerce.hooks import Hooks
from integrations.connectors.woocommerce.reading import cache_headers, read
from integrations.connectors.woocommerce.writes import Writer
from integrations.ports.capabilities import Check, Health, Testable
from integrations.ports.errors import ConnectorError

FIXES = {
    "unreachable": "Check that the address is right and that the store lets our servers in.",
    "private_address": "Use the store's public address, or allow private addresses for this connection.",
    "timed_out": "Ask the shop's host why the store is slow; one read should take well under a second.",
    "wrong_address": "Use the home address of the store, and permalinks other than “Plain” in WordPress.",
    "woocommerce_not_there": "Activate WooCommerce on that site, or correct the address.",
    "redirected": "Set base_url to the address that the store sends us to.",
    "credentials_rejected": "Make a new REST API key with read and write access and enter it here; over http "
    "base_url must equal the store's home address.",
    "key_lacks_rights": "Give the key read and write access in the store's REST API settings.",
    "key_not_seen": "Over https the web server must pass the Authorization header on to PHP.",
    "blocked_before_store": "Let our servers pass the firewall or security plugin in front of the store.",
    "login_page": "Take the REST API out of the maintenance or membership plugin that asks for a login.",
    "html_answer": "Look for a maintenance or cache plugin that answers REST calls with a page.",
    "answer_not_json": "Switch off the display of PHP warnings (WP_DEBUG_DISPLAY) or the plugin that prints.",
    "server_error": "Look into the store's error log: PHP, its database or a plugin failed.",
    "rate_limited": "The store is under maintenance or limits calls; test again later.",
}


class Connector(OrderLists, Hooks, Writer, Testable):
    """One store. Lives in one worker thread; ``context`` is set anew by the engine before each batch."""

    kind: ClassVar[str] = "woocommerce"

    def check(self) -> list[Check]:
        """Reads orders, the store's own report and its webhooks; stops at the first that shows no way on."""
        try:
            answer = self._api.newest_order_ids()
            read(answer, schemas.ORDER_IDS.decode)
        except ConnectorError as error:
            return [_failed("orders", error)]
        checks = [Check("orders", Health.OK, "The store answers and the key may read orders.")]
        checks.append(_cache_check(answer))
        checks.append(self._store_check())
        checks.append(self._webhook_check())
        return checks

    def _store_check(self) -> Check:
        try:
            status = read(self._api.system_status(), schemas.SYSTEM_STATUS.decode)
        except ConnectorError as error:
            return _skipped("store", error)
        home = status.environment.home_url.rstrip("/")
        if home and home != self._settings.base_url:
            return Check(
                "store",
                Health.FAILED,
                f"The store calls itself {home}, but base_url is {self._settings.base_url}.",
                f"Set base_url to {home}.",
            )
        return Check(
            "store",
            Health.OK,
            f"WooCommerce {status.environment.version}, currency {status.settings.currency}.",
        )

    def _webhook_check(self) -> Check:
        try:
            webhooks = read(self._api.webhooks(1), schemas.WEBHOOKS.decode)
        except ConnectorError as error:
            return _skipped("webhooks", error)
        off = sorted(hook.topic for hook in webhooks if hook.status == "disabled")
        if off:
            return Check(
                "webhooks",
                Health.FAILED,
                f"The store switched off its webhooks for {', '.join(off)} after seven failures in a row.",
                "Set them active again in the store; what happened meanwhile is read by polling.",
            )
        return Check("webhooks", Health.OK, f"{len(webhooks)} webhooks, none switched off.")


def _cache_check(answer: Answer) -> Check:
    """A cache that keeps REST answers shows orders as they were."""
    headers = cache_headers(answer.headers)
    age = headers.get("age", "0")
    hits = any("hit" in value.lower() for value in headers.values())
    if hits or (age.isdigit() and int(age) > 0):
        return Check(
            "cache",
            Health.FAILED,
            "A cache in front of the store answers REST calls, so that orders may be out of date.",
            "Take /wp-json/ out of the cache.",
        )
    return Check("cache", Health.OK, "The answer did not come from a cache.")


def _failed(name: str, error: ConnectorError) -> Check:
    return Check(name, Health.FAILED, error.detail, FIXES.get(error.code, ""))


def _skipped(name: str, error: ConnectorError) -> Check:
    return Check(name, Health.SKIPPED, f"Could not be looked at: {error.detail}", FIXES.get(error.code, ""))

"""A WooCommerce store as a source of orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

import msgspec

from integrations.connectors.answers import Answer
from integrations.connectors.woocommerce import mapping, schemas
from integrations.connectors.woocommerce.client import StoreApi
from integrations.connectors.woocommerce.config import parse_credentials, parse_settings
from integrations.ports.capabilities import Check, Gone, Health, OrderSource, Testable
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import Order
from integrations.ports.errors import ConnectorError, Rejected, Transient

T = TypeVar("T")

_CACHE_HEADERS = ("x-cache", "cf-cache-status", "x-litespeed-cache", "x-proxy-cache")

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


class Connector(OrderSource, Testable):
    """One store. Lives in one worker thread; ``context`` is set anew by the engine before each batch."""

    kind: ClassVar[str] = "woocommerce"

    def __init__(self, info: ConnectionInfo, context: CallContext) -> None:
        self.context = context
        self._settings = parse_settings(info.settings)
        self._api = StoreApi(
            settings=self._settings,
            credentials=parse_credentials(info.credentials),
            context=lambda: self.context,
        )

    def close(self) -> None:
        """Close the pooled connections; the next call opens new ones."""
        self._api.close()

    def read_order(self, order_ref: str) -> Order | Gone:
        """The order as the store has it now; `Gone` only on the store's own "no such order".

        Raises ``Transient(answer_not_json)`` when something printed into the answer, ``Transient
        (answer_of_another_order)`` when a cache mixed answers up, ``Rejected(order_unreadable)`` and what
        `answers` lists.
        """
        if not (order_ref.isascii() and order_ref.isdigit() and len(order_ref) < 20):
            raise Rejected(f"{order_ref[:40]!r} is no order number of a WooCommerce store.", code="order_ref_malformed")
        answer = self._api.order(order_ref)
        if answer.status == 404:
            return Gone(order_ref)
        order = _read(answer, mapping.order_from_body)
        if order.order_ref != order_ref:
            raise Transient(
                f"{answer.host} answered with another order than was asked for; a cache mixes answers up.",
                code="answer_of_another_order",
                evidence={"asked": order_ref, "got": order.order_ref},
            )
        return order

    def check(self) -> list[Check]:
        """Reads orders, the store's own report and its webhooks; stops at the first that shows no way on."""
        try:
            answer = self._api.newest_order_ids()
            _read(answer, schemas.ORDER_IDS.decode)
        except ConnectorError as error:
            return [_failed("orders", error)]
        checks = [Check("orders", Health.OK, "The store answers and the key may read orders.")]
        checks.append(_cache_check(answer))
        checks.append(self._store_check())
        checks.append(self._webhook_check())
        return checks

    def _store_check(self) -> Check:
        try:
            status = _read(self._api.system_status(), schemas.SYSTEM_STATUS.decode)
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
            webhooks = _read(self._api.webhooks(), schemas.WEBHOOKS.decode)
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


def _read(answer: Answer, decode: Callable[[bytes], T]) -> T:
    """What a 2xx answer says. A text that is no JSON is worth another try: a plugin printed into it."""
    try:
        return decode(answer.body)
    except msgspec.ValidationError as error:
        raise Rejected(
            f"{answer.host} answered in a form we do not know.",
            code="answer_unexpected",
            evidence=answer.evidence() | {"problem": str(error)[:200]},
        ) from error
    except RecursionError as error:
        raise Rejected(
            f"{answer.host} answered with something nested deeper than any order is.",
            code="answer_too_deep",
            evidence=answer.evidence(),
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Transient(
            f"{answer.host} answered with something that is not JSON; a plugin printed into the answer.",
            code="answer_not_json",
            evidence=answer.evidence() | {"problem": str(error)[:200]},
        ) from error


def _cache_check(answer: Answer) -> Check:
    """A cache that keeps REST answers shows orders as they were."""
    headers = {name.lower(): value.lower() for name, value in answer.headers.items()}
    age = headers.get("age", "0")
    hits = any("hit" in headers.get(name, "") for name in _CACHE_HEADERS)
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

"""The HTTP side of a store: the `woocommerce` library's client over our bounded, pooled transport.

The library opens a connection for each call, follows redirects, bounds only single reads and over plain http
sends parameters twice, so that a ``/`` or a list in them breaks its signature. Only its way of addressing
endpoints is kept; the request itself is replaced. Each call returns an `Answer` or raises a `ConnectorError`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import woocommerce

from integrations.connectors.answers import Answer, Effect
from integrations.connectors.http import HttpClient
from integrations.connectors.woocommerce import certificates
from integrations.connectors.woocommerce.config import Credentials, Settings
from integrations.connectors.woocommerce.refusals import (
    AUTHENTICATION,
    CUSTOMER_GONE,
    ORDER_GONE,
    ORDER_GONE_CODES,
    OURS_TO_NAME,
    PRODUCT_GONE,
    REFUND_REFUSED,
    WEBHOOK_GONE,
    error_code,
    refusal,
)
from integrations.connectors.woocommerce.signing import Params, flat, signed
from integrations.ports.context import CallContext
from integrations.ports.errors import Transient

API_VERSION = "wc/v3"
_NOTHING: frozenset[str] = frozenset()
_encode = msgspec.json.Encoder(decimal_format="string").encode


class StoreApi(woocommerce.API):  # type: ignore[misc]
    """One store's REST API, for one connector in one thread.

    Plain http is signed with OAuth 1.0a, a new nonce for each try; https uses Basic.
    """

    def __init__(self, *, settings: Settings, credentials: Credentials, context: Callable[[], CallContext]) -> None:
        super().__init__(settings.base_url, credentials.consumer_key, credentials.consumer_secret, version=API_VERSION)
        self._context = context
        self._http = HttpClient(
            base_url=settings.base_url,
            context=context,
            headers={"Cache-Control": "no-cache"},
            auth=(credentials.consumer_key, credentials.consumer_secret) if self.is_ssl else None,
            allow_private=settings.allow_private,
            connect_seconds=settings.connect_seconds,
        )

    def close(self) -> None:
        """Close the pooled connections."""
        self._http.close()

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#retrieve-an-order
    def order(self, order_ref: str) -> Answer:
        """The order, or the 404 whose code is `ORDER_GONE`."""
        return self._read(f"orders/{order_ref}", accept=frozenset({ORDER_GONE}))

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-orders
    def orders(self, params: Params, *, accept: frozenset[str] = _NOTHING) -> Answer:
        """A page of orders; ``accept`` are codes of refusals that the caller wants to see."""
        return self._read("orders", params, accept=accept)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-orders
    def newest_order(self) -> Answer:
        """The newest order's id and times in a list; the cheapest read that needs the right to read orders."""
        fields = "id,date_created,date_created_gmt,date_modified_gmt"
        return self._read("orders", {"per_page": 1, "_fields": fields})

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#update-an-order
    def change_order(self, order_ref: str, fields: Mapping[str, Any]) -> Answer:
        """The changed order, or the refusal that says it is gone."""
        return self._write("PUT", f"orders/{order_ref}", fields, accept=ORDER_GONE_CODES)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#batch-update-orders
    def change_orders(self, changes: Sequence[Mapping[str, Any]]) -> Answer:
        """One entry for each change, in their order. The store checks no value here."""
        return self._write("POST", "orders/batch", {"update": changes})

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#retrieve-orders-totals
    def order_totals(self) -> Answer:
        """Every status that the store has, with its number of orders."""
        return self._read("reports/orders/totals")

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-order-notes
    def notes(self, order_ref: str) -> Answer:
        """All notes of an order, the newest first; this list has no pages."""
        return self._read(f"orders/{order_ref}/notes", accept=ORDER_GONE_CODES)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#create-an-order-note
    def add_note(self, order_ref: str, fields: Mapping[str, Any]) -> Answer:
        """The new note."""
        return self._write("POST", f"orders/{order_ref}/notes", fields, accept=ORDER_GONE_CODES)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-refunds
    def refunds(self, order_ref: str, page: int) -> Answer:
        """A hundred refunds of an order with their lines; an empty list for an order that is gone."""
        params: Params = {"per_page": 100, "page": page}
        return self._read(f"orders/{order_ref}/refunds", params, accept=ORDER_GONE_CODES)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#create-a-refund
    def add_refund(self, order_ref: str, fields: Mapping[str, Any]) -> Answer:
        """The new refund, or the definite refusal (status 500, code `REFUND_REFUSED`)."""
        accept = ORDER_GONE_CODES | {REFUND_REFUSED}
        return self._write("POST", f"orders/{order_ref}/refunds", fields, accept=accept)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-products
    def products(self, params: Params) -> Answer:
        """A page of products; with ``sku`` variations too."""
        return self._read("products", params)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#retrieve-a-product
    def product(self, product_ref: str) -> Answer:
        """The product or variation, or the 404 whose code is `PRODUCT_GONE`."""
        return self._read(f"products/{product_ref}", accept=frozenset({PRODUCT_GONE}))

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-product-variations
    def variations(self, product_ref: str, params: Params) -> Answer:
        """A page of a product's variations, or the 404 of a product that is gone."""
        return self._read(f"products/{product_ref}/variations", params, accept=frozenset({PRODUCT_GONE}))

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#batch-update-products
    def change_products(self, changes: Sequence[Mapping[str, Any]]) -> Answer:
        """One entry for each change, in their order. The store checks no value here."""
        return self._write("POST", "products/batch", {"update": changes})

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#batch-update-product-variations
    def change_variations(self, product_ref: str, changes: Sequence[Mapping[str, Any]]) -> Answer:
        """The same for variations of one product, which the other batch refuses."""
        return self._write("POST", f"products/{product_ref}/variations/batch", {"update": changes})

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-customers
    def customers(self, params: Params) -> Answer:
        """A page of registered customers."""
        return self._read("customers", params)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#retrieve-a-customer
    def customer(self, customer_ref: str) -> Answer:
        """The customer, or the 404 whose code is `CUSTOMER_GONE`."""
        return self._read(f"customers/{customer_ref}", accept=frozenset({CUSTOMER_GONE}))

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-system-status-items
    def system_status(self) -> Answer:
        """Versions, address and currency of the store; needs a key of a shop manager."""
        return self._read("system_status", {"_fields": "environment,settings"})

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-setting-options
    def settings(self, group: str) -> Answer:
        """All settings of a group with their values."""
        return self._read(f"settings/{group}", {"_fields": "id,value"})

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#retrieve-current-currency
    def currency(self) -> Answer:
        """The currency of new orders."""
        return self._read("data/currencies/current")

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-tax-rates
    def tax_rates(self, page: int) -> Answer:
        """A hundred tax rates."""
        return self._read("taxes", {"per_page": 100, "page": page})

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-tax-classes
    def tax_classes(self) -> Answer:
        """All tax classes."""
        return self._read("taxes/classes")

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-payment-gateways
    def payment_gateways(self) -> Answer:
        """All payment gateways with what they support."""
        return self._read("payment_gateways")

    # https://developer.wordpress.org/rest-api/using-the-rest-api/routes-and-endpoints/
    def plain_index(self) -> Answer:
        """WordPress's REST index under the address that works without permalinks. No key is sent over http."""
        return self._http.call("GET", "/", effect=Effect.READ, params=[("rest_route", "/")])

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-webhooks
    def webhooks(self, page: int) -> Answer:
        """A hundred webhooks with their status; secrets are never shown."""
        return self._read("webhooks", {"per_page": 100, "page": page})

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#create-a-webhook
    def create_webhook(self, fields: Mapping[str, str]) -> Answer:
        """A new webhook, active at once. The bodies are kept out of the record: they hold the secret."""
        return self._write("POST", "webhooks", fields, conceal=True)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#update-a-webhook
    def change_webhook(self, ref: str, fields: Mapping[str, str]) -> Answer:
        """The changed webhook, or the refusal whose code is `WEBHOOK_GONE`."""
        return self._write("PUT", f"webhooks/{ref}", fields, accept=frozenset({WEBHOOK_GONE}), conceal=True)

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#delete-a-webhook
    def delete_webhook(self, ref: str) -> Answer:
        """The webhook that was, or the refusal whose code is `WEBHOOK_GONE`. Without ``force`` it is a 501."""
        return self._write("DELETE", f"webhooks/{ref}", params={"force": "true"}, accept=frozenset({WEBHOOK_GONE}))

    def _read(self, endpoint: str, params: Params | None = None, *, accept: frozenset[str] = _NOTHING) -> Answer:
        answer: Answer = self.get(endpoint, params=params, accept=accept)
        return answer

    def _write(
        self,
        method: str,
        endpoint: str,
        data: Any = None,
        *,
        params: Params | None = None,
        accept: frozenset[str] = _NOTHING,
        conceal: bool = False,
    ) -> Answer:
        return self._API__request(method, endpoint, data, params, accept=accept, conceal=conceal)

    def _API__request(  # noqa: N802 - the library's private name; its verbs call it
        self,
        method: str,
        endpoint: str,
        data: Any,
        params: Params | None = None,
        *,
        accept: frozenset[str] = _NOTHING,
        conceal: bool = False,
    ) -> Answer:
        """Replaces the library's request. A refusal with a code of ``accept`` is returned, others are raised."""
        answer = self._try_once(method, endpoint, data, params or {}, conceal=conceal)
        if answer.status == 401 and not self.is_ssl and error_code(answer) == AUTHENTICATION:
            # A nonce counts as used up even when its answer was lost, so the second try has another.
            answer = self._try_once(method, endpoint, data, params or {}, conceal=conceal)
        if answer.status not in OURS_TO_NAME or error_code(answer) in accept:
            return answer
        raise refusal(answer, now=self._context().now())

    def _try_once(self, method: str, endpoint: str, data: Any, params: Params, *, conceal: bool) -> Answer:
        path = f"/wp-json/{API_VERSION}/{endpoint}"
        pairs = flat(params)
        if not self.is_ssl:
            pairs = signed(
                method,
                self.url + path,
                pairs,
                key=self.consumer_key,
                secret=self.consumer_secret,
                timestamp=int(self._context().now().timestamp()),
                nonce=secrets.token_hex(16),
            )
        try:
            return self._http.call(
                method,
                path,
                effect=Effect.READ if method in {"GET", "OPTIONS"} else Effect.WRITE,
                params=pairs,
                body=None if data is None else _encode(data),
                handle=OURS_TO_NAME,
                conceal=conceal,
            )
        except Transient as error:
            named = certificates.named(error)
            if named is error:
                raise
            raise named from error

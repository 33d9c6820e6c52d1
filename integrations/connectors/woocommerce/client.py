"""The HTTP side of a store: the `woocommerce` library's client over our bounded, pooled transport.

The library opens a connection for each call, follows redirects, bounds only single reads and over plain http
sends parameters twice, so that a ``/`` or a list in them breaks its signature. Only its way of addressing
endpoints is kept; the request itself is replaced. Each call returns an `Answer` or raises a `ConnectorError`.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import quote

import msgspec
import woocommerce

from integrations.connectors.answers import Answer, Effect, refuse
from integrations.connectors.http import HttpClient
from integrations.connectors.woocommerce import schemas
from integrations.connectors.woocommerce.config import Credentials, Settings
from integrations.ports.context import CallContext
from integrations.ports.errors import AuthRejected, Misconfigured

Params = Mapping[str, str | int | Sequence[str | int]]
Pairs = list[tuple[str, str]]

API_VERSION = "wc/v3"
ORDER_GONE = "woocommerce_rest_shop_order_invalid_id"
_AUTHENTICATION = "woocommerce_rest_authentication_error"
_OURS_TO_NAME = frozenset({401, 403, 404})
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
        answer: Answer = self.get(f"orders/{order_ref}", may_be_gone=True)
        return answer

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-orders
    def newest_order_ids(self) -> Answer:
        """The newest order's id in a list; the cheapest read that needs the right to read orders."""
        answer: Answer = self.get("orders", params={"per_page": 1, "_fields": "id"})
        return answer

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-system-status-items
    def system_status(self) -> Answer:
        """Versions, address and currency of the store; needs a key of a shop manager."""
        answer: Answer = self.get("system_status", params={"_fields": "environment,settings"})
        return answer

    # https://woocommerce.github.io/woocommerce-rest-api-docs/#list-all-webhooks
    def webhooks(self) -> Answer:
        """The first hundred webhooks with their status; secrets are never shown."""
        answer: Answer = self.get("webhooks", params={"per_page": 100})
        return answer

    def _API__request(  # noqa: N802 - the library's private name; its verbs call it
        self,
        method: str,
        endpoint: str,
        data: Any,
        params: Params | None = None,
        *,
        may_be_gone: bool = False,
    ) -> Answer:
        """Replaces the library's request. ``may_be_gone``: a 404 that means "no such order" is returned."""
        answer = self._try_once(method, endpoint, data, params or {})
        if answer.status == 401 and not self.is_ssl and error_code(answer) == _AUTHENTICATION:
            # A nonce counts as used up even when its answer was lost, so the second try has another.
            answer = self._try_once(method, endpoint, data, params or {})
        if may_be_gone and answer.status == 404 and error_code(answer) == ORDER_GONE:
            return answer
        if answer.status in _OURS_TO_NAME:
            self._refuse(answer)
        return answer

    def _try_once(self, method: str, endpoint: str, data: Any, params: Params) -> Answer:
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
        return self._http.call(
            method,
            path,
            effect=Effect.READ if method in {"GET", "OPTIONS"} else Effect.WRITE,
            params=pairs,
            body=None if data is None else _encode(data),
            handle=_OURS_TO_NAME,
        )

    def _refuse(self, answer: Answer) -> NoReturn:
        code, words = error_code(answer), error_message(answer)
        evidence = answer.evidence() | {"store_code": code}
        if answer.status in {401, 403}:
            raise _auth_error(answer, code, words, evidence)
        if code == "rest_no_route":
            raise Misconfigured(
                f"{answer.host} runs WordPress, but WooCommerce does not answer there.",
                code="woocommerce_not_there",
                evidence={"field": "base_url"} | evidence,
            )
        refuse(answer, handle=frozenset(), now=self._context().now())
        raise AssertionError("a refused status was let through")


def _auth_error(answer: Answer, code: str, words: str, evidence: Mapping[str, str]) -> AuthRejected:
    """The store's sentences may be translated; they only make the reason finer where they are English."""
    host = answer.host
    if not code:
        detail = f"{host} or something before it refused the call without a word of WooCommerce."
        return AuthRejected(detail, code="blocked_before_store", evidence=evidence)
    if "permissions" in words:
        detail = f"The key of {host} lacks the right for this call; it needs read and write."
        return AuthRejected(detail, code="key_lacks_rights", evidence=evidence)
    if code == _AUTHENTICATION:
        detail = f"{host} refused the consumer key, its secret or the signature made with them."
        return AuthRejected(detail, code="credentials_rejected", evidence=evidence)
    detail = f"{host} did not see a valid key, or the key's user may not read this."
    return AuthRejected(detail, code="key_not_seen", evidence=evidence)


def error_code(answer: Answer) -> str:
    """The ``code`` of an error body, or ``""`` when it has none."""
    error = _error(answer)
    return error.code if error else ""


def error_message(answer: Answer) -> str:
    """The store's own words, or ``""``."""
    error = _error(answer)
    return error.message if error else ""


def _error(answer: Answer) -> schemas.VendorError | None:
    try:
        return schemas.ERROR.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def flat(params: Params) -> Pairs:
    """Name and text of each parameter; a list becomes ``name[0]``, ``name[1]`` …, as PHP reads it."""
    pairs: Pairs = []
    for name, value in params.items():
        if isinstance(value, str | int):
            pairs.append((name, str(value)))
        else:
            pairs.extend((f"{name}[{place}]", str(item)) for place, item in enumerate(value))
    return pairs


def signed(method: str, url: str, pairs: Pairs, *, key: str, secret: str, timestamp: int, nonce: str) -> Pairs:
    """The parameters with those of OAuth 1.0a one-legged (HMAC-SHA256), as the store checks them.

    ``url`` without query. Parameters are sorted by name, list items stay in their order; names and values are
    percent-encoded twice, ``/`` too.
    """
    whole = [
        *pairs,
        ("oauth_consumer_key", key),
        ("oauth_timestamp", str(timestamp)),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", "HMAC-SHA256"),
    ]
    in_order = sorted(whole, key=lambda pair: pair[0].partition("[")[0])
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in in_order)
    text = f"{method}&{quote(url, safe='')}&{quote(query, safe='')}"
    digest = hmac.digest(f"{secret}&".encode(), text.encode(), "sha256")
    return [*whole, ("oauth_signature", base64.b64encode(digest).decode())]

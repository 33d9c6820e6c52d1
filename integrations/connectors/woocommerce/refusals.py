"""What a store's refusal means: its stable code decides, its (translated) words only refine."""

from __future__ import annotations

import datetime as dt

import msgspec

from integrations.connectors.answers import Answer, Effect, refuse
from integrations.connectors.woocommerce import schemas
from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured, Rejected

ORDER_GONE = "woocommerce_rest_shop_order_invalid_id"
ORDER_GONE_CODES = frozenset({ORDER_GONE, "woocommerce_rest_invalid_order_id", "woocommerce_rest_order_invalid_id"})
"""Below an order (notes, refunds) the same is said in other words."""
PRODUCT_GONE = "woocommerce_rest_product_invalid_id"
CUSTOMER_GONE = "wc_user_invalid_id"
WEBHOOK_GONE = "woocommerce_rest_shop_webhook_invalid_id"
REFUND_REFUSED = "woocommerce_rest_cannot_create_order_refund"
"""Comes with status 500; recorded as definite: nothing was refunded."""
AUTHENTICATION = "woocommerce_rest_authentication_error"
NO_ROUTE = "rest_no_route"
INVALID_VALUE = "rest_invalid_param"

OURS_TO_NAME = frozenset({400, 401, 403, 404, 413, 500})
"""Statuses whose meaning this connector knows better than `answers` does."""


def refusal(answer: Answer, *, now: dt.datetime) -> ConnectorError:
    """The error for an answer with a status of `OURS_TO_NAME` that no caller wanted for itself."""
    code = error_code(answer)
    evidence = answer.evidence() | {"store_code": code, "date": answer.headers.get("Date", "")[:64]}
    if answer.status in {401, 403}:
        return _auth_error(answer, code, error_message(answer), evidence)
    if code in ORDER_GONE_CODES:
        return order_gone(answer)
    if code == PRODUCT_GONE and answer.effect is Effect.WRITE:
        return Rejected("The store does not have this product any more.", code="item_gone", evidence=evidence)
    if code == NO_ROUTE:
        return Misconfigured(
            f"{answer.host} runs WordPress, but WooCommerce does not answer there.",
            code="woocommerce_not_there",
            evidence={"field": "base_url"} | evidence,
        )
    try:
        refuse(answer, handle=frozenset(), now=now)
    except ConnectorError as error:
        return error.with_evidence({**error.evidence, "store_code": code}) if code else error
    raise AssertionError("a refused status was let through")


def order_gone(answer: Answer) -> Rejected:
    """A write or a look into an order that the store does not have any more."""
    return Rejected(f"{answer.host} does not have this order any more.", code="order_gone", evidence=answer.evidence())


def _auth_error(answer: Answer, code: str, words: str, evidence: dict[str, str]) -> AuthRejected:
    """The store's sentences may be translated; they only make the reason finer where they are English."""
    host = answer.host
    if not code:
        detail = f"{host} or something before it refused the call without a word of WooCommerce."
        return AuthRejected(detail, code="blocked_before_store", evidence=evidence)
    if "permissions" in words:
        detail = f"The key of {host} lacks the right for this call; it needs read and write."
        return AuthRejected(detail, code="key_lacks_rights", evidence=evidence)
    if code == AUTHENTICATION:
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


def refused_params(answer: Answer) -> set[str]:
    """Which parameters a 400 ``rest_invalid_param`` is about."""
    error = _error(answer)
    if error is None or error.code != INVALID_VALUE or not isinstance(error.data, dict):
        return set()
    params = error.data.get("params")
    return set(params) if isinstance(params, dict) else set()


def _error(answer: Answer) -> schemas.VendorError | None:
    try:
        return schemas.ERROR.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None

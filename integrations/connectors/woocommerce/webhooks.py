"""Deliveries of a store: is it signed by us, what is it about, what does it say. Pure.

`verify`, `is_ping` and `peek` run while the store waits, on every delivery: no JSON is built there.
`decode` is for the worker. It goes by the body alone where the body says what it is; topic and id headers are
not signed and serve as a hint only. Recorded deliveries: ``tests/payloads/woocommerce/webhooks``.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import UNSET

from integrations.connectors.woocommerce import mapping, schemas
from integrations.ports.documents import Order
from integrations.ports.errors import Rejected

_PEEK_BYTES = 512
_SMALL = 64 * 1024
_HIGHEST_ID = 2**63 - 1

_ID_FIRST = re.compile(rb'\s*\{\s*"id"\s*:\s*([1-9][0-9]{0,18})\s*[,}]')
_ACTION_FIRST = re.compile(rb'\s*\{\s*"action"\s*:\s*"([a-z0-9_]{1,100})"\s*,\s*"arg"\s*:\s*([1-9][0-9]{0,18})\s*\}')
_ERROR_FIRST = re.compile(rb'\s*\{\s*"code"\s*:\s*"[a-z0-9_]{1,100}"\s*,\s*"message"\s*:')
_PING = re.compile(rb"webhook_id=[0-9]{1,19}")
_DELETED = re.compile(r"woocommerce_(?:before_)?delete_(order|product_variation|product|coupon|customer)")
_ERROR_CODE = re.compile(r"woocommerce_rest_(?:shop_)?(order|product|coupon|customer)_invalid_id")

_ESCAPE = re.compile(rb"\\\\|\\u([dD][89a-fA-F][0-9a-fA-F]{2})")
"""An escaped backslash, or the escape of a surrogate."""
_BYTE = re.compile(r"\(byte ([0-9]+)\)")


def verify(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Whether ``signature`` is base64(HMAC-SHA256(secret, raw body)) under one of the live secrets.

    All secrets are tried whatever the first says, each compared in constant time; an empty secret never fits.
    """
    given = signature.encode("utf-8", "replace")
    good = False
    for secret in secrets:
        wanted = base64.b64encode(hmac.digest(secret.encode(), body, "sha256"))
        good |= bool(secret) & hmac.compare_digest(wanted, given)
    return good


def is_ping(content_type: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """The unsigned form ``webhook_id=NN`` which a store sends while a webhook is being made."""
    if not content_type.lower().startswith("application/x-www-form-urlencoded"):
        return False
    if _PING.fullmatch(body) is None:
        return False
    return not any(name.lower().startswith("x-wc-webhook") for name in headers)


@dataclass(frozen=True, slots=True)
class Peek:
    """What intake needs of a body. Without ``date_modified_gmt`` it is a wake-up, never a repeat."""

    resource_id: str | None
    has_modified: bool
    is_rest_error: bool


def peek(body: bytes) -> Peek:
    """Look at a body's beginning; never raises. ``resource_id`` is a label to be confirmed by `decode`."""
    head = body[:_PEEK_BYTES]
    has_modified = b'"date_modified_gmt"' in body
    found = _ID_FIRST.match(head)
    if found is not None:
        return Peek(_known_id(found[1]), has_modified, is_rest_error=False)
    acted = _ACTION_FIRST.match(head)
    if acted is not None:
        about_id = None if _arg_is_no_order(acted[1].decode()) else _known_id(acted[2])
        return Peek(about_id, has_modified, is_rest_error=False)
    if _ERROR_FIRST.match(head) is not None:
        return Peek(None, has_modified, is_rest_error=True)
    return Peek(_id_elsewhere(body), has_modified, is_rest_error=False)


def topic_resource(topic: str) -> str:
    """``order.updated`` → ``order``; ``action.woocommerce_delete_product`` → ``product``.

    Notes → ``order_note``; other actions → ``order``; empty for an empty topic. Never raises.
    """
    resource, _, event = topic.partition(".")
    if resource != "action":
        return resource
    return _action_resource(event)


@dataclass(frozen=True, slots=True)
class OrderBody:
    """The body is an order, mapped."""

    order: Order


@dataclass(frozen=True, slots=True)
class Wake:
    """Something happened to ``resource``; the body does not say how it is now, so it is to be read.

    ``looks`` are all resources that ``resource_id`` may belong to: a store sends ``product.deleted`` and
    ``coupon.deleted`` for orders too, and the topic is not signed. ``resource_id`` is ``None`` when the body
    names none (an order deleted before its delivery).
    """

    resource: str
    resource_id: str | None
    looks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherResource:
    """A body about something that is no order."""

    resource: str
    resource_id: str | None


@dataclass(frozen=True, slots=True)
class Unusable:
    """A signed body that cannot be used: a stable code, one sentence for people, the facts for the case."""

    code: str
    sentence: str
    evidence: Mapping[str, str]


Decoded = OrderBody | Wake | OtherResource | Unusable

SENTENCES = {
    "body_empty": "The delivery has no body.",
    "body_compressed": "The body is compressed; a store sends plain JSON.",
    "body_not_json": "The body is not JSON: it is cut off, or something wrote into it.",
    "body_too_deep": "The body is nested deeper than any order is.",
    "body_not_text": "The body holds text that is not valid Unicode, or the NUL character.",
    "body_number_not_finite": "The body holds NaN or Infinity, which are no numbers in JSON.",
    "body_number_too_large": "The body holds a whole number with thousands of digits.",
    "resource_unknown": "The body is JSON, but not of a kind that we know a store to send.",
}


def decode(body: bytes, topic: str) -> Decoded:
    """What a signed body says; never raises for what a body may hold. ``topic`` only hints."""
    unfit = _unfit_bytes(body)
    if unfit is not None:
        return unusable(unfit)
    try:
        return _decode_json(body, topic)
    except RecursionError:
        return unusable("body_too_deep")
    except UnicodeDecodeError:
        return unusable("body_not_text")
    except Rejected as error:
        return Unusable(error.code, error.detail, error.evidence)
    except msgspec.ValidationError as error:
        code = "body_number_too_large" if "out of range" in str(error) else "resource_unknown"
        return unusable(code, problem=str(error)[:200])
    except msgspec.DecodeError as error:
        return unusable(broken_json_code(body, str(error)), problem=str(error)[:200])


def unusable(code: str, **evidence: str) -> Unusable:
    """An `Unusable` with the sentence that belongs to ``code``."""
    return Unusable(code, SENTENCES[code], evidence)


def _unfit_bytes(body: bytes) -> str | None:
    if not body or body.isspace():
        return "body_empty"
    if body.startswith(b"\x1f\x8b"):
        return "body_compressed"
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError:
            return "body_not_text"
    return "body_not_text" if mapping.has_nul(body) else None


def _decode_json(body: bytes, topic: str) -> Decoded:
    envelope = schemas.ENVELOPE.decode(body)
    kind = _kind(envelope)
    if kind == "order":
        return OrderBody(mapping.order_from_body(body))
    known_id = _positive(envelope.id)
    if kind is not None:
        return OtherResource(kind, known_id)
    if isinstance(envelope.action, str):
        return _action(envelope)
    resource = topic_resource(topic)
    if isinstance(envelope.code, str) and isinstance(envelope.message, str) and envelope.id is None:
        return _wake(_error_resource(envelope.code) or resource, None)
    if known_id is not None:
        return _wake(resource, known_id)
    return unusable("resource_unknown", topic=topic[:100])


def _kind(envelope: schemas.Envelope) -> str | None:
    """Which resource a whole body is, by keys that only this resource has."""
    if envelope.refunded_by is not UNSET:
        return "refund"
    if envelope.billing_period is not UNSET:
        return "subscription"
    if envelope.line_items is not UNSET or envelope.order_key is not UNSET:
        return "order"
    if envelope.regular_price is not UNSET or envelope.stock_status is not UNSET:
        return "product"
    if envelope.discount_type is not UNSET:
        return "coupon"
    if envelope.is_paying_customer is not UNSET or envelope.username is not UNSET:
        return "customer"
    return None


def _action(envelope: schemas.Envelope) -> Decoded:
    """``{"action": …, "arg": id}``: the signed name tells what the id is of."""
    name = str(envelope.action)
    about_id = _positive(envelope.arg)
    resource = _action_resource(name)
    if _arg_is_no_order(name):
        return OtherResource(resource, about_id)
    return _wake(resource, about_id)


def _action_resource(name: str) -> str:
    if "_note" in name:
        return "order_note"
    deleted = _DELETED.fullmatch(name)
    if deleted is not None:
        return "product" if deleted[1] == "product_variation" else deleted[1]
    return "order"


def _error_resource(code: str) -> str:
    """``woocommerce_rest_shop_order_invalid_id`` → ``order``. The code is signed, the topic is not."""
    named = _ERROR_CODE.fullmatch(code)
    return named[1] if named is not None else ""


def _arg_is_no_order(name: str) -> bool:
    return _action_resource(name) == "order_note"


def _wake(resource: str, resource_id: str | None) -> Wake:
    looks = ("order",) if resource in {"order", ""} else (resource, "order")
    return Wake(resource or "order", resource_id, looks)


def _positive(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _HIGHEST_ID:
        return str(value)
    return None


def _known_id(digits: bytes) -> str | None:
    return _positive(int(digits))


def _id_elsewhere(body: bytes) -> str | None:
    """A plugin may put other keys before ``id``. Large bodies are left to the worker."""
    if len(body) > _SMALL:
        return None
    try:
        return _positive(schemas.ENVELOPE.decode(body).id)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def broken_json_code(body: bytes, problem: str) -> str:
    """Which code fits a text that is no JSON. ``problem`` is the parser's sentence with its byte position."""
    at = _BYTE.search(problem)
    if at is not None:
        rest = body[int(at[1]) :][:9].lstrip(b"-")
        if rest.startswith((b"NaN", b"Infinity")):
            return "body_number_not_finite"
    return "body_not_text" if _has_lone_surrogate(body) else "body_not_json"


def _has_lone_surrogate(body: bytes) -> bool:
    """Whether the escape of a surrogate stands without its other half."""
    high_ends: int | None = None
    for found in _ESCAPE.finditer(body):
        digits = found[1]
        is_high = digits is not None and digits[1:2] in b"89abAB"
        is_low = digits is not None and not is_high
        if (high_ends is not None) != (is_low and found.start() == high_ends):
            return True
        high_ends = found.end() if is_high else None
    return high_ends is not None

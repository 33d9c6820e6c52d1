"""OAuth 1.0a in the query, as WooCommerce checks it over plain http: key, signature, then time and nonce."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Sequence
from urllib.parse import quote

WINDOW = 15 * 60
_METHODS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


def _encode(text: str) -> str:
    return quote(text, safe="-._~")


def signature_of(method: str, url: str, params: dict[str, str], *, secret: str, algorithm: str) -> str:
    """The signature of a request. ``url`` without its query, ``params`` without the signature.

    The members of a list stay in their order, as PHP sorts only the outermost names.
    """
    ordered = sorted(params.items(), key=lambda pair: pair[0].partition("[")[0])
    pairs = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in ordered)
    text = f"{method}&{_encode(url)}&{_encode(pairs)}"
    digest = hmac.digest(f"{secret}&".encode(), text.encode(), _METHODS[algorithm])
    return base64.b64encode(digest).decode()


def as_php_sees(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Query parameters as the store has them: the last of a name wins, ``x[]`` is numbered."""
    params: dict[str, str] = {}
    counts: dict[str, int] = {}
    for name, value in pairs:
        if name.endswith("[]"):
            at = counts.get(name, 0)
            counts[name] = at + 1
            params[f"{name[:-2]}[{at}]"] = value
        else:
            params[name] = value
    return params


class Gate:
    """Checks requests against one consumer key. Remembers nonces for the time they could be used."""

    def __init__(self, key: str, secret: str) -> None:
        self._key, self._secret = key, secret
        self._lock = threading.Lock()
        self._nonces: dict[str, int] = {}

    def refusal(self, method: str, url: str, params: dict[str, str], *, now: int) -> tuple[str, str] | None:
        """(code, message) of the 401 the store would answer, or ``None`` when the request is good."""
        if "oauth_consumer_key" not in params:
            return "woocommerce_rest_cannot_view", "Sorry, you cannot list resources."
        error = "woocommerce_rest_authentication_error"
        if params["oauth_consumer_key"] != self._key:
            return error, "Consumer key is invalid."
        given = dict(params)
        signature = given.pop("oauth_signature", "")
        algorithm = given.get("oauth_signature_method", "")
        if algorithm not in _METHODS:
            return error, "Invalid signature - signature method is invalid."
        right = signature_of(method, url, given, secret=self._secret, algorithm=algorithm)
        if not hmac.compare_digest(right.encode(), signature.encode()):
            return error, "Invalid signature - provided signature does not match."
        stamp = given.get("oauth_timestamp", "")
        if not stamp.isdigit() or abs(now - int(stamp)) > WINDOW:
            return error, "Invalid timestamp."
        if not self._first_use(given.get("oauth_nonce", ""), int(stamp), now):
            return error, "Invalid nonce - nonce has already been used."
        return None

    def _first_use(self, nonce: str, stamp: int, now: int) -> bool:
        with self._lock:
            if nonce in self._nonces:
                return False
            self._nonces[nonce] = stamp
            if len(self._nonces) % 1000 == 0:
                self._nonces = {n: s for n, s in self._nonces.items() if now - s <= WINDOW}
            return True

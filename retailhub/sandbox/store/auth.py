"""Who calls: OAuth 1.0a in the query over http, Basic (or key and secret in the query) over https.

Over http a Basic header counts as no key at all. The order of the checks is the recorded one: key, signature,
time stamp, nonce, then the key's rights.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import threading
from collections.abc import Mapping, Sequence

import msgspec

from retailhub.sandbox.store.errors import RestError
from retailhub.sandbox.store.oauth import WINDOW, as_php_sees, signature_of

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = frozenset({"HMAC-SHA1", "HMAC-SHA256"})
_OAUTH = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")


class Key(msgspec.Struct, frozen=True):
    """One REST key. ``rights`` is ``read``, ``write`` or ``read_write``."""

    key: str
    secret: str
    rights: str = "read_write"

    def may(self, method: str) -> bool:
        return self.rights == "read_write" or self.rights == ("read" if method in _READS else "write")


class Call(msgspec.Struct, frozen=True):
    """What of a request tells who it is. ``address`` is scheme, host and path as the caller named them."""

    method: str
    address: str
    pairs: tuple[tuple[str, str], ...]
    secure: bool
    authorization: str = ""


class Gate:
    """Knows the keys and the nonces that were used."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = {key.key: key for key in keys}
        self._lock = threading.Lock()
        self._nonces: dict[str, int] = {}
        self.read_only = False
        """Every key may only read, whatever it was made for."""

    def admit(self, call: Call, *, now: int) -> Key | None:
        """The key, or ``None`` for a call without one. Raises `RestError` (401)."""
        found = self._by_basic(call) if call.secure else self._by_oauth(call, now=now)
        if found is None:
            return None
        right = "read" if call.method in _READS else "write"
        if not found.may(call.method) or (right == "write" and self.read_only):
            raise _refused(f"The API key provided does not have {right} permissions.")
        return found

    def _by_basic(self, call: Call) -> Key | None:
        user, secret = _basic_pair(call.authorization)
        if not user:
            params = dict(call.pairs)
            user, secret = params.get("consumer_key", ""), params.get("consumer_secret", "")
        key = self._keys.get(user)
        if key is None:
            return None
        if not hmac.compare_digest(key.secret.encode(), secret.encode()):
            raise _refused("Consumer secret is invalid.")
        return key

    def _by_oauth(self, call: Call, *, now: int) -> Key | None:
        params = as_php_sees(call.pairs)
        if not any(name in params for name in _OAUTH):
            return None
        missing = [name for name in _OAUTH if not params.get(name)]
        if missing:
            raise _refused(f"Missing OAuth parameter{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
        key = self._keys.get(params["oauth_consumer_key"])
        if key is None:
            raise _refused("Consumer key is invalid.")
        self._check_signature(call, params, key)
        stamp = params["oauth_timestamp"]
        if not stamp.isdigit() or abs(now - int(stamp)) > WINDOW:
            raise _refused("Invalid timestamp.")
        if not self._first_use(params["oauth_nonce"], int(stamp), now):
            raise _refused("Invalid nonce - nonce has already been used.")
        return key

    def _check_signature(self, call: Call, params: Mapping[str, str], key: Key) -> None:
        given = dict(params)
        signature = given.pop("oauth_signature")
        if given["oauth_signature_method"] not in _METHODS:
            raise _refused("Invalid signature - signature method is invalid.")
        algorithm = given["oauth_signature_method"]
        right = signature_of(call.method, call.address, given, secret=key.secret, algorithm=algorithm)
        if not hmac.compare_digest(right.encode(), signature.encode()):
            raise _refused("Invalid signature - provided signature does not match.")

    def _first_use(self, nonce: str, stamp: int, now: int) -> bool:
        with self._lock:
            if nonce in self._nonces:
                return False
            self._nonces[nonce] = stamp
            if len(self._nonces) % 1000 == 0:
                self._nonces = {n: s for n, s in self._nonces.items() if now - s <= WINDOW}
            return True


def _refused(message: str) -> RestError:
    return RestError(401, "woocommerce_rest_authentication_error", message)


def _basic_pair(header: str) -> tuple[str, str]:
    kind, _, rest = header.partition(" ")
    if kind.lower() != "basic":
        return "", ""
    try:
        user, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, secret


_DENIED = {
    "view_many": ("cannot_view", "Sorry, you cannot list resources."),
    "view": ("cannot_view", "Sorry, you cannot view this resource."),
    "create": ("cannot_create", "Sorry, you are not allowed to create resources."),
    "edit": ("cannot_edit", "Sorry, you are not allowed to edit this resource."),
    "delete": ("cannot_delete", "Sorry, you are not allowed to delete this resource."),
    "batch": ("cannot_batch", "Sorry, you are not allowed to batch manipulate this resource."),
}


def denied(deed: str, *, status: int = 401) -> RestError:
    """What a caller without a key gets. ``deed`` is ``view_many``, ``view``, ``create``, ``edit``, ``delete``
    or ``batch``; ``status`` is 403 for a user who is known but has no rights."""
    code, message = _DENIED[deed]
    return RestError(status, f"woocommerce_rest_{code}", message)

"""OAuth 1.0a in the query, as WooCommerce reads and signs it over plain http."""

from __future__ import annotations

import base64
import hashlib
import hmac
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

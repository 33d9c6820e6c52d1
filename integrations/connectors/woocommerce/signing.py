"""OAuth 1.0a one-legged as WooCommerce checks it over plain http, and parameters as PHP reads them. Pure."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import quote

Params = Mapping[str, str | int | Sequence[str | int]]
Pairs = list[tuple[str, str]]


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

"""Public ids: a prefix that says what it is, and 80 random bits that sort by time in lower-case base 32."""

from __future__ import annotations

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """A new id such as ``ord_01jdd3b8w2v9x0k4q7yz5m1a``: 48 bits of milliseconds, then 70 random bits."""
    number = (time.time_ns() // 1_000_000) << 70 | secrets.randbits(70)
    text = ""
    for _ in range(24):
        text = ALPHABET[number & 31] + text
        number >>= 5
    return f"{prefix}_{text}"


def new_trace_id() -> str:
    """32 hex digits, as W3C trace context writes them."""
    return secrets.token_hex(16)

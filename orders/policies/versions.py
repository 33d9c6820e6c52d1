"""Which of two documents of an order is the newer truth."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from integrations.ports.documents import CANON_VERSION


class Verdict(StrEnum):
    NEWER = "newer"
    OLDER = "older"
    SAME = "same"
    AMBIGUOUS = "ambiguous"
    """One second, two contents: only the store can say which came last."""


def compare(
    *,
    known_at: dt.datetime | None,
    known_hash: bytes | None,
    known_canon: int,
    incoming_at: dt.datetime,
    incoming_hash: bytes,
) -> Verdict:
    """Where an incoming document stands to the one we hold. Times have the store's one-second resolution."""
    if known_at is None or incoming_at > known_at:
        return Verdict.NEWER
    if incoming_at < known_at:
        return Verdict.OLDER
    if known_canon != CANON_VERSION:
        # our own mapping changed since: hashes of two mappings say nothing about the order
        return Verdict.SAME
    return Verdict.SAME if incoming_hash == known_hash else Verdict.AMBIGUOUS

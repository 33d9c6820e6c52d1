"""What orders tell the layers above, in the transaction in which it became true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True)
class Issue:
    """Something about an order that a person must know. Orders with one code and key are one cause."""

    code: str
    key: str
    evidence: Mapping[str, str] = field(default_factory=dict, hash=False)
    blocking: bool = True


@dataclass(frozen=True, kw_only=True)
class OrderLooked:
    """What stands against one order now: all of it, so that what is gone can be closed."""

    subject: str
    store_id: int
    issues: tuple[Issue, ...]
    currency: str
    total: Decimal
    why: str
    """What the look was for, in words: the proof when something is gone."""


@dataclass(frozen=True)
class OrdersLooked:
    """Orders were decided on, at ``at``."""

    looks: Sequence[OrderLooked]
    at: dt.datetime

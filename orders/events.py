"""What orders tell the layers above, in the transaction in which it became true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from orders.policies.posting import Issue


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

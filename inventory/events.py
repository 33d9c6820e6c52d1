"""What inventory tells the layers above."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SkusMapped:
    """These SKUs now have an item code, or another one, at a connection."""

    connection_id: int
    skus: Sequence[str]
    at: dt.datetime
    actor: Any = None
    """Who said so; ``None`` where a catalogue did."""
    reason: str = ""

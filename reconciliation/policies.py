"""Rules about cases: how soon somebody should have dealt with one."""

from __future__ import annotations

import datetime as dt

URGENT_WITHIN = dt.timedelta(hours=4)
WITHIN = dt.timedelta(hours=24)


def due_at(*, urgent: bool, since: dt.datetime) -> dt.datetime:
    """By when what has been open ``since`` should be dealt with: urgent codes stop money or orders now."""
    return since + (URGENT_WITHIN if urgent else WITHIN)

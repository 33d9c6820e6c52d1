"""What the figures were: a sample each five minutes, folded into hours after two days, forgotten after ninety."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from integrations import selectors as pipes
from orders import selectors as orders
from retailhub.console import figures
from retailhub.console.models import FigureSample

SLOT_SECONDS = 300
HOUR_SECONDS = 3600
FINE = dt.timedelta(days=2)
"""So long each five minutes are kept."""
KEPT = dt.timedelta(days=90)
"""So long hours are kept."""
SILENCE = "silence"
"""Not shown as a figure: for how long no new order has come from each store. Its habit is read from this."""


def slot_of(moment: dt.datetime, seconds: int = SLOT_SECONDS) -> dt.datetime:
    """When the slot began in which this moment lies."""
    return dt.datetime.fromtimestamp(moment.timestamp() // seconds * seconds, dt.UTC)


def measure(*, now: dt.datetime) -> int:
    """Write down every figure for the present slot, fold and forget; returns how many samples were written."""
    values = {**figures.all_now(), SILENCE: silences(now=now)}
    at = slot_of(now)
    rows = [
        FigureSample(figure=name, part=part, seconds=SLOT_SECONDS, at=at, value=value, highest=value)
        for name, parts in values.items()
        for part, value in parts.items()
    ]
    with transaction.atomic():
        FigureSample.objects.bulk_create(rows, ignore_conflicts=True)
        fold(now=now)
    return len(rows)


def silences(*, now: dt.datetime) -> dict[str, Decimal]:
    """Seconds since the newest order of each store was first heard of, by the store's name."""
    newest = orders.newest_by_store(store_ids=pipes.stores().values())
    return {name: Decimal(max(int((now - at).total_seconds()), 0)) for name, at in newest.items()}


FOLD = """
WITH old AS (
    DELETE FROM console_figuresample WHERE seconds = %(slot)s AND at < %(before)s
    RETURNING figure, part, at, value, highest
)
INSERT INTO console_figuresample (figure, part, seconds, at, value, highest)
SELECT figure, part, %(hour)s, date_trunc('hour', at, 'UTC'), round(avg(value), 3), max(highest)
FROM old GROUP BY figure, part, date_trunc('hour', at, 'UTC')
ON CONFLICT (figure, part, seconds, at) DO UPDATE SET highest = greatest(console_figuresample.highest, excluded.highest)
"""
"""Whole hours are folded at once, so that the mean is of all of their samples."""


def fold(*, now: dt.datetime) -> None:
    """Make hours of what is older than two days, and forget what is older than ninety."""
    values: dict[str, Any] = {"slot": SLOT_SECONDS, "hour": HOUR_SECONDS, "before": slot_of(now - FINE, HOUR_SECONDS)}
    with connection.cursor() as cursor:
        cursor.execute(FOLD, values)
    FigureSample.objects.filter(seconds=HOUR_SECONDS, at__lt=now - KEPT).delete()


@dataclass(frozen=True, kw_only=True)
class Point:
    """The highest part of a figure in one slot."""

    at: dt.datetime
    value: Decimal


@dataclass(frozen=True, kw_only=True)
class Last:
    """The newest sample of a figure, by part."""

    at: dt.datetime
    values: Mapping[str, Decimal]


SERIES = """
SELECT figure, slot, max(value) FROM (
    SELECT figure, part, to_timestamp(floor(extract(epoch FROM at) / %(step)s) * %(step)s) AS slot,
           max(highest) AS value
    FROM console_figuresample
    WHERE figure = ANY(%(figures)s) AND at >= %(since)s
    GROUP BY figure, part, slot) each
GROUP BY figure, slot ORDER BY figure, slot
"""


def series(*, names: list[str], since: dt.datetime, step_seconds: int) -> dict[str, list[Point]]:
    """What the figures were at their highest in each step since then, oldest first."""
    values: dict[str, Any] = {"figures": names, "since": since, "step": step_seconds}
    found: dict[str, list[Point]] = {name: [] for name in names}
    with connection.cursor() as cursor:
        cursor.execute(SERIES, values)
        for name, at, value in cursor.fetchall():
            found[name].append(Point(at=at.astimezone(dt.UTC), value=value))
    return found


def newest(*, names: list[str], now: dt.datetime) -> dict[str, Last]:
    """The last sample of each figure, no older than three slots; nothing where there is none so young."""
    since = slot_of(now) - dt.timedelta(seconds=3 * SLOT_SECONDS)
    rows = FigureSample.objects.filter(figure__in=names, seconds=SLOT_SECONDS, at__gte=since, at__lte=now)
    found: dict[str, Last] = {}
    for row in rows.order_by("-at", "part"):
        known = found.get(row.figure)
        if known is None:
            found[row.figure] = Last(at=row.at, values={row.part: row.value})
        elif known.at == row.at:
            found[row.figure] = Last(at=row.at, values={**known.values, row.part: row.value})
    return found

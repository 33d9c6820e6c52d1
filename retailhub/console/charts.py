"""Trend charts as points of an SVG, made on the server: no script, no picture, words for who cannot see them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from retailhub.console.figures import Figure, Target
from retailhub.console.trends import Point

WIDTH, HEIGHT, MARGIN = 320, 64, 4


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What a template needs to draw one. ``lines`` are the points of each stretch without a hole."""

    name: str
    title: str
    says: str
    lines: Sequence[str]
    dots: Sequence[tuple[str, str]]
    """Stretches of one point each, as x and y."""
    target: str
    """Where the warning begins, as y; empty where that is above everything."""
    top: str
    bottom: str = "0"
    width: int = WIDTH
    height: int = HEIGHT


def chart(
    figure: Figure,
    target: Target,
    points: Sequence[Point],
    *,
    since: dt.datetime,
    until: dt.datetime,
    step_seconds: int,
    span_words: str,
) -> Chart | None:
    """The chart of one figure; nothing where nothing was measured in that time."""
    if not points:
        return None
    highest = max(point.value for point in points)
    scale = max(highest, target.warn_at * 2 if highest <= target.warn_at else highest, Decimal(1))
    stretches = _stretches(points, step_seconds)
    drawn = [[_place(point, since, until, scale) for point in stretch] for stretch in stretches]
    last, low = points[-1], min(point.value for point in points)
    return Chart(
        name=figure.name,
        title=f"{figure.label}, {span_words}",
        says=(
            f"Between {figure.shown(low)} and {figure.shown(highest)}, {figure.shown(last.value)} at the end;"
            f" a warning above {figure.shown(target.warn_at)}."
        ),
        lines=[" ".join(f"{x},{y}" for x, y in line) for line in drawn if len(line) > 1],
        dots=[line[0] for line in drawn if len(line) == 1],
        target=_y(target.warn_at, scale) if target.warn_at <= scale else "",
        top=figure.shown(scale),
    )


def _stretches(points: Sequence[Point], step_seconds: int) -> list[list[Point]]:
    """Where nothing was measured for two steps the line is broken: a time without samples is not a time at rest."""
    found: list[list[Point]] = []
    for point in points:
        if found and (point.at - found[-1][-1].at).total_seconds() <= 2 * step_seconds:
            found[-1].append(point)
        else:
            found.append([point])
    return found


def _place(point: Point, since: dt.datetime, until: dt.datetime, scale: Decimal) -> tuple[str, str]:
    share = (point.at - since).total_seconds() / max((until - since).total_seconds(), 1)
    return f"{MARGIN + min(max(share, 0.0), 1.0) * (WIDTH - 2 * MARGIN):.1f}", _y(point.value, scale)


def _y(value: Decimal, scale: Decimal) -> str:
    return f"{HEIGHT - MARGIN - float(value / scale) * (HEIGHT - 2 * MARGIN):.1f}"

"""Nothing for long: what should have happened by now and has not, as plain sentences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from integrations import chores, conditions
from integrations import selectors as pipes
from integrations.flow_reads import Flow
from integrations.states import Lane, Mode
from retailhub.console.trends import SILENCE
from retailhub.core.admin.parts import subject_url
from retailhub.core.admin.words import ago, span, words
from retailhub.core.cli import counted

HABIT_DAYS = 14
FEWEST_DAYS = 3
"""With fewer days of samples a store has no habit yet."""
TIMES = 3
"""So many times its longest usual gap is too long."""
LEAST_SECONDS = 3600
STUCK_SECONDS = 600
"""Work that waits for so long without any success is said."""
HEARTBEAT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One sentence, where it leads, and how bad it is (warn or bad)."""

    name: str
    sentence: str
    url: str = ""
    tone: str = "bad"


HABIT = """
SELECT part, day, max(highest) FROM (
    SELECT part, at::date AS day, highest,
           mod(extract(hour FROM at AT TIME ZONE 'UTC')::int - %(hour)s + 25, 24) AS beside
    FROM console_figuresample
    WHERE figure = %(figure)s AND at BETWEEN %(now)s - %(days)s * interval '1 day' AND %(now)s - interval '12 hours'
) each WHERE beside <= 2 GROUP BY part, day
"""
"""The longest time without a new order in the hours around this one, of each earlier day."""


def habits(*, now: dt.datetime) -> dict[str, float]:
    """Store → seconds of its longest usual gap around this hour of the day; of stores that have a habit.

    The worst of five or more days is no habit: it may have been a day on which something was broken.
    """
    values: dict[str, Any] = {"figure": SILENCE, "hour": now.hour, "now": now, "days": HABIT_DAYS}
    days: dict[str, list[float]] = {}
    with connection.cursor() as cursor:
        cursor.execute(HABIT, values)
        for part, _, highest in cursor.fetchall():
            days.setdefault(part, []).append(float(highest))
    found = {}
    for part, gaps in days.items():
        usual = sorted(gaps)[: -1 if len(gaps) >= 5 else None]
        if len(gaps) >= FEWEST_DAYS:
            found[part] = usual[-1]
    return found


def silent_stores(*, states: Sequence[Any], silences: Mapping[str, Decimal], now: dt.datetime) -> list[Alarm]:
    """Stores from which no order has come for longer than is usual at this time of day."""
    usual, found = habits(now=now), []
    for state in states:
        name = state.connection.name
        if state.connection.mode == Mode.OFF or name not in silences or name not in usual:
            continue
        seconds = float(silences[name])
        if seconds > max(LEAST_SECONDS, TIMES * usual[name]):
            said = (
                f"No order has come from {name} for {span(seconds)}."
                f" At this time of day its longest gap is usually {span(usual[name])}."
            )
            url = subject_url(f"connection:{state.connection_id}")
            found.append(Alarm(name=f"silent_store:{name}", sentence=said, url=url))
    return found


def stuck_flows(*, states: Sequence[Any], flows: Sequence[Flow], now: dt.datetime) -> list[Alarm]:
    """Live connections to which work waits to be sent, and none has got through for ten minutes."""
    found = []
    for state in states:
        mine = [flow for flow in flows if flow.connection_id == state.connection_id and flow.direction == "o"]
        due = [flow for flow in mine if flow.pending and flow.lag_seconds > STUCK_SECONDS]
        fresh = state.last_success_at and (now - state.last_success_at).total_seconds() < STUCK_SECONDS
        if not due or fresh or state.connection.mode != Mode.LIVE:
            continue
        waiting = counted(sum(flow.pending for flow in due), "message")
        lanes = " and ".join(words(Lane(flow.lane).name.lower()) for flow in due)
        last = (
            f"The last success was {ago(state.last_success_at, now)}." if state.last_success_at else "Nothing ever has."
        )
        why = " It is paused." if conditions.is_paused(state, now) else ""
        found.append(
            Alarm(
                name=f"stuck_flow:{state.connection.name}",
                sentence=(
                    f"Nothing gets through to {state.connection.name} while {waiting} of {lanes} wait"
                    f"{'s' if waiting.startswith('1 ') else ''}, the oldest for"
                    f" {span(max(flow.lag_seconds for flow in due))}. {last}{why}"
                ),
                url=subject_url(f"connection:{state.connection_id}"),
                tone="warn" if why else "bad",
            )
        )
    return found


def late_chores(*, now: dt.datetime) -> list[Alarm]:
    """What the schedule should have done by now."""
    return [
        Alarm(
            name=f"late_chore:{late.name}",
            sentence=(
                f"{words(late.name).capitalize()} is late: it is due every {span(late.every_seconds)} and was"
                f" {f'done {ago(late.done_at, now)}' if late.done_at else 'never done'}."
            ),
            tone="warn",
        )
        for late in chores.late(now=now)
    ]


def dead_workers(*, now: dt.datetime) -> list[Alarm]:
    """No worker looks for work: nothing at all goes on."""
    ages = pipes.heartbeats(now=now)
    if ages and min(ages.values()) <= HEARTBEAT_SECONDS:
        return []
    since = (
        f"No worker has looked for work for {span(min(ages.values()))}."
        if ages
        else "No worker has ever looked for work."
    )
    return [Alarm(name="no_worker", sentence=f"{since} Nothing is posted until one runs: manage.py drain --watch.")]


def alarms(
    *, states: Sequence[Any], flows: Sequence[Flow], silences: Mapping[str, Decimal], now: dt.datetime
) -> list[Alarm]:
    """All of them, the worst first."""
    found = [
        *dead_workers(now=now),
        *silent_stores(states=states, silences=silences, now=now),
        *stuck_flows(states=states, flows=flows, now=now),
        *late_chores(now=now),
    ]
    return sorted(found, key=lambda alarm: alarm.tone != "bad")

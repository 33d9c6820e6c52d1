"""The home page: what needs a person now, and is anything behind."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from integrations import flow_reads
from integrations import selectors as pipes
from integrations.conditions import condition
from integrations.flow_reads import Flow
from reconciliation.selectors import triage
from retailhub.console import alarms, charts, figures, trends
from retailhub.console.figures import FIGURES, Figure, Target, Values
from retailhub.core import clock, privacy
from retailhub.core.admin import Cell, Panel, subject_cell, table, text
from retailhub.core.admin.words import ago, amounts, span, words

CAUSES_SHOWN = 10
RENEW_SECONDS = 10
DAY = dt.timedelta(days=1)
STEP_SECONDS = 900
CAUSES, STATES = "reconciliation.view_cause", "integrations.view_connection"
"""Who may not see these lists does not see them here either."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One figure as Home shows it."""

    figure: Figure
    number: str
    tone: str
    target: str
    small: str
    chart: charts.Chart | None


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that Home shows, as values: the page and the command ``status`` are made from it."""

    now: dt.datetime
    causes: list[triage.Row]
    values: dict[str, Values]
    targets: dict[str, Target]
    taken: dict[str, dt.datetime]
    """When those figures were taken that are not of now."""
    states: list[Any]
    flows: list[Flow]
    alarms: list[alarms.Alarm]


def read() -> State:
    """Read it all: as many queries whatever there is."""
    now, flows, states = clock.now(), flow_reads.flows(), pipes.connection_states()
    last = trends.newest(names=[figure.name for figure in FIGURES if not figure.live], now=now)
    values = {**figures.cheap(flows), **{name: sample.values for name, sample in last.items()}}
    waiting = triage.matching(triage.Filter(), person_id=None, now=now)
    silences = trends.silences(now=now)
    return State(
        now=now,
        causes=triage.page_of(waiting, sort="", number=1)[:CAUSES_SHOWN],
        values=values,
        targets=figures.targets(),
        taken={name: sample.at for name, sample in last.items()},
        states=states,
        flows=flows,
        alarms=alarms.alarms(states=states, flows=flows, silences=silences, now=now),
    )


def context(request: HttpRequest) -> dict[str, Any]:
    """What the template shows."""
    state = read()
    may_see = request.user.has_perm
    panels = [
        *([_causes(state)] if may_see(CAUSES) else []),
        *([_connections(state)] if may_see(STATES) else []),
    ]
    return {
        "alarms": state.alarms if may_see(STATES) else [],
        "tiles": _tiles(state) if may_see(CAUSES) else [],
        "panels": panels,
        "renew_seconds": RENEW_SECONDS,
        "as_of": state.now,
    }


def _tiles(state: State) -> list[Tile]:
    since = trends.slot_of(state.now - DAY, STEP_SECONDS)
    series = trends.series(names=figures.names(), since=since, step_seconds=STEP_SECONDS)
    tiles = []
    for figure in FIGURES:
        values, target = state.values.get(figure.name, {}), state.targets[figure.name]
        number, tone, small = shown(figure, values, target)
        taken = state.taken.get(figure.name)
        drawn = charts.chart(
            figure,
            target,
            series[figure.name],
            since=since,
            until=state.now,
            step_seconds=STEP_SECONDS,
            span_words="last 24 hours",
        )
        tiles.append(
            Tile(
                figure=figure,
                number=number,
                tone=tone,
                target=target_words(figure, target),
                small=" · ".join(filter(None, [small, f"taken {ago(taken, state.now)}" if taken else ""])),
                chart=drawn,
            )
        )
    return tiles


def shown(figure: Figure, values: Values, target: Target) -> tuple[str, str, str]:
    """The highest part's value for people, its tone, and the parts where there are several."""
    highest = figures.worst(values)
    if highest is None:
        nothing = {"money_at_risk": "none"}.get(figure.name, "–")
        return nothing, "quiet" if nothing == "–" else "good", "" if figure.live else "nothing measured of late"
    part, value = highest
    parts = sorted(values.items(), key=lambda pair: -pair[1])
    if figure.unit == figures.MONEY:
        small = ", ".join(figure.shown(each, name) for name, each in parts[1:])
        return figure.shown(value, part), target.tone(value), f"and {small}" if small else ""
    small = ", ".join(f"{name} {figure.shown(each)}" for name, each in parts if name)
    return figure.shown(value, part), target.tone(value), small


def target_words(figure: Figure, target: Target) -> str:
    """``target: at most 5 min``."""
    if not target.warn_at:
        return "target: 0"
    return f"target: at most {figure.shown(target.warn_at).removesuffix(' or more')}"


def _causes(state: State) -> Panel:
    causes = reverse("admin:reconciliation_cause_changelist")
    rows = []
    for row in state.causes:
        cause, owner = row.cause, getattr(row.work, "owner", None)
        rows.append(
            [
                Cell(
                    text=privacy.mask_text(row.sentence) or str(cause),
                    url=reverse("admin:reconciliation_cause_change", args=[cause.pk]),
                ),
                text("urgent" if row.urgent else "", tone="bad"),
                Cell(text=words(cause.code), url=f"{causes}?code={cause.code}"),
                text(f"{row.cases:,}"),
                text(amounts(row.money) or "–"),
                text(ago(row.oldest_at, state.now), tone="bad" if row.due_at < state.now else ""),
                text(owner.get_username() if owner else "nobody", tone="" if owner else "quiet"),
            ]
        )
    headers = ["Cause", "", "Code", "Cases", "Money at risk", "Oldest", "Owner"]
    return table(
        "What needs a person",
        headers,
        rows,
        empty="Nothing needs a person now.",
        link=text("All causes", url=causes),
    )


def lag_of(flows: list[Flow], connection_id: int) -> float:
    """How long the first of what waits of a connection has been due, in seconds, either way."""
    return max((flow.lag_seconds for flow in flows if flow.connection_id == connection_id), default=0.0)


def _connections(state: State) -> Panel:
    rows = []
    for each in state.states:
        how, lag = condition(each, state.now), lag_of(state.flows, each.connection_id)
        parked = sum(flow.parked for flow in state.flows if flow.connection_id == each.connection_id)
        rows.append(
            [
                Cell(text=each.connection.name, url=subject_cell(f"connection:{each.connection_id}").url),
                text(each.connection.mode, tone={"off": "bad", "shadow": "warn"}.get(each.connection.mode, "")),
                text(how.state.value, tone=how.tone),
                text(how.sentence if how.state.value not in {"ok", "never called yet"} else ""),
                text(span(lag) if lag else "nothing due"),
                text(f"{parked:,}" if parked else "none", tone="bad" if parked else ""),
                text(ago(each.last_success_at, state.now)),
            ]
        )
    headers = ["Connection", "Mode", "State", "Why", "Lag", "Parked", "Last success"]
    return table(
        "Connections",
        headers,
        rows,
        empty="There is no connection yet.",
        link=text("Flows", url=reverse("admin:flows")),
    )


def facts() -> dict[str, Any]:
    """The same as plain values, for ``manage.py status --json``."""
    state = read()
    return {
        "at": state.now,
        "warnings": [{"name": one.name, "sentence": one.sentence, "tone": one.tone} for one in state.alarms],
        "causes": [
            {
                "cause": row.cause.public_id,
                "code": row.cause.code,
                "sentence": privacy.mask_text(row.sentence),
                "urgent": row.urgent,
                "cases": row.cases,
                "money": {currency: str(amount) for currency, amount in row.money.items()},
                "oldest_at": row.oldest_at,
                "owner": row.work.owner.get_username() if row.work and row.work.owner else None,
            }
            for row in state.causes
        ],
        "figures": [_fact(figure, state) for figure in FIGURES],
        "connections": [
            {
                "name": each.connection.name,
                "mode": each.connection.mode,
                "state": condition(each, state.now).state.value,
                "sentence": condition(each, state.now).sentence,
                "lag_seconds": round(lag_of(state.flows, each.connection_id), 1),
                "last_success_at": each.last_success_at,
            }
            for each in state.states
        ],
    }


def _fact(figure: Figure, state: State) -> dict[str, Any]:
    values, target = state.values.get(figure.name, {}), state.targets[figure.name]
    number, tone, _ = shown(figure, values, target)
    return {
        "name": figure.name,
        "label": figure.label,
        "unit": figure.unit,
        "shown": number,
        "tone": tone,
        "values": {part: str(value) for part, value in values.items()},
        "warn_at": f"{target.warn_at.normalize():f}",
        "bad_at": f"{target.bad_at.normalize():f}",
        "taken_at": state.taken.get(figure.name, state.now),
    }

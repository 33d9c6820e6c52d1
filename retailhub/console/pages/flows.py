"""What moves and what waits: each connection by direction and lane, and the standing looks at stores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from integrations import flow_reads
from integrations import selectors as pipes
from integrations.conditions import Condition, condition, is_paused
from integrations.flow_reads import CAP, Flow, Look
from integrations.look_words import looks_panel
from integrations.states import Lane
from retailhub.core import clock
from retailhub.core.admin import Cell, Panel, table, text
from retailhub.core.admin.parts import subject_url
from retailhub.core.admin.words import moment, span, words

RENEW_SECONDS = 5
WAYS = {"i": "in", "o": "out"}
LISTS = {"i": "integrations_inboxmessage", "o": "integrations_outboxmessage"}


@dataclass(frozen=True, kw_only=True)
class Block:
    """One connection: how it is, its flows, its looks, and what this person may do."""

    name: str
    url: str
    mode: str
    how: Condition
    retry: str
    flows: Panel
    looks: Panel
    acts: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that the page shows, as values."""

    now: dt.datetime
    states: list[Any]
    flows: list[Flow]
    looks: list[Look]


def read() -> State:
    """Read it all: as many queries whatever there is."""
    return State(
        now=clock.now(),
        states=pipes.connection_states(),
        flows=flow_reads.flows(with_rates=True),
        looks=flow_reads.looks(),
    )


def view(request: HttpRequest) -> HttpResponse:
    """The page, or the part of it that renews itself."""
    state = read()
    shown = {
        "blocks": [_block(each, state, request) for each in state.states],
        "renew_seconds": RENEW_SECONDS,
        "as_of": state.now,
    }
    if request.headers.get("X-Live"):
        return TemplateResponse(request, "console/flows_parts.html", shown)
    request.current_app = admin.site.name
    frame = {**admin.site.each_context(request), "title": "Flows"}
    return TemplateResponse(request, "console/flows.html", {**frame, **shown})


def _block(each: Any, state: State, request: HttpRequest) -> Block:
    key = each.connection_id
    flows = [flow for flow in state.flows if flow.connection_id == key]
    looks = [look for look in state.looks if look.connection_id == key]
    waits = [at for at in (each.retry_at, each.writes_retry_at) if at and at > state.now]
    return Block(
        name=each.connection.name,
        url=subject_url(f"connection:{key}"),
        mode=each.connection.mode,
        how=condition(each, state.now),
        retry=f"Retry at {moment(max(waits))} UTC." if waits else "",
        flows=_flows(each.connection.name, flows),
        looks=looks_panel(f"Looks at {each.connection.name}", looks, state.now),
        acts=_acts(each, state.now, request),
    )


def _acts(each: Any, now: dt.datetime, request: HttpRequest) -> list[tuple[str, str]]:
    name, label = ("resume", "Resume") if is_paused(each, now) or each.retry_at else ("pause", "Pause")
    if not request.user.has_perm(f"console.{name}_connection"):
        return []
    return [(label, reverse("admin:integrations_connection_act", args=[each.connection_id, name]))]


def _number(number: int) -> str:
    return f"{number:,}" if number < CAP else f"{CAP:,} or more"


def _flows(name: str, flows: Sequence[Flow]) -> Panel:
    rows = []
    for flow in flows:
        address = reverse(f"admin:{LISTS[flow.direction]}_changelist")
        parked = f"{address}?status=parked"
        waiting = Cell(text=_number(flow.pending), url=f"{address}?status=pending" if flow.pending else "")
        rows.append(
            [
                text(f"{WAYS[flow.direction]}, {words(Lane(flow.lane).name.lower())}"),
                waiting,
                text(span(flow.oldest_seconds) if flow.pending else "–"),
                text(span(flow.lag_seconds) if flow.pending else "–", tone="warn" if flow.lag_seconds > 300 else ""),
                text(_number(flow.in_flight)),
                Cell(
                    text=_number(flow.parked),
                    url=parked if flow.parked else "",
                    tone="bad" if flow.parked else "",
                ),
                text(f"{flow.rate:.1f}"),
            ]
        )
    headers = ["Flow", "Waits", "Oldest", "Lag", "In flight", "Parked", "A minute"]
    empty = "Nothing waits, and nothing has moved in the last five minutes."
    return table(f"Flows of {name}", headers, rows, empty=empty)


def facts() -> dict[str, Any]:
    """The same as plain values, for ``manage.py status --json``."""
    state = read()
    names = {each.connection_id: each.connection.name for each in state.states}
    return {
        "flows": [
            {
                "connection": names[flow.connection_id],
                "direction": WAYS[flow.direction],
                "lane": Lane(flow.lane).name.lower(),
                "pending": flow.pending,
                "in_flight": flow.in_flight,
                "parked": flow.parked,
                "oldest_seconds": round(flow.oldest_seconds, 1),
                "lag_seconds": round(flow.lag_seconds, 1),
                "per_minute": flow.rate,
            }
            for flow in state.flows
            if flow.connection_id in names
        ],
        "looks": [
            {
                "connection": names[look.connection_id],
                "kind": look.kind.value,
                "last_done_at": look.finished_at,
                "next_at": look.due_at,
                "share": look.share,
                "seen": look.seen,
                "total": look.total,
                "failures": look.failures,
                "code": look.code,
            }
            for look in state.looks
        ],
    }

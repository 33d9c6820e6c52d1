"""Connections: is it healthy, what waits, and pausing it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from integrations import connections, selectors
from integrations.connectors.registry import kind_named
from integrations.models import Connection, ConnectionState, SalesRoute
from integrations.ports.errors import Misconfigured
from integrations.states import Lane, Mode
from retailhub.core import clock
from retailhub.core.admin import (
    Act,
    Doing,
    Fact,
    ModelAdmin,
    Panel,
    ReasonForm,
    choice_filter,
    display,
    table,
    text,
)
from retailhub.core.admin.words import ago, moment, span, words

SECRET_WORDS = ("secret", "password", "token", "key", "credential")
HIDDEN = "hidden"
MODE_TONES = {Mode.LIVE.value: "success", Mode.SHADOW.value: "warning", Mode.OFF.value: "danger"}
WAYS = {"i": "in", "o": "out"}


def condition(state: ConnectionState, now: dt.datetime) -> tuple[str, str]:
    """How a connection is, in words, with a tone (good, warn, bad, quiet)."""
    if state.paused_at and (state.paused_until is None or state.paused_until > now):
        end = f"until {moment(state.paused_until)}" if state.paused_until else "until resumed"
        return f"paused by {state.paused_by} {end}: {state.paused_reason}", "warn"
    if state.last_failure_code:
        wait = f"; next call {ago(state.retry_at, now)}" if state.retry_at and state.retry_at > now else ""
        return (
            f"fails since its last success {ago(state.last_success_at, now)}: {words(state.last_failure_code)}{wait}",
            "bad",
        )
    if state.retry_at and state.retry_at > now:
        return f"asked us to wait; next call {ago(state.retry_at, now)}", "warn"
    if state.last_success_at:
        return f"works; last success {ago(state.last_success_at, now)}", "good"
    return "never called yet", "quiet"


def refused(state: ConnectionState) -> str:
    """Deliveries that were refused, in words; empty when none was."""
    counts = (
        (state.refused_signature, "with a wrong signature"),
        (state.refused_unsigned, "unsigned"),
        (state.refused_too_large, "too large"),
    )
    return ", ".join(f"{number} {why}" for number, why in counts if number)


def shown_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without anything whose name says that it is a secret."""
    return {
        name: HIDDEN if any(word in name.lower() for word in SECRET_WORDS) else value
        for name, value in settings.items()
    }


class PauseForm(ReasonForm):
    hours = forms.IntegerField(
        min_value=1, max_value=720, required=False, help_text="Empty: until somebody resumes it."
    )


class ModeForm(ReasonForm):
    mode = forms.ChoiceField(choices=[(mode.value, mode.value) for mode in Mode])
    live_from = forms.DateTimeField(
        required=False,
        help_text="UTC, such as 2026-03-01 00:00. A live store needs it; empty keeps what is set.",
    )

    def prepare(self, subject: Any) -> None:
        self.fields["mode"].initial = subject.mode


def _pause(doing: Doing) -> str:
    hours = doing.values["hours"]
    until = doing.now + dt.timedelta(hours=hours) if hours else None
    connections.pause(name=doing.subject.name, until=until, actor=doing.actor, reason=doing.reason, now=doing.now)
    return f"Nothing is sent to {doing.subject.name} {f'until {moment(until)}' if until else 'until it is resumed'}."


def _resume(doing: Doing) -> str:
    connections.resume(name=doing.subject.name, actor=doing.actor, reason=doing.reason, now=doing.now)
    return f"{doing.subject.name} goes on."


def _set_mode(doing: Doing) -> str:
    connections.set_mode(
        name=doing.subject.name,
        mode=doing.values["mode"],
        live_from=doing.values["live_from"],
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    return f"{doing.subject.name} is {doing.values['mode']} now."


def _waiting(row: Connection) -> bool:
    return row.state.paused_at is not None or row.state.retry_at is not None


@admin.register(Connection)
class ConnectionAdmin(ModelAdmin):
    """Connections with their condition. Credentials are never read here."""

    list_display = ("name", "kind", "mode_label", "condition_words", "waits", "refusals")
    list_filter = (choice_filter("mode", "mode", [mode.value for mode in Mode]),)
    search_exact = ("name",)
    ordering = ("name",)
    acts = (
        Act(
            name="pause",
            label="Pause",
            permission="console.pause_connection",
            form=PauseForm,
            run=_pause,
            preview=lambda row: (
                f"Nothing is sent to {row} while it is paused. Work is held, deliveries are still taken in."
            ),
            why_not=lambda row: "It is paused already." if row.state.paused_at else "",
        ),
        Act(
            name="resume",
            label="Resume",
            permission="console.resume_connection",
            run=_resume,
            preview=lambda row: f"What waits for {row} is sent again from now on, oldest first.",
            why_not=lambda row: "" if _waiting(row) else "It is not paused.",
        ),
        Act(
            name="mode",
            label="Change mode",
            permission="console.set_connection_mode",
            form=ModeForm,
            run=_set_mode,
            preview=lambda row: (
                f"{row} is {row.mode}. Off: intake is kept, nothing is worked. Shadow: everything but"
                " outside effects. Live: all."
            ),
            expected=(Misconfigured,),
            danger=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        rows: QuerySet[Connection] = super().get_queryset(request)
        return rows.select_related("state").defer("credentials")

    def enrich(self, rows: list[Any]) -> None:
        now, queues = clock.now(), selectors.queues()
        for row in rows:
            row.now, row.queues = now, [queue for queue in queues if queue.connection_id == row.pk]

    @display(description="Mode", label=MODE_TONES)
    def mode_label(self, row: Connection) -> str:
        return row.mode

    @display(description="Condition")
    def condition_words(self, row: Any) -> str:
        return condition(row.state, row.now)[0]

    @display(description="Waits")
    def waits(self, row: Any) -> str:
        parts = []
        for direction, way in WAYS.items():
            pending = [q for q in row.queues if q.direction == direction and q.status == "pending"]
            if pending:
                oldest = max(queue.oldest_due_seconds for queue in pending)
                parts.append(f"{sum(q.count for q in pending)} {way}, oldest {span(oldest)}")
        parked = sum(queue.count for queue in row.queues if queue.status == "parked")
        return "; ".join([*parts, *([f"{parked} parked"] if parked else [])]) or "nothing"

    @display(description="Refused deliveries")
    def refusals(self, row: Connection) -> str:
        return refused(row.state) or "none"

    def facts(self, request: HttpRequest, obj: Any) -> Sequence[Fact]:
        now, state = clock.now(), obj.state
        said, tone = condition(state, now)
        failure = (
            f"{moment(state.last_failure_at)}, {ago(state.last_failure_at, now)}" if state.last_failure_at else "never"
        )
        facts = [
            Fact("Kind", text(obj.kind)),
            Fact("Mode", text(obj.mode, tone={"live": "good", "off": "bad"}.get(obj.mode, "warn"))),
            Fact("Condition", text(said, tone=tone)),
            Fact(
                "Last success",
                text(
                    f"{moment(state.last_success_at)}, {ago(state.last_success_at, now)}"
                    if state.last_success_at
                    else "never"
                ),
            ),
            Fact("Last failure", text(failure)),
            Fact("Live from", text(moment(obj.live_from) if obj.live_from else "not set")),
            Fact("Refused deliveries", text(refused(state) or "none", tone="warn" if refused(state) else "")),
            Fact("Calls at once, at most", text(obj.max_in_flight)),
            Fact("Settle time", text(f"{obj.settle_seconds} s")),
            Fact("Catalogue read", text(moment(state.catalogue_synced_at))),
        ]
        if kind_named(obj.kind).role == "store":
            held = state.writes_retry_at if state.writes_retry_at and state.writes_retry_at > now else None
            writes = f"held until {moment(held)} {state.writes_failure_code}".rstrip() if held else "go on"
            facts.append(Fact("Writes", text(writes, tone="warn" if held else "")))
            facts.append(
                Fact("Webhook address", text(request.build_absolute_uri(f"{connections.INTAKE}{obj.name}/"), mono=True))
            )
        return facts

    def panels(self, request: HttpRequest, obj: Any) -> Sequence[Panel]:
        queues = [queue for queue in selectors.queues() if queue.connection_id == obj.pk]
        routes = SalesRoute.objects.select_related("store", "sink", "region").defer(
            "store__credentials", "sink__credentials"
        )
        rows = [
            [
                text(WAYS[q.direction]),
                text(Lane(q.lane).name.lower()),
                text(words(q.status)),
                text(q.count),
                text(span(q.oldest_due_seconds)),
            ]
            for q in queues
        ]
        return [
            table(
                "Queues",
                ["Way", "Lane", "Status", "Messages", "Oldest due since"],
                rows,
                empty="Nothing waits.",
            ),
            table(
                "Routes",
                ["Store", "Region", "Goes to"],
                [
                    [text(route.store.name), text(route.region.code), text(route.sink.name)]
                    for route in routes
                    if obj.pk in {route.store_id, route.sink_id}
                ],
                empty="No route begins or ends here.",
            ),
            Panel(title="Settings", template="console/panels/json.html", data=shown_settings(obj.settings)),
            *self.admin_site.panels_about(f"connection:{obj.pk}"),
        ]

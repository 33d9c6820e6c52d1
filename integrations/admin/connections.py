"""Connections: is it healthy, what waits, and pausing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from integrations import connections, flow_reads
from integrations.admin import connection_panels
from integrations.admin.connection_acts import ACTS
from integrations.conditions import condition
from integrations.connectors.registry import kind_named
from integrations.models import Connection, ConnectionState, SalesRoute
from integrations.states import Lane, Mode
from retailhub.core import clock
from retailhub.core.admin import (
    Fact,
    ModelAdmin,
    Panel,
    choice_filter,
    display,
    table,
    text,
)
from retailhub.core.admin.words import ago, moment, span

SECRET_WORDS = ("secret", "password", "token", "key", "credential")
HIDDEN = "hidden"
MODE_TONES = {Mode.LIVE.value: "success", Mode.SHADOW.value: "warning", Mode.OFF.value: "danger"}
WAYS = {"i": "in", "o": "out"}


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


@admin.register(Connection)
class ConnectionAdmin(ModelAdmin):
    """Connections with their condition. Credentials are never read here."""

    list_display = ("name", "kind", "mode_label", "condition_words", "waits", "refusals")
    list_filter = (choice_filter("mode", "mode", [mode.value for mode in Mode]),)
    search_exact = ("name",)
    ordering = ("name",)
    acts = ACTS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        rows: QuerySet[Connection] = super().get_queryset(request)
        return rows.select_related("state").defer("credentials")

    def enrich(self, rows: list[Any]) -> None:
        now, flows = clock.now(), flow_reads.flows()
        for row in rows:
            row.now, row.flows = now, [flow for flow in flows if flow.connection_id == row.pk]

    @display(description="Mode", label=MODE_TONES)
    def mode_label(self, row: Connection) -> str:
        return row.mode

    @display(description="Condition")
    def condition_words(self, row: Any) -> str:
        return condition(row.state, row.now).sentence

    @display(description="Waits")
    def waits(self, row: Any) -> str:
        parts = []
        for direction, way in WAYS.items():
            pending = [flow for flow in row.flows if flow.direction == direction and flow.pending]
            if pending:
                oldest = max(flow.lag_seconds for flow in pending)
                parts.append(f"{sum(flow.pending for flow in pending)} {way}, oldest {span(oldest)}")
        parked = sum(flow.parked for flow in row.flows)
        return "; ".join([*parts, *([f"{parked} parked"] if parked else [])]) or "nothing"

    @display(description="Refused deliveries")
    def refusals(self, row: Connection) -> str:
        return refused(row.state) or "none"

    def facts(self, request: HttpRequest, obj: Any) -> Sequence[Fact]:
        now, state = clock.now(), obj.state
        how = condition(state, now)
        failure = (
            f"{moment(state.last_failure_at)}, {ago(state.last_failure_at, now)}" if state.last_failure_at else "never"
        )
        facts = [
            Fact("Kind", text(obj.kind)),
            Fact("Mode", text(obj.mode, tone={"live": "good", "off": "bad"}.get(obj.mode, "warn"))),
            Fact("State", text(how.state.value, tone=how.tone)),
            Fact("Condition", text(how.sentence, tone=how.tone)),
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
        flows = [flow for flow in flow_reads.flows() if flow.connection_id == obj.pk]
        routes = SalesRoute.objects.select_related("store", "sink", "region").defer(
            "store__credentials", "sink__credentials"
        )
        rows = [
            [
                text(WAYS[flow.direction]),
                text(Lane(flow.lane).name.lower()),
                text(flow.pending),
                text(span(flow.lag_seconds) if flow.pending else "–"),
                text(flow.in_flight),
                text(flow.parked, tone="bad" if flow.parked else ""),
            ]
            for flow in flows
        ]
        return [
            connection_panels.doctor(obj),
            *connection_panels.store(obj),
            table(
                "Queues",
                ["Way", "Lane", "Waits", "Oldest due since", "In flight", "Parked"],
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

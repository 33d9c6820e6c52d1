"""Triage: causes first, each with its open cases summed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse

from reconciliation import selectors
from reconciliation.admin.replay_links import plan_for, replays_of
from reconciliation.admin.shared import (
    CODE_CHOICES,
    MapSkuForm,
    map_preview,
    map_sku,
    not_about_sku,
    replay_preview,
    runbook,
)
from reconciliation.models import Case, Cause
from reconciliation.services import replays
from reconciliation.services.replay_runs import NotNow
from retailhub.core import clock
from retailhub.core.admin import (
    Act,
    Cell,
    Doing,
    Fact,
    ModelAdmin,
    Panel,
    choice_filter,
    display,
    subject_cell,
    table,
    text,
)
from retailhub.core.admin.words import ago, amounts, moment, money, words

SHOWN = 100


class OpenFilter(admin.SimpleListFilter):
    """Causes with open cases, unless all are asked for."""

    title = "cases"
    parameter_name = "cases"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("all", "also without open cases")]

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield {**choice, "display": "open" if choice["display"] == "All" else choice["display"]}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Cause]) -> QuerySet[Cause]:
        opened = Case.objects.filter(cause=OuterRef("pk"), state=Case.State.OPEN)
        return queryset if self.value() == "all" else queryset.filter(Exists(opened))


def _replay(doing: Doing) -> str | HttpResponse:
    cause = doing.subject
    what = replays.plan_cases(cause=cause.public_id)
    title = f"{words(cause.code).capitalize()}: {cause.key}" if cause.key else words(cause.code).capitalize()
    return plan_for(doing, what, source=f"cause:{cause.public_id}", title=title)


@admin.register(Cause)
class CauseAdmin(ModelAdmin):
    public_prefix = "cause_"
    list_display = (
        "sentence",
        "code_words",
        "open_cases",
        "money_at_risk",
        "first_seen",
        "last_seen",
        "connection_name",
    )
    list_filter = (OpenFilter, choice_filter("code", "code", CODE_CHOICES), "connection")
    search_exact = ("code", "key", "public_id")
    acts = (
        Act(
            name="map_sku",
            label="Map this SKU",
            permission="console.map_sku",
            form=MapSkuForm,
            run=map_sku,
            preview=map_preview,
            why_not=not_about_sku,
            expected=(ValueError,),
        ),
        Act(
            name="replay",
            label="Replay its cases",
            permission="console.replay",
            run=_replay,
            preview=lambda cause: replay_preview(replays.plan_cases(cause=cause.public_id)),
            expected=(NotNow,),
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cause]:
        rows = Cause.objects.all()
        opened = Case.objects.filter(cause=OuterRef("pk"), state=Case.State.OPEN).order_by().values("cause")
        number = Coalesce(
            Subquery(opened.annotate(number=Count("pk")).values("number"), output_field=IntegerField()),
            Value(0),
        )
        return rows.select_related("connection").defer("connection__credentials").annotate(opened=number)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-opened", "-id")

    def enrich(self, rows: list[Any]) -> None:
        now, sums = clock.now(), selectors.sums_of(cause_ids=[row.pk for row in rows])
        for row in rows:
            row.now, row.sum = now, sums.get(row.pk, selectors.NOTHING)

    @display(description="Cause")
    def sentence(self, row: Any) -> str:
        return row.sum.sentence or selectors.sentence_of(row)

    @display(description="Code", ordering="code")
    def code_words(self, row: Cause) -> str:
        return words(row.code)

    @display(description="Open cases", ordering="opened")
    def open_cases(self, row: Any) -> int:
        return int(row.opened)

    @display(description="Money at risk")
    def money_at_risk(self, row: Any) -> str:
        return amounts(row.sum.money) or "–"

    @display(description="First seen", ordering="first_seen_at")
    def first_seen(self, row: Any) -> str:
        return ago(row.first_seen_at, row.now)

    @display(description="Last seen")
    def last_seen(self, row: Any) -> str:
        return ago(row.sum.last_seen_at, row.now) if row.sum.last_seen_at else "–"

    @display(description="Connection")
    def connection_name(self, row: Cause) -> str:
        return row.connection.name if row.connection else "–"

    def title_of(self, obj: Cause) -> str:
        return f"{words(obj.code).capitalize()}: {obj.key}" if obj.key else words(obj.code).capitalize()

    def lead(self, request: HttpRequest, obj: Cause) -> str:
        found = selectors.sums_of(cause_ids=[obj.pk]).get(obj.pk, selectors.NOTHING)
        return found.sentence or selectors.sentence_of(obj)

    def facts(self, request: HttpRequest, obj: Any) -> Sequence[Fact]:
        found = selectors.sums_of(cause_ids=[obj.pk]).get(obj.pk, selectors.NOTHING)
        store = subject_cell(f"connection:{obj.connection_id}", obj.connection.name) if obj.connection else text("–")
        return [
            Fact("Code", text(obj.code, mono=True)),
            Fact("Value at fault", text(obj.key or "–", mono=bool(obj.key))),
            Fact("Connection", store),
            Fact("Open cases", text(found.count, tone="bad" if found.count else "good")),
            Fact("Money at risk", text(amounts(found.money) or "–")),
            Fact("First seen", text(moment(obj.first_seen_at))),
            Fact("Last seen", text(moment(found.last_seen_at))),
        ]

    def panels(self, request: HttpRequest, obj: Cause) -> Sequence[Panel]:
        opened = Case.objects.filter(cause=obj, state=Case.State.OPEN).order_by("-id")[:SHOWN]
        names = self.admin_site.names([case.subject for case in opened])
        rows = [
            [
                subject_cell(f"case:{case.public_id}"),
                subject_cell(case.subject, names.get(case.subject, "")),
                text(money(case.money_at_risk, case.currency) or "–"),
                text(moment(case.opened_at)),
            ]
            for case in opened
        ]
        link = Cell(text="All its cases", url=f"../../../case/?cause__id__exact={obj.pk}&state=all")
        note = f"The newest {SHOWN}." if len(rows) == SHOWN else ""
        headers = ["Case", "About", "Money at risk", "Opened"]
        panels = [table("Open cases", headers, rows, note=note, link=link), replays_of(f"cause:{obj.public_id}")]
        return [*filter(None, panels), runbook(obj.code)]

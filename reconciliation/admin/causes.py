"""Triage: causes first, each with its open cases summed; the page of one cause."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse

from reconciliation import selectors
from reconciliation.admin.replay_links import plan_for, replays_of
from reconciliation.admin.shared import (
    MapSkuForm,
    map_preview,
    map_sku,
    not_about_sku,
    replay_preview,
    runbook,
)
from reconciliation.admin.triage import TriagePages
from reconciliation.admin.triage_views import VIEW_ACTS
from reconciliation.admin.work_acts import CAUSE_ACTS, work_facts
from reconciliation.models import Case, Cause
from reconciliation.selectors import triage
from reconciliation.selectors.past import past_causes
from reconciliation.services import bulk, replays
from reconciliation.services.acts import NotPossible
from reconciliation.services.replay_runs import NotNow
from retailhub.core import clock, privacy
from retailhub.core.admin import (
    Act,
    Cell,
    Doing,
    Fact,
    ModelAdmin,
    Moment,
    Panel,
    subject_cell,
    table,
    text,
)
from retailhub.core.admin.words import amounts, moment, money, span, words
from retailhub.core.cli import counted

SHOWN = 100
SECONDS = 1.0


def _replay(doing: Doing) -> str | HttpResponse:
    cause = doing.subject
    what = replays.plan_cases(cause=cause.public_id)
    title = f"{words(cause.code).capitalize()}: {cause.key}" if cause.key else words(cause.code).capitalize()
    return plan_for(doing, what, source=f"cause:{cause.public_id}", title=title)


def _with_cases(act: str, told: str) -> Callable[[Doing], str | HttpResponse]:
    def run(doing: Doing) -> str | HttpResponse:
        row = bulk.begin(
            act=act,
            cause_ids=[doing.subject.pk],
            query=doing.subject.public_id,
            change=None,
            actor=doing.actor,
            reason=doing.reason,
            now=doing.now,
        )
        row = bulk.go_on(pk=row.pk, seconds=SECONDS, now=doing.now)
        if row.finished_at is None:
            return HttpResponseRedirect(reverse("admin:reconciliation_cause_progress", args=[row.public_id]))
        return f"{counted(row.total - row.left, 'case')} {told}"

    return run


def _in_state(cause: Cause, state: str) -> QuerySet[Case]:
    return Case.objects.filter(cause=cause, state=state)


def _ignoring(cause: Cause) -> str:
    number = counted(_in_state(cause, "open").count(), "open case")
    return f"Nothing will be done about {number}: messages stay parked, orders held."


@admin.register(Cause)
class CauseAdmin(TriagePages, ModelAdmin):
    public_prefix = "cause_"
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
        *CAUSE_ACTS,
        Act(
            name="ignore",
            label="Ignore its cases",
            permission="console.ignore_case",
            run=_with_cases(bulk.IGNORE, "ignored."),
            preview=_ignoring,
            why_not=lambda cause: "" if _in_state(cause, "open").exists() else "It has no open case.",
            expected=(NotPossible,),
            danger=True,
        ),
        Act(
            name="reopen",
            label="Take ignoring back",
            permission="console.ignore_case",
            run=_with_cases(bulk.REOPEN, "open again."),
            preview=lambda cause: (
                f"{counted(_in_state(cause, 'ignored').count(), 'ignored case')} will need a person again."
            ),
            why_not=lambda cause: "" if _in_state(cause, "ignored").exists() else "None of its cases is ignored.",
            expected=(NotPossible,),
        ),
    )
    list_acts = VIEW_ACTS

    def get_urls(self) -> list[URLPattern]:
        return [*self.triage_urls(), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cause]:
        rows: QuerySet[Cause] = super().get_queryset(request)
        return rows.select_related("connection", "work__owner").defer("connection__credentials")

    @staticmethod
    def _now(obj: Any) -> triage.Row | None:
        """What is open of it, asked for once for each page."""
        if not hasattr(obj, "open_now"):
            obj.open_now = triage.row_of(cause_id=obj.pk)
        row: triage.Row | None = obj.open_now
        return row

    def title_of(self, obj: Cause) -> str:
        return f"{words(obj.code).capitalize()}: {obj.key}" if obj.key else words(obj.code).capitalize()

    def lead(self, request: HttpRequest, obj: Cause) -> str:
        row = self._now(obj)
        return privacy.mask_text(row.sentence if row else "") or selectors.sentence_of(obj)

    def facts(self, request: HttpRequest, obj: Any) -> Sequence[Fact]:
        row = self._now(obj)
        store = subject_cell(f"connection:{obj.connection_id}", obj.connection.name) if obj.connection else text("–")
        return [
            Fact("Code", text(obj.code, mono=True)),
            Fact("Value at fault", text(obj.key or "–", mono=bool(obj.key))),
            Fact("Connection", store),
            Fact("Open cases", text(f"{row.cases:,}" if row else 0, tone="bad" if row else "good")),
            Fact("Money at risk", text((amounts(row.money) if row else "") or "–")),
            Fact("First seen", text(moment(obj.first_seen_at))),
            Fact("Last seen", text(moment(row.seen_at) if row else "–")),
            *([_clock(row, clock.now())] if row else []),
            *work_facts(obj),
        ]

    def panels(self, request: HttpRequest, obj: Cause) -> Sequence[Panel]:
        found = [
            self._opened(obj),
            replays_of(f"cause:{obj.public_id}"),
            runbook(obj.code),
            _history(obj),
            _past(obj),
        ]
        return [panel for panel in found if panel is not None]

    def _opened(self, obj: Cause) -> Panel:
        opened = list(Case.objects.filter(cause=obj, state=Case.State.OPEN).order_by("-opened_at")[:SHOWN])
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
        return table("Open cases", ["Case", "About", "Money at risk", "Opened"], rows, note=note, link=link)


def _clock(row: triage.Row, now: dt.datetime) -> Fact:
    late = now > row.due_at
    due = f"was due {moment(row.due_at)}" if late else f"due {moment(row.due_at)}"
    return Fact(
        "Clock", text(f"open for {span((now - row.oldest_at).total_seconds())}, {due}", tone="bad" if late else "")
    )


def _history(cause: Cause) -> Panel:
    events = list(cause.events.order_by("-id")[:SHOWN])[::-1]
    moments = [
        Moment(at=event.at, kind=event.what, what=event.actor, detail=privacy.mask_text(event.note)) for event in events
    ]
    note = f"The newest {SHOWN}." if len(moments) == SHOWN else ""
    return Panel(title="History", template="console/panels/timeline.html", data=moments, note=note)


def _past(cause: Cause) -> Panel:
    rows = [
        [
            subject_cell(f"cause:{each.public_id}", f"{words(each.code)} {each.key}".strip()),
            text(each.like),
            text(f"{moment(each.closed_at)}"),
            text(privacy.mask_text(each.because) or "–"),
            text(privacy.mask_text(each.act) or "no person's act"),
        ]
        for each in past_causes(cause=cause)
    ]
    headers = ["Cause", "What is alike", "Closed", "Why", "After"]
    return table("Similar causes, and what closed them", headers, rows, empty="None has been closed yet.")

"""Replays: the plan before it goes, how far it is, what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from reconciliation import selectors
from reconciliation.admin.replay_items import TONES
from reconciliation.admin.replay_links import planned
from reconciliation.admin.shared import CODE_CHOICES
from reconciliation.models import ReplayItem, ReplayRun
from reconciliation.selectors import OpenCase
from reconciliation.services import replay_reads, replay_runs, replays
from reconciliation.services.replay_reads import STAGES
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
    ReasonForm,
    choice_filter,
    display,
    subject_cell,
    table,
    text,
)
from retailhub.core.admin.parts import subject_url
from retailhub.core.admin.words import amounts, moment, money, words
from retailhub.core.cli import counted
from retailhub.core.models import AuditEntry

State = ReplayRun.State
LABELS = {
    "planned": "info",
    "waits for another person": "warning",
    "trying one": "info",
    "trying ten": "info",
    "doing the rest": "info",
    "done": "success",
    "stopped": "danger",
    "cancelled": "warning",
}
SHOWN = 20
OVER = (State.DONE.value, State.CANCELLED.value)


class PlanForm(ReasonForm):
    """What is to be done again: all open cases of a code, or messages by name."""

    code = forms.ChoiceField(
        label="Open cases of this code",
        required=False,
        choices=[("", "–"), *((code, label) for code, label in CODE_CHOICES)],
    )
    messages = forms.CharField(
        label="Or these messages", required=False, max_length=20_000, help_text="Names such as msg_i12 msg_o34."
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if bool(values.get("code")) == bool((values.get("messages") or "").strip()):
            raise forms.ValidationError("Choose a code, or name messages.")
        return values


class StartForm(ReasonForm):
    """The reason was given with the plan."""

    reason = None  # type: ignore[assignment]


class GoOnForm(ReasonForm):
    """Whether what surprised is done again."""

    again = forms.BooleanField(
        label="Do what surprised again, first", required=False, initial=True, help_text="Else it is left as it is."
    )


def _plan(doing: Doing) -> HttpResponse:
    code, names = doing.values["code"], doing.values["messages"].replace(",", " ").split()
    what = replays.plan_cases(code=code) if code else replays.plan_messages(list(dict.fromkeys(names)))
    run = replay_runs.plan(
        what=what,
        source=f"code:{code}" if code else "messages",
        title=f"All open cases of {words(code)}" if code else f"{counted(len(names), 'message')} by name",
        author=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    return planned(doing.request, run)


def _start(doing: Doing) -> str:
    run = replay_runs.start(run_id=doing.subject.pk, actor=doing.actor, now=doing.now)
    if run.state == State.AWAITING_APPROVAL:
        return "It waits for another person to approve it."
    return "It goes: one first, then ten, then the rest."


def _approve(doing: Doing) -> str:
    replay_runs.approve(run_id=doing.subject.pk, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "Approved. It goes: one first, then ten, then the rest."


def _refuse(doing: Doing) -> str:
    replay_runs.refuse(run_id=doing.subject.pk, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "Not approved: nothing of it is done."


def _go_on(doing: Doing) -> str:
    replay_runs.go_on(
        run_id=doing.subject.pk,
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
        again=doing.values["again"],
    )
    return "It goes on, with one first."


def _cancel(doing: Doing) -> str:
    run = replay_runs.cancel(run_id=doing.subject.pk, actor=doing.actor, reason=doing.reason, now=doing.now)
    return run.why


def _only(*states: str) -> Any:
    return lambda run: "" if run.state in states else f"The replay is {STAGES[run.state]}."


def _start_preview(run: ReplayRun) -> str:
    what = f"{counted(run.item_count, 'order or message', 'orders and messages')}"
    if run.approval_needed:
        return f"{what}: another person has to approve it before anything is done."
    return f"{what}: one first, then ten, then the rest. It stops at the first that does not end well."


@admin.register(ReplayRun)
class ReplayRunAdmin(ModelAdmin):
    public_prefix = "rpl_"
    list_display = ("what", "state_label", "size", "sum", "author", "planned")
    list_filter = (choice_filter("state", "state", [(state.value, STAGES[state]) for state in State]),)
    search_exact = ("public_id", "source", "author_name")
    list_acts = (
        Act(
            name="plan",
            label="Plan a replay",
            permission="console.replay",
            form=PlanForm,
            run=_plan,
            preview=lambda _: "Nothing is done yet: you see what would be sent, and start it then.",
            expected=(NotNow, replays.NothingToReplay),
        ),
    )
    acts = (
        Act(
            name="start",
            label="Start",
            permission="console.replay",
            form=StartForm,
            run=_start,
            preview=_start_preview,
            why_not=_only(State.PLANNED),
            expected=(NotNow,),
        ),
        Act(
            name="approve",
            label="Approve",
            permission="console.approve_replay",
            run=_approve,
            preview=lambda run: f"{run.author_name} wants this: {run.reason}. {_start_preview(run).partition(':')[0]}.",
            why_not=_only(State.AWAITING_APPROVAL),
            expected=(NotNow,),
        ),
        Act(
            name="refuse",
            label="Do not approve",
            permission="console.approve_replay",
            run=_refuse,
            preview=lambda run: f"Nothing of what {run.author_name} has planned is done.",
            why_not=_only(State.AWAITING_APPROVAL),
            expected=(NotNow,),
            danger=True,
        ),
        Act(
            name="go_on",
            label="Go on",
            permission="console.replay",
            form=GoOnForm,
            run=_go_on,
            preview=lambda run: f"{run.why} It begins again with one.",
            why_not=_only(State.STOPPED),
            expected=(NotNow,),
        ),
        Act(
            name="cancel",
            label="Cancel",
            permission="console.replay",
            run=_cancel,
            preview=lambda _run: "What has not begun stays as it is. What is on its way is finished and told.",
            why_not=lambda run: f"The replay is {STAGES[run.state]}." if run.state in OVER else "",
            expected=(NotNow,),
            danger=True,
        ),
    )

    @display(description="Replay")
    def what(self, run: ReplayRun) -> str:
        return privacy.mask_text(run.title)

    @display(description="State", label=LABELS)
    def state_label(self, run: ReplayRun) -> str:
        return STAGES[run.state]

    @display(description="Orders and messages")
    def size(self, run: ReplayRun) -> str:
        return f"{run.item_count:,}"

    @display(description="Money")
    def sum(self, run: ReplayRun) -> str:
        return _money(run)

    @display(description="Planned by")
    def author(self, run: ReplayRun) -> str:
        return run.author_name

    @display(description="Planned", ordering="id")
    def planned(self, run: ReplayRun) -> str:
        return moment(run.planned_at)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/progress/", wrap(self.progress_view), name="reconciliation_replayrun_progress"),
            path("<path:object_id>/items.csv", wrap(self.csv_view), name="reconciliation_replayrun_csv"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        obj = self.find(request, object_id)
        more = {"progress": replay_reads.progress(obj, now=clock.now()), "run": obj, **(extra_context or {})}
        answer = super().change_view(request, object_id, form_url, more)
        if isinstance(answer, TemplateResponse):
            answer.template_name = "console/replay.html"
        return answer

    def progress_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The part of the page that changes, for the script that asks for it every two seconds."""
        obj = self.find(request, object_id)
        shown = {"progress": replay_reads.progress(obj, now=clock.now()), "run": obj}
        return TemplateResponse(request, "console/replay_progress.html", shown)

    def csv_view(self, request: HttpRequest, object_id: str) -> HttpResponse | StreamingHttpResponse:
        obj = self.find(request, object_id)
        answer = StreamingHttpResponse(replay_reads.report(obj), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="{obj.public_id}.csv"'
        return answer

    def title_of(self, obj: ReplayRun) -> str:
        return privacy.mask_text(f"Replay: {obj.title}")

    def facts(self, request: HttpRequest, obj: ReplayRun) -> Sequence[Fact]:
        kind = obj.source.partition(":")[0]
        source = subject_cell(obj.source) if kind in {"cause", "case"} else text(words(obj.source.replace(":", ": ")))
        found = [
            Fact("Replay", text(obj.public_id, mono=True)),
            Fact("From", source),
            Fact("Orders and messages", text(f"{obj.item_count:,}, {counted(obj.message_count, 'parked message')}")),
            Fact("Money", text(_money(obj))),
            Fact("Stores", text(", ".join(replay_reads.connections_of(obj)) or "–")),
            Fact("Planned by", text(f"{obj.author_name}, {moment(obj.planned_at)}")),
            Fact("Why", text(obj.reason)),
        ]
        if obj.approval_needed:
            given = f"{obj.approver_name}, {moment(obj.approved_at)}: {obj.approval_reason}"
            found.append(Fact("Approved by", text(given if obj.approver_name else "nobody yet")))
        return found

    def panels(self, request: HttpRequest, obj: ReplayRun) -> Sequence[Panel]:
        found = []
        surprised = replay_reads.surprises(obj)
        if surprised:
            found.append(self._table("What did not end well", obj, surprised))
        if obj.state in {State.PLANNED, State.AWAITING_APPROVAL, State.STOPPED}:
            found.append(_preview(obj))
        found.append(self._table("Orders and messages", obj, replay_reads.first_items(obj, SHOWN), link=True))
        if obj.left:
            rows = [[text(name, mono=True), text(why)] for name, why in obj.left.items()]
            found.append(table("Named, and left as it is", ["What", "Why"], rows))
        return [*found, _history(obj)]

    def _table(self, title: str, run: ReplayRun, items: Sequence[ReplayItem], *, link: bool = False) -> Panel:
        names = self.admin_site.names([item.subject for item in items])
        cases = {} if link else selectors.open_cases_by_subject([item.subject for item in items])
        rows = [
            [
                subject_cell(item.subject, names.get(item.subject, "")),
                text(money(item.amount, item.currency) or "–"),
                text(words(item.state), tone=TONES.get(item.state, "")),
                text(privacy.mask_text(item.result) or "–", url=_case_url(cases.get(item.subject, []))),
                text(item.effect or "–", mono=bool(item.effect)),
            ]
            for item in items
        ]
        every = Cell(text="All of them", url=f"../../../replayitem/?run__id__exact={run.pk}") if link else None
        note = f"The first {SHOWN} of {run.item_count:,}." if link and run.item_count > SHOWN else ""
        return table(title, ["About", "Amount", "State", "What came of it", "There as"], rows, note=note, link=every)


def _case_url(opened: Sequence[OpenCase]) -> str:
    """The newest open case."""
    return subject_url(f"case:{opened[-1].public_id}") if opened else ""


def _money(run: ReplayRun) -> str:
    return amounts({currency: Decimal(total) for currency, total in run.money.items()}) or "–"


def _preview(run: ReplayRun) -> Panel:
    return Panel(
        title="What would be sent now",
        template="console/replay_preview.html",
        data=replay_reads.preview(run, now=clock.now()),
        note="The first of them, as they would be sent at this moment. Nothing has been sent.",
    )


def _history(run: ReplayRun) -> Panel:
    entries = AuditEntry.objects.filter(subject=f"replay:{run.public_id}").order_by("at")
    moments = [
        Moment(at=each.at, kind=words(each.action).removesuffix(" replay"), what=each.actor_name, detail=each.reason)
        for each in entries[:200]
    ]
    return Panel(title="Who did what", template="console/panels/timeline.html", data=moments)

"""Cases: what happened, who can mend it, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from reconciliation.admin import case_page
from reconciliation.admin.case_acts import ACTS
from reconciliation.admin.case_maps import MAPS
from reconciliation.admin.case_state import state_of
from reconciliation.admin.replay_links import plan_for, replay_of
from reconciliation.admin.shared import (
    CODE_CHOICES,
    SIDE_LABELS,
    SIDES,
    MapSkuForm,
    map_preview,
    map_sku,
    not_about_sku,
    replay_preview,
)
from reconciliation.admin.work_acts import CASE_ACTS, work_facts
from reconciliation.codes import Side
from reconciliation.models import Case
from reconciliation.services import acts, replays
from retailhub.core import privacy
from retailhub.core.admin import (
    Act,
    Doing,
    Fact,
    ModelAdmin,
    choice_filter,
    display,
    subject_cell,
    text,
)
from retailhub.core.admin.words import moment, money, words
from retailhub.core.cli import counted

STATE_LABELS = {"open": "danger", "closed": "success", "ignored": "info"}
STATE_TONES = {"open": "bad", "closed": "good", "ignored": "quiet"}


def _replay(doing: Doing) -> str | HttpResponse:
    case = doing.subject
    what = replays.plan_cases(case=case.public_id)
    return plan_for(doing, what, source=f"case:{case.public_id}", title=words(case.code).capitalize())


def _ignore(doing: Doing) -> str:
    acts.ignore_case(case_id=doing.subject.pk, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "The case is ignored."


def _reopen(doing: Doing) -> str:
    acts.reopen_case(case_id=doing.subject.pk, actor=doing.actor, reason=doing.reason, now=doing.now)
    return "The case is open again."


def _not_mappable(case: Case) -> str:
    return "The case is closed." if case.state == Case.State.CLOSED else not_about_sku(case)


@admin.register(Case)
class CaseAdmin(ModelAdmin):
    public_prefix = "case_"
    list_display = ("told", "code_words", "state_label", "side", "about", "at_risk", "opened")
    list_filter = (
        choice_filter("state", "state", [state.value for state in Case.State], default="open"),
        choice_filter("code", "code", CODE_CHOICES),
        choice_filter("owner_side", "owner", [side.value for side in Side]),
    )
    search_exact = ("public_id", "subject", "code")
    acts = (
        Act(
            name="map_sku",
            label="Map this SKU",
            permission="console.map_sku",
            form=MapSkuForm,
            run=map_sku,
            preview=lambda case: map_preview(case.cause),
            why_not=_not_mappable,
            expected=(ValueError,),
        ),
        *MAPS,
        Act(
            name="replay",
            label="Replay",
            permission="console.replay",
            run=_replay,
            preview=lambda case: replay_preview(replays.plan_cases(case=case.public_id)),
            why_not=lambda case: "The case is closed: its work has gone on." if case.state == Case.State.CLOSED else "",
        ),
        *ACTS,
        Act(
            name="ignore",
            label="Ignore",
            permission="console.ignore_case",
            run=_ignore,
            preview=lambda _case: "Nothing will be done about it: its message stays parked, its order held.",
            why_not=lambda case: "" if case.state == Case.State.OPEN else f"The case is {case.state}.",
            expected=(acts.NotPossible,),
            danger=True,
        ),
        Act(
            name="reopen",
            label="Open again",
            permission="console.ignore_case",
            run=_reopen,
            preview=lambda _case: "The case needs a person again.",
            why_not=lambda case: "" if case.state == Case.State.IGNORED else f"The case is {case.state}.",
            expected=(acts.NotPossible,),
        ),
        *CASE_ACTS,
    )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "cause__id__exact" or bool(super().lookup_allowed(lookup, value, request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        rows: QuerySet[Case] = super().get_queryset(request)
        related = ("cause__connection", "work__owner", "cause__work__owner")
        return rows.select_related(*related).defer("cause__connection__credentials")

    def enrich(self, rows: list[Any]) -> None:
        names = self.admin_site.names([row.subject for row in rows])
        for row in rows:
            row.about_name = names.get(row.subject, row.subject.partition(":")[2])

    @display(description="Case", ordering="id")
    def told(self, case: Case) -> str:
        return privacy.mask_text(case.sentence)

    @display(description="Code")
    def code_words(self, case: Case) -> str:
        return words(case.code)

    @display(description="State", label=STATE_LABELS)
    def state_label(self, case: Case) -> str:
        return case.state

    @display(description="Owner", label=SIDE_LABELS)
    def side(self, case: Case) -> str:
        return words(case.owner_side)

    @display(description="About")
    def about(self, case: Any) -> str:
        return str(case.about_name)

    @display(description="Money at risk")
    def at_risk(self, case: Case) -> str:
        return money(case.money_at_risk, case.currency) or "–"

    @display(description="Opened")
    def opened(self, case: Case) -> str:
        return moment(case.opened_at)

    def title_of(self, obj: Case) -> str:
        return words(obj.code).capitalize()

    def lead(self, request: HttpRequest, obj: Case) -> str:
        return privacy.mask_text(obj.sentence)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        case = self.find(request, object_id)
        name = self.admin_site.names([case.subject]).get(case.subject, "")
        context = {
            **self.frame(request),
            "title": self.title_of(case),
            "lead": self.lead(request, case),
            "case": case,
            "state_tone": STATE_TONES[case.state],
            "who": SIDES.get(case.owner_side, case.owner_side),
            "fault": case_page.fault_of(case, name),
            "said": case_page.standing_words(state_of(case)),
            "runbook": case_page.what_to_do(case.code),
            "facts": self.facts(request, case),
            "panels": case_page.panels_of(case, self.admin_site, request.GET),
            "history": case_page.history_panel(case),
            **self._acts(request, case),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "console/case.html", context)

    def _acts(self, request: HttpRequest, case: Case) -> dict[str, Any]:
        """The likely fix by itself, then the other acts, then those that leave the work undone."""
        found = self.acts_for(request, case)
        by_name = {each["act"].name: each for each in found}
        wanted = [case_page.FIRST_ACT.get(case.code, ""), "take_back" if state_of(case).given_up else "", "replay"]
        first = next((by_name[name] for name in wanted if name in by_name), None)
        team = [each for each in found if each["act"] in CASE_ACTS]
        return {
            "first": first,
            "rest": [each for each in found if each is not first and each not in team],
            "team": team,
        }

    def facts(self, request: HttpRequest, obj: Case) -> Sequence[Fact]:
        cause = obj.cause
        store = (
            subject_cell(f"connection:{cause.connection_id}", cause.connection.name) if cause.connection else text("–")
        )
        times = f"{obj.seen_count} times" if obj.seen_count != 1 else "once"
        again = f"; reopened {counted(obj.reopened_count, 'time')}" if obj.reopened_count else ""
        closed = f"{moment(obj.closed_at)}: {privacy.mask_text(obj.closed_because)}" if obj.closed_at else "–"
        return [
            Fact("Money at risk", text(money(obj.money_at_risk, obj.currency) or "–")),
            Fact("Cause", subject_cell(f"cause:{cause.public_id}", str(cause))),
            Fact("Connection", store),
            *work_facts(obj, cause),
            Fact("Opened", text(moment(obj.opened_at))),
            Fact("Seen", text(f"{times}, last {moment(obj.last_seen_at)}{again}")),
            *([Fact("Closed", text(closed))] if obj.closed_at else []),
            Fact("Case", text(obj.public_id, mono=True)),
            Fact("Code", text(obj.code, mono=True)),
            *filter(None, [replay_of(case_id=obj.pk, subject=obj.subject)]),
        ]

"""What inbound and outbound messages have in common on their pages."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django import forms
from django.contrib.admin import site as admin_site
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from integrations import selectors
from integrations.models import ExchangeRecord
from integrations.states import Lane, Outcome, Status
from retailhub.core import audit, privacy
from retailhub.core.admin import (
    Act,
    Cell,
    Doing,
    Fact,
    ModelAdmin,
    Panel,
    ReasonForm,
    Refused,
    Site,
    choice_filter,
    display,
    subject_cell,
    table,
    text,
)
from retailhub.core.admin.words import moment, words

site = cast(Site, admin_site)
TONES = {"pending": "", "in_flight": "", "done": "good", "parked": "bad", "cancelled": "quiet"}
LABELS = {
    "done": "success",
    "parked": "danger",
    "pending": "info",
    "in flight": "info",
    "cancelled": "warning",
}
STATUSES = [status.value for status in Status]
OUTCOMES = [outcome.value for outcome in Outcome if outcome.value]
LANES = [(str(lane.value), lane.name.lower()) for lane in Lane]


def replay(doing: Doing) -> str:
    """Send one message back to work."""
    row = doing.subject
    sent = row.shown_by.admin_site.replay([str(row)], actor=doing.actor, reason=doing.reason, now=doing.now)
    if not sent:
        raise Refused(f"{row} is not parked any more.")
    return f"{row} is worked again."


REPLAY = Act(
    name="replay",
    label="Replay",
    permission="console.replay",
    run=replay,
    preview=lambda row: (
        f"{row} goes back to work. What may have reached the other system is looked for before it is sent."
    ),
    why_not=lambda row: (
        "" if row.status == "parked" else f"It is {words(row.status)}: only what is parked is replayed."
    ),
)


def unmask(doing: Doing) -> HttpResponse:
    """Show bodies and calls with the personal data in them, and write down that they were shown."""
    admin = doing.subject.shown_by
    audit.record(
        actor=doing.actor,
        action="see_personal_data",
        subject=f"message:{doing.subject}",
        reason=doing.reason,
        now=doing.now,
    )
    context = {
        **admin.frame(doing.request),
        "title": f"Message {doing.subject} with personal data",
        "back": admin.url_of(doing.subject),
        "lead": "What you see here was written down in the audit.",
        "panels": admin.contents(doing.subject, unmasked=True),
    }
    return TemplateResponse(doing.request, "console/record.html", context)


UNMASK = Act(
    name="unmask",
    label="Show personal data",
    permission="console.see_personal_data",
    run=unmask,
    preview=lambda row: f"Bodies and calls of {row} are shown in full, once. That you saw them is kept in the audit.",
)


def shown_call(call: ExchangeRecord, *, mark: bytes, unmasked: bool) -> dict[str, Any]:
    """One call; its bodies only when they are about this message, as one claim's messages share their calls."""
    sent, received = bytes(call.sent), bytes(call.received)
    answered = call.status if call.status is not None else call.error or "nothing"
    shown: dict[str, Any] = {"answered": answered, "seconds": round(call.seconds, 3)}
    if mark not in call.url.encode() + sent + received:
        return {**shown, "bodies": "not about this message"}
    for name, body in (("sent", sent), ("received", received)):
        shown[name] = privacy.body_for_people(body, unmasked=unmasked) if body else ""
    return shown


class ParkedInForm(ReasonForm):
    """Which of the parked messages: those of one code."""

    direction = "i"
    code = forms.ChoiceField(label="Parked messages of this code")

    def prepare(self, subject: Any) -> None:
        choices = [
            (code, f"{words(code)} ({number:,})")
            for direction, code, number in selectors.parked_by_code()
            if direction == self.direction
        ]
        self.fields["code"].choices = choices  # type: ignore[attr-defined]


class ParkedOutForm(ParkedInForm):
    direction = "o"


def plan_replay(direction: str, doing: Doing) -> HttpResponse:
    """Plan to do the parked messages of a code again, and show the plan."""
    code = doing.values["code"]
    names = selectors.parked_names(direction=direction, code=code)
    url = site.plan_replay(
        names, title=f"Parked messages of {words(code)}", actor=doing.actor, reason=doing.reason, now=doing.now
    )
    return HttpResponseRedirect(url)


def plan_act(direction: str) -> Act:
    """The act of a list of messages: all that is parked with a code, in one plan."""
    return Act(
        name="plan",
        label="Plan a replay",
        permission="console.replay",
        form={"i": ParkedInForm, "o": ParkedOutForm}[direction],
        run=functools.partial(plan_replay, direction),
        preview=lambda _: "Nothing is done yet: you see what would be sent, and start it then, one before the others.",
    )


class MessageAdmin(ModelAdmin):
    """Base of the two kinds of message."""

    direction: ClassVar[str]
    search_exact: Sequence[str] = ("id", "subject")
    list_filter = (
        choice_filter("status", "status", STATUSES),
        choice_filter("outcome", "outcome", OUTCOMES),
        choice_filter("lane", "lane", LANES),
        "connection",
    )
    acts = (REPLAY, UNMASK)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("connection").defer("connection__credentials")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By our id (``12``, ``msg_i12``), else by what it is about or the reference it carries: each by its index."""
        term = search_term.strip().replace("\0", "")
        digits = term.removeprefix(f"msg_{self.direction}")
        if not term:
            return queryset, False
        if digits.isascii() and digits.isdigit():
            return queryset.filter(pk=int(digits)) if len(digits) < 19 else queryset.none(), False
        subjects = [term] if ":" in term else selectors.subjects_of_reference(term)
        return queryset.filter(subject__in=subjects).exclude(subject=""), False

    def find(self, request: HttpRequest, object_id: str) -> Any:
        row = super().find(request, object_id.removeprefix(f"msg_{self.direction}"))
        row.shown_by = self
        return row

    @display(description="Message", ordering="id")
    def name(self, row: Any) -> str:
        return str(row)

    @display(description="Status", label=LABELS)
    def status_label(self, row: Any) -> str:
        return words(row.status)

    @display(description="Connection")
    def connection_name(self, row: Any) -> str:
        return str(row.connection.name)

    def title_of(self, obj: Any) -> str:
        return f"Message {obj}"

    def lead(self, request: HttpRequest, obj: Any) -> str:
        if not obj.code and not obj.detail:
            return ""
        return self.admin_site.sentence(code=obj.code, outcome=obj.outcome, detail=privacy.mask_text(obj.detail))

    def shared_facts(self, obj: Any) -> list[Fact]:
        """What both directions show."""
        outcome = f", {words(obj.outcome)}" if obj.outcome else ""
        return [
            Fact("Connection", subject_cell(f"connection:{obj.connection_id}", obj.connection.name)),
            Fact("Status", text(f"{words(obj.status)}{outcome}", tone=TONES[obj.status])),
            Fact("About", subject_cell(obj.subject, self.admin_site.names([obj.subject]).get(obj.subject, ""))),
            Fact("Code", text(obj.code or "–", mono=True)),
            Fact("Detail", text(privacy.mask_text(obj.detail) or "–")),
            Fact("Attempts", text(obj.attempts)),
            Fact("Due", text(moment(obj.due_at) if obj.status == "pending" else "–")),
            Fact("Finished", text(moment(obj.finished_at))),
            Fact("Lane", text(Lane(obj.lane).name.lower())),
            Fact("Shard", text(obj.shard, mono=True)),
            Fact("Trace", text(obj.trace_id, mono=True)),
        ]

    def bodies(self, obj: Any, *, unmasked: bool) -> list[Panel]:
        """The bodies of a message, as panels."""
        raise NotImplementedError

    def fences(self, obj: Any) -> list[int]:
        """Under which fences calls were made for the message."""
        raise NotImplementedError

    def mark(self, obj: Any) -> bytes:
        """What a call holds when it is about this message; empty when every call is."""
        return b""

    def contents(self, obj: Any, *, unmasked: bool) -> list[Panel]:
        """Bodies, and the calls that were made, as panels."""
        calls = selectors.exchanges_of(fences=self.fences(obj))
        return self.bodies(obj, unmasked=unmasked) + [
            Panel(
                title=f"{call.method} {call.url if unmasked else privacy.mask_text(call.url)}",
                template="console/panels/json.html",
                data=shown_call(call, mark=self.mark(obj), unmasked=unmasked),
                note=moment(call.started_at),
            )
            for call in calls
        ]

    def on_demand(self, request: HttpRequest, obj: Any) -> Sequence[Panel]:
        """Bodies and calls, masked, when they were asked for; otherwise the way to ask."""
        if request.GET.get("show") == "contents":
            return self.contents(obj, unmasked=False)
        link = Cell(text="Show bodies and calls", url="?show=contents")
        return [
            table(
                "Bodies and calls",
                [],
                [],
                empty="Not shown unless asked for; personal data is masked.",
                link=link,
            )
        ]

"""What people do about a cause or a case while it is open: take, give, tag, note, put off. Forms and acts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from django import forms

from reconciliation.models import Case
from reconciliation.models.work import TAG_LENGTH
from reconciliation.selectors import triage
from reconciliation.services import work
from reconciliation.services.acts import NotPossible
from reconciliation.services.work import Change, Do
from retailhub.core import clock
from retailhub.core.admin import Act, Doing, Fact, ReasonForm, text
from retailhub.core.admin.words import moment

WORK_CASE = "console.work_case"
HOURS = (("1", "an hour"), ("4", "4 hours"), ("24", "a day"), ("72", "3 days"), ("168", "a week"))


class ClaimForm(ReasonForm):
    """Taking needs no story."""

    def prepare(self, subject: Any) -> None:
        self.fields["reason"].initial = "I look into it."


class AssignForm(ReasonForm):
    person = forms.ChoiceField(help_text="Who has it from now on.")

    def prepare(self, subject: Any) -> None:
        self.fields["person"].choices = triage.people()  # type: ignore[attr-defined]


class TagForm(ReasonForm):
    tag = forms.CharField(max_length=TAG_LENGTH, help_text="One word or a few, such as: asked the shop.")


class UntagForm(ReasonForm):
    tag = forms.ChoiceField()

    def prepare(self, subject: Any) -> None:
        state = work_of(subject)
        used = state.tags if state is not None else triage.tags()
        self.fields["tag"].choices = [(tag, tag) for tag in used]  # type: ignore[attr-defined]


class NoteForm(ReasonForm):
    def prepare(self, subject: Any) -> None:
        self.fields["reason"].label = "Note"
        self.fields["reason"].help_text = "Kept in the history with your name."


class SnoozeForm(ReasonForm):
    hours = forms.ChoiceField(label="For", choices=HOURS, initial="24")
    until = forms.DateTimeField(
        label="Or until",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="In UTC; counts in place of the above. It comes back by itself.",
    )


FORMS: Mapping[Do, type[ReasonForm]] = {
    Do.CLAIM: ClaimForm,
    Do.ASSIGN: AssignForm,
    Do.RELEASE: ReasonForm,
    Do.TAG: TagForm,
    Do.UNTAG: UntagForm,
    Do.NOTE: NoteForm,
    Do.SNOOZE: SnoozeForm,
    Do.WAKE: ReasonForm,
}
LABELS = {
    Do.CLAIM: "Claim",
    Do.ASSIGN: "Assign",
    Do.RELEASE: "Release",
    Do.TAG: "Tag",
    Do.UNTAG: "Take a tag off",
    Do.NOTE: "Note",
    Do.SNOOZE: "Snooze",
    Do.WAKE: "Wake",
}
PREVIEWS = {
    Do.CLAIM: "It is yours from now on. What somebody else has stays theirs.",
    Do.ASSIGN: "It is theirs from now on, whoever had it.",
    Do.RELEASE: "Nobody has it any more.",
    Do.TAG: "It can be found by the tag.",
    Do.UNTAG: "The tag is taken off.",
    Do.NOTE: "The note is added to the history. Leave out what customers would not want to be kept.",
    Do.SNOOZE: "It is out of the list until then, whatever happens to it; the work behind it goes on.",
    Do.WAKE: "It is in the list again.",
}
DONE = {
    Do.CLAIM: "It is yours.",
    Do.ASSIGN: "It is assigned.",
    Do.RELEASE: "It is released.",
    Do.TAG: "The tag is on it.",
    Do.UNTAG: "The tag is off it.",
    Do.NOTE: "The note is kept.",
    Do.SNOOZE: "It is put off.",
    Do.WAKE: "It is back in the list.",
}


def change_of(do: Do, doing: Doing) -> Change:
    """What the form's answers say."""
    values = doing.values
    if do == Do.CLAIM:
        return Change(do=do, owner_id=doing.actor.pk, owner_name=doing.actor.get_username())
    if do == Do.ASSIGN:
        key = int(values["person"])
        return Change(do=do, owner_id=key, owner_name=dict(triage.people())[key])
    if do == Do.SNOOZE:
        until = values["until"] or doing.now + dt.timedelta(hours=int(values["hours"]))
        return Change(do=do, until=until)
    return Change(do=do, tag=values.get("tag", ""))


def work_of(subject: Any) -> Any:
    """The working state of a cause or case; nothing where nobody did anything about it."""
    return getattr(subject, "work", None)


def _why_not(do: Do) -> Callable[[Any], str]:
    def why_not(subject: Any) -> str:
        if isinstance(subject, Case) and subject.state != Case.State.OPEN and do != Do.NOTE:
            return f"The case is {subject.state}."
        state = work_of(subject)
        missing = {
            Do.RELEASE: state is None or state.owner_id is None,
            Do.UNTAG: state is None or not state.tags,
            Do.WAKE: state is None or state.snoozed_until is None or state.snoozed_until <= clock.now(),
        }
        told = {Do.RELEASE: "Nobody has it.", Do.UNTAG: "It has no tag.", Do.WAKE: "It is not put off."}
        return told[do] if missing.get(do) else ""

    return why_not


def _run(do: Do, about: str) -> Callable[[Doing], str]:
    def run(doing: Doing) -> str:
        work.work_on(
            about=about,
            pk=doing.subject.pk,
            name=doing.subject.public_id,
            change=change_of(do, doing),
            actor=doing.actor,
            reason=doing.reason,
            now=doing.now,
        )
        return DONE[do]

    return run


def _acts(about: str) -> tuple[Act, ...]:
    tail = " All its open cases go with it." if about == work.OF_CAUSE else ""

    def preview_of(do: Do) -> Callable[[Any], str]:
        return lambda _subject: PREVIEWS[do] + tail

    return tuple(
        Act(
            name=do.value,
            label=LABELS[do],
            permission=WORK_CASE,
            form=FORMS[do],
            run=_run(do, about),
            preview=preview_of(do),
            why_not=_why_not(do),
            expected=(NotPossible,),
        )
        for do in Do
    )


CAUSE_ACTS = _acts(work.OF_CAUSE)
CASE_ACTS = _acts(work.OF_CASE)


def work_facts(subject: Any, cause: Any = None) -> list[Fact]:
    """Who has it, tags, until when it is put off; of a case also what is said of its ``cause``."""
    own, above = work_of(subject), work_of(cause) if cause is not None else None
    owner = next((state.owner for state in (own, above) if state is not None and state.owner_id), None)
    until = max((s.snoozed_until for s in (own, above) if s is not None and s.snoozed_until), default=None)
    tags = sorted({tag for state in (own, above) if state is not None for tag in state.tags})
    found = [Fact("Owner", text(owner.get_username() if owner else "nobody", tone="" if owner else "quiet"))]
    if tags:
        found.append(Fact("Tags", text(", ".join(tags))))
    if until is not None and until > clock.now():
        found.append(Fact("Put off until", text(moment(until))))
    return found

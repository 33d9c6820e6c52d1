"""Acts on many causes at once: what was picked on the page, or all that matches a filter on every page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from reconciliation.admin.work_acts import FORMS, LABELS, PREVIEWS, WORK_CASE, change_of
from reconciliation.models import Cause
from reconciliation.selectors import triage
from reconciliation.selectors.triage import BadFilter, Filter
from reconciliation.services import bulk
from reconciliation.services.acts import NotPossible
from reconciliation.services.work import Do
from retailhub.core.admin import Act, Doing, ReasonForm
from retailhub.core.cli import counted

SECONDS = 1.0
PICKED = "pick"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The causes that an act is about, and how they were chosen."""

    cause_ids: list[int]
    count: int
    """How many causes, or cases where the act is about cases."""
    noun: str
    query: str
    back: str

    @classmethod
    def of(cls, request: HttpRequest, *, act: str, now: dt.datetime) -> Selection:
        """From the page's address: ``all=1`` and a filter, or ``pick=cause_…`` for each. Raises `BadFilter`."""
        chosen = Filter.of(request.GET.dict())
        names = request.GET.getlist(PICKED)
        if request.GET.get("all"):
            keys, query = bulk.choose(chosen=chosen, person_id=request.user.pk, now=now), chosen.query
        else:
            keys = list(Cause.objects.filter(public_id__in=names).order_by("pk").values_list("pk", flat=True))
            query = f"{PICKED}={len(keys)}"
        if not keys:
            raise BadFilter("Nothing is selected.")
        of_cases = act == bulk.IGNORE
        number = len(triage.open_cases_of(cause_ids=keys)) if of_cases else len(keys)
        return cls(
            cause_ids=keys,
            count=number,
            noun="open case" if of_cases else "cause",
            query=query,
            back=chosen.query,
        )

    @property
    def name(self) -> str:
        """What the act's page calls it."""
        return counted(self.count, self.noun)


class Counted(ReasonForm):
    """A form that knows how many were shown: where more match when it is sent, it is shown again."""

    shown = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, subject: Any = None, **kwargs: Any) -> None:
        self.selection = subject
        super().__init__(*args, subject=subject, **kwargs)
        self.fields["shown"].initial = subject.count

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("shown") is not None and values["shown"] < self.selection.count:
            self.data = {**self.data.dict(), "shown": self.selection.count}  # type: ignore[attr-defined]
            raise forms.ValidationError(f"Now {self.selection.name} match. Look again, and confirm.")
        return values


def _form(do: str) -> type[ReasonForm]:
    base = FORMS[Do(do)] if do in list(Do) else ReasonForm
    return type(f"Bulk{base.__name__}", (Counted, base), {})


def _run(act: str) -> Callable[[Doing], str | HttpResponse]:
    def run(doing: Doing) -> str | HttpResponse:
        picked: Selection = doing.subject
        row = bulk.begin(
            act=act,
            cause_ids=picked.cause_ids,
            query=picked.query,
            change=change_of(Do(act), doing) if act in list(Do) else None,
            actor=doing.actor,
            reason=doing.reason,
            now=doing.now,
        )
        row = bulk.go_on(pk=row.pk, seconds=SECONDS, now=doing.now)
        if row.finished_at is None:
            return HttpResponseRedirect(reverse("admin:reconciliation_cause_progress", args=[row.public_id]))
        left = f" {row.left} had nothing to change." if row.left else ""
        return f"Done with {counted(row.total, picked.noun)}.{left}"

    return run


def _preview(told: str) -> Callable[[Any], str]:
    return lambda picked: f"Selected now: {picked.name}. For each: {told}"


IGNORED = "nothing will be done about it. Its message stays parked, its order held."


def _act(name: str, label: str, permission: str, told: str, *, danger: bool = False) -> Act:
    return Act(
        name=name,
        label=label,
        permission=permission,
        form=_form(name),
        run=_run(name),
        preview=_preview(told),
        expected=(NotPossible,),
        danger=danger,
    )


ACTS = (
    *(_act(do.value, LABELS[do], WORK_CASE, PREVIEWS[do][:1].lower() + PREVIEWS[do][1:]) for do in Do),
    _act(bulk.IGNORE, "Ignore", "console.ignore_case", IGNORED, danger=True),
)

"""Keeping a view of triage: for oneself, or for everybody."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from reconciliation.selectors.triage import BadFilter, Filter
from reconciliation.services import views
from retailhub.core.admin import Act, Doing, ReasonForm

TOLD = "The filter and the order of the list, as you see them now, under a name."


class ViewForm(ReasonForm):
    """A name is all that is asked for."""

    reason = None  # type: ignore[assignment]
    name = forms.CharField(max_length=60, help_text="A view of yours that has this name already is replaced.")
    first = forms.BooleanField(label="Open triage with it", required=False)


def _save(*, shared: bool) -> Callable[[Doing], HttpResponse]:
    def save(doing: Doing) -> HttpResponse:
        view = views.save_view(
            name=doing.values["name"],
            chosen=Filter.of(doing.request.GET.dict()),
            shared=shared,
            first=doing.values["first"],
            actor=doing.actor,
            now=doing.now,
        )
        shown = view.query or "view=everything"
        return HttpResponseRedirect(f"{reverse('admin:reconciliation_cause_changelist')}?{shown}")

    return save


VIEW_ACTS = (
    Act(
        name="save_view",
        label="Save this view",
        permission="reconciliation.view_cause",
        form=ViewForm,
        run=_save(shared=False),
        preview=lambda _nothing: TOLD,
        expected=(BadFilter,),
    ),
    Act(
        name="share_view",
        label="Share this view",
        permission="console.share_view",
        form=ViewForm,
        run=_save(shared=True),
        preview=lambda _nothing: f"{TOLD} Everybody sees it.",
        expected=(BadFilter,),
    ),
)

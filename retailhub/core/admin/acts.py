"""Acts of people: a POST with permission, reason and preview, one service call, one audit row (by the service)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold import widgets

from retailhub.core import clock


class Refused(Exception):
    """The act cannot be done now; the message says why and is shown."""


WIDGETS: dict[type[forms.Field], type[forms.Widget]] = {
    forms.CharField: widgets.UnfoldAdminTextInputWidget,
    forms.ChoiceField: widgets.UnfoldAdminSelectWidget,
    forms.IntegerField: widgets.UnfoldAdminIntegerFieldWidget,
    forms.DecimalField: widgets.UnfoldAdminDecimalFieldWidget,
    forms.DateTimeField: widgets.UnfoldAdminTextInputWidget,
}
PLAIN = {forms.TextInput, forms.NumberInput, forms.DateTimeInput, forms.Select}
"""Widgets that are dressed; what a form chose itself stays."""


class ReasonForm(forms.Form):
    """What every act asks for. Subclasses add fields and may fill choices from the object in `prepare`."""

    reason = forms.CharField(
        min_length=3,
        max_length=500,
        widget=widgets.UnfoldAdminTextareaWidget({"rows": 3}),
        help_text="Kept in the audit with your name.",
    )

    def __init__(self, *args: Any, subject: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepare(subject)
        for shown in self.fields.values():
            if type(shown.widget) is forms.Textarea:
                shown.widget = widgets.UnfoldAdminTextareaWidget(shown.widget.attrs)
            kind = WIDGETS.get(type(shown))
            if kind is not None and type(shown.widget) in PLAIN:
                choices = getattr(shown, "choices", None)
                shown.widget = kind(attrs=shown.widget_attrs(shown.widget))
                if choices is not None:
                    shown.widget.choices = choices
        self.order_fields(self.field_order or [name for name in self.fields if name != "reason"])

    def prepare(self, subject: Any) -> None:
        """Fill choices and initial values from the object."""


@dataclass(frozen=True)
class Doing:
    """One act being done: by whom, on what, with which answers."""

    request: HttpRequest
    subject: Any
    values: dict[str, Any]
    now: dt.datetime

    @property
    def actor(self) -> Any:
        return self.request.user

    @property
    def reason(self) -> str:
        return str(self.values["reason"])


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing a person may do with an object.

    ``run`` makes one service call and answers with a sentence to show, or with a page. ``preview`` says what will
    happen; ``why_not`` says why it cannot be done now, or nothing. ``expected`` errors of the service are shown.
    """

    name: str
    label: str
    permission: str
    run: Callable[[Doing], str | HttpResponse]
    preview: Callable[[Any], str]
    form: type[ReasonForm] = ReasonForm
    why_not: Callable[[Any], str] = field(default=lambda _subject: "")
    expected: tuple[type[Exception], ...] = ()
    danger: bool = False

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (Refused, *self.expected)


def perform(act: Act, request: HttpRequest, subject: Any, *, context: dict[str, Any], back: str) -> HttpResponse:
    """Show the act's form (GET) or do it (POST). Raises ``PermissionDenied`` for who may not do it."""
    if not request.user.has_perm(act.permission):
        raise PermissionDenied(act.permission)
    if request.method not in {"GET", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    refusal = act.why_not(subject)
    form = act.form(request.POST if request.method == "POST" else None, subject=subject)
    if request.method == "POST" and not refusal and form.is_valid():
        try:
            answer = act.run(Doing(request, subject, form.cleaned_data, clock.now()))
        except act.errors as error:
            form.add_error(None, str(error))
        else:
            if isinstance(answer, HttpResponse):
                return answer
            messages.success(request, answer)
            return HttpResponseRedirect(back)
    shown = {
        **context,
        "title": act.label,
        "act": act,
        "form": form,
        "refusal": refusal,
        "preview": "" if refusal else act.preview(subject),
        "back": back,
    }
    status = 409 if request.method == "POST" and refusal else 200
    return TemplateResponse(request, "console/act.html", shown, status=status)

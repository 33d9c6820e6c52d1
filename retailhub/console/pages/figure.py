"""One figure: its trend as a chart and as a table, and its target, which people may change."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from retailhub.console import charts, figures, trends
from retailhub.console.figures import BY_NAME, BadTarget, Figure
from retailhub.console.pages import home
from retailhub.core import clock
from retailhub.core.admin import Act, Doing, Panel, ReasonForm, table, text
from retailhub.core.admin.acts import perform
from retailhub.core.admin.words import moment

SPANS = {
    "24h": ("Last 24 hours", dt.timedelta(days=1), 900, 3600),
    "7d": ("Last 7 days", dt.timedelta(days=7), 7200, 6 * 3600),
}
"""By name: label, how long, and seconds of one step of the chart and of one row of the table."""
CHANGE = "console.manage_notices"
"""A target says from when on people are warned, as notices do."""
UNITS = {figures.COUNT: "", figures.SECONDS: " (seconds)", figures.PERCENT: " (%)", figures.MONEY: " (of any currency)"}


class TargetForm(ReasonForm):
    """From where on it is a warning, and bad."""

    warn_at = forms.DecimalField(label="A warning above", min_value=0, max_digits=20, decimal_places=3)
    bad_at = forms.DecimalField(label="Bad above", min_value=0, max_digits=20, decimal_places=3)

    def prepare(self, subject: Any) -> None:
        target = figures.targets()[subject.name]
        for name in ("warn_at", "bad_at"):
            value: Decimal = getattr(target, name)
            self.fields[name].initial = f"{value.normalize():f}"
            self.fields[name].label = f"{self.fields[name].label}{UNITS[subject.unit]}"


def _set(doing: Doing) -> str:
    figures.set_target(
        figure=doing.subject.name,
        warn_at=doing.values["warn_at"],
        bad_at=doing.values["bad_at"],
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    return f"The target of {doing.subject.label.lower()} is changed."


TARGET = Act(
    name="target",
    label="Change target",
    permission=CHANGE,
    form=TargetForm,
    run=_set,
    preview=lambda figure: (
        f"{figure.label}: from where on Home shows it as a warning and as bad. Nothing else changes."
    ),
    expected=(BadTarget,),
)


def _named(name: str) -> Figure:
    figure = BY_NAME.get(name)
    if figure is None:
        raise Http404(f"There is no figure {name}.")
    return figure


def _frame(request: HttpRequest) -> dict[str, Any]:
    request.current_app = admin.site.name
    return {**admin.site.each_context(request), "list_url": reverse("admin:index"), "list_name": "Home"}


def view(request: HttpRequest, name: str) -> HttpResponse:
    """The trend of a figure, over a day or a week."""
    figure, now = _named(name), clock.now()
    chosen = request.GET.get("span", "24h")
    label, length, step, row_seconds = SPANS.get(chosen, SPANS["24h"])
    since, target = trends.slot_of(now - length, step), figures.targets()[name]
    points = trends.series(names=[name], since=since, step_seconds=step)[name]
    drawn = charts.chart(figure, target, points, since=since, until=now, step_seconds=step, span_words=label.lower())
    context = {
        **_frame(request),
        "title": figure.label,
        "figure": figure,
        "chart": drawn,
        "since": since,
        "as_of": now,
        "tone": target.tone(points[-1].value) if points else "quiet",
        "spans": [(key, words, key == chosen) for key, (words, *_) in SPANS.items()],
        "target": home.target_words(figure, target),
        "bad": figure.shown(target.bad_at),
        "changed": f"changed by {target.by} {moment(target.at)} UTC" if target.by else "as RetailHub came",
        "change_url": reverse("admin:figure_target", args=[name]) if request.user.has_perm(CHANGE) else "",
        "panels": [_values(figure, points, target, row_seconds)],
    }
    return TemplateResponse(request, "console/figure.html", context)


def _values(figure: Figure, points: list[trends.Point], target: figures.Target, row_seconds: int) -> Panel:
    """The chart as a table, for who cannot see it or wants the numbers."""
    highest: dict[dt.datetime, Decimal] = {}
    for point in points:
        at = trends.slot_of(point.at, row_seconds)
        highest[at] = max(point.value, highest.get(at, point.value))
    rows = [
        [text(moment(at)), text(figure.shown(value), tone=target.tone(value).replace("good", ""))]
        for at, value in reversed(highest.items())
    ]
    return table("Values", ["From (UTC)", "Highest"], rows, empty="Nothing was measured in this time.")


def change_target(request: HttpRequest, name: str) -> HttpResponse:
    """The form that changes a target."""
    figure = _named(name)
    context = {**_frame(request), "subject_name": figure.label}
    return perform(TARGET, request, figure, context=context, back=reverse("admin:figure", args=[name]))

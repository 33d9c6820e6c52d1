"""The console's admin site: the home page, and what pages of one app show of the apps above it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from orders import selectors as orders
from orders.selectors import OrderView
from reconciliation import codes
from reconciliation.services import replay_runs, replays
from retailhub.console.access_pages import DoorSite
from retailhub.console.navigation import LABELS
from retailhub.console.pages import compare, guide, home, timeline
from retailhub.console.pages.directory import PAGES, Page, View
from retailhub.console.story import decision_sentence
from retailhub.core.admin import Moment, Panel, Refused
from retailhub.core.admin.parts import subject_url


class ConsoleSite(DoorSite):
    """The site that ``django.contrib.admin.site`` is."""

    index_template = "console/home.html"

    def get_urls(self) -> list[URLPattern]:
        pages = [path(page.address, self.admin_view(_guarded(page)), name=page.name) for page in PAGES]
        return [*pages, *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.headers.get("X-Live"):
            return TemplateResponse(request, "console/home_parts.html", home.context(request))
        shown = {**home.context(request), "setup_steps": guide.open_steps_for(request)}
        answer: HttpResponse = super().index(request, {**shown, **(extra_context or {})})
        return answer

    def sentence(self, *, code: str, outcome: str, detail: str) -> str:
        """What was written down, else the code's own sentence."""
        if detail or not code:
            return detail
        return codes.sentence(codes.code_for(code, outcome=outcome), key="", detail="", evidence={})

    def decision(self, decision: str, standing: Any = None) -> str:
        return decision_sentence(decision, standing)

    def names(self, subjects: Sequence[str]) -> Mapping[str, str]:
        return orders.names_of(subjects=subjects)

    def label(self, model: str) -> str:
        return LABELS.get(model, "")

    def replay(self, names: Sequence[str], *, actor: Any, reason: str, now: dt.datetime) -> int:
        plan = replays.plan_messages(names)
        if plan.messages:
            replays.replay(plan=plan, about=", ".join(names), actor=actor, reason=reason, now=now)
        return len(plan.messages)

    def plan_replay(self, names: Sequence[str], *, title: str, actor: Any, reason: str, now: dt.datetime) -> str:
        try:
            run = replay_runs.plan(
                what=replays.plan_messages(names), source="messages", title=title, author=actor, reason=reason, now=now
            )
        except replay_runs.NotNow as error:
            raise Refused(error.detail) from error
        return subject_url(f"replay:{run.public_id}")

    def story(self, subject: OrderView) -> Sequence[Moment]:
        return timeline.story_of(subject)

    def compare(self, subject: str, *, key: str, everything: bool) -> Panel | None:
        return compare.comparison_of(subject, key=key, everything=everything)

    def panels_about(self, subject: str) -> Sequence[Panel]:
        return [timeline.cases_about(subject)]


def _guarded(page: Page) -> View:
    """The page's view, for those who may see it and by the methods that it answers."""

    def view(request: HttpRequest, **captured: Any) -> HttpResponse:
        if not request.user.has_perm(page.permission):
            raise PermissionDenied(page.permission)
        if request.method not in page.methods:
            return HttpResponseNotAllowed(page.methods)
        return page.view(request, **captured)

    return view

"""The triage page: causes that need somebody, filters, views people keep, and acts on everything that matches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from reconciliation.admin import triage_bulk
from reconciliation.admin.triage_bulk import Selection
from reconciliation.admin.triage_words import choices_of, shown_past, shown_row, spoken
from reconciliation.models import BulkWork, FirstView, SavedView
from reconciliation.selectors import triage
from reconciliation.selectors.triage import BadFilter, Filter
from reconciliation.services import bulk, views
from reconciliation.services.acts import NotPossible
from retailhub.core import clock
from retailhub.core.admin import Act
from retailhub.core.admin.acts import perform

EVERYTHING = "everything"
"""``?view=everything`` is triage without the view that it opens with."""
SECONDS = 1.0
"""So long a request works on a bulk act before it shows how far it is."""
COLUMNS = (
    ("", "Cause"),
    ("count", "Open cases"),
    ("money", "Money at risk"),
    ("seen", "Seen"),
    ("", "Owner"),
    ("age", "Clock"),
)
"""What the list is sorted by, and the heading."""


class TriagePages:
    """What `CauseAdmin` has besides the page of one cause."""

    bulk_acts: ClassVar[Sequence[Act]] = triage_bulk.ACTS
    """Acts on what is selected, each at ``bulk/act/<name>/``; the matrix of roles asks for all of them."""

    def triage_urls(self: Any) -> list[URLPattern]:
        """Addresses below the list's own."""
        wrap = self.admin_site.admin_view
        return [
            path("bulk/act/<slug:act>/", wrap(self.bulk_view), name="reconciliation_cause_bulk_act"),
            path("bulk/<str:public_id>/", wrap(self.progress_view), name="reconciliation_cause_progress"),
            path("views/<int:pk>/<slug:what>/", wrap(self.view_view), name="reconciliation_cause_view"),
        ]

    def changelist_view(self: Any, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        first = FirstView.objects.select_related("view").filter(person=request.user.pk).first()
        if not request.GET and first is not None and first.view.query:
            return HttpResponseRedirect(f"{self.list_url}?{first.view.query}")
        problem, chosen = "", Filter()
        try:
            chosen = Filter.of(request.GET.dict())
        except BadFilter as error:
            problem = str(error)
        context = {
            **self.frame(request),
            "title": self.list_name,
            "problem": problem,
            **_list(request, chosen, clock.now(), nothing=bool(problem)),
            **_views(request, chosen, first),
            **self._bulk_acts(request),
            **(extra_context or {}),
        }
        status = 400 if problem else 200
        return TemplateResponse(request, "console/triage.html", context, status=status)

    def _bulk_acts(self: Any, request: HttpRequest) -> dict[str, Any]:
        """Acts on what is selected, and on the view."""
        shown = [
            {"act": act, "url": reverse("admin:reconciliation_cause_bulk_act", args=[act.name])}
            for act in self.bulk_acts
            if request.user.has_perm(act.permission)
        ]
        keep = [
            {"act": act, "url": reverse("admin:reconciliation_cause_list_act", args=[act.name])}
            for act in self.list_acts
            if request.user.has_perm(act.permission)
        ]
        return {"bulk_acts": shown, "view_acts": keep}

    def bulk_view(self: Any, request: HttpRequest, act: str) -> HttpResponse:
        """One act on what is selected: its form, and its beginning."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        chosen = next((each for each in self.bulk_acts if each.name == act), None)
        if chosen is None:
            raise Http404(f"There is no act {act}.")
        if not request.user.has_perm(chosen.permission):
            raise PermissionDenied(chosen.permission)
        try:
            picked = Selection.of(request, act=act, now=clock.now())
        except BadFilter as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self.list_url)
        back = f"{self.list_url}?{picked.back}" if picked.back else self.list_url
        frame = {**self.frame(request), "subject_name": picked.name}
        return perform(chosen, request, picked, context=frame, back=back)

    def act_view(self: Any, request: HttpRequest, object_id: str, act: str) -> HttpResponse:
        """Acts begun in the list (``?from=`` its filter) lead back to it."""
        obj = self.find(request, object_id)
        context = {**self.frame(request), "subject_name": self.title_of(obj)}
        listed = f"{self.list_url}?{request.GET['from']}" if "from" in request.GET else self.url_of(obj)
        return perform(self._act(self.acts, act), request, obj, context=context, back=listed)

    def progress_view(self: Any, request: HttpRequest, public_id: str) -> HttpResponse:
        """How far a bulk act is (GET); a little more of it (POST)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        row = BulkWork.objects.defer("targets").filter(public_id=public_id).first()
        if row is None:
            raise Http404("There is no such act.")
        may = any(request.user.has_perm(act.permission) for act in self.bulk_acts if act.name == row.act)
        may = may or (row.act == bulk.REOPEN and request.user.has_perm("console.ignore_case"))
        if request.method == "POST":
            if not may:
                raise PermissionDenied(row.act)
            bulk.go_on(pk=row.pk, seconds=SECONDS, now=clock.now())
            return HttpResponseRedirect(request.path)
        context = {
            **self.frame(request),
            "title": "Progress",
            "row": row,
            "may": may,
            "back": f"{self.list_url}?{_back(row.query)}",
        }
        return TemplateResponse(request, "console/bulk.html", context)

    def view_view(self: Any, request: HttpRequest, pk: int, what: str) -> HttpResponse:
        """Remove a view, or make triage begin with it or with none."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        view = SavedView.objects.filter(pk=pk).first()
        if view is None or what not in {"remove", "first", "not-first"}:
            raise Http404("There is no such view.")
        try:
            messages.success(request, _do_with_view(request, view, what))
        except NotPossible as error:
            raise PermissionDenied(str(error)) from error
        return HttpResponseRedirect(f"{self.list_url}?{view.query or f'view={EVERYTHING}'}")


def _do_with_view(request: HttpRequest, view: SavedView, what: str) -> str:
    if what == "remove":
        may_share = request.user.has_perm("console.share_view")
        views.remove_view(view_id=view.pk, actor=request.user, may_share=may_share, now=clock.now())
        return f"The view {view.name} is gone."
    views.begin_with(view_id=view.pk if what == "first" else None, actor=request.user)
    return f"Triage opens with {view.name} for you." if what == "first" else "Triage opens with everything for you."


def _back(query: str) -> str:
    return "" if query.startswith("pick=") else query


def _list(request: HttpRequest, chosen: Filter, now: dt.datetime, *, nothing: bool) -> dict[str, Any]:
    """One page of what matches, with its size."""
    person = request.user.pk
    rows = triage.matching(chosen, person_id=person, now=now)
    rows = rows.none() if nothing else rows
    size = triage.size_of(rows)
    pages = max(1, -(-size.causes // triage.PAGE))
    asked = request.GET.get("p", "1")
    number = min(max(int(asked), 1), pages) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1
    found = [shown_row(row, now) for row in triage.page_of(rows, sort=chosen.sort, number=number)]
    return {
        "chosen": chosen,
        "query": chosen.query,
        "said": spoken(chosen),
        "rows": found,
        "size": size,
        "columns": [_column(chosen, sort, heading) for sort, heading in COLUMNS],
        "past": [shown_past(each) for each in triage.found_past(chosen.q)],
        "number": number,
        "pages": pages,
        "before": _page(chosen, number - 1) if number > 1 else "",
        "after": _page(chosen, number + 1) if number < pages else "",
        **choices_of(chosen),
    }


def _page(chosen: Filter, number: int) -> str:
    return "&".join(filter(None, [chosen.query, f"p={number}"]))


def _column(chosen: Filter, sort: str, heading: str) -> Mapping[str, str]:
    if not sort:
        return {"heading": heading}
    query = replace(chosen, sort="" if chosen.sort == sort else sort).query
    down = "ascending" if sort == "age" else "descending"
    return {
        "heading": heading,
        "query": query or f"view={EVERYTHING}",
        "sorted": down if chosen.sort == sort else "",
    }


def _views(request: HttpRequest, chosen: Filter, first: FirstView | None) -> dict[str, Any]:
    """One's own views and everybody's, each with what may be done with it."""
    own = SavedView.objects.filter(owner=request.user.pk)
    everybody_s = SavedView.objects.filter(shared=True).exclude(owner=request.user.pk)
    may_share = request.user.has_perm("console.share_view")
    rows = [
        {
            "view": view,
            "active": view.query == chosen.query,
            "first": first is not None and first.view_id == view.pk,
            "removable": view.owner_id == request.user.pk or may_share,
        }
        for view in [*own.order_by("name"), *everybody_s.order_by("name")]
    ]
    return {"views": rows, "plain": not chosen.query}

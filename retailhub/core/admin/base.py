"""Bases of all admin pages: read-only unless said otherwise, lists that stay quick, acts instead of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, ProtectedError, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold import admin as unfold
from unfold import widgets

from retailhub.core import audit, clock
from retailhub.core.admin.acts import Act, Doing, Refused, perform
from retailhub.core.admin.lists import CappedPaginator, List
from retailhub.core.admin.parts import Fact, Panel
from retailhub.core.admin.site import Site

Unfold: Any = unfold.ModelAdmin
"""Its own types promise less than Django allows, so they are left at the door."""


class ModelAdmin(Unfold):  # type: ignore[misc]
    """A list and a page of facts and panels. Nothing is added, edited or deleted here but by acts."""

    acts: ClassVar[Sequence[Act]] = ()
    list_acts: ClassVar[Sequence[Act]] = ()
    """Acts that belong to no row, such as making one."""
    search_exact: Sequence[str] = ()
    """Fields that the search box compares with equality, so that an index is used."""
    public_prefix: ClassVar[str] = ""
    """Objects are also found by their public id when it begins like this."""

    admin_site: Site
    actions = None
    paginator = CappedPaginator
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering: Sequence[str] = ("-id",)
    list_before_template = "console/list_acts.html"
    list_fullwidth = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def facts(self, request: HttpRequest, obj: Any) -> Sequence[Fact]:
        """What the page says first."""
        raise NotImplementedError

    def panels(self, request: HttpRequest, obj: Any) -> Sequence[Panel]:
        """What the page says below its facts."""
        return ()

    def title_of(self, obj: Any) -> str:
        """What the page is called."""
        return str(obj)

    def lead(self, request: HttpRequest, obj: Any) -> str:
        """One plain sentence at the top of the page; empty for none."""
        return ""

    def enrich(self, rows: list[Any]) -> None:
        """Give one page of a list what it shows beyond its columns, with one query for all rows."""

    def get_sortable_by(self, request: HttpRequest) -> list[str]:
        """Columns that say what they sort by, so what an index is for: by any other a whole table would be sorted."""
        return [name for name in self.list_display if hasattr(getattr(self, name, None), "admin_order_field")]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[List]:
        return List

    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        return self.search_exact

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q()
        for name in self.search_exact:
            if name not in {"id", "pk"}:
                wanted |= Q(**{name: term})
            elif term.rpartition("_")[2].lstrip("io").isdigit():
                wanted |= Q(pk=int(term.rpartition("_")[2].lstrip("io")))
        return (queryset.filter(wanted) if wanted else queryset.none()), False

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        wrap = self.admin_site.admin_view
        return [
            path("act/<slug:act>/", wrap(self.list_act_view), name=f"{name}_list_act"),
            path("<path:object_id>/act/<slug:act>/", wrap(self.act_view), name=f"{name}_act"),
            *super().get_urls(),
        ]

    def find(self, request: HttpRequest, object_id: str) -> Any:
        """The object by its key or public id. Raises ``Http404``, or ``PermissionDenied`` for who may not see it."""
        by_name = bool(self.public_prefix) and object_id.startswith(self.public_prefix)
        obj = self.get_object(request, object_id, "public_id" if by_name else None)
        if obj is None:
            raise Http404(f"There is no {self.opts.verbose_name} {object_id}.")
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        return obj

    def url_of(self, obj: Model) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk])

    @property
    def list_url(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    @property
    def list_name(self) -> str:
        """What the sidebar calls the list."""
        return self.admin_site.label(self.opts.label_lower) or str(self.opts.verbose_name_plural).capitalize()

    def frame(self, request: HttpRequest) -> dict[str, Any]:
        """What every page's template needs."""
        request.current_app = self.admin_site.name
        return {
            **self.admin_site.each_context(request),
            "list_url": self.list_url,
            "list_name": self.list_name,
        }

    def acts_for(self, request: HttpRequest, obj: Model) -> list[dict[str, Any]]:
        """The acts this person may do with the object now, with their addresses."""
        return [
            {
                "act": act,
                "url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_act", args=[obj.pk, act.name]),
            }
            for act in self.acts
            if request.user.has_perm(act.permission) and not act.why_not(obj)
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        obj = self.find(request, object_id)
        context = {
            **self.frame(request),
            "title": self.title_of(obj),
            "lead": self.lead(request, obj),
            "facts": self.facts(request, obj),
            "panels": self.panels(request, obj),
            "acts": self.acts_for(request, obj),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "console/record.html", context)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        found = [
            {
                "act": act,
                "url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_list_act", args=[act.name]),
            }
            for act in self.list_acts
            if request.user.has_perm(act.permission)
        ]
        answer: HttpResponse = super().changelist_view(request, {"acts": found, **(extra_context or {})})
        return answer

    def act_view(self, request: HttpRequest, object_id: str, act: str) -> HttpResponse:
        obj = self.find(request, object_id)
        return perform(
            self._act(self.acts, act),
            request,
            obj,
            context={**self.frame(request), "subject_name": self.title_of(obj)},
            back=self.url_of(obj),
        )

    def list_act_view(self, request: HttpRequest, act: str) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        chosen = self._act(self.list_acts, act)
        return perform(chosen, request, None, context=self.frame(request), back=self.list_url)

    @staticmethod
    def _act(acts: Sequence[Act], name: str) -> Act:
        chosen = next((each for each in acts if each.name == name), None)
        if chosen is None:
            raise Http404(f"There is no act {name}.")
        return chosen


class ReasonedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose save is an act: it asks why."""

    reason = forms.CharField(
        min_length=3,
        max_length=500,
        widget=widgets.UnfoldAdminTextareaWidget({"rows": 2}),
        help_text="Kept in the audit with your name.",
    )


class EditableAdmin(ModelAdmin):
    """A model that people edit in a form, with a reason and an audit row for each save and each removal."""

    form = ReasonedForm
    change_form_outer_before_template = "console/acts.html"
    noun: ClassVar[str] = ""
    """What the audit calls it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.add_{self.opts.model_name}"))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        fields = list(super().get_fields(request, obj))
        if obj is not None and not self.has_change_permission(request, obj):
            return [name for name in fields if name != "reason"]
        return fields

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        obj = self.find(request, object_id)
        acts = self.acts_for(request, obj)
        answer: HttpResponse = Unfold.change_view(
            self, request, object_id, form_url, {"acts": acts, **(extra_context or {})}
        )
        return answer

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's
        super().save_model(request, obj, form, change)
        changed = [name for name in form.changed_data if name != "reason"]
        audit.record(
            actor=request.user,
            action=f"{'edit' if change else 'add'}_{self.opts.model_name}",
            subject=f"{self.opts.model_name}:{obj}"[:120],
            reason=form.cleaned_data["reason"],
            now=clock.now(),
            before={name: str(form.initial.get(name)) for name in changed} if change else None,
            after={name: str(form.cleaned_data[name]) for name in changed},
        )
        self.after_save(obj)

    def after_save(self, obj: Any) -> None:
        """What follows from a save, in its transaction; nothing, unless a page says so."""

    @classmethod
    def remove_act(cls, model: type[Model], what: str) -> Act:
        """The act that removes a row; what still needs it stops it."""
        name = str(model._meta.model_name)
        return Act(
            name="remove",
            label=f"Remove {what}",
            permission=f"{model._meta.app_label}.delete_{name}",
            run=_remove,
            preview=lambda subject: (
                f"{what.capitalize()} {subject} will be gone; orders decided on before stay as they are."
            ),
            danger=True,
        )


def _remove(doing: Doing) -> HttpResponse:
    subject = doing.subject
    name, label = subject._meta.model_name, f"{subject._meta.verbose_name} {subject}"
    values = {field.attname: str(getattr(subject, field.attname)) for field in subject._meta.fields}
    try:
        with transaction.atomic():
            subject.delete()
            audit.record(
                actor=doing.actor,
                action=f"remove_{name}",
                subject=f"{name}:{label}"[:120],
                reason=doing.reason,
                now=doing.now,
                before=values,
            )
    except ProtectedError as error:
        raise Refused(f"The {label} is still used, so it stays.") from error
    messages.success(doing.request, f"The {label} is gone.")
    return HttpResponseRedirect(reverse(f"admin:{subject._meta.app_label}_{name}_changelist"))

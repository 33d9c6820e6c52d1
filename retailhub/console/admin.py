"""Admin pages of what is not ours alone: the audit, the schedule, users and groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold import admin as unfold
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from retailhub.core.admin import Fact, ModelAdmin, Panel, display, subject_cell, text
from retailhub.core.admin.words import moment, words
from retailhub.core.models import AuditEntry

for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule, User, Group):
    admin.site.unregister(model)


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):
    """Who did what, and why. Rows are only ever added."""

    list_display = ("when", "actor_name", "did", "subject", "reason")
    search_exact = ("subject", "actor_name", "action")
    ordering = ("-at", "-id")

    @display(description="When", ordering="at")
    def when(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @display(description="Did")
    def did(self, entry: AuditEntry) -> str:
        return words(entry.action)

    def facts(self, request: HttpRequest, obj: AuditEntry) -> Sequence[Fact]:
        return [
            Fact("When", text(moment(obj.at))),
            Fact("Who", text(obj.actor_name)),
            Fact("Did", text(words(obj.action))),
            Fact("To", subject_cell(obj.subject) if ":" in obj.subject else text(obj.subject)),
            Fact("Why", text(obj.reason)),
        ]

    def panels(self, request: HttpRequest, obj: AuditEntry) -> Sequence[Panel]:
        values = {"before": obj.before, "after": obj.after}
        return [
            Panel(title=name.capitalize(), template="console/panels/json.html", data=value)
            for name, value in values.items()
            if value
        ]


class _TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):  # type: ignore[misc]
    """The list of registered tasks, visible."""


class _TaskForm(PeriodicTaskForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = _TaskSelect()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BasePeriodicTaskAdmin, unfold.ModelAdmin):  # type: ignore[misc]
    """The schedule. Running a task from here is left out: the pumps look by themselves."""

    form = _TaskForm
    actions = None


@admin.register(IntervalSchedule, SolarSchedule, ClockedSchedule, CrontabSchedule)
class ScheduleAdmin(unfold.ModelAdmin):
    """When a task rings."""


@admin.register(User)
class UserAdmin(BaseUserAdmin, unfold.ModelAdmin):  # type: ignore[misc, type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request)
        return rows.prefetch_related("user_permissions__content_type")


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, unfold.ModelAdmin):  # type: ignore[misc]
    """Roles, until they are made by a rule."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        rows: QuerySet[Group] = super().get_queryset(request)
        return rows.prefetch_related("permissions__content_type")

"""Admin pages of what is not ours alone: the audit, the schedule, people and roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from retailhub.console import audit_state, notices_admin
from retailhub.console.access_admin import PersonAdmin, RoleAdmin
from retailhub.console.audited import AuditedAdmin
from retailhub.console.models import Notice, NoticeRule
from retailhub.core import clock
from retailhub.core.admin import Fact, ModelAdmin, Panel, display, subject_cell, text
from retailhub.core.admin.words import moment, words
from retailhub.core.models import AuditEntry

THIRD = (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule, User, Group)
for model in (*THIRD, TOTPDevice, StaticDevice):
    admin.site.unregister(model)


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):
    """Who did what, and why. Rows are only ever added, and sealed into a chain."""

    list_display = ("when", "actor_name", "did", "subject", "reason", "seal")
    search_exact = ("subject", "actor_name", "action")
    ordering = ("-at", "-id")
    list_before_template = "console/audit_state.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"state": audit_state.told(clock.now()), **(extra_context or {})})

    @display(description="When", ordering="at")
    def when(self, entry: AuditEntry) -> str:
        return moment(entry.at)

    @display(description="Seal", label={"sealed": "success", "not yet": "info"})
    def seal(self, entry: AuditEntry) -> str:
        return "not yet" if entry.sealed_seq is None else "sealed"

    @display(description="Did")
    def did(self, entry: AuditEntry) -> str:
        return words(entry.action)

    def facts(self, request: HttpRequest, obj: AuditEntry) -> Sequence[Fact]:
        return [
            Fact("When", text(moment(obj.at))),
            Fact("Who", text(obj.actor_name)),
            *([Fact("As", text(obj.role))] if obj.role else []),
            Fact("Did", text(words(obj.action))),
            Fact("To", subject_cell(obj.subject) if ":" in obj.subject else text(obj.subject)),
            Fact("Why", text(obj.reason)),
            *audit_state.seal_facts(obj),
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
class PeriodicTaskAdmin(AuditedAdmin, BasePeriodicTaskAdmin):  # type: ignore[misc]
    """The schedule. Running a task from here is left out: the pumps look by themselves."""

    form = _TaskForm
    change_form_template = None  # its own carries a script in the page, which the policy refuses


@admin.register(IntervalSchedule, SolarSchedule, ClockedSchedule, CrontabSchedule)
class ScheduleAdmin(AuditedAdmin):
    """When a task rings."""


admin.site.register(NoticeRule, notices_admin.NoticeRuleAdmin)
admin.site.register(Notice, notices_admin.NoticeAdmin)
admin.site.register(User, PersonAdmin)
admin.site.register(Group, RoleAdmin)

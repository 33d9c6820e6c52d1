"""Pages of people and of roles: who may come in, as what, and what each role may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.apps import apps as django_apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from retailhub.console import access_factor as factor
from retailhub.console import access_people as people
from retailhub.console.access import NOBODY, role_of
from retailhub.console.access_people import NotPossible
from retailhub.console.models import ACTS, AuthenticatorApp
from retailhub.core.access import ACTS as GIVEN
from retailhub.core.access import CHANGES, MEANINGS, VIEWS, Role
from retailhub.core.admin import (
    Act,
    Cell,
    Doing,
    Fact,
    ModelAdmin,
    Panel,
    ReasonForm,
    display,
    table,
    text,
)
from retailhub.core.admin.words import moment, words
from retailhub.core.models import AuditEntry

ROLES = [(role.value, f"{role.value}: {MEANINGS[role]}") for role in Role]
SHOWN = 20
LABELS = {"locked": "danger", "in": "success", "waits": "warning"}


class RoleForm(ReasonForm):
    """Which role."""

    role = forms.ChoiceField(choices=ROLES)

    def prepare(self, subject: Any) -> None:
        if subject is not None:
            self.initial["role"] = role_of(subject)


class PersonForm(ReasonForm):
    """Who, and as what."""

    name = forms.CharField(max_length=150, help_text="What they log in with: letters, digits and @ . + - _")
    role = forms.ChoiceField(choices=ROLES, initial=Role.VIEWER.value)


def _add(doing: Doing) -> HttpResponse:
    user, password = people.add(
        name=doing.values["name"],
        role=Role(doing.values["role"]),
        actor=doing.actor,
        reason=doing.reason,
        now=doing.now,
    )
    return _password_page(doing.request, user, password)


def _set_role(doing: Doing) -> str:
    role = Role(doing.values["role"])
    name = doing.subject.get_username()
    people.set_role(name=name, role=role, actor=doing.actor, reason=doing.reason, now=doing.now)
    return f"{name} is {role.value} from now on."


def _new_password(doing: Doing) -> HttpResponse:
    user, password = people.new_password(
        name=doing.subject.get_username(), actor=doing.actor, reason=doing.reason, now=doing.now
    )
    return _password_page(doing.request, user, password)


def _password_page(request: HttpRequest, user: User, password: str) -> HttpResponse:
    """The password, once: it is in no log and no later page."""
    context = {
        **admin.site.each_context(request),
        "title": f"A password for {user.get_username()}",
        "name": user.get_username(),
        "password": password,
        "back": reverse("admin:auth_user_change", args=[user.pk]),
    }
    answer = TemplateResponse(request, "console/password_once.html", context)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _by(service: Callable[..., User], sentence: str) -> Callable[[Doing], str]:
    def run(doing: Doing) -> str:
        name = doing.subject.get_username()
        service(name=name, actor=doing.actor, reason=doing.reason, now=doing.now)
        return sentence.format(name=name)

    return run


def _not_locked(user: User) -> str:
    return "" if not user.is_active or people.wrong_passwords(user) else f"{user.get_username()} is not locked."


CHANGE = "auth.change_user"
EXPECTED = (NotPossible,)
PERSON_ACTS = (
    Act(
        name="role",
        label="Change role",
        form=RoleForm,
        run=_set_role,
        preview=lambda user: f"{user.get_username()} is {role_of(user)} now. The new role holds from the next click.",
        permission=CHANGE,
        expected=EXPECTED,
    ),
    Act(
        name="password",
        label="New password",
        run=_new_password,
        preview=lambda user: f"{user.get_username()} is logged out everywhere. The new password is shown once.",
        permission=CHANGE,
        expected=EXPECTED,
    ),
    Act(
        name="reset_factor",
        label="Reset second factor",
        run=_by(people.reset_factor, "{name} sets up a second factor anew."),
        preview=lambda user: (
            f"Ask {user.get_username()} in person or by a number you know: whoever has the password alone comes in"
            " and sets up a new second factor."
        ),
        why_not=lambda user: "" if factor.is_enrolled(user) else f"{user.get_username()} has no second factor.",
        permission=CHANGE,
        expected=EXPECTED,
    ),
    Act(
        name="unlock",
        label="Unlock",
        run=_by(people.unlock, "{name} may log in again."),
        preview=lambda user: f"{user.get_username()} may log in again; wrong passwords so far are forgotten.",
        why_not=_not_locked,
        permission=CHANGE,
        expected=EXPECTED,
    ),
    Act(
        name="lock",
        label="Lock",
        run=_by(people.lock, "{name} is locked and logged out."),
        preview=lambda user: f"{user.get_username()} is logged out at once and cannot come in until unlocked.",
        why_not=lambda user: "" if user.is_active else f"{user.get_username()} is locked.",
        danger=True,
        permission=CHANGE,
        expected=EXPECTED,
    ),
)


class PersonAdmin(ModelAdmin):
    """People. They are locked, never deleted: the audit names them."""

    list_display = ("username", "role", "state", "second", "last_in")
    search_exact = ("username", "email")
    ordering = ("username",)
    acts = PERSON_ACTS
    list_acts = (
        Act(
            name="add",
            label="Add a person",
            permission="auth.add_user",
            form=PersonForm,
            run=_add,
            preview=lambda _nobody: "Their password is made here and shown once; they change it after they come in.",
            expected=EXPECTED,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        enrolled = AuthenticatorApp.objects.filter(user=OuterRef("pk"), confirmed=True)
        return User.objects.prefetch_related("groups").annotate(enrolled=Exists(enrolled))

    @display(description="Role")
    def role(self, user: User) -> str:
        return role_of(user)

    @display(description="State", label=LABELS)
    def state(self, user: User) -> str:
        if not user.is_active:
            return "locked"
        return "in" if role_of(user) != NOBODY else "waits"

    @display(description="Second factor")
    def second(self, user: Any) -> str:
        return "yes" if user.enrolled else "none"

    @display(description="Last log-in", ordering="last_login")
    def last_in(self, user: User) -> str:
        return moment(user.last_login)

    def title_of(self, obj: User) -> str:
        return obj.get_username()

    def lead(self, request: HttpRequest, obj: User) -> str:
        if not obj.is_active:
            return "Locked: this person cannot come in."
        role = role_of(obj)
        if obj.is_superuser:
            return "A superuser may do everything. Made for the first hour: give people roles instead."
        return f"{role.capitalize()}: {MEANINGS[Role(role)]}." if role != NOBODY else "Has no role, so sees nothing."

    def facts(self, request: HttpRequest, obj: User) -> Sequence[Fact]:
        until = people.locked_until(obj)
        has = factor.is_enrolled(obj)
        left = factor.codes_left(obj)
        locked = f"until {moment(until)}" if until else "nowhere"
        role = role_of(obj)
        return [
            Fact("Role", text(role, tone="" if role != NOBODY else "warn")),
            Fact("May log in", text("yes" if obj.is_active else "no, locked", tone="" if obj.is_active else "bad")),
            Fact("Log-in locked by wrong passwords", text(locked, tone="bad" if until else "")),
            Fact("Second factor", text(f"app, {left} backup codes" if has else "none", tone="" if has else "warn")),
            Fact("Last log-in", text(moment(obj.last_login))),
            Fact("Since", text(moment(obj.date_joined))),
        ]

    def panels(self, request: HttpRequest, obj: User) -> Sequence[Panel]:
        about = AuditEntry.objects.filter(subject=f"user:{obj.get_username()}"[:120]).order_by("-at", "-id")[:SHOWN]
        rows = [
            [
                text(moment(entry.at)),
                Cell(text=words(entry.action), url=reverse("admin:core_auditentry_change", args=[entry.pk])),
                text(entry.actor_name),
                text(entry.reason),
            ]
            for entry in about
        ]
        note = f"The newest {SHOWN}." if len(rows) == SHOWN else ""
        return [table("What happened to this person", ["When", "What", "Who", "Why"], rows, note=note)]


class RoleAdmin(ModelAdmin):
    """Roles, as the code has them: nobody edits them here."""

    list_display = ("name", "may")
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        return Group.objects.filter(name__in=[role.value for role in Role])

    @display(description="Does")
    def may(self, group: Group) -> str:
        return MEANINGS[Role(group.name)]

    def title_of(self, obj: Group) -> str:
        return obj.name.capitalize()

    def lead(self, request: HttpRequest, obj: Group) -> str:
        return f"{MEANINGS[Role(obj.name)].capitalize()}."

    def facts(self, request: HttpRequest, obj: Group) -> Sequence[Fact]:
        return [Fact("People", text(obj.user_set.filter(is_active=True).count()))]

    def panels(self, request: HttpRequest, obj: Group) -> Sequence[Panel]:
        role = Role(obj.name)
        acts = [[text(what)] for name, what in ACTS if role in GIVEN[name]]
        seen = [model for model, roles in VIEWS.items() if role in roles]
        lists = [[text(self._called(model)), text("yes" if role in CHANGES.get(model, ()) else "no")] for model in seen]
        holders = [
            [Cell(text=user.get_username(), url=reverse("admin:auth_user_change", args=[user.pk]))]
            for user in obj.user_set.filter(is_active=True).order_by("username")[:SHOWN]
        ]
        return [
            table("What it may do", ["Act"], acts, empty="It only reads."),
            table("What it sees", ["List", "Changes it"], lists),
            table("Who has it", ["Name"], holders, empty="Nobody."),
        ]

    def _called(self, model: str) -> str:
        plural = str(django_apps.get_model(model)._meta.verbose_name_plural)
        return self.admin_site.label(model) or plural.capitalize()

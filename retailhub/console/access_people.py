"""People: adding them, their one role, locking them out, and what an owner resets for them. Each act is audited."""

from __future__ import annotations

import datetime as dt
from typing import Any

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import get_random_string

from retailhub.console import access_factor as factor
from retailhub.console.access import role_of
from retailhub.core import audit
from retailhub.core.access import Role

PASSWORD_LETTERS = 20


class NotPossible(Exception):
    """It cannot be done; ``detail`` says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def find(name: str) -> User:
    """The person of this name. Raises `NotPossible`."""
    user = User.objects.prefetch_related("groups").filter(username=name).first()
    if user is None:
        raise NotPossible("no_such_person", f"There is nobody called {name}.")
    return user


def add(*, name: str, role: Role, actor: Any, reason: str, now: dt.datetime, password: str = "") -> tuple[User, str]:
    """Let a new person in; answers with the password, made here unless given. Raises `NotPossible`."""
    with transaction.atomic():
        try:
            UnicodeUsernameValidator()(name)
        except ValidationError as error:
            raise NotPossible("bad_name", f"{name!r} is no name: letters, digits and @/./+/-/_ only.") from error
        if User.objects.filter(username__iexact=name).exists():
            raise NotPossible("name_taken", f"There is somebody called {name} already.")
        user = User(username=name[:150], is_staff=True)
        secret = _password(user, password)
        user.save()
        user.groups.set([Group.objects.get(name=role.value)])
        _write(user, "add_person", actor, reason, now, after={"role": role.value})
    return user, secret


def set_role(*, name: str, role: Role, actor: Any, reason: str, now: dt.datetime) -> User:
    """Give the person this role instead of theirs. Locks the person. Raises `NotPossible`."""
    with transaction.atomic():
        user = _locked(name, actor)
        before = role_of(user)
        if before == role.value:
            raise NotPossible("unchanged", f"{name} is {role.value} already.")
        if role is not Role.OWNER:
            _one_owner_stays(user)
        user.groups.set([Group.objects.get(name=role.value)])
        user.user_permissions.clear()
        User.objects.filter(pk=user.pk).update(is_staff=True)
        _write(user, "set_role", actor, reason, now, before={"role": before}, after={"role": role.value})
    return user


def lock(*, name: str, actor: Any, reason: str, now: dt.datetime) -> User:
    """Let the person in no more; their sessions end at once. Locks the person. Raises `NotPossible`."""
    with transaction.atomic():
        user = _locked(name, actor)
        if not user.is_active:
            raise NotPossible("unchanged", f"{name} is locked already.")
        _one_owner_stays(user)
        user.is_active = False
        user.save(update_fields=["is_active"])
        _write(user, "lock_person", actor, reason, now)
    return user


def unlock(*, name: str, actor: Any, reason: str, now: dt.datetime) -> User:
    """Let the person in again, and forget their wrong passwords. Raises `NotPossible`."""
    with transaction.atomic():
        user = _locked(name, actor)
        if user.is_active and not wrong_passwords(user):
            raise NotPossible("unchanged", f"{name} is not locked.")
        forgotten = reset(username=user.get_username())
        before = {"active": user.is_active, "addresses_with_wrong_passwords": forgotten}
        user.is_active = True
        user.save(update_fields=["is_active"])
        _write(user, "unlock_person", actor, reason, now, before=before)
    return user


def reset_factor(*, name: str, actor: Any, reason: str, now: dt.datetime) -> User:
    """Take the person's second factor away, so that they set up a new one. Raises `NotPossible`."""
    with transaction.atomic():
        user = _locked(name, actor)
        if not factor.is_enrolled(user):
            raise NotPossible("unchanged", f"{name} has no second factor.")
        factor.remove(user)
        _write(user, "reset_second_factor", actor, reason, now)
    return user


def new_password(*, name: str, actor: Any, reason: str, now: dt.datetime, password: str = "") -> tuple[User, str]:
    """Give the person a new password, made here unless given; all their sessions end. Raises `NotPossible`."""
    with transaction.atomic():
        user = _locked(name, actor)
        secret = _password(user, password)
        user.save(update_fields=["password"])
        _write(user, "set_password", actor, reason, now)
    return user, secret


def wrong_passwords(user: User) -> int:
    """How many wrong passwords count against the person's name now, at all addresses."""
    return sum(_recent(user).values_list("failures_since_start", flat=True))


def locked_until(user: User) -> dt.datetime | None:
    """Until when the person's log-in is locked somewhere; none when it is nowhere."""
    sums: dict[str | None, int] = {}
    latest: dict[str | None, dt.datetime] = {}
    for address, failures, at in _recent(user).values_list("ip_address", "failures_since_start", "attempt_time"):
        sums[address] = sums.get(address, 0) + failures
        latest[address] = max(at, latest.get(address, at))
    ends = [latest[one] + settings.AXES_COOLOFF_TIME for one, n in sums.items() if n >= settings.AXES_FAILURE_LIMIT]
    return max(ends, default=None)


def _recent(user: User) -> Any:
    since = dt.datetime.now(dt.UTC) - settings.AXES_COOLOFF_TIME
    return AccessAttempt.objects.filter(username=user.get_username(), attempt_time__gte=since)


def _locked(name: str, actor: Any) -> User:
    """The person's row, locked. Nobody acts on themselves, and none but a superuser on a superuser."""
    find(name)
    user = User.objects.select_for_update().get(username=name)
    if isinstance(actor, str):
        return user
    if actor.pk == user.pk:
        raise NotPossible("oneself", "Nobody does this to themselves: another owner has to.")
    if user.is_superuser and not actor.is_superuser:
        raise NotPossible("superuser", f"{name} is a superuser, who is looked after by manage.py people.")
    return user


def _one_owner_stays(user: User) -> None:
    """Refuse what would leave nobody who lets people in. Locks all of them, in order."""
    owners = User.objects.filter(groups__name=Role.OWNER.value, is_active=True)
    others = User.objects.select_for_update().filter(pk__in=owners.exclude(pk=user.pk).values("pk")).order_by("pk")
    bosses = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if (user.is_superuser or role_of(user) == Role.OWNER) and not list(others) and not bosses.exists():
        raise NotPossible("last_owner", f"{user.get_username()} is the last who lets people in.")


def _password(user: User, given: str) -> str:
    secret = given or get_random_string(PASSWORD_LETTERS, "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    try:
        validate_password(secret, user)
    except ValidationError as error:
        raise NotPossible("weak_password", " ".join(error.messages)) from error
    user.set_password(secret)
    return secret


def _write(
    user: User,
    action: str,
    actor: Any,
    reason: str,
    now: dt.datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    subject = f"user:{user.get_username()}"[:120]
    audit.record(actor=actor, action=action, subject=subject, reason=reason, now=now, before=before, after=after)

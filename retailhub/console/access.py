"""Roles in the database: one group each, kept in step with the table; and which of them a person has."""

from __future__ import annotations

from typing import Any

from django.apps import apps as installed
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction

from retailhub.core.access import Role, permissions_of

BOOTSTRAP = "everything"
"""What a superuser is called: made by ``manage.py createsuperuser`` for the first hour, and outside the roles."""
NOBODY = "none"


def keep_roles(*, using: str, apps: Any = installed, **_said: Any) -> None:
    """After each ``migrate`` and ``flush``: a group for each role, with exactly the permissions of the table.

    Permissions of models that are not migrated yet are given by the ``migrate`` that makes them; ``flush`` does not
    say which apps there are, so all.
    """
    if using != "default" or not any(config.label == "auth" for config in apps.get_app_configs()):
        return
    rows = Permission.objects.values_list("content_type__app_label", "codename", "pk")
    known = {f"{app}.{codename}": pk for app, codename, pk in rows}
    with transaction.atomic():
        for role in Role:
            group, _ = Group.objects.get_or_create(name=role.value)
            group.permissions.set([known[name] for name in permissions_of(role) if name in known])


def role_of(user: User) -> str:
    """The role of a person; `BOOTSTRAP` for a superuser, `NOBODY` for who has none."""
    if user.is_superuser:
        return BOOTSTRAP
    names = {group.name for group in user.groups.all()}
    return next((role.value for role in Role if role.value in names), NOBODY)

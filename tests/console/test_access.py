"""Roles as groups, coming in, the second factor, lock-outs, sessions, and what the browser is told."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth.models import Group, Permission, User

from retailhub.console.access import keep_roles, role_of
from retailhub.console.models import ACTS
from retailhub.core.access import ACTS as GIVEN
from retailhub.core.access import MEANINGS, Role, permissions_of


def held(group: Group) -> set[str]:
    return {f"{one.content_type.app_label}.{one.codename}" for one in group.permissions.select_related("content_type")}


def test_each_role_is_a_group_with_exactly_the_permissions_of_the_table(db: None) -> None:
    for role in Role:
        assert held(Group.objects.get(name=role.value)) == permissions_of(role)
    assert set(MEANINGS) == set(Role)


def test_every_act_is_given_to_somebody_and_no_other_is_named() -> None:
    assert set(GIVEN) == {name for name, _ in ACTS}
    assert all(GIVEN.values())


def test_a_migrate_takes_away_what_somebody_gave_a_role_by_hand(db: None) -> None:
    viewer = Group.objects.get(name=Role.VIEWER)
    viewer.permissions.add(Permission.objects.get(codename="replay", content_type__app_label="console"))
    Group.objects.get(name=Role.OWNER).delete()
    keep_roles(using="default", apps=apps)
    assert held(viewer) == permissions_of(Role.VIEWER)
    assert held(Group.objects.get(name=Role.OWNER)) == permissions_of(Role.OWNER)


def test_a_superuser_is_outside_the_roles_and_who_has_none_has_none(db: None) -> None:
    assert role_of(User.objects.create_superuser("first")) == "everything"
    somebody = User.objects.create_user("second", is_staff=True)
    assert role_of(somebody) == "none"
    somebody.groups.set([Group.objects.get(name=Role.OPERATOR)])
    assert role_of(somebody) == Role.OPERATOR

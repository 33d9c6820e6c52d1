"""Who may do what: the one table of roles. Groups and their permissions are made from it at each ``migrate``.

Plain data: names of acts (``console.<act>``) and of models (``app.model``), each with the roles that have it. A test
walks the addresses of the product and fails for what has no line here; docs/operating/roles.md is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a person is here. Everybody has one role."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ENGINEER = "integration engineer"
    OWNER = "owner"


Roles = frozenset[Role]

MEANINGS: Mapping[Role, str] = {
    Role.VIEWER: "reads how things stand; changes nothing and sees nothing personal",
    Role.OPERATOR: "works the cases of the day: maps, replays, reads back, adopts",
    Role.SUPERVISOR: "does what an operator does; approves, ignores, gives up, pauses, refunds",
    Role.ENGINEER: "connects systems and keeps their settings, rules and schedule; edits what waits to be sent",
    Role.OWNER: "says who may come in and as what, reads the audit, and can stop a connection",
}

ALL = frozenset(Role)
WORKERS = frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.ENGINEER})
DESK = frozenset({Role.OPERATOR, Role.SUPERVISOR})
SUPERVISORS = frozenset({Role.SUPERVISOR})
ENGINEERS = frozenset({Role.ENGINEER})
OWNERS = frozenset({Role.OWNER})
KEEPERS = frozenset({Role.ENGINEER, Role.OWNER})
LEADS = frozenset({Role.SUPERVISOR, Role.ENGINEER, Role.OWNER})

ACTS: Mapping[str, Roles] = {
    "work_case": WORKERS,
    "map_sku": WORKERS,
    "replay": WORKERS,
    "read_back": WORKERS,
    "see_personal_data": WORKERS,
    "adopt_document": DESK,
    "ignore_case": SUPERVISORS,
    "approve_replay": SUPERVISORS,
    "cancel_message": SUPERVISORS,
    "merge_customers": SUPERVISORS,
    "publish": SUPERVISORS,
    "share_view": SUPERVISORS,
    "pause_connection": LEADS,
    "resume_connection": LEADS,
    "set_connection_mode": ENGINEERS,
    "connect_system": ENGINEERS,
    "edit_message": ENGINEERS,
    "manage_notices": ENGINEERS,
}
"""Who may do ``console.<act>``."""

VIEWS: Mapping[str, Roles] = {
    "reconciliation.cause": ALL,
    "reconciliation.case": ALL,
    "reconciliation.replayrun": ALL,
    "reconciliation.replayitem": ALL,
    "orders.order": ALL,
    "orders.customer": ALL,
    "orders.customerreview": ALL,
    "orders.eligibilityrule": ALL,
    "integrations.inboxmessage": ALL,
    "integrations.outboxmessage": ALL,
    "integrations.connection": ALL,
    "integrations.salesroute": ALL,
    "integrations.region": ALL,
    "integrations.legalentity": ALL,
    "inventory.skumapping": ALL,
    "console.noticerule": LEADS,
    "console.notice": LEADS,
    "core.auditentry": LEADS,
    "django_celery_beat.periodictask": KEEPERS,
    "django_celery_beat.intervalschedule": KEEPERS,
    "django_celery_beat.crontabschedule": KEEPERS,
    "django_celery_beat.solarschedule": KEEPERS,
    "django_celery_beat.clockedschedule": KEEPERS,
    "auth.user": OWNERS,
    "auth.group": OWNERS,
}
"""Who may see the list and the pages of a model."""

CHANGES: Mapping[str, Roles] = {
    "orders.eligibilityrule": ENGINEERS,
    "integrations.salesroute": ENGINEERS,
    "integrations.region": ENGINEERS,
    "integrations.legalentity": ENGINEERS,
    "django_celery_beat.periodictask": ENGINEERS,
    "django_celery_beat.intervalschedule": ENGINEERS,
    "django_celery_beat.crontabschedule": ENGINEERS,
    "django_celery_beat.solarschedule": ENGINEERS,
    "django_celery_beat.clockedschedule": ENGINEERS,
    "auth.user": OWNERS,
}
"""Who may add, change and remove a model's rows, where a page offers that."""

ROUTES: Mapping[str, str] = {
    "reconciliation_replayrun_progress": "reconciliation.view_replayrun",
    "reconciliation_replayrun_csv": "reconciliation.view_replayrun",
    "reconciliation_cause_progress": "reconciliation.view_cause",
    "reconciliation_cause_view": "reconciliation.view_cause",
}
"""Addresses that a list has besides those that every list has, with the permission that each needs."""

VERBS = ("add", "change", "delete")


def grants() -> Mapping[str, Roles]:
    """Permission (``app.codename``) → the roles that have it."""
    found = {f"console.{act}": roles for act, roles in ACTS.items()}
    for model, roles in VIEWS.items():
        app, _, name = model.partition(".")
        found[f"{app}.view_{name}"] = roles
    for model, roles in CHANGES.items():
        app, _, name = model.partition(".")
        found |= {f"{app}.{verb}_{name}": roles for verb in VERBS}
    return found


def permissions_of(role: Role) -> frozenset[str]:
    """The permissions of a role."""
    return frozenset(permission for permission, roles in grants().items() if role in roles)

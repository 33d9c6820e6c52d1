"""Writing down acts of people."""

from __future__ import annotations

import datetime as dt
from typing import Any

from retailhub.core.models import AuditEntry


def record(
    *,
    actor: Any,
    action: str,
    subject: str,
    reason: str,
    now: dt.datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEntry:
    """Add an audit row. ``actor`` is a user, or text such as ``command line`` for acts without a login.

    What a person's roles were is written down with it, as they may change. Nothing of the session or the network is:
    the row is kept for ever, and the web server's log, which is not, knows the addresses.
    """
    named = isinstance(actor, str)
    return AuditEntry.objects.create(
        at=now,
        actor=None if named else actor,
        actor_name=actor if named else actor.get_username(),
        role="" if named else roles_of(actor),
        action=action,
        subject=subject,
        reason=reason,
        before=before,
        after=after,
    )


def roles_of(user: Any) -> str:
    """The names of a user's groups in order, and whether all is allowed; ``viewer, operator``."""
    names = sorted(user.groups.values_list("name", flat=True))
    return ", ".join([*(["superuser"] if user.is_superuser else []), *names])[:200]

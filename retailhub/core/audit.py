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
    """Add an audit row. ``actor`` is a user, or text such as ``command line`` for acts without a login."""
    named = isinstance(actor, str)
    return AuditEntry.objects.create(
        at=now,
        actor=None if named else actor,
        actor_name=actor if named else actor.get_username(),
        action=action,
        subject=subject,
        reason=reason,
        before=before,
        after=after,
    )

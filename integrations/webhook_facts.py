"""How the webhooks of all stores stand, for lists."""

from __future__ import annotations

from typing import Any

from integrations.models import Poll, WebhookCare, WebhookHole
from integrations.states import PollKind


def webhook_states() -> dict[int, dict[str, Any]]:
    """How the webhooks of each store stand, as its last look found them; nothing of stores without a look."""
    reports = dict(Poll.objects.filter(kind=PollKind.WEBHOOKS).values_list("connection", "report"))
    holes = {hole.connection_id: hole for hole in WebhookHole.objects.filter(polled_at__isnull=True)}
    found = {}
    for care in WebhookCare.objects.all():
        report, hole = reports.get(care.pk) or {}, holes.get(care.pk)
        of = len(report.get("webhooks", {}))
        step = "waiting" if care.rotation_given_at and len(care.rotation_given) >= of else "giving"
        rotation = {
            "step": step,
            "began_at": care.rotation_began_at,
            "given": len(care.rotation_given),
            "of": of,
            "old_secret_used_at": care.old_secret_used_at,
        }
        found[care.pk] = {
            **report,
            "left_to_people": care.left_to_people,
            "missing_since": care.missing_since,
            "late_since": care.late_since,
            "hole_since": hole.began_at if hole else None,
            "rotation": rotation if care.rotation_began_at else None,
        }
    return found

"""Whether a store's deliveries come, and come in time: what is told of it, and when it is over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations import webhook_rates
from integrations.events import WebhookTrouble
from integrations.models import Connection, Poll, WebhookCare, WebhookHole
from integrations.ports.capabilities import Testable
from integrations.ports.stores import HookStatus, Webhook, WebhookHost
from integrations.states import PollKind
from integrations.webhook_rates import Rates, Share

MISSING, LATE = "webhooks_missing", "webhooks_late"
TOLD_OF = "order.updated"
"""The topic that every change of an order has."""
OPEN_PERCENT, CLOSE_PERCENT = 5.0, 2.0
FEWEST_CHANGES = 20
LATE_SECONDS = 600.0
SILENT = dt.timedelta(hours=2)
SILENT_CHANGES = 5
"""Changes that polling found while no delivery came."""
SHORTENED = (PollKind.CHANGED, PollKind.TRASH)
FIX = (
    "Let the server's own cron run wp-cron.php every minute (define DISABLE_WP_CRON in wp-config.php and add"
    " `* * * * * curl -s https://shop.example.com/wp-cron.php?doing_wp_cron` to its crontab)."
)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How deliveries come. Since when they are missing or late is ``None`` where they are not."""

    missing_since: dt.datetime | None
    late_since: dt.datetime | None
    delivered: dict[str, dt.datetime]
    numbers: dict[str, Any]
    sentences: list[str] = field(default_factory=list)
    troubles: list[WebhookTrouble] = field(default_factory=list)
    over: dict[str, str] = field(default_factory=dict)


def care_of(row: Connection) -> WebhookCare:
    """What is remembered of a store's webhooks."""
    care, is_new = WebhookCare.objects.get_or_create(connection=row)
    if is_new:
        care.delivered = remembered(webhook_rates.last_deliveries(connection_id=row.pk))
        care.save(update_fields=["delivered"])
    return care


def delivered_of(care: WebhookCare) -> dict[str, dt.datetime]:
    """Topic to last delivery, as remembered."""
    return {topic: dt.datetime.fromisoformat(at) for topic, at in care.delivered.items()}


def remembered(delivered: dict[str, dt.datetime]) -> dict[str, str]:
    """The same as it is stored."""
    return {topic: at.isoformat() for topic, at in sorted(delivered.items())}


def judge(
    row: Connection, care: WebhookCare, hooks: Sequence[Webhook], host: WebhookHost, now: dt.datetime
) -> Judgement:
    """Judge the last day. Asks the store about its cron when it has just become late; writes nothing."""
    found = webhook_rates.rates(
        connection_id=row.pk, since=care.active_since or now, silent_since=now - SILENT, now=now
    )
    delivered = delivered_of(care) | found.delivered
    last = max(delivered.values(), default=None)
    active = any(hook.topic == TOLD_OF and hook.status is HookStatus.ACTIVE for hook in hooks)
    troubles: list[WebhookTrouble] = []
    over: dict[str, str] = {}
    late_since = _late(row, care, found, last=last, active=active, host=host, now=now, troubles=troubles, over=over)
    missing_since = care.missing_since
    # what is late is not missing yet, and what is off has its own case
    if active and late_since is None:
        missing_since = _missing(care, found.day, now, troubles, over)
    return Judgement(
        missing_since=missing_since,
        late_since=late_since,
        delivered=delivered,
        numbers=_numbers(found, last),
        sentences=_sentences(found, last),
        troubles=troubles,
        over=over,
    )


def keep(care: WebhookCare, found: Judgement) -> None:
    """Remember a judgement, and look at the store twice as often while its deliveries are late. In a transaction."""
    if found.late_since is not None and not care.usual_seconds:
        looks = Poll.objects.filter(connection=care.connection_id, kind__in=SHORTENED)
        care.usual_seconds = {look.kind: look.every_seconds for look in looks}
        for kind, seconds in care.usual_seconds.items():
            _set_period(care, kind, max(1, seconds // 2))
    if found.late_since is None and care.usual_seconds:
        for kind, seconds in care.usual_seconds.items():
            _set_period(care, kind, seconds)
        care.usual_seconds = {}
    care.missing_since, care.late_since = found.missing_since, found.late_since
    care.delivered = remembered(found.delivered)
    care.save(update_fields=["missing_since", "late_since", "delivered", "usual_seconds", "active_since"])


def _set_period(care: WebhookCare, kind: str, seconds: int) -> None:
    Poll.objects.filter(connection=care.connection_id, kind=kind).update(every_seconds=seconds)


def _missing(
    care: WebhookCare, day: Share, now: dt.datetime, troubles: list[WebhookTrouble], over: dict[str, str]
) -> dt.datetime | None:
    """Opens above `OPEN_PERCENT` and goes on until below `CLOSE_PERCENT`."""
    is_missing = care.missing_since is not None and day.percent >= CLOSE_PERCENT
    if not is_missing and not (day.percent > OPEN_PERCENT and day.changes >= FEWEST_CHANGES):
        if care.missing_since is not None:
            over[MISSING] = f"{_share(day)} in the last 24 hours."
        return None
    evidence = {"percent": f"{day.percent:.1f}", "missing": str(day.missing), "changes": str(day.changes)}
    troubles.append(WebhookTrouble(code=MISSING, detail="Polling found every one of them.", evidence=evidence))
    return care.missing_since or now


def _late(
    row: Connection,
    care: WebhookCare,
    found: Rates,
    *,
    last: dt.datetime | None,
    active: bool,
    host: WebhookHost,
    now: dt.datetime,
    troubles: list[WebhookTrouble],
    over: dict[str, str],
) -> dt.datetime | None:
    """Told once when it begins; over when a delivery came since and the last ones were in time."""
    if care.late_since is not None:
        if not active:
            over[LATE] = "The webhooks are not active any more."
            return None
        recent = found.recently_late_seconds
        if last is None or last <= care.late_since or recent is None or recent > LATE_SECONDS:
            return care.late_since
        over[LATE] = f"Deliveries come again, {_span(recent)} after the change."
        return None
    why = _why_late(row, care, found, last, now) if active else ""
    if not why:
        return None
    cron = _cron(host)
    evidence = {
        "last_delivery": _shown(last),
        "late_seconds": "" if found.late_seconds is None else f"{found.late_seconds:.0f}",
        "changes_found_by_polling": str(found.polled),
        "store_says": cron,
        "fix": FIX,
    }
    troubles.append(WebhookTrouble(code=LATE, detail=f"{why} {cron}".strip(), evidence=evidence))
    return now


def _why_late(row: Connection, care: WebhookCare, found: Rates, last: dt.datetime | None, now: dt.datetime) -> str:
    late, recently = found.late_seconds or 0.0, found.recently_late_seconds or 0.0
    # the last ones close the case, so they must speak for it too: else the old ones would open it again
    if min(late, recently) > LATE_SECONDS:
        return f"Half of its last deliveries came more than {_span(late)} after the change."
    hole = WebhookHole.objects.filter(connection=row).order_by("-began_at").first()
    heard = [last, care.active_since, hole.ended_at if hole else None]
    since = max(at for at in [*heard, row.created_at] if at is not None)
    if now - since < SILENT or found.polled < SILENT_CHANGES:
        return ""
    words = f"since {_shown(last)} UTC" if last else "ever"
    return f"No delivery has come {words}, while polling found {found.polled} changes in two hours."


def _cron(host: WebhookHost) -> str:
    """What the store says of its cron; empty where the key may not read it."""
    checks = host.check() if isinstance(host, Testable) else []
    return " ".join(check.sentence for check in checks if check.name == "cron")


def _numbers(found: Rates, last: dt.datetime | None) -> dict[str, Any]:
    return {
        "last_24_hours": _told(found.day),
        "since_midnight": _told(found.since_midnight),
        "late_seconds": None if found.late_seconds is None else round(found.late_seconds, 1),
        "last_delivery_at": last,
    }


def _told(share: Share) -> dict[str, Any]:
    return {"changes": share.changes, "missing": share.missing, "percent": round(share.percent, 1)}


def _sentences(found: Rates, last: dt.datetime | None) -> list[str]:
    said = [
        f"{_share(found.day)} in the last 24 hours, {found.since_midnight.missing} of "
        f"{found.since_midnight.changes} since midnight UTC."
    ]
    if found.late_seconds is not None:
        said.append(f"Half of the last deliveries came within {_span(found.late_seconds)} of the change.")
    said.append(f"The last delivery came at {_shown(last)} UTC." if last else "No delivery has come yet.")
    return said


def _share(share: Share) -> str:
    return f"{share.missing} of {share.changes} changes ({share.percent:.1f} %) came without a delivery"


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{max(seconds, 0):.0f} seconds"


def _shown(at: dt.datetime | None) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S") if at else ""

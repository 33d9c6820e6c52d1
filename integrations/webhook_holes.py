"""The holes that switched-off webhooks leave: noted before anything is mended, read by polling, told to their end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from django.conf import settings

from integrations import polls, webhook_rates
from integrations.events import WebhookTrouble
from integrations.models import Connection, Poll, WebhookHole
from integrations.states import PollKind

CODE = "webhook_disabled"
READ_BY = (PollKind.CHANGED, PollKind.TRASH)
"""The looks that must have gone round for a hole to be read."""


def unread(row: Connection) -> WebhookHole | None:
    """The hole of a store that polling has not read to its end."""
    return WebhookHole.objects.filter(connection=row, polled_at__isnull=True).first()


def note(row: Connection, *, topics: Sequence[str], delivered: Mapping[str, dt.datetime]) -> WebhookHole:
    """Write down that these webhooks were found switched off, in the caller's transaction.

    A hole that is not read yet goes on: what it began with is still unproven.
    """
    hole = unread(row) or WebhookHole(connection=row, topics=[], began_at=row.created_at)
    if hole.pk is None:
        # whoever failed to take one failed to take all: the youngest delivery of any is when it still worked
        hole.began_at = max((delivered[topic] for topic in topics if topic in delivered), default=row.created_at)
    hole.topics = sorted({*hole.topics, *topics})
    hole.ended_at = None
    hole.save()
    return hole


def end(hole: WebhookHole, *, now: dt.datetime) -> None:
    """All are active again: let polling read the hole. In the caller's transaction."""
    hole.ended_at = now
    hole.save(update_fields=["ended_at"])
    since = hole.began_at - dt.timedelta(seconds=settings.POLL_OVERLAP_SECONDS)
    polls.look_again_from(connection_id=hole.connection_id, kinds=dict.fromkeys(READ_BY, since))


def fill(hole: WebhookHole, *, now: dt.datetime) -> bool:
    """Count what came by polling alone, once the looks have gone round and all they found is worked."""
    ended = hole.ended_at
    if ended is None:
        return False
    looks = Poll.objects.filter(connection=hole.connection_id, kind__in=READ_BY, finished_at__gt=ended)
    finished = [look.finished_at for look in looks if look.finished_at is not None]
    if len(finished) < len(READ_BY):
        return False
    store, until = hole.connection_id, max(finished)
    if webhook_rates.is_polled_work_open(connection_id=store, since=hole.began_at, until=until):
        return False
    alone = webhook_rates.polled_alone(connection_id=store, began_at=hole.began_at, ended_at=ended)
    hole.orders, hole.first_ref, hole.last_ref = alone.orders, alone.first_ref[:40], alone.last_ref[:40]
    hole.polled_at = now
    hole.save()
    return True


def trouble(hole: WebhookHole) -> WebhookTrouble:
    """What people are told of a hole, as it stands."""
    evidence = {
        "topics": ", ".join(hole.topics),
        "since": _shown(hole.began_at),
        "until": _shown(hole.ended_at) if hole.ended_at else "",
        "orders": "" if hole.orders is None else str(hole.orders),
        "first_order": hole.first_ref,
        "last_order": hole.last_ref,
    }
    return WebhookTrouble(code=CODE, detail=_detail(hole), evidence=evidence)


def proof(hole: WebhookHole) -> str:
    """Why nothing is missing after a hole that was read."""
    return f"The webhooks are active again, and the time without them was read. {_found(hole)}"


def _detail(hole: WebhookHole) -> str:
    if hole.ended_at is None:
        return "They are still off; polling goes on reading what changes."
    active = f"Active again since {_shown(hole.ended_at)} UTC."
    return f"{active} {_found(hole)}" if hole.polled_at else f"{active} Polling reads what was not told meanwhile."


def _found(hole: WebhookHole) -> str:
    if not hole.orders:
        return "No order had changed unheard."
    if hole.orders == 1:
        return f"One order came by polling alone: {hole.first_ref}."
    return f"{hole.orders} orders came by polling alone: the first is {hole.first_ref}, the last {hole.last_ref}."


def _shown(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")

"""A new secret for a store's webhooks without a refused delivery.

Two steps, both made by looks at the webhooks: *giving* (intake knows both secrets, the webhooks get the new one) and
*waiting* (all have it; the old one goes when no delivery was signed with it for an hour).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db import transaction

from integrations import connections
from integrations.models import Connection, WebhookCare
from integrations.ports.errors import Misconfigured, Rejected
from integrations.ports.stores import Webhook, WebhookHost
from integrations.webhook_judgement import care_of
from integrations.webhooks import SECRETS_SECONDS
from retailhub.core import audit

KNOWN_AFTER = dt.timedelta(seconds=2 * SECRETS_SECONDS)
"""By then every process that takes deliveries in knows a new secret."""
OLD_KEPT = dt.timedelta(hours=1)
"""How long the old secret is kept after its last delivery."""
ACTOR = "RetailHub (webhook care)"
FIELDS = ["rotation_began_at", "rotation_mark", "rotation_given", "rotation_given_at", "old_secret_used_at"]


def secrets_of(row: Connection) -> list[str]:
    """The live secrets, the newest first."""
    return list(cast(dict[str, Any], row.credentials).get("webhook_secrets", ()))


def to_sign(row: Connection, care: WebhookCare, now: dt.datetime) -> str:
    """The newest secret that every process which takes deliveries in knows by now."""
    live = secrets_of(row)
    is_fresh = care.rotation_began_at is not None and now - care.rotation_began_at < KNOWN_AFTER
    return live[-1] if is_fresh else live[0]


def show(*, row: Connection, actor: Any, now: dt.datetime) -> str:
    """The newest secret, for a person who makes the webhooks in the store by hand; who looked is written down."""
    audit.record(
        actor=actor,
        action="show_webhook_secret",
        subject=f"connection:{row.name}",
        reason="to make its webhooks in the store",
        now=now,
    )
    return secrets_of(row)[0]


def begin(*, row: Connection, actor: Any, now: dt.datetime) -> None:
    """Make a new secret and put it first. Raises `Misconfigured` where care may not give it to the webhooks, and
    while another change is under way. Locks the connection's row.
    """
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=row.pk)
        care = care_of(row)
        if care.left_to_people:
            raise Misconfigured(f"The webhooks of {row.name} are left to people; set their secret there and here.")
        if len(secrets_of(row)) > 1:
            raise Misconfigured(f"{row.name} has two live secrets already: let that change end first.")
        new = secrets.token_urlsafe(32)
        _set(row, [new, *secrets_of(row)], actor=actor, reason="a new secret for the webhooks", now=now)
        care.rotation_began_at, care.rotation_mark = now, _mark(new)
        care.rotation_given, care.rotation_given_at, care.old_secret_used_at = [], None, None
        care.save(update_fields=FIELDS)


def _set(row: Connection, live: list[str], *, actor: Any, reason: str, now: dt.datetime) -> None:
    connections.change(
        name=row.name,
        settings={},
        credentials={"webhook_secrets": live},
        limits={},
        actor=actor,
        reason=reason,
        now=now,
    )


def _mark(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What a look did for a change of secret. ``again_in`` seconds there is more to do, if that is soon."""

    sentence: str = ""
    again_in: float | None = None


def carry_on(
    row: Connection,
    care: WebhookCare,
    hooks: Sequence[Webhook],
    host: WebhookHost,
    now: dt.datetime,
    *,
    doubtful: int = 0,
) -> Progress:
    """Take the next step of the change that is under way, if one is. Calls the store; no transaction may be open.

    ``doubtful`` webhooks may be ours and cannot be given the new secret: the old one stays until that is clear.
    """
    began = care.rotation_began_at
    if began is None:
        return Progress()
    live = secrets_of(row)
    if len(live) < 2 or _mark(live[0]) != care.rotation_mark:
        _forget(care)
        return Progress(sentence="The change of the secret was given up: somebody set other secrets meanwhile.")
    if now - began < KNOWN_AFTER:
        return Progress(again_in=(KNOWN_AFTER - (now - began)).total_seconds() + 1, sentence=told(care, len(hooks)))
    _give(care, hooks, live[0], host, now)
    used = care.rotation_given_at or now
    # written by intake meanwhile
    care.refresh_from_db(fields=["old_secret_used_at"])
    if care.old_secret_used_at is not None:
        used = max(used, care.old_secret_used_at)
    if now - used < OLD_KEPT:
        return Progress(sentence=told(care, len(hooks)))
    if doubtful:
        return Progress(sentence=f"The old secret stays: {doubtful} webhooks that may be ours do not have the new one.")
    _drop_old(row, care, live[0], now)
    return Progress(sentence="The new secret is in force; the old one is not accepted any more.")


def _give(care: WebhookCare, hooks: Sequence[Webhook], new: str, host: WebhookHost, now: dt.datetime) -> None:
    for hook in hooks:
        if hook.ref not in care.rotation_given:
            try:
                host.change_webhook(hook.ref, secret=new)
            except Rejected as error:
                if error.code != "webhook_gone":
                    raise
            care.rotation_given = [*care.rotation_given, hook.ref]
            care.rotation_given_at = now
            care.save(update_fields=["rotation_given", "rotation_given_at"])
    if care.rotation_given_at is None:
        care.rotation_given_at = now
        care.save(update_fields=["rotation_given_at"])


def _drop_old(row: Connection, care: WebhookCare, new: str, now: dt.datetime) -> None:
    with transaction.atomic():
        present = Connection.objects.select_for_update().get(pk=row.pk)
        if secrets_of(present)[:1] == [new]:
            _set(present, [new], actor=ACTOR, reason="every webhook has the new secret", now=now)
        _forget(care)


def _forget(care: WebhookCare) -> None:
    care.rotation_began_at = care.rotation_given_at = care.old_secret_used_at = None
    care.rotation_mark, care.rotation_given = "", []
    care.save(update_fields=FIELDS)


def told(care: WebhookCare, webhooks: int) -> str:
    """Where a change of secret stands, in one sentence."""
    if care.rotation_given_at is None or len(care.rotation_given) < webhooks:
        return f"The new secret is being given to the webhooks: {len(care.rotation_given)} of {webhooks} have it."
    used = care.old_secret_used_at
    last = f"the last delivery under it came at {used:%Y-%m-%d %H:%M:%S} UTC" if used else "no delivery came under it"
    return f"Every webhook has the new secret; the old one is still accepted for up to an hour ({last})."

"""Looking after a store's webhooks: there, active, under our secret; and telling how their deliveries come.

One look, made every five periods of polling, and a minute later while something is not over:

1. list the webhooks, and tell ours (`webhook_known`) from those of another RetailHub, which are never touched
2. write down the hole of those that the store switched off, *then* set them active and let polling read the hole
3. make those that are missing, where `PUBLIC_URL` says whereto
4. take the next step of a change of secret
5. judge the last day's deliveries, and tell the layers above
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from integrations import connections, webhook_holes, webhook_judgement, webhook_known, webhook_rates, webhook_secrets
from integrations.calls import Lines, Recorder, context_for
from integrations.connectors.woocommerce.findings import TOPICS
from integrations.events import WebhooksLooked
from integrations.models import Connection, WebhookCare
from integrations.polls import Round
from integrations.ports.errors import AuthRejected, Rejected
from integrations.ports.stores import HookStatus, Webhook, WebhookHost
from retailhub.core import audit, bus, clock, ids

log = structlog.get_logger(__name__)

SOON = 60.0
"""After a reactivation: the count of failures stays, and the next failure switches the webhook off at once."""


@dataclass(kw_only=True)
class Look:
    """What one look found and did."""

    hooks: list[Webhook]
    """Ours."""
    moved: list[Webhook] = field(default_factory=list)
    """Were ours, and deliver elsewhere now. Left alone."""
    foreign: list[Webhook] = field(default_factory=list)
    """Have our path, and nothing shows that they are ours. Left alone."""
    made: list[str] = field(default_factory=list)
    reactivated: list[str] = field(default_factory=list)
    off_again: bool = False
    """Switched off although a look had set them active and no other came between."""
    sentences: list[str] = field(default_factory=list)
    again_in: float | None = None

    @property
    def missing(self) -> list[str]:
        """Topics that no webhook of ours tells of, on or off."""
        return [topic for topic in TOPICS if topic not in {hook.topic for hook in [*self.hooks, *self.perhaps]}]

    @property
    def perhaps(self) -> list[Webhook]:
        """Not known to be ours, and the only ones of their topics: people made them, and none has delivered yet."""
        if settings.PUBLIC_URL:
            return []
        have = {hook.topic for hook in self.hooks}
        return [hook for hook in self.foreign if hook.topic not in have]

    def topics(self, status: HookStatus) -> list[str]:
        """Topics of ours that stand so."""
        return [hook.topic for hook in self.hooks if hook.status is status]

    def soon(self, seconds: float) -> None:
        """Let the next look come in ``seconds``, if none is due earlier."""
        self.again_in = seconds if self.again_in is None else min(seconds, self.again_in)


def look_after(row: Connection, lines: Lines, at: Round) -> Round:
    """One look at the webhooks of a store. Raises what its connector does, but for a key that may not do this."""
    recorder = Recorder(row.pk, at.fence)
    try:
        host: WebhookHost = lines.connector(row, context_for(recorder, correlation_id=ids.new_trace_id()))
        care = webhook_judgement.care_of(row)
        try:
            found = webhook_known.sort_out(row, care, host.webhooks(), clock.now())
            look = Look(hooks=found.ours, moved=found.moved, foreign=found.foreign)
            look.sentences += webhook_known.told(found, row)
        except AuthRejected as error:
            # the other looks tell of a key that may do nothing; they need less than this one
            return replace(at, done=True, report={"sentences": [f"The webhooks cannot be seen: {error.detail}"]})
        _mend(row, care, look, host)
        report = _judge(row, care, look, host)
        # a list that led to nothing explains nothing
        recorder.keep_outlines(all_of_them=bool(look.made or look.reactivated))
    finally:
        recorder.save()
    return _after(at, look, report)


def _mend(row: Connection, care: WebhookCare, look: Look, host: WebhookHost) -> None:
    _note_hole(row, care, look)
    if care.left_to_people:
        look.sentences.append("The webhooks are left to people: nothing is changed in the store.")
        return
    try:
        for hook in [hook for hook in look.hooks if hook.status is HookStatus.DISABLED]:
            _reactivate(row, care, look, hook, host)
        for topic in look.missing if settings.PUBLIC_URL else ():
            _make(row, care, look, topic, host)
        progress = webhook_secrets.carry_on(row, care, look.hooks, host, clock.now(), doubtful=len(look.perhaps))
    except AuthRejected as error:
        # reading goes on with such a key; only this waits
        look.sentences.append(f"The webhooks cannot be mended: {error.detail}")
        return
    if progress.again_in is not None:
        look.soon(progress.again_in)
    if progress.sentence:
        look.sentences.append(progress.sentence)


def _note_hole(row: Connection, care: WebhookCare, look: Look) -> None:
    """Before anything is mended: a look that breaks off leaves the hole behind."""
    off = look.topics(HookStatus.DISABLED)
    if not off:
        return
    now = clock.now()
    found = webhook_rates.rates(connection_id=row.pk, since=now, silent_since=now, now=now)
    care.delivered = webhook_judgement.remembered(webhook_judgement.delivered_of(care) | found.delivered)
    care.save(update_fields=["delivered"])
    look.off_again = webhook_holes.unread(row) is not None
    with transaction.atomic():
        hole = webhook_holes.note(row, topics=off, delivered=webhook_judgement.delivered_of(care))
        bus.publish(WebhooksLooked(row.pk, [webhook_holes.trouble(hole)], {}, now))


def _reactivate(row: Connection, care: WebhookCare, look: Look, hook: Webhook, host: WebhookHost) -> None:
    try:
        # with the secret too: deliveries under another one may be what failed
        changed = host.change_webhook(hook.ref, active=True, secret=webhook_secrets.to_sign(row, care, clock.now()))
    except Rejected as error:
        if error.code != "webhook_gone":
            raise
        look.hooks.remove(hook)
        return
    look.hooks[look.hooks.index(hook)] = changed
    look.reactivated.append(hook.topic)
    log.info("webhook_reactivated", store=row.name, topic=hook.topic, webhook=hook.ref)


def _make(row: Connection, care: WebhookCare, look: Look, topic: str, host: WebhookHost) -> None:
    now = clock.now()
    made = host.create_webhook(
        topic=topic,
        delivery_url=connections.info_of(row).deliver_to,
        secret=webhook_secrets.to_sign(row, care, now),
        name=f"RetailHub ({row.name}): {topic}",
    )
    webhook_known.note_made(care, made)
    look.hooks.append(made)
    look.made.append(topic)
    audit.record(
        actor=webhook_secrets.ACTOR,
        action="make_webhook",
        subject=f"connection:{row.name}",
        reason=f"the store had no webhook of ours for {topic}",
        now=now,
        after={"webhook": made.ref, "topic": topic},
    )


def _judge(row: Connection, care: WebhookCare, look: Look, host: WebhookHost) -> dict[str, Any]:
    """End and fill the hole, judge the deliveries, tell of both; returns the report."""
    now = clock.now()
    _tell_hole(row, look, now)
    # a time in which it is switched off is a hole; a time without it is nobody's fault
    delivering = [hook for hook in [*look.hooks, *look.perhaps] if hook.status is not HookStatus.PAUSED]
    is_there = webhook_judgement.TOLD_OF in {hook.topic for hook in delivering}
    care.active_since = (care.active_since or now) if is_there else None
    found = webhook_judgement.judge(row, care, delivering, host, now)
    with transaction.atomic():
        webhook_judgement.keep(care, found)
        if found.troubles or found.over:
            bus.publish(WebhooksLooked(row.pk, found.troubles, found.over, now))
    return {
        "webhooks": {hook.topic: hook.status.value for hook in look.hooks},
        "made": look.made,
        "reactivated": look.reactivated,
        "missing_topics": look.missing,
        "moved": [webhook_known.fact(hook) for hook in look.moved],
        "foreign": [webhook_known.fact(hook) for hook in look.foreign],
        "left_to_people": care.left_to_people,
        "deliveries": found.numbers,
        "sentences": [*_words(row, look), *look.sentences, *found.sentences],
    }


def _tell_hole(row: Connection, look: Look, now: dt.datetime) -> None:
    hole = webhook_holes.unread(row)
    if hole is None:
        return
    with transaction.atomic():
        if hole.ended_at is None and not look.topics(HookStatus.DISABLED):
            webhook_holes.end(hole, now=now)
        is_read = webhook_holes.fill(hole, now=now)
        over = {webhook_holes.CODE: webhook_holes.proof(hole)} if is_read else {}
        bus.publish(WebhooksLooked(row.pk, [webhook_holes.trouble(hole)], over, now))
    if hole.ended_at is not None and not is_read and not look.off_again:
        look.soon(SOON)


def _after(at: Round, look: Look, report: dict[str, Any]) -> Round:
    began = at.began_at
    if began is not None and look.again_in is not None and look.again_in < at.every_seconds:
        # the next round is due a period after this one began
        began = clock.now() + dt.timedelta(seconds=look.again_in - at.every_seconds)
    return replace(at, began_at=began, done=True, calls=at.calls + 1, report=report)


def _words(row: Connection, look: Look) -> list[str]:
    """What the webhooks are like, and what people have to do."""
    active, paused = look.topics(HookStatus.ACTIVE), look.topics(HookStatus.PAUSED)
    off = look.topics(HookStatus.DISABLED)
    said = [f"{len(look.hooks)} webhooks deliver to {connections.INTAKE}{row.name}/, {len(active)} of them active."]
    if look.made:
        said.append(f"Made those for {', '.join(look.made)}.")
    if look.reactivated:
        said.append(f"The store had switched off those for {', '.join(look.reactivated)}; they are active again.")
    if off:
        said.append(f"The store switched off those for {', '.join(off)}.")
    if paused:
        said.append(f"Somebody paused those for {', '.join(paused)}; that is left so.")
    if look.missing:
        said.append(_missing_words(row, look.missing))
    return said


def _missing_words(row: Connection, missing: Sequence[str]) -> str:
    url = f"{settings.PUBLIC_URL or 'https://<this RetailHub>'}{connections.INTAKE}{row.name}/"
    return (
        f"There are none for {', '.join(missing)}. Add them in WooCommerce (Settings, Advanced, Webhooks) with the "
        f"delivery URL {url} and the secret in webhook_secrets, or set RETAILHUB_PUBLIC_URL and have them made."
    )


def leave_to_people(*, row: Connection, leave: bool, actor: Any, reason: str, now: dt.datetime) -> None:
    """Say whether people or RetailHub look after a store's webhooks."""
    with transaction.atomic():
        care = webhook_judgement.care_of(row)
        before, care.left_to_people = care.left_to_people, leave
        care.save(update_fields=["left_to_people"])
        audit.record(
            actor=actor,
            action="leave_webhooks" if leave else "care_for_webhooks",
            subject=f"connection:{row.name}",
            reason=reason,
            now=now,
            before={"left_to_people": before},
            after={"left_to_people": leave},
        )

"""Making and changing rules of notices. Each act is one transaction with one audit row, and shows no address."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from integrations import webhook_call
from integrations.selectors import connection_names
from reconciliation.codes import CODES
from retailhub.console.models import Notice, NoticeRule
from retailhub.console.notices import changes, sending, texts, times
from retailhub.core import audit
from retailhub.core.privacy import HIDDEN, mask_email

NAME_MOST = 40


class NotPossible(Exception):
    """A rule cannot be like this. ``code`` is stable, ``detail`` one sentence that repeats no webhook's address."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A rule as people write it. Each field is text as typed; ``None`` leaves what is there, or the default."""

    kind: str | None = None
    address: str | None = None
    """E-mail addresses with commas between them, or the webhook's address."""
    allow_private: bool | None = None
    causes: bool | None = None
    codes: str | None = None
    urgent_only: bool | None = None
    connection: str | None = None
    money_at_least: str | None = None
    approvals: bool | None = None
    zone: str | None = None
    digest_at: str | None = None
    quiet_from: str | None = None
    quiet_to: str | None = None
    urgent_passes: bool | None = None


def add(*, name: str, wanted: Wanted, actor: Any, reason: str, now: dt.datetime) -> NoticeRule:
    """Make a rule; it tells of what changes from now on. Raises `NotPossible`."""
    called = name.strip()
    if not called or len(called) > NAME_MOST or not called.isprintable():
        raise NotPossible("bad_name", f"A rule has a name of at most {NAME_MOST} characters.")
    with transaction.atomic():
        if NoticeRule.objects.filter(name=called).exists():
            raise NotPossible("name_taken", f"There is a rule {called} already.")
        rule = NoticeRule(name=called, kind=wanted.kind or "", changed_at=now)
        _apply(rule, replace(wanted, address=wanted.address or ""))
        rule.save()
        changes.begin(rule=rule, now=now)
        _record(rule, "add_notice_rule", actor=actor, reason=reason, now=now, before=None)
    return rule


def change(*, name: str, wanted: Wanted, actor: Any, reason: str, now: dt.datetime) -> NoticeRule:
    """Change what is given of a rule; it tells of what changes from now on. Raises `NotPossible`."""
    with transaction.atomic():
        rule = _locked(name)
        before = facts(rule)
        if wanted.kind not in {None, rule.kind}:
            raise NotPossible("kind_stays", "A rule keeps its kind; make another one.")
        _apply(rule, wanted)
        rule.changed_at = now
        rule.save()
        changes.begin(rule=rule, now=now)
        _record(rule, "edit_notice_rule", actor=actor, reason=reason, now=now, before=before)
    return rule


def switch(*, name: str, enabled: bool, actor: Any, reason: str, now: dt.datetime) -> NoticeRule:
    """Switch a rule on, to tell of what changes from now on; or off, and drop what it has not sent."""
    with transaction.atomic():
        rule = _locked(name)
        if rule.enabled == enabled:
            raise NotPossible("as_it_is", f"The rule {name} is {'on' if enabled else 'off'} already.")
        before = facts(rule)
        rule.enabled, rule.changed_at = enabled, now
        rule.save(update_fields=["enabled", "changed_at"])
        if enabled:
            changes.begin(rule=rule, now=now)
        else:
            rule.notices.filter(status=Notice.Status.PENDING).update(
                status=Notice.Status.DROPPED, finished_at=now, detail="The rule was switched off."
            )
            sending.over(rule=rule, why="The rule was switched off.", now=now)
        action = f"switch_notice_rule_{'on' if enabled else 'off'}"
        _record(rule, action, actor=actor, reason=reason, now=now, before=before)
    return rule


def remove(*, name: str, actor: Any, reason: str, now: dt.datetime) -> None:
    """Remove a rule, its notices with it."""
    with transaction.atomic():
        rule = _locked(name)
        sending.over(rule=rule, why="The rule was removed.", now=now)
        _record(rule, "remove_notice_rule", actor=actor, reason=reason, now=now, before=facts(rule), after={})
        rule.delete()


def test(*, name: str, actor: Any, reason: str, now: dt.datetime) -> list[Notice]:
    """Send a test to each address of a rule, at once and once; returns how each ended. Not inside a transaction."""
    with transaction.atomic():
        rule = _locked(name)
        made = changes.write(rule=rule, what=Notice.What.TEST, content={**texts.TEST, "at": now.isoformat()}, now=now)
        after = {"notices": len(made)}
        _record(rule, "test_notice_rule", actor=actor, reason=reason, now=now, before=None, after=after)
    return [sending.send_one(notice_id=notice.pk) for notice in made]


def again(*, public_id: str, actor: Any, reason: str, now: dt.datetime) -> Notice:
    """Have a notice sent again that was given up. Raises `NotPossible`."""
    with transaction.atomic():
        rows = Notice.objects.select_for_update(of=("self",)).select_related("rule")
        notice = rows.filter(public_id=public_id).first()
        if notice is None or notice.status != Notice.Status.GIVEN_UP or notice.what == Notice.What.TEST:
            raise NotPossible("not_given_up", f"{public_id} is no notice that was given up.")
        sending.again(notice=notice, now=now)
        audit.record(
            actor=actor, action="send_notice_again", subject=f"notice:{public_id}", reason=reason, now=now, before=None
        )
    notice.refresh_from_db()
    return notice


def _locked(name: str) -> NoticeRule:
    rule = NoticeRule.objects.select_for_update().filter(name=name).first()
    if rule is None:
        raise NotPossible("rule_unknown", f"There is no notice rule {name}.")
    return rule


def _apply(rule: NoticeRule, wanted: Wanted) -> None:
    """Write what is given into the rule. Raises `NotPossible` for what cannot be."""
    for each in fields(Wanted):
        value = getattr(wanted, each.name)
        if isinstance(value, bool):
            setattr(rule, each.name, value)
    if rule.kind not in NoticeRule.Kind.values:
        raise NotPossible("bad_kind", f"A rule's kind is one of {', '.join(NoticeRule.Kind.values)}.")
    if wanted.address is not None:
        rule.target = _target(rule, wanted.address)
    elif rule.kind != NoticeRule.Kind.EMAIL:
        _target(rule, rule.target["url"])
    if wanted.codes is not None:
        rule.codes = _codes(wanted.codes)
    if wanted.connection is not None:
        rule.connection_id = _connection(wanted.connection)
    if wanted.money_at_least is not None:
        rule.money_at_least = _amount(wanted.money_at_least)
    if not (rule.causes or rule.approvals):
        raise NotPossible("of_nothing", "A rule tells of causes, of replays that wait for approval, or of both.")
    _apply_times(rule, wanted)


def _apply_times(rule: NoticeRule, wanted: Wanted) -> None:
    if wanted.zone is not None:
        rule.zone = wanted.zone.strip() or "UTC"
    try:
        times.zone_named(rule.zone)
    except ValueError as error:
        raise NotPossible("bad_zone", str(error)) from error
    for name in ("digest_at", "quiet_from", "quiet_to"):
        given = getattr(wanted, name)
        if given is not None:
            setattr(rule, name, _time(given))
    if (rule.quiet_from is None) != (rule.quiet_to is None) or (
        rule.quiet_from is not None and rule.quiet_from == rule.quiet_to
    ):
        raise NotPossible("bad_quiet_hours", "Quiet hours have a beginning and another end.")
    if rule.digest_at is not None and rule.quiet_from is not None:
        raise NotPossible("digest_is_quiet", "A daily summary comes at its own time; it needs no quiet hours.")


def _target(rule: NoticeRule, address: str) -> dict[str, Any]:
    if rule.kind != NoticeRule.Kind.EMAIL:
        try:
            return {"url": webhook_call.check_url(address.strip(), allow_private=rule.allow_private)}
        except ValueError as error:
            raise NotPossible("bad_address", str(error)) from error
    found = list(dict.fromkeys(each.strip() for each in address.replace(";", ",").split(",") if each.strip()))
    for each in found:
        try:
            validate_email(each)
        except ValidationError as error:
            raise NotPossible("bad_address", f"{each!r} is no e-mail address.") from error
    if not found or len(found) > 50:
        raise NotPossible("bad_address", "Give between one and fifty e-mail addresses, with commas between them.")
    return {"to": found}


def _codes(text: str) -> list[str]:
    found = list(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    strange = [each for each in found if each not in CODES]
    if strange:
        raise NotPossible("code_unknown", f"There is no case code {', '.join(strange)}.")
    return found


def _connection(name: str) -> int | None:
    if not name.strip():
        return None
    known = {called: key for key, called in connection_names().items()}
    if name.strip() not in known:
        raise NotPossible("connection_unknown", f"There is no connection {name.strip()}.")
    return known[name.strip()]


def _amount(text: str) -> Decimal | None:
    if not text.strip():
        return None
    try:
        amount = Decimal(text.strip())
    except InvalidOperation as error:
        raise NotPossible("bad_amount", f"{text!r} is no amount, such as 1000.00.") from error
    if not amount.is_finite() or not 0 < amount < 10**15:
        raise NotPossible("bad_amount", f"{text!r} is no amount, such as 1000.00.")
    return amount


def _time(text: str) -> dt.time | None:
    if not text.strip():
        return None
    try:
        return dt.datetime.strptime(text.strip(), "%H:%M").time()  # noqa: DTZ007 - a local time of the rule's zone
    except ValueError as error:
        raise NotPossible("bad_time", f"{text!r} is no time of day, such as 07:30.") from error


def masked(rule: NoticeRule) -> str:
    """Where to, as far as everybody may know."""
    if rule.kind == NoticeRule.Kind.EMAIL:
        return ", ".join(mask_email(each) for each in rule.target["to"])
    return f"{urlsplit(rule.target['url']).hostname}/{HIDDEN}"


def masked_of(notice: Notice) -> str:
    """Where one notice goes, as far as everybody may know."""
    return mask_email(notice.to["to"]) if notice.to else masked(notice.rule)


def ended(notice: Notice) -> str:
    """How it ended, in a sentence."""
    if notice.status == Notice.Status.SENT:
        return f"It got through to {masked_of(notice)}."
    return f"It did not get through to {masked_of(notice)}: {notice.detail or notice.status}"


def what_of(rule: NoticeRule) -> str:
    """Of what it tells, in words."""
    parts = []
    if rule.causes:
        kind = "urgent causes" if rule.urgent_only else "causes"
        parts.append(" ".join([kind, *_limits(rule)]))
    if rule.approvals:
        parts.append("replays that wait for approval")
    return "; ".join(parts)


def _limits(rule: NoticeRule) -> list[str]:
    found = [f"of {', '.join(rule.codes)}"] if rule.codes else []
    if rule.connection_id is not None:
        found.append(f"on {connection_names()[rule.connection_id]}")
    if rule.money_at_least is not None:
        found.append(f"with {rule.money_at_least.normalize():f} or more at risk")
    return found


def when_of(rule: NoticeRule) -> str:
    """When it tells, in words."""
    if rule.digest_at is not None:
        return f"daily at {rule.digest_at:%H:%M} ({rule.zone})"
    if rule.quiet_from is None or rule.quiet_to is None:
        return "at once"
    passes = ", urgent ones at any time" if rule.urgent_passes else ""
    return f"at once, but not from {rule.quiet_from:%H:%M} to {rule.quiet_to:%H:%M} ({rule.zone}){passes}"


def facts(rule: NoticeRule) -> dict[str, Any]:
    """A rule as JSON, for the audit and the command: no address."""
    return {
        "name": rule.name,
        "kind": rule.kind,
        "address": masked(rule),
        "allow_private": rule.allow_private,
        "enabled": rule.enabled,
        "of": what_of(rule),
        "when": when_of(rule),
    }


def _record(
    rule: NoticeRule,
    action: str,
    *,
    actor: Any,
    reason: str,
    now: dt.datetime,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=f"notice_rule:{rule.name}",
        reason=reason,
        now=now,
        before=before,
        after=facts(rule) if after is None else after or None,
    )

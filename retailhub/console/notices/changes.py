"""What changed since a rule last told: written down as notices, in the transaction in which it counts as told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from reconciliation.selectors import news
from retailhub.console.models import Notice, NoticeRule, NoticeTold
from retailhub.console.notices import times
from retailhub.core import ids
from retailhub.core.admin.words import span
from retailhub.core.cli import counted

PAUSE = dt.timedelta(minutes=5)
"""Between two notices of a rule: a flood becomes one."""
OVER_FOR = dt.timedelta(minutes=5)
"""A cause is told to be closed once it has been for so long: one that comes back before is no news."""
TENFOLD = 10
SHOWN = 10
"""Causes that a notice names; of the others it says how many."""
OPENED, GREW, WAITS, CLOSED = "opened", "grew", "waits", "closed"
ORDER = (OPENED, GREW, WAITS, CLOSED)
FAILED_CODE = "notice_failed"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing to tell. ``cases`` is how many open cases there are now."""

    what: str
    kind: str
    public_id: str
    cases: int = 0
    urgent: bool = False
    since: dt.datetime | None = None

    @property
    def subject(self) -> str:
        return f"{self.kind}:{self.public_id}"


def watch(*, now: dt.datetime) -> int:
    """Let every rule that is on say what has changed; returns how many notices were written.

    Locks one rule at a time; one that another worker has is left to it.
    """
    made = 0
    for rule_id in NoticeRule.objects.filter(enabled=True).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            rows = NoticeRule.objects.select_for_update(skip_locked=True).filter(pk=rule_id, enabled=True)
            rule = rows.first()
            if rule is not None:
                made += _look(rule, now)
    return made


def begin(*, rule: NoticeRule, now: dt.datetime) -> None:
    """Count what is open now as told: a rule tells what changes from then on. Call with the rule locked or new."""
    rule.told.all().delete()
    _note(rule, [change for change in _news(rule, {}) if change.what != CLOSED], now)
    if rule.digest_at is not None:
        rule.digested_on = times.digest_date(now, at=rule.digest_at, zone=times.zone_named(rule.zone))
    rule.noticed_at = None
    rule.save(update_fields=["digested_on", "noticed_at"])


def _look(rule: NoticeRule, now: dt.datetime) -> int:
    zone = times.zone_named(rule.zone)
    told = {each.subject: each for each in rule.told.all()}
    if rule.digest_at is not None:
        date = times.digest_date(now, at=rule.digest_at, zone=zone)
        if rule.digested_on is not None and rule.digested_on >= date:
            return 0
        rule.digested_on = date
        rule.save(update_fields=["digested_on"])
        return _tell(rule, _news(rule, told), now)
    _mark_gone(told, now)
    if rule.noticed_at is not None and now < rule.noticed_at + PAUSE:
        return 0
    quiet = times.is_quiet(now, begins=rule.quiet_from, ends=rule.quiet_to, zone=zone)
    if quiet and not rule.urgent_passes:
        return 0
    changes = [each for each in _news(rule, told) if each.what != CLOSED or _is_over(told[each.subject], now)]
    if quiet:
        changes = [each for each in changes if each.urgent and each.what in {OPENED, GREW}]
    return _tell(rule, changes, now)


def _mark_gone(told: Mapping[str, NoticeTold], now: dt.datetime) -> None:
    """Note since when causes are over, and which of them came back."""
    present = _present(told)
    causes = {subject: each for subject, each in told.items() if subject.startswith("cause:")}
    gone = [each for subject, each in causes.items() if each.gone_at is None and subject not in present]
    back = [each for subject, each in told.items() if each.gone_at is not None and subject in present]
    for rows, at in ((gone, now), (back, None)):
        for each in rows:
            each.gone_at = at
        if rows:
            NoticeTold.objects.filter(pk__in=[each.pk for each in rows]).update(gone_at=at)


def _is_over(told: NoticeTold, now: dt.datetime) -> bool:
    return told.gone_at is not None and now >= told.gone_at + OVER_FOR


def _present(told: Mapping[str, NoticeTold]) -> dict[str, news.OpenCause]:
    names = [subject.partition(":")[2] for subject in told if subject.startswith("cause:")]
    return {f"cause:{name}": found for name, found in news.still_open(names).items()}


def _news(rule: NoticeRule, told: Mapping[str, NoticeTold]) -> list[Change]:
    """What differs from what was told."""
    found = _opened(rule, told) if rule.causes else []
    present = _present(told)
    for subject, each in told.items():
        kind, _, name = subject.partition(":")
        now_open = present.get(subject)
        if kind != "cause":
            continue
        if now_open is None:
            found.append(Change(what=CLOSED, kind=kind, public_id=name))
        elif now_open.cases >= TENFOLD * each.cases:
            urgent, cases = now_open.urgent, now_open.cases
            found.append(Change(what=GREW, kind=kind, public_id=name, cases=cases, urgent=urgent))
    if rule.approvals:
        waiting = [name for name in news.waiting_replays() if f"replay:{name}" not in told]
        found += [Change(what=WAITS, kind="replay", public_id=name) for name in waiting]
    return sorted(found, key=lambda change: (not change.urgent, ORDER.index(change.what)))


def _opened(rule: NoticeRule, told: Mapping[str, NoticeTold]) -> list[Change]:
    causes = news.open_causes(
        chosen=rule.codes,
        urgent=rule.urgent_only,
        connection_id=rule.connection_id,
        least=rule.money_at_least,
    )
    return [
        Change(
            what=OPENED,
            kind="cause",
            public_id=each.public_id,
            cases=each.cases,
            urgent=each.urgent,
            since=each.oldest_at,
        )
        for each in causes
        # nobody is told by a rule that it does not get through
        if f"cause:{each.public_id}" not in told and (each.code, each.key) != (FAILED_CODE, rule.name)
    ]


def _tell(rule: NoticeRule, changes: Sequence[Change], now: dt.datetime) -> int:
    if not changes:
        return 0
    content = content_of(changes, now=now, is_digest=rule.digest_at is not None)
    what = Notice.What.DIGEST if rule.digest_at is not None else Notice.What.CHANGE
    made = write(rule=rule, what=what, content=content, now=now)
    _note(rule, changes, now)
    rule.noticed_at = now
    rule.save(update_fields=["noticed_at"])
    return len(made)


def _note(rule: NoticeRule, changes: Sequence[Change], now: dt.datetime) -> None:
    """Count these as told."""
    over = [change.subject for change in changes if change.what == CLOSED]
    NoticeTold.objects.filter(rule=rule, subject__in=over).delete()
    NoticeTold.objects.bulk_create(
        [
            NoticeTold(rule=rule, subject=change.subject, cases=max(change.cases, 1), told_at=now)
            for change in changes
            if change.what != CLOSED
        ],
        update_conflicts=True,
        unique_fields=["rule", "subject"],
        update_fields=["cases", "told_at"],
    )


def write(*, rule: NoticeRule, what: str, content: Mapping[str, Any], now: dt.datetime) -> list[Notice]:
    """One notice for each address of a rule."""
    addresses: list[Any] = (
        [{"to": each} for each in rule.target["to"]] if rule.kind == NoticeRule.Kind.EMAIL else [None]
    )
    return Notice.objects.bulk_create(
        [
            Notice(
                public_id=ids.new_id("ntc"),
                rule=rule,
                what=what,
                to=address,
                headline=content["headline"][:200],
                content=content,
                made_at=now,
                due_at=now,
            )
            for address in addresses
        ]
    )


def content_of(changes: Sequence[Change], *, now: dt.datetime, is_digest: bool) -> dict[str, Any]:
    """What a notice says, as JSON: a headline, the first `SHOWN` changes, how many more, what is open in all."""
    first = changes[:SHOWN]
    known = news.lines_of([each.public_id for each in first if each.kind == "cause"])
    if any(each.kind == "replay" for each in first):
        known |= news.waiting_replays()
    lines = [_line(each, known[each.public_id]) for each in first if each.public_id in known]
    total = news.count_open() if is_digest else None
    return {
        "headline": _headline(changes, lines, now=now, is_digest=is_digest),
        "urgent": any(each.urgent for each in changes),
        "lines": lines,
        "more": len(changes) - len(lines),
        "open": total,
        "at": now.isoformat(),
    }


def _line(change: Change, line: news.Line) -> dict[str, Any]:
    return {
        "what": change.what,
        "subject": change.subject,
        "sentence": line.sentence,
        "cases": change.cases,
        "money": {currency: str(amount) for currency, amount in line.money.items()},
        "connection": line.connection,
        "urgent": change.urgent,
    }


def _headline(
    changes: Sequence[Change], lines: Sequence[Mapping[str, Any]], *, now: dt.datetime, is_digest: bool
) -> str:
    """``Opened: The SKU …`` for one change, ``37 causes opened in 5 min, 2 closed`` for several."""
    if len(changes) == 1 and lines:
        told = {OPENED: "Opened", GREW: "Grew tenfold", CLOSED: "Closed"}.get(changes[0].what, "")
        text = f"{told}: {lines[0]['sentence']}" if told else str(lines[0]["sentence"])
    else:
        text = ", ".join(_counts(changes, now=now, with_span=not is_digest))
    begin = "Daily summary: " if is_digest else "Urgent: " if any(each.urgent for each in changes) else ""
    return f"{begin}{text}"


def _counts(changes: Sequence[Change], *, now: dt.datetime, with_span: bool) -> list[str]:
    number = {what: sum(each.what == what for each in changes) for what in ORDER}
    since = min((each.since for each in changes if each.since), default=now)
    within = f" in {span((now - since).total_seconds())}" if with_span and number[OPENED] > 1 else ""
    said = {
        OPENED: f"{counted(number[OPENED], 'cause')} opened{within}",
        GREW: f"{counted(number[GREW], 'cause')} grew tenfold",
        WAITS: f"{counted(number[WAITS], 'replay waits', 'replays wait')} for approval",
        CLOSED: f"{counted(number[CLOSED], 'cause')} closed",
    }
    return [said[what] for what in ORDER if number[what]]

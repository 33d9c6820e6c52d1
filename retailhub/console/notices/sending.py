"""Sending what was written down: claimed one by one, tried again with the same id, given up with a case."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import F, Q

from integrations import webhook_call
from integrations.ports.errors import ConnectorError, RateLimited, Rejected, Transient, Unknown
from reconciliation.services import cases
from reconciliation.services.cases import Report
from retailhub.console.models import Notice, NoticeRule
from retailhub.console.notices import post, texts
from retailhub.console.notices.changes import FAILED_CODE
from retailhub.core import clock
from retailhub.core.crashpoints import crashpoint

log = structlog.get_logger(__name__)

LEASE = dt.timedelta(minutes=5)
"""Longer than any try: a mail server may take its time for each word."""
TRIES = 8
FIRST_WAIT = dt.timedelta(minutes=1)
LONGEST_WAIT = dt.timedelta(hours=1)
TOO_OLD = dt.timedelta(days=1)
"""A notice that was told to wait again and again is given up after so long."""
ROUND_SECONDS = 20.0
KEPT = dt.timedelta(days=90)
FAMILY = "notices"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a round did."""

    sent: int
    failed: int


def send_due(*, seconds: float = ROUND_SECONDS) -> Sent:
    """Send what is due, until nothing is or the time is up. A rule whose notice fails waits for the next round."""
    ends, sent, failing = time.monotonic() + seconds, 0, list[int]()
    while time.monotonic() < ends:
        notice = _claim(failing)
        if notice is None:
            break
        if send(notice):
            sent += 1
        else:
            failing.append(notice.rule_id)
    return Sent(sent=sent, failed=len(failing))


def send_one(*, notice_id: int) -> Notice:
    """Try one notice now, if nobody else does; returns it as it stands then."""
    with transaction.atomic():
        rows = Notice.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=notice_id, status="pending")
        notice = _taken(rows.select_related("rule").first())
    if notice is not None:
        send(notice)
    return Notice.objects.select_related("rule").get(pk=notice_id)


def _claim(failing: list[int]) -> Notice | None:
    now = clock.now()
    with transaction.atomic():
        rows = (
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(Q(status=Notice.Status.PENDING) | Q(status=Notice.Status.SENDING, lease_until__lt=now))
            .filter(due_at__lte=now)
            .exclude(rule_id__in=failing)
            .select_related("rule")
            .order_by("due_at", "id")
        )
        return _taken(rows.first())


def _taken(notice: Notice | None) -> Notice | None:
    if notice is None:
        return None
    # whoever left it sending died over it: that is a try that came to nothing
    notice.attempts += notice.status == Notice.Status.SENDING
    notice.status, notice.claims, notice.lease_until = Notice.Status.SENDING, notice.claims + 1, clock.now() + LEASE
    notice.save(update_fields=["status", "claims", "lease_until", "attempts"])
    return notice


def send(notice: Notice) -> bool:
    """Send a claimed notice; returns whether it needs no further try by this one. Raises inside a transaction."""
    if not _still_wanted(notice):
        _finish(notice, Notice.Status.DROPPED, code="not_wanted", detail="The rule is off or has another address now.")
        return True
    try:
        if notice.attempts >= TRIES:
            raise Rejected("Workers died over it again and again.", code="worker_died")
        _deliver(notice)
    except ConnectorError as error:
        _failed(notice, error)
        return False
    crashpoint("notices.after_send")
    _got_through(notice)
    return True


def _still_wanted(notice: Notice) -> bool:
    if notice.what == Notice.What.TEST:
        return True
    return notice.rule.enabled and (notice.to is None or notice.to["to"] in notice.rule.target.get("to", []))


def _deliver(notice: Notice) -> None:
    rule = notice.rule
    if rule.kind == NoticeRule.Kind.EMAIL:
        subject, text = texts.mail(notice)
        post.send(to=notice.to["to"], subject=subject, text=text, public_id=notice.public_id)
        return
    webhook_call.post_json(
        url=rule.target["url"],
        body=texts.body(notice),
        message_id=notice.public_id,
        allow_private=rule.allow_private,
    )


def _finish(notice: Notice, status: Notice.Status, *, code: str = "", detail: str = "") -> bool:
    """Write down how it ended; nothing where another worker has taken it over."""
    rows = Notice.objects.filter(pk=notice.pk, status=Notice.Status.SENDING, claims=notice.claims)
    return bool(
        rows.update(
            status=status, finished_at=clock.now(), lease_until=None, attempts=notice.attempts, code=code, detail=detail
        )
    )


def _got_through(notice: Notice) -> None:
    now = clock.now()
    with transaction.atomic():
        if not _finish(notice, Notice.Status.SENT):
            return
        NoticeRule.objects.filter(pk=notice.rule_id).update(sent_at=now)
        over(rule=notice.rule, why="A notice of the rule got through.", now=now)
    log.info("notice_sent", notice=notice.public_id, rule=notice.rule_id, attempts=notice.attempts)


def _failed(notice: Notice, error: ConnectorError) -> None:
    """Try again later, or give up: at once after a definite no, else after `TRIES` tries or a day."""
    now, detail = clock.now(), error.detail[:300]
    log.warning("notice_failed", notice=notice.public_id, rule=notice.rule_id, code=error.code)
    notice.attempts += not isinstance(error, RateLimited)
    again = isinstance(error, Transient | Unknown) and notice.attempts < TRIES and now < notice.made_at + TOO_OLD
    if again and notice.what != Notice.What.TEST:
        rows = Notice.objects.filter(pk=notice.pk, status=Notice.Status.SENDING, claims=notice.claims)
        rows.update(
            status=Notice.Status.PENDING,
            lease_until=None,
            due_at=_next(notice, error, now),
            attempts=notice.attempts,
            code=error.code,
            detail=detail,
        )
        return
    with transaction.atomic():
        if _finish(notice, Notice.Status.GIVEN_UP, code=error.code, detail=detail) and notice.what != "test":
            _open_case(notice, error, now)


def _next(notice: Notice, error: ConnectorError, now: dt.datetime) -> dt.datetime:
    if isinstance(error, RateLimited):
        return error.retry_at
    wait = min(FIRST_WAIT * (1 << (notice.attempts - 1)), LONGEST_WAIT)
    told = error.retry_at if isinstance(error, Unknown) else None
    return max(now + wait, told or now)


def subject_of(rule: NoticeRule) -> str:
    """What the case about a rule is about."""
    return f"notice_rule:{rule.name}"


def _open_case(notice: Notice, error: ConnectorError, now: dt.datetime) -> None:
    report = Report(
        code=FAILED_CODE,
        subject=subject_of(notice.rule),
        family=FAMILY,
        connection_id=None,
        key=notice.rule.name,
        detail=error.detail,
        evidence={
            "failure": error.code,
            "kind": notice.rule.kind,
            "tries": str(notice.attempts),
        },
    )
    cases.reflect(family=FAMILY, reports=[report], subjects=[report.subject], proof={}, now=now)


def over(*, rule: NoticeRule, why: str, now: dt.datetime) -> None:
    """Close the case that notices of a rule do not get through. Call inside a transaction."""
    cases.close_for(family=FAMILY, why={subject_of(rule): why}, now=now)


def forget(*, now: dt.datetime) -> int:
    """Forget notices that were finished long ago; returns how many."""
    return Notice.objects.filter(finished_at__lt=now - KEPT).delete()[0]


def waiting() -> int:
    """How many notices are still to be sent."""
    return Notice.objects.filter(status__in=[Notice.Status.PENDING, Notice.Status.SENDING]).count()


def again(*, notice: Notice, now: dt.datetime) -> None:
    """Put a notice that was given up back to be sent, with all tries before it. Call inside a transaction."""
    Notice.objects.filter(pk=notice.pk, status=Notice.Status.GIVEN_UP).update(
        status=Notice.Status.PENDING, finished_at=None, due_at=now, made_at=now, attempts=0, claims=F("claims") + 1
    )

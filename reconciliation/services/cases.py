"""Opening, joining, closing and reopening cases: in bulk, in the transaction in which they became true."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import F

from reconciliation import codes
from reconciliation.models import Case, CaseEvent, Cause
from retailhub.core import ids


@dataclass(frozen=True, kw_only=True)
class Report:
    """One thing to be a case. ``family`` says who reports it, and so who closes it."""

    code: str
    subject: str
    family: str
    connection_id: int | None
    key: str = ""
    outcome: str = ""
    detail: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    money: Decimal | None = None
    store_id: int | None = None
    """The store that it is about, where it is about one."""

    @property
    def line(self) -> codes.Code:
        return codes.code_for(self.code, outcome=self.outcome)

    @property
    def cause_key(self) -> str:
        return (self.key or self.evidence.get(self.line.evidence_key, ""))[:200]

    @property
    def fingerprint(self) -> bytes:
        """Cases of one code, connection and value at fault have one cause."""
        text = f"{self.line.code}\0{self.connection_id or ''}\0{self.cause_key}"
        return hashlib.sha256(text.encode()).digest()


def open_many(*, reports: Sequence[Report], now: dt.datetime) -> None:
    """Open a case for each report, join the one that is open, or reopen the one that was closed.

    Locks the cases of the reports' subjects. Call inside the transaction of what is reported.
    """
    if not reports:
        return
    causes = _causes(reports, now)
    unique = {(causes[report.fingerprint].pk, report.subject): report for report in reports}
    known = {
        (case.cause_id, case.subject): case
        for case in Case.objects.select_for_update()
        .filter(subject__in={report.subject for report in reports}, cause__in=[c.pk for c in causes.values()])
        .order_by("pk")
    }
    new: list[Case] = []
    events: list[CaseEvent] = []
    for (cause_id, subject), report in unique.items():
        case = known.get((cause_id, subject))
        if case is None:
            new.append(_new_case(report, cause_id, now))
            continue
        _seen_again(case, report, events, now)
    Case.objects.bulk_create(new)
    events += [CaseEvent(case=case, at=now, what="opened", note=case.sentence) for case in new]
    CaseEvent.objects.bulk_create(events)


def _causes(reports: Sequence[Report], now: dt.datetime) -> dict[bytes, Cause]:
    wanted = {report.fingerprint: report for report in reports}
    found = {bytes(cause.fingerprint): cause for cause in Cause.objects.filter(fingerprint__in=list(wanted))}
    missing = [report for fingerprint, report in sorted(wanted.items()) if fingerprint not in found]
    if missing:
        Cause.objects.bulk_create(
            [
                Cause(
                    public_id=ids.new_id("cause"),
                    fingerprint=report.fingerprint,
                    code=report.line.code,
                    key=report.cause_key,
                    connection_id=report.connection_id,
                    first_seen_at=now,
                )
                for report in missing
            ],
            ignore_conflicts=True,
        )
        found = {bytes(cause.fingerprint): cause for cause in Cause.objects.filter(fingerprint__in=list(wanted))}
    return found


def _new_case(report: Report, cause_id: int, now: dt.datetime) -> Case:
    line = report.line
    return Case(
        public_id=ids.new_id("case"),
        cause_id=cause_id,
        code=line.code,
        subject=report.subject,
        store_id=report.store_id,
        family=report.family,
        sentence=codes.sentence(line, key=report.cause_key, detail=report.detail, evidence=report.evidence),
        evidence={**report.evidence, "detail": report.detail, "reported_code": report.code},
        owner_side=line.side.value,
        currency=report.currency,
        money_at_risk=report.money,
        opened_at=now,
        last_seen_at=now,
    )


def _seen_again(case: Case, report: Report, events: list[CaseEvent], now: dt.datetime) -> None:
    # ignored was what it said then; something else is news
    news = {name: case.evidence.get(name) for name in report.evidence} != dict(report.evidence)
    reopened = case.state == Case.State.CLOSED or (case.state == Case.State.IGNORED and news)
    if reopened:
        events.append(CaseEvent(case=case, at=now, what="reopened", note="The cause has come back."))
    Case.objects.filter(pk=case.pk).update(
        state=Case.State.OPEN if reopened else case.state,
        opened_at=now if reopened else case.opened_at,
        last_seen_at=now,
        seen_count=F("seen_count") + 1,
        reopened_count=F("reopened_count") + (1 if reopened else 0),
        closed_at=None if reopened else case.closed_at,
        closed_because="" if reopened else case.closed_because,
        sentence=codes.sentence(report.line, key=report.cause_key, detail=report.detail, evidence=report.evidence),
        evidence={**report.evidence, "detail": report.detail, "reported_code": report.code},
        currency=report.currency,
        money_at_risk=report.money,
        store_id=report.store_id,
    )


def reflect(
    *,
    family: str,
    reports: Sequence[Report],
    subjects: Iterable[str],
    proof: Mapping[str, str],
    now: dt.datetime,
) -> None:
    """Make the open cases of ``family`` about ``subjects`` exactly ``reports``: the rest is closed with its proof."""
    wanted = {(report.fingerprint, report.subject) for report in reports}
    present = list(
        Case.objects.select_for_update(of=("self",))
        .filter(subject__in=list(subjects), family=family, state=Case.State.OPEN)
        .select_related("cause")
        .order_by("pk")
    )
    gone = [case for case in present if (bytes(case.cause.fingerprint), case.subject) not in wanted]
    already = {(bytes(case.cause.fingerprint), case.subject): case.evidence for case in present}
    _close(gone, {case.subject: proof.get(case.subject, "") for case in gone}, now)
    open_many(reports=[report for report in reports if not _is_told(report, already)], now=now)


def _is_told(report: Report, already: Mapping[tuple[bytes, str], Mapping[str, str]]) -> bool:
    told = already.get((report.fingerprint, report.subject))
    return told is not None and {name: told.get(name) for name in report.evidence} == dict(report.evidence)


def close_for(*, family: str, why: Mapping[str, str], now: dt.datetime) -> int:
    """Close every open case of ``family`` about the subjects of ``why``, each with its proof; returns how many."""
    cases = list(
        Case.objects.select_for_update()
        .filter(subject__in=list(why), family=family, state=Case.State.OPEN)
        .order_by("pk")
    )
    _close(cases, why, now)
    return len(cases)


def _close(cases: Sequence[Case], why: Mapping[str, str], now: dt.datetime) -> None:
    by_reason: dict[str, list[int]] = {}
    for case in cases:
        by_reason.setdefault(why.get(case.subject, ""), []).append(case.pk)
    for reason, keys in by_reason.items():
        Case.objects.filter(pk__in=keys).update(state=Case.State.CLOSED, closed_at=now, closed_because=reason)
    CaseEvent.objects.bulk_create(
        [CaseEvent(case=case, at=now, what="closed", note=why.get(case.subject, "")) for case in cases]
    )

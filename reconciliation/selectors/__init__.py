"""Reads of causes and cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from reconciliation import codes
from reconciliation.models import Case, CaseEvent, Cause


def cases_of(*, subject: str) -> list[Case]:
    """Cases about a subject, open ones first, then newest."""
    rows = Case.objects.filter(subject=subject).select_related("cause")
    return sorted(rows.order_by("-id")[:500], key=lambda case: case.state != Case.State.OPEN)


def events_of(*, case_ids: Sequence[int]) -> list[CaseEvent]:
    """What happened to these cases, in order."""
    rows = CaseEvent.objects.filter(case_id__in=list(case_ids)).select_related("case")
    return list(rows.order_by("at", "id")[:1000])


@dataclass(frozen=True, kw_only=True)
class OpenCode:
    """Open cases of one code: how many, about how much money in each currency, since when."""

    code: codes.Code
    count: int
    money: dict[str, Decimal]
    oldest_at: dt.datetime


OPEN_BY_CODE = """
SELECT code, currency, sum(number)::bigint, sum(money), min(oldest) FROM (
    SELECT code, currency, count(*) AS number, max(money_at_risk) AS money, min(opened_at) AS oldest
    FROM reconciliation_case WHERE state = 'open' GROUP BY code, currency, subject
) AS each_subject GROUP BY code, currency
"""
"""An order with two SKUs at fault has two cases, but its money is at risk once."""


def open_by_code() -> list[OpenCode]:
    """Open cases by code, each order's money once: urgent codes first, then those with the most cases."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN_BY_CODE)
        rows = cursor.fetchall()
    found: dict[str, OpenCode] = {}
    for code, currency, count, money, oldest in rows:
        known = found.get(code)
        amounts = dict(known.money) if known else {}
        if currency and money is not None:
            amounts[currency] = amounts.get(currency, Decimal(0)) + money
        found[code] = OpenCode(
            code=codes.code_for(code),
            count=count + (known.count if known else 0),
            money=amounts,
            oldest_at=min(oldest, known.oldest_at) if known else oldest,
        )
    return sorted(found.values(), key=lambda one: (not one.code.urgent, -one.count, one.code.code))


def sentence_of(cause: Cause) -> str:
    """What a cause without open cases was about."""
    line = codes.code_for(cause.code)
    return codes.sentence(line, key=cause.key, detail="", evidence={})


ALL = "all"
STATES = ("open", "closed", "ignored", ALL)


@dataclass(frozen=True, kw_only=True)
class EventView:
    """What happened to a case."""

    at: dt.datetime
    what: str
    actor: str
    note: str


@dataclass(frozen=True, kw_only=True)
class CaseView:
    """One case. ``events`` are filled where a reader asks for them."""

    public_id: str
    cause: str
    code: str
    key: str
    subject: str
    family: str
    state: str
    sentence: str
    owner_side: str
    urgent: bool
    connection_id: int | None
    currency: str
    money_at_risk: Decimal | None
    opened_at: dt.datetime
    last_seen_at: dt.datetime
    seen_count: int
    reopened_count: int
    closed_at: dt.datetime | None
    closed_because: str
    evidence: Mapping[str, Any]
    events: Sequence[EventView] = field(default=())


def _view(row: Case, events: Sequence[EventView] = ()) -> CaseView:
    line = codes.CODES.get(row.code)
    return CaseView(
        public_id=row.public_id,
        cause=row.cause.public_id,
        code=row.code,
        key=row.cause.key,
        subject=row.subject,
        family=row.family,
        state=row.state,
        sentence=row.sentence,
        owner_side=row.owner_side,
        urgent=line is not None and line.urgent,
        connection_id=row.cause.connection_id,
        currency=row.currency,
        money_at_risk=row.money_at_risk,
        opened_at=row.opened_at,
        last_seen_at=row.last_seen_at,
        seen_count=row.seen_count,
        reopened_count=row.reopened_count,
        closed_at=row.closed_at,
        closed_because=row.closed_because,
        evidence=row.evidence,
        events=events,
    )


def _with_events(rows: Sequence[Case]) -> list[CaseView]:
    events: dict[int, list[EventView]] = {}
    for event in CaseEvent.objects.filter(case__in=[row.pk for row in rows]).order_by("pk"):
        seen = EventView(at=event.at, what=event.what, actor=event.actor, note=event.note)
        events.setdefault(event.case_id, []).append(seen)
    return [_view(row, events.get(row.pk, [])) for row in rows]


def _rows(*, code: str = "", state: str = ALL, cause: str = "") -> QuerySet[Case]:
    rows = Case.objects.select_related("cause")
    if code:
        rows = rows.filter(code=code)
    if state != ALL:
        rows = rows.filter(state=state)
    if cause:
        rows = rows.filter(cause__public_id=cause)
    return rows


def cases(*, code: str = "", state: str = "open", cause: str = "", limit: int = 100) -> list[CaseView]:
    """Cases, newest first."""
    return [_view(row) for row in _rows(code=code, state=state, cause=cause).order_by("-pk")[:limit]]


def count_cases(*, code: str = "", state: str = "open", cause: str = "") -> int:
    """How many there are without a limit."""
    return _rows(code=code, state=state, cause=cause).count()


def case_named(public_id: str) -> CaseView | None:
    """One case with its events."""
    found = _with_events(list(_rows().filter(public_id=public_id)))
    return found[0] if found else None


def cause_exists(public_id: str) -> bool:
    """Whether there is such a cause."""
    return Cause.objects.filter(public_id=public_id).exists()


def cases_about(subjects: Iterable[str]) -> list[CaseView]:
    """Cases of any state about these subjects, with their events, oldest first."""
    return _with_events(list(_rows().filter(subject__in=list(subjects)).order_by("pk")))


@dataclass(frozen=True, kw_only=True)
class OpenCase:
    """The head of an open case."""

    public_id: str
    code: str
    key: str


def open_cases_by_subject(subjects: Iterable[str]) -> dict[str, list[OpenCase]]:
    """Open cases of each subject, oldest first."""
    rows = Case.objects.filter(subject__in=list(subjects), state=Case.State.OPEN).order_by("pk")
    found: dict[str, list[OpenCase]] = {}
    for subject, public_id, code, key in rows.values_list("subject", "public_id", "code", "cause__key"):
        found.setdefault(subject, []).append(OpenCase(public_id=public_id, code=code, key=key))
    return found


@dataclass(frozen=True, kw_only=True)
class CauseView:
    """Cases that are mended together: how many, how much money, since when."""

    public_id: str
    code: str
    key: str
    connection_id: int | None
    count: int
    money: Mapping[str, Decimal]
    first_seen_at: dt.datetime
    last_seen_at: dt.datetime
    sentence: str


def causes(*, code: str = "", state: str = "open", limit: int = 100) -> list[CauseView]:
    """Causes by number of cases in ``state``, the largest first; money by currency."""
    rows = _rows(code=code, state=state)
    heads = list(
        rows.values("cause_id", "cause__public_id", "code", "cause__key", "cause__connection_id")
        .annotate(count=Count("pk"), first=Min("opened_at"), last=Max("last_seen_at"), sentence=Min("sentence"))
        .order_by("-count", "cause_id")[:limit]
    )
    money: dict[int, dict[str, Decimal]] = {}
    sums = rows.filter(~Q(currency=""), cause__in=[head["cause_id"] for head in heads])
    for cause_id, currency, total in sums.values_list("cause_id", "currency").annotate(Sum("money_at_risk")):
        if total is not None:
            money.setdefault(cause_id, {})[currency] = total
    return [
        CauseView(
            public_id=head["cause__public_id"],
            code=head["code"],
            key=head["cause__key"],
            connection_id=head["cause__connection_id"],
            count=head["count"],
            money=money.get(head["cause_id"], {}),
            first_seen_at=head["first"],
            last_seen_at=head["last"],
            sentence=head["sentence"],
        )
        for head in heads
    ]


def targets(*, case: str = "", cause: str = "", code: str = "") -> list[tuple[int, str]]:
    """``(id, subject)`` of one case, or of the open cases of a cause or a code: what a replay is about."""
    rows = Case.objects.filter(public_id=case) if case else Case.objects.filter(state=Case.State.OPEN)
    if cause:
        rows = rows.filter(cause__public_id=cause)
    if code:
        rows = rows.filter(Q(code=code) | Q(evidence__reported_code=code))
    return list(rows.order_by("pk").values_list("pk", "subject"))


def open_case_ids(subjects: Iterable[str]) -> list[int]:
    """Ids of the open cases about these subjects, oldest first."""
    rows = Case.objects.filter(subject__in=list(subjects), state=Case.State.OPEN)
    return list(rows.order_by("pk").values_list("pk", flat=True))

"""Reads of causes and cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Max, Min, Sum

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


def open_by_code() -> list[OpenCode]:
    """Open cases by code: urgent codes first, then those with the most cases."""
    rows = (
        Case.objects.filter(state=Case.State.OPEN)
        .values_list("code", "currency")
        .annotate(count=Count("id"), money=Sum("money_at_risk"), oldest=Min("opened_at"))
    )
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


@dataclass(frozen=True, kw_only=True)
class CauseSum:
    """The open cases of one cause. ``sentence`` is that of the newest of them."""

    count: int
    money: dict[str, Decimal]
    last_seen_at: dt.datetime | None
    sentence: str


NOTHING = CauseSum(count=0, money={}, last_seen_at=None, sentence="")


def sums_of(*, cause_ids: Sequence[int]) -> dict[int, CauseSum]:
    """Open cases of each of these causes, summed; causes without open cases are not in the answer."""
    opened = Case.objects.filter(state=Case.State.OPEN, cause_id__in=list(cause_ids))
    found: dict[int, CauseSum] = {}
    newest: dict[int, int] = {}
    for cause_id, currency, count, money, seen, last in opened.values_list("cause_id", "currency").annotate(
        count=Count("id"), money=Sum("money_at_risk"), seen=Max("last_seen_at"), last=Max("id")
    ):
        known = found.get(cause_id, NOTHING)
        amounts = {**known.money, **({currency: money} if currency and money is not None else {})}
        newest[cause_id] = max(newest.get(cause_id, 0), last)
        found[cause_id] = CauseSum(
            count=known.count + count,
            money=amounts,
            last_seen_at=max(seen, known.last_seen_at) if known.last_seen_at else seen,
            sentence="",
        )
    sentences = dict(Case.objects.filter(pk__in=newest.values()).values_list("pk", "sentence"))
    return {
        cause_id: CauseSum(
            count=one.count,
            money=one.money,
            last_seen_at=one.last_seen_at,
            sentence=sentences[newest[cause_id]],
        )
        for cause_id, one in found.items()
    }


def sentence_of(cause: Cause) -> str:
    """What a cause without open cases was about."""
    line = codes.code_for(cause.code)
    return codes.sentence(line, key=cause.key, detail="", evidence={})

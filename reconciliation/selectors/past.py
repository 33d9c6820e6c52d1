"""Causes that were like this one, why their cases closed and what a person had done before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import OuterRef, Q, QuerySet, Subquery

from reconciliation.models import Case, CaseEvent, Cause, CauseEvent

LOOKED_AT = 50
SHOWN = 10
ENGINE = "RetailHub"


@dataclass(frozen=True, kw_only=True)
class PastCause:
    """A cause with its case that closed last. ``like`` says what is alike, ``act`` what a person did before."""

    public_id: str
    code: str
    key: str
    like: str
    closed_at: dt.datetime
    because: str
    act: str


def past_causes(*, cause: Cause) -> list[PastCause]:
    """This cause itself, those with the same value at fault, then those with the same code; closed last first."""
    alike: QuerySet[Cause] = Cause.objects.filter(pk=cause.pk)
    groups = [("the same", alike)]
    if cause.key:
        groups.append(("the value at fault", Cause.objects.filter(key=cause.key).exclude(pk=cause.pk)))
    groups.append(("the code", Cause.objects.filter(code=cause.code).exclude(Q(pk=cause.pk) | _same_key(cause))))
    found: list[tuple[str, Cause]] = []
    for like, rows in groups:
        closed = [each for each in _closed_last(rows) if each.last]  # type: ignore[attr-defined]
        found += [(like, each) for each in closed]
    return _told(found[:SHOWN])


def _same_key(cause: Cause) -> Q:
    return Q(key=cause.key) if cause.key else Q(pk=cause.pk)


def _closed_last(rows: QuerySet[Cause]) -> list[Cause]:
    """The newest of these causes, each with the key of its case that closed last; closed last first."""
    closed = Case.objects.filter(cause=OuterRef("pk"), state=Case.State.CLOSED).order_by("-closed_at")
    newest = rows.order_by("-pk").values("pk")[:LOOKED_AT]
    with_last = Cause.objects.filter(pk__in=newest).annotate(
        last=Subquery(closed.values("pk")[:1]), last_at=Subquery(closed.values("closed_at")[:1])
    )
    return list(with_last.filter(last__isnull=False).order_by("-last_at")[:SHOWN])


def _told(found: list[tuple[str, Cause]]) -> list[PastCause]:
    keys = [cause.last for _, cause in found]  # type: ignore[attr-defined]
    cases = Case.objects.in_bulk(keys)
    acts = _acts([cases[key] for key in keys])
    told = []
    for like, cause in found:
        case = cases[cause.last]  # type: ignore[attr-defined]
        told.append(
            PastCause(
                public_id=cause.public_id,
                code=cause.code,
                key=cause.key,
                like=like,
                closed_at=case.closed_at or case.last_seen_at,
                because=case.closed_because,
                act=acts.get(case.pk, ""),
            )
        )
    return told


def _acts(cases: list[Case]) -> dict[int, str]:
    """What a person did last about each case, or about its cause, before it closed."""
    found: dict[int, tuple[dt.datetime, str]] = {}
    own = CaseEvent.objects.filter(case__in=cases).exclude(actor=ENGINE)
    for event in own.order_by("id"):
        found[event.case_id] = (event.at, f"{event.what} by {event.actor}: {event.note}")
    by_cause: dict[int, list[CauseEvent]] = {}
    for about in CauseEvent.objects.filter(cause__in=[case.cause_id for case in cases]).order_by("id"):
        by_cause.setdefault(about.cause_id, []).append(about)
    for case in cases:
        before = [each for each in by_cause.get(case.cause_id, []) if case.closed_at and each.at <= case.closed_at]
        if before and (case.pk not in found or before[-1].at > found[case.pk][0]):
            last = before[-1]
            found[case.pk] = (last.at, f"{last.what} by {last.actor}: {last.note}")
    return {key: told for key, (_, told) in found.items()}

"""Finding cases, causes and replays by a name that somebody typed: exact, each by one index."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from reconciliation import selectors
from reconciliation.models import Case, Cause, ReplayItem, ReplayRun


@dataclass(frozen=True, kw_only=True)
class Head:
    """A case, a cause or a replay: ``subject`` is its own (``case:case_…``), ``sentence`` what it is about."""

    subject: str
    sentence: str
    state: str


def named(public_id: str) -> Head | None:
    """What goes by this public id."""
    if public_id.startswith("case_"):
        cases = Case.objects.filter(public_id=public_id)
        return next((Head(subject=f"case:{public_id}", sentence=c.sentence, state=c.state) for c in cases), None)
    if public_id.startswith("cause_"):
        return next(map(_cause, Cause.objects.filter(public_id=public_id)), None)
    if public_id.startswith("rpl_"):
        runs = ReplayRun.objects.filter(public_id=public_id)
        return next((Head(subject=f"replay:{public_id}", sentence=r.title, state=r.state) for r in runs), None)
    return None


def causes_of(key: str, *, limit: int) -> list[Head]:
    """Causes with this value at fault, the newest first."""
    return [_cause(row) for row in Cause.objects.filter(key=key).order_by("-pk")[:limit]]


def _cause(row: Cause) -> Head:
    return Head(subject=f"cause:{row.public_id}", sentence=selectors.sentence_of(row), state="")


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """A subject's part in a replay: what it was to do, who planned it, and what came of it."""

    public_id: str
    title: str
    author: str
    state: str
    result: str
    planned_at: dt.datetime
    started_at: dt.datetime | None


def replays_of(subject: str, *, limit: int = 200) -> list[Replayed]:
    """The newest replays that a subject was part of."""
    rows = ReplayItem.objects.filter(subject=subject).select_related("run").order_by("-pk")[:limit]
    return [
        Replayed(
            public_id=row.run.public_id,
            title=row.run.title,
            author=row.run.author_name,
            state=row.state,
            result=row.result,
            planned_at=row.run.planned_at,
            started_at=row.started_at,
        )
        for row in rows
    ]

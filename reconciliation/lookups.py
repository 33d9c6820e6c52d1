"""Finding cases, causes and replays by a name that somebody typed: exact, each by one index."""

from __future__ import annotations

from dataclasses import dataclass

from reconciliation import selectors
from reconciliation.models import Case, Cause, ReplayRun


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

"""What notices tell of causes and replays: no text that another system or a customer wrote freely."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from reconciliation import codes
from reconciliation.models import Case, Cause, CauseNow, ReplayRun
from reconciliation.selectors import triage
from retailhub.core.privacy import mask_text

MOST = 5000
"""Causes that are looked at, those with the most money at risk."""
LONGEST = 240


@dataclass(frozen=True, kw_only=True)
class OpenCause:
    """A cause with open cases now."""

    public_id: str
    code: str
    key: str
    cases: int
    oldest_at: dt.datetime

    @property
    def urgent(self) -> bool:
        return codes.code_for(self.code).urgent


def open_causes(
    *, chosen: Sequence[str] = (), urgent: bool = False, connection_id: int | None = None, least: Decimal | None = None
) -> list[OpenCause]:
    """Causes with open cases, at most `MOST`: of the ``chosen`` codes where any are, with at least so much at risk."""
    rows = CauseNow.objects.all()
    if chosen:
        rows = rows.filter(code__in=list(chosen))
    if urgent:
        rows = rows.filter(code__in=triage.URGENT)
    if connection_id is not None:
        rows = rows.filter(connection_id=connection_id)
    if least is not None:
        rows = rows.filter(risk__gte=least)
    return _causes(rows.order_by("-risk", "-cases", "cause_id")[:MOST])


def still_open(public_ids: Sequence[str]) -> dict[str, OpenCause]:
    """Those of these causes that have open cases, by their public id."""
    found = _causes(CauseNow.objects.filter(cause__public_id__in=list(public_ids)))
    return {each.public_id: each for each in found}


def _causes(rows: QuerySet[CauseNow]) -> list[OpenCause]:
    values = rows.values_list("cause__public_id", "code", "cause__key", "cases", "oldest_at")
    return [
        OpenCause(public_id=public_id, code=code, key=key, cases=cases, oldest_at=oldest)
        for public_id, code, key, cases, oldest in values
    ]


def count_open() -> int:
    """Causes with open cases, counted up to `triage.COUNTED`."""
    return triage.size_of(CauseNow.objects.all()).causes


@dataclass(frozen=True, kw_only=True)
class Line:
    """One cause or replay as a notice says it. ``money`` by currency."""

    public_id: str
    sentence: str
    connection: str
    money: Mapping[str, Decimal]


def lines_of(public_ids: Sequence[str]) -> dict[str, Line]:
    """What is said of these causes, by their public id; also of those that are closed by now."""
    cases = Case.objects.filter(cause=OuterRef("pk")).values("evidence")
    opened = cases.filter(state=Case.State.OPEN).order_by("-opened_at")[:1]
    closed = cases.filter(state=Case.State.CLOSED).order_by("-closed_at")[:1]
    causes = list(
        Cause.objects.filter(public_id__in=list(public_ids))
        .select_related("connection")
        .defer("connection__credentials")
        .annotate(newest=Coalesce(Subquery(opened), Subquery(closed)))
    )
    money = triage.money_of(cause_ids=[cause.pk for cause in causes])
    return {cause.public_id: _line(cause, money.get(cause.pk, {})) for cause in causes}


def _line(cause: Cause, money: Mapping[str, Decimal]) -> Line:
    evidence: Mapping[str, str] = cause.newest or {}  # type: ignore[attr-defined]
    # what others wrote freely is left out: nobody can tell what is personal in it
    line = codes.code_for(cause.code)
    text = codes.sentence(line, key=cause.key, detail="", evidence=evidence)
    return Line(
        public_id=cause.public_id,
        sentence=short(text),
        connection=cause.connection.name if cause.connection else "",
        money=money,
    )


def short(text: str) -> str:
    """One masked line that ends like a sentence."""
    line = " ".join(mask_text(text).split())[:LONGEST].rstrip(" :,")
    return line if line.endswith((".", "?", "!")) else f"{line}."


def waiting_replays() -> dict[str, Line]:
    """Replays that wait for another person's approval, by their public id."""
    rows = ReplayRun.objects.filter(state=ReplayRun.State.AWAITING_APPROVAL).order_by("-id")[:MOST]
    return {
        run.public_id: Line(
            public_id=run.public_id,
            sentence=short(f"A replay of {run.item_count} waits for another person's approval: {run.title}"),
            connection="",
            money={currency: Decimal(amount) for currency, amount in run.money.items()},
        )
        for run in rows
    }

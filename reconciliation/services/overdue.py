"""Cases about work that waits for longer than it should."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.conf import settings
from django.db import transaction

from integrations import overdue
from reconciliation.models import Case
from reconciliation.services import cases
from reconciliation.services.cases import Report

FAMILY = "overdue"
CONNECTION = "connection"
"""The family of cases about a connection as a whole, which the watch flow opens."""
OVER = "No work of the connection waits for longer than its deadline any more."
WAYS = {"i": "inbound", "o": "outbound"}


def watch(*, now: dt.datetime) -> int:
    """Open and close the cases about overdue work of connections; returns how many are open. Locks those cases.

    ``work_overdue``: nobody takes work up that is due. ``rate_limited``, ``other_system_unavailable``: it is
    taken up again and again, and the other side does not let it through.
    """
    after = settings.STUCK_AFTER_SECONDS
    stuck = overdue.unclaimed(after_seconds=after)
    unanswered = overdue.unanswered(after_seconds=after)
    with transaction.atomic():
        reports = _late_reports(stuck) + _unanswered_reports(unanswered)
        known = Case.objects.filter(family=FAMILY, state=Case.State.OPEN).values_list("subject", flat=True)
        subjects = {report.subject for report in reports} | set(known)
        cases.reflect(family=FAMILY, reports=reports, subjects=subjects, proof=dict.fromkeys(subjects, OVER), now=now)
    return len(reports)


def _late_reports(waiting: Iterable[overdue.Waiting]) -> list[Report]:
    by_connection: dict[int, list[overdue.Waiting]] = {}
    for one in waiting:
        by_connection.setdefault(one.connection_id, []).append(one)
    return [_report("work_overdue", found) for found in by_connection.values()]


def _unanswered_reports(waiting: Iterable[overdue.Waiting]) -> list[Report]:
    """None about a connection whose own case (credentials, settings) says more already."""
    found = list(waiting)
    subjects = [_subject(one.connection_id) for one in found]
    told = set(
        Case.objects.filter(subject__in=subjects, family=CONNECTION, state=Case.State.OPEN).values_list(
            "subject", flat=True
        )
    )
    return [
        _report("rate_limited" if one.failure_code == "rate_limited" else "other_system_unavailable", [one])
        for one in found
        if _subject(one.connection_id) not in told
    ]


def _subject(connection_id: int) -> str:
    return f"connection:{connection_id}"


def _report(code: str, waiting: list[overdue.Waiting]) -> Report:
    parts = [f"{one.messages} {WAYS[one.direction]}, the oldest for {one.seconds:.0f} seconds" for one in waiting]
    evidence = {f"{WAYS[one.direction]}_messages": str(one.messages) for one in waiting}
    evidence |= {f"{WAYS[one.direction]}_oldest_seconds": f"{one.seconds:.0f}" for one in waiting}
    if waiting[0].failure_code:
        evidence["last_failure"] = waiting[0].failure_code
    return Report(
        code=code,
        subject=_subject(waiting[0].connection_id),
        family=FAMILY,
        connection_id=waiting[0].connection_id,
        detail=f"Waiting: {'; '.join(parts)}.",
        evidence=evidence,
    )

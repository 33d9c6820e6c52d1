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
TOLD_AS = {
    "rate_limited": "rate_limited",
    "stale_answer": "work_overdue",
    "credentials_rejected": "credentials_rejected",
    "key_lacks_rights": "credentials_rejected",
    "key_not_seen": "credentials_rejected",
    "blocked_before_store": "credentials_rejected",
    "login_page": "credentials_rejected",
}
"""The case of work that is tried and does not get through, by what it failed with; else `UNAVAILABLE`."""
UNAVAILABLE = "other_system_unavailable"
WAYS = {"i": "inbound", "o": "outbound", "p": "looks"}
"""How evidence names a direction; looks are those at a store, which no message announces."""


def watch(*, now: dt.datetime) -> int:
    """Open and close the cases about overdue work of connections; returns how many are open. Locks those cases.

    ``work_overdue``: nobody takes work up that is due. The others (`TOLD_AS`): it is taken up again and again, and
    the other side does not let it through.
    """
    after = settings.STUCK_AFTER_SECONDS
    stuck = overdue.unclaimed(after_seconds=after)
    unanswered = overdue.unanswered(after_seconds=after)
    with transaction.atomic():
        reports = _reports([*stuck, *unanswered])
        known = Case.objects.filter(family=FAMILY, state=Case.State.OPEN).values_list("subject", flat=True)
        subjects = {report.subject for report in reports} | set(known)
        cases.reflect(family=FAMILY, reports=reports, subjects=subjects, proof=dict.fromkeys(subjects, OVER), now=now)
    return len(reports)


def _reports(waiting: Iterable[overdue.Waiting]) -> list[Report]:
    """One for a code and connection; none where the connection's own case (credentials, settings) says more."""
    grouped: dict[tuple[int, str], list[overdue.Waiting]] = {}
    for one in waiting:
        code = TOLD_AS.get(one.failure_code, UNAVAILABLE) if one.failure_code else "work_overdue"
        grouped.setdefault((one.connection_id, code), []).append(one)
    told = set(
        Case.objects.filter(
            subject__in={_subject(connection_id) for connection_id, _ in grouped},
            family=CONNECTION,
            state=Case.State.OPEN,
        ).values_list("subject", flat=True)
    )
    return [
        _report(code, found)
        for (connection_id, code), found in grouped.items()
        if code == "work_overdue" or _subject(connection_id) not in told
    ]


def _subject(connection_id: int) -> str:
    return f"connection:{connection_id}"


def _report(code: str, waiting: list[overdue.Waiting]) -> Report:
    parts = [f"{one.messages} {WAYS[one.direction]}, the oldest for {one.seconds:.0f} seconds" for one in waiting]
    evidence = {f"{WAYS[one.direction]}_messages": str(one.messages) for one in waiting}
    evidence |= {f"{WAYS[one.direction]}_oldest_seconds": f"{one.seconds:.0f}" for one in waiting}
    failures = [one.failure_code for one in waiting if one.failure_code]
    if failures:
        evidence["last_failure"] = failures[0]
    return Report(
        code=code,
        subject=_subject(waiting[0].connection_id),
        family=FAMILY,
        connection_id=waiting[0].connection_id,
        # apart from the connection's own case of that code, which a call that succeeds closes
        key=failures[0] if code == "credentials_rejected" else "",
        detail=f"Waiting: {'; '.join(parts)}.",
        evidence=evidence,
    )

"""What people say about cases without doing their work again: that nothing will be done, or that something will."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from reconciliation.models import Case, CaseEvent
from retailhub.core import audit


class NotPossible(ValueError):
    """What was asked cannot be done with this case now; the message says why."""


def ignore_case(*, case_id: int, actor: Any, reason: str, now: dt.datetime) -> None:
    """Say that nothing will be done about an open case. Its message stays parked, its order held. Locks the case.

    Raises `NotPossible` when it is not open.
    """
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        if case.state != Case.State.OPEN:
            raise NotPossible(f"The case is {case.state} already.")
        Case.objects.filter(pk=case.pk).update(
            state=Case.State.IGNORED, closed_at=now, closed_because=f"Ignored: {reason}"
        )
        _note(case, "ignored", actor, reason, now)
        audit.record(
            actor=actor,
            action="ignore_case",
            subject=f"case:{case.public_id}",
            reason=reason,
            now=now,
            before={"state": case.state},
            after={"state": Case.State.IGNORED.value},
        )


def reopen_case(*, case_id: int, actor: Any, reason: str, now: dt.datetime) -> None:
    """Take an ignoring back: the case is open again. Locks the case. Raises `NotPossible` when it is not ignored."""
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        if case.state != Case.State.IGNORED:
            raise NotPossible(f"The case is {case.state}, not ignored.")
        Case.objects.filter(pk=case.pk).update(state=Case.State.OPEN, opened_at=now, closed_at=None, closed_because="")
        _note(case, "reopened", actor, reason, now)
        audit.record(actor=actor, action="reopen_case", subject=f"case:{case.public_id}", reason=reason, now=now)


def _note(case: Case, what: str, actor: Any, reason: str, now: dt.datetime) -> None:
    who = actor if isinstance(actor, str) else actor.get_username()
    CaseEvent.objects.create(case=case, at=now, what=what, actor=who, note=reason)

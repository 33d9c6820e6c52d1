"""What people say about cases without doing their work again: that nothing will be done, or that something will."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
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
        if not ignore_many(case_ids=[case_id], actor=actor, reason=reason, now=now):
            raise NotPossible(f"The case is {case.state} already.")
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
        if not reopen_many(case_ids=[case_id], actor=actor, reason=reason, now=now):
            raise NotPossible(f"The case is {case.state}, not ignored.")
        audit.record(actor=actor, action="reopen_case", subject=f"case:{case.public_id}", reason=reason, now=now)


def ignore_many(*, case_ids: Sequence[int], actor: Any, reason: str, now: dt.datetime) -> int:
    """Ignore those of the cases that are open; returns how many. Locks them. Audit is the caller's."""
    with transaction.atomic():
        keys = _locked(case_ids, Case.State.OPEN)
        Case.objects.filter(pk__in=keys).update(
            state=Case.State.IGNORED, closed_at=now, closed_because=f"Ignored: {reason}"
        )
        _note(keys, "ignored", actor, reason, now)
    return len(keys)


def reopen_many(*, case_ids: Sequence[int], actor: Any, reason: str, now: dt.datetime) -> int:
    """Open those of the cases again that are ignored; returns how many. Locks them. Audit is the caller's."""
    with transaction.atomic():
        keys = _locked(case_ids, Case.State.IGNORED)
        Case.objects.filter(pk__in=keys).update(state=Case.State.OPEN, opened_at=now, closed_at=None, closed_because="")
        _note(keys, "reopened", actor, reason, now)
    return len(keys)


def _locked(case_ids: Sequence[int], state: Case.State) -> list[int]:
    rows = Case.objects.select_for_update().filter(pk__in=list(case_ids), state=state).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _note(case_ids: Sequence[int], what: str, actor: Any, reason: str, now: dt.datetime) -> None:
    who = actor if isinstance(actor, str) else actor.get_username()
    CaseEvent.objects.bulk_create(
        [CaseEvent(case_id=key, at=now, what=what, actor=who, note=reason) for key in case_ids]
    )

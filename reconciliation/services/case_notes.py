"""What people do about a subject, written into the histories of its open cases."""

from __future__ import annotations

import datetime as dt
from typing import Any

from reconciliation.models import Case, CaseEvent


class NotDone(ValueError):
    """What a person asked for cannot be done now. ``code`` is stable, ``detail`` one plain sentence."""

    def __init__(self, detail: str, *, code: str = "not_done") -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def name_of(actor: Any) -> str:
    """What an actor is called in histories."""
    return actor if isinstance(actor, str) else str(actor.get_username())


def note(*, subject: str, what: str, actor: Any, text: str, now: dt.datetime) -> int:
    """Add an event to each open case about a subject; returns how many there are."""
    keys = Case.objects.filter(subject=subject, state=Case.State.OPEN).values_list("pk", flat=True)
    events = [CaseEvent(case_id=pk, at=now, what=what, actor=name_of(actor), note=text) for pk in keys]
    CaseEvent.objects.bulk_create(events)
    return len(events)

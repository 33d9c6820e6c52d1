"""What people do about cases: do the work again, or say that nothing will be done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction

from integrations import arrivals, delivery
from orders.services import postings
from reconciliation.models import Case, CaseEvent
from retailhub.core import audit

MOST = 500
"""Cases of one cause that one person may send back to work at once."""


class NotPossible(ValueError):
    """What was asked cannot be done with this case now; the message says why."""


def replay_case(*, case_id: int, actor: Any, reason: str, now: dt.datetime) -> int:
    """Do again what the case waits for; returns how many messages and orders went back to work.

    Locks the case. Raises `NotPossible` for a case that is closed, or that has nothing to do again.
    """
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        if case.state == Case.State.CLOSED:
            raise NotPossible("The case is closed: its work has gone on already.")
        done = _again([case], reason)
        if not done:
            raise NotPossible("Nothing of this case waits to be done again.")
        _note([case], "replayed", actor, reason, now)
        audit.record(
            actor=actor, action="replay_case", subject=f"case:{case.public_id}", reason=reason, now=now
        )
    return done


def replay_cause(*, cause_id: int, actor: Any, reason: str, now: dt.datetime) -> int:
    """Do again what the open cases of a cause wait for, oldest first, at most `MOST`; returns how many went back.

    Locks those cases. Raises `NotPossible` when none is open, or nothing waits.
    """
    with transaction.atomic():
        opened = Case.objects.select_for_update(of=("self",)).filter(
            cause_id=cause_id, state=Case.State.OPEN
        )
        found = list(opened.select_related("cause").order_by("pk")[:MOST])
        done = _again(found, reason)
        if not done:
            raise NotPossible("Nothing of this cause waits to be done again.")
        _note(found, "replayed", actor, reason, now)
        audit.record(
            actor=actor,
            action="replay_cause",
            subject=f"cause:{found[0].cause.public_id}",
            reason=reason,
            now=now,
            after={"cases": len(found), "sent_back": done},
        )
    return done


def _again(found: Sequence[Case], reason: str) -> int:
    """Orders are decided on again, parked messages go back: by what each case names."""
    why = f"replayed: {reason}"
    names = [str(case.evidence.get("message", "")) for case in found]
    done = postings.look_again(public_ids=_orders(case.subject for case in found))
    done += delivery.release(message_ids=_numbers(names, "msg_o"), why=why)
    done += arrivals.release(message_ids=_numbers(names, "msg_i"), why=why)
    return done


def _orders(subjects: Iterable[str]) -> list[str]:
    return sorted(
        {subject.removeprefix("order:") for subject in subjects if subject.startswith("order:")}
    )


def _numbers(names: Iterable[str], prefix: str) -> list[int]:
    return sorted({int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)})


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
        _note([case], "ignored", actor, reason, now)
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
        Case.objects.filter(pk=case.pk).update(state=Case.State.OPEN, closed_at=None, closed_because="")
        _note([case], "reopened", actor, reason, now)
        audit.record(
            actor=actor, action="reopen_case", subject=f"case:{case.public_id}", reason=reason, now=now
        )


def _note(found: Sequence[Case], what: str, actor: Any, reason: str, now: dt.datetime) -> None:
    who = actor if isinstance(actor, str) else actor.get_username()
    CaseEvent.objects.bulk_create(
        [CaseEvent(case=case, at=now, what=what, actor=who, note=reason) for case in found]
    )

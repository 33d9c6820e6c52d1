"""What people do about causes and cases while these are open: take, give, tag, note, put off.

What is said of a cause holds for all its open cases; what is said of one case holds for it alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction

from reconciliation.models import Case, CaseEvent, CaseWork, CauseEvent, CauseWork
from reconciliation.models.work import TAG_LENGTH
from reconciliation.services.acts import NotPossible
from retailhub.core import audit


class Do(StrEnum):
    """What can be done. Claiming takes nothing away from anybody; assigning does."""

    CLAIM = "claim"
    ASSIGN = "assign"
    RELEASE = "release"
    TAG = "tag"
    UNTAG = "untag"
    NOTE = "note"
    SNOOZE = "snooze"
    WAKE = "wake"


TOLD = {
    Do.CLAIM: "claimed",
    Do.ASSIGN: "assigned",
    Do.RELEASE: "released",
    Do.TAG: "tagged",
    Do.UNTAG: "untagged",
    Do.NOTE: "noted",
    Do.SNOOZE: "snoozed",
    Do.WAKE: "woken",
}
"""What histories call it."""
OF_CAUSE, OF_CASE = "cause", "case"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing to do, with what it needs: a person for claim and assign, a tag, a moment."""

    do: Do
    owner_id: int | None = None
    owner_name: str = ""
    tag: str = ""
    until: dt.datetime | None = None

    def check(self, now: dt.datetime) -> None:
        """Raise `NotPossible` where something is missing or cannot be."""
        if self.do in {Do.CLAIM, Do.ASSIGN} and self.owner_id is None:
            raise NotPossible("It is not said to whom.")
        if self.do in {Do.TAG, Do.UNTAG} and not (self.tag and len(self.tag) <= TAG_LENGTH and "," not in self.tag):
            raise NotPossible(f"A tag has 1 to {TAG_LENGTH} characters and no comma.")
        if self.do == Do.SNOOZE and (self.until is None or self.until <= now):
            raise NotPossible("It can be put off until a later moment only.")

    def told(self, reason: str) -> str:
        """The history's note."""
        about = {
            Do.ASSIGN: f"To {self.owner_name}. ",
            Do.TAG: f"{self.tag}. ",
            Do.UNTAG: f"{self.tag}. ",
            Do.SNOOZE: f"Until {self.until:%Y-%m-%d %H:%M} UTC. " if self.until else "",
        }
        return about.get(self.do, "") + reason

    def on(self, work: Any) -> bool:
        """Change the working state; whether there was anything to change."""
        before = state_of(work)
        if self.do == Do.CLAIM:
            work.owner_id = work.owner_id or self.owner_id
        elif self.do in {Do.ASSIGN, Do.RELEASE}:
            work.owner_id = self.owner_id if self.do == Do.ASSIGN else None
        elif self.do == Do.TAG:
            work.tags = sorted({*work.tags, self.tag})
        elif self.do == Do.UNTAG:
            work.tags = [tag for tag in work.tags if tag != self.tag]
        elif self.do in {Do.SNOOZE, Do.WAKE}:
            work.snoozed_until = self.until if self.do == Do.SNOOZE else None
        return self.do == Do.NOTE or state_of(work) != before


def state_of(work: Any) -> dict[str, Any]:
    """A working state as the audit keeps it."""
    until = work.snoozed_until
    return {"owner": work.owner_id, "tags": list(work.tags), "snoozed_until": until.isoformat() if until else None}


def work_on(*, about: str, pk: int, name: str, change: Change, actor: Any, reason: str, now: dt.datetime) -> None:
    """Do one thing about one cause or case (``about``), with an audit row. Locks its working state.

    Raises `NotPossible` where it is so already, cannot be so, or somebody else has what is claimed.
    """
    change.check(now)
    with transaction.atomic():
        before = state_of(_rows(about).filter(pk=pk).first() or _model(about)(pk=pk))
        if not apply(about=about, keys=[pk], change=change, actor=_name(actor), reason=reason, now=now):
            raise NotPossible(_why_not(change, before))
        audit.record(
            actor=actor,
            action=f"{change.do}_{about}",
            subject=f"{about}:{name}",
            reason=reason,
            now=now,
            before=before,
            after=state_of(_rows(about).get(pk=pk)),
        )


def _why_not(change: Change, before: dict[str, Any]) -> str:
    if change.do == Do.CLAIM and before["owner"] not in {None, change.owner_id}:
        return "Somebody else has it. Assign it to take it over."
    return "It is so already."


def apply(*, about: str, keys: Sequence[int], change: Change, actor: str, reason: str, now: dt.datetime) -> int:
    """Do one thing about many causes or cases, with their histories; returns how many there was anything to do about.

    Locks their working states in order of keys. Audit is the caller's, who knows what was chosen and how.
    """
    model = _model(about)
    with transaction.atomic():
        model.objects.bulk_create([model(pk=key, changed_at=now) for key in sorted(keys)], ignore_conflicts=True)
        rows = list(model.objects.select_for_update().filter(pk__in=list(keys)).order_by("pk"))
        changed = [row for row in rows if change.on(row)]
        _keep(model, changed, now)
        _tell(about, [row.pk for row in changed], change, actor, reason, now)
        if about == OF_CAUSE:
            _override(keys, change, actor, reason, now)
    return len(changed)


def _keep(model: type[Any], changed: Sequence[Any], now: dt.datetime) -> None:
    """Write the working states: one statement for all that become the same, which is nearly always all."""
    alike: dict[tuple[Any, ...], list[int]] = {}
    for row in changed:
        alike.setdefault((row.owner_id, tuple(row.tags), row.snoozed_until), []).append(row.pk)
    for (owner_id, tags, until), keys in alike.items():
        model.objects.filter(pk__in=keys).update(owner=owner_id, tags=list(tags), snoozed_until=until, changed_at=now)


def _override(causes: Sequence[int], change: Change, actor: str, reason: str, now: dt.datetime) -> None:
    """What is said of a cause takes the place of what was said of its open cases one by one."""
    field = {
        Do.ASSIGN: "owner",
        Do.RELEASE: "owner",
        Do.SNOOZE: "snoozed_until",
        Do.WAKE: "snoozed_until",
    }.get(change.do)
    if field is None:
        return
    own = CaseWork.objects.filter(
        case__cause_id__in=list(causes), case__state=Case.State.OPEN, **{f"{field}__isnull": False}
    )
    keys = list(own.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    CaseWork.objects.filter(pk__in=keys).update(changed_at=now, **{field: None})
    _tell(OF_CASE, keys, change, actor, f"With its cause. {reason}", now)


def _tell(about: str, keys: Sequence[int], change: Change, actor: str, reason: str, now: dt.datetime) -> None:
    what, note = TOLD[change.do], change.told(reason)
    if about == OF_CAUSE:
        CauseEvent.objects.bulk_create(
            [CauseEvent(cause_id=key, at=now, what=what, actor=actor, note=note) for key in keys]
        )
    else:
        CaseEvent.objects.bulk_create(
            [CaseEvent(case_id=key, at=now, what=what, actor=actor, note=note) for key in keys]
        )


def _model(about: str) -> type[Any]:
    return CauseWork if about == OF_CAUSE else CaseWork


def _rows(about: str) -> Any:
    return _model(about).objects


def _name(actor: Any) -> str:
    return actor if isinstance(actor, str) else str(actor.get_username())

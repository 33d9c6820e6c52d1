"""One act on all that matches a filter: decided once, kept as a row, done in batches by whoever goes on with it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F

from reconciliation.models import BulkWork, CauseEvent
from reconciliation.selectors import triage
from reconciliation.selectors.triage import Filter
from reconciliation.services import acts, work
from reconciliation.services.acts import NotPossible
from reconciliation.services.work import Change, Do
from retailhub.core import audit, ids

BATCH = 500
NAMED = 1000
"""So many keys are written into the audit entry; the count is always there, and the row keeps them all."""
IGNORE, REOPEN = "ignore", "reopen"
"""Acts on the cases of causes; all others are acts on the causes."""
TOLD = {IGNORE: "ignored", REOPEN: "reopened"}


def choose(*, chosen: Filter, person_id: int | None, now: dt.datetime) -> list[int]:
    """Keys of the causes that match a filter now."""
    return triage.causes_matching(chosen, person_id=person_id, now=now)


def begin(
    *,
    act: str,
    cause_ids: Sequence[int],
    query: str,
    change: Change | None,
    actor: Any,
    reason: str,
    now: dt.datetime,
) -> BulkWork:
    """Keep what is to be done with these causes (``ignore`` and ``reopen``: with their cases), with one audit row.

    ``query`` says how they were chosen. Nothing else is ever done by it, whatever matches later. Raises
    `NotPossible` when there is nothing to do.
    """
    if change is not None:
        change.check(now)
    about = BulkWork.About.CASE if act in {IGNORE, REOPEN} else BulkWork.About.CAUSE
    with transaction.atomic():
        targets = _targets(act, cause_ids)
        if not targets:
            raise NotPossible("Nothing matches any more.")
        made = BulkWork.objects.create(
            public_id=ids.new_id("bulk"),
            person=None if isinstance(actor, str) else actor,
            actor=actor if isinstance(actor, str) else actor.get_username(),
            act=act,
            about=about,
            query=query,
            values=_values(change),
            reason=reason,
            decided_at=now,
            targets=targets,
            total=len(targets),
        )
        _write_down(made, cause_ids, actor, now)
    return made


def _write_down(row: BulkWork, cause_ids: Sequence[int], actor: Any, now: dt.datetime) -> None:
    """One audit row for all; what is done with cases is told in the histories of their causes too."""
    audit.record(
        actor=actor,
        action=f"{row.act}_{row.about}s",
        subject=f"bulk:{row.public_id}",
        reason=row.reason,
        now=now,
        after={
            "filter": row.query,
            "count": row.total,
            f"{row.about}s": row.targets[:NAMED],
            **row.values,
        },
    )
    if row.about == BulkWork.About.CASE:
        what = TOLD[row.act]
        CauseEvent.objects.bulk_create(
            [CauseEvent(cause_id=key, at=now, what=what, actor=row.actor, note=row.reason) for key in sorted(cause_ids)]
        )


def _targets(act: str, cause_ids: Sequence[int]) -> list[int]:
    if act == IGNORE:
        return triage.open_cases_of(cause_ids=cause_ids)
    return triage.ignored_cases_of(cause_ids=cause_ids) if act == REOPEN else sorted(cause_ids)


def _values(change: Change | None) -> dict[str, Any]:
    if change is None:
        return {}
    said = {"owner_id": change.owner_id, "owner_name": change.owner_name, "tag": change.tag}
    return {name: value for name, value in said.items() if value} | (
        {"until": change.until.isoformat()} if change.until else {}
    )


def go_on(*, pk: int, seconds: float, now: dt.datetime) -> BulkWork:
    """Do batches until all is done or the time is up. Whoever finds another at it leaves it to them."""
    ends = time.monotonic() + seconds
    while _batch(pk, now) and time.monotonic() < ends:
        pass
    return BulkWork.objects.defer("targets").get(pk=pk)


def _batch(pk: int, now: dt.datetime) -> bool:
    """Do one batch, whose progress is committed with it; whether more may be left for us."""
    with transaction.atomic():
        row = BulkWork.objects.select_for_update(skip_locked=True).defer("targets").filter(pk=pk).first()
        if row is None or row.finished_at is not None:
            return False
        part = f"targets__{row.done}_{row.done + BATCH}"
        keys = BulkWork.objects.filter(pk=pk).values_list(part, flat=True).get()
        changed = _do(row, keys, now)
        done = row.done + len(keys)
        finished = done >= row.total
        BulkWork.objects.filter(pk=pk).update(
            done=done, left=F("left") + len(keys) - changed, finished_at=now if finished else None
        )
    return not finished


def _do(row: BulkWork, keys: Sequence[int], now: dt.datetime) -> int:
    if row.act == IGNORE:
        return acts.ignore_many(case_ids=keys, actor=row.actor, reason=row.reason, now=now)
    if row.act == REOPEN:
        return acts.reopen_many(case_ids=keys, actor=row.actor, reason=row.reason, now=now)
    values = dict(row.values)
    until = values.pop("until", None)
    change = Change(do=Do(row.act), until=dt.datetime.fromisoformat(until) if until else None, **values)
    return work.apply(about=work.OF_CAUSE, keys=keys, change=change, actor=row.actor, reason=row.reason, now=now)


def finish_abandoned(*, seconds: float, now: dt.datetime) -> int:
    """Go on with what nobody waits for any more; returns how many are still open."""
    for pk in BulkWork.objects.filter(finished_at=None).order_by("id").values_list("pk", flat=True):
        go_on(pk=pk, seconds=seconds, now=now)
    return BulkWork.objects.filter(finished_at=None).count()

"""Taking replays further: what came of the items that were begun, and the next ones.

Everything is in rows, and each step is one transaction under the run's row lock, which is its lease: whoever does
not get the lock leaves the run to who has it, and what a killed worker had begun is as if it never was.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction

from integrations import arrivals
from integrations.states import Lane
from orders.services import edits, postings
from reconciliation.models import Case, CaseEvent, ReplayItem, ReplayRun
from reconciliation.services import replay_verdicts
from reconciliation.services.replay_verdicts import Verdict
from retailhub.core import clock
from retailhub.core.crashpoints import crashpoint

State = ReplayRun.State
Item = ReplayItem.State
QUOTA = {State.CANARY_1.value: 1, State.CANARY_10.value: 10}
NEXT = {State.CANARY_1.value: State.CANARY_10, State.CANARY_10.value: State.REST}
PORTION = 100
"""So many items of the rest are begun in one step."""
WINDOW = 200
"""So many are on their way at most: what comes in meanwhile waits for no more than these."""
JUDGED = 500
"""So many are looked at in one step."""


def step() -> int:
    """Take every replay that is under way one step further; returns how many items were begun or ended."""
    active = set(ReplayRun.objects.filter(state__in=ReplayRun.ACTIVE).values_list("pk", flat=True))
    awaited = set(ReplayItem.objects.filter(state=Item.UNDER_WAY).values_list("run", flat=True).distinct())
    return sum(advance(run_id=run_id, now=clock.now()) for run_id in sorted(active | awaited))


def advance(*, run_id: int, now: dt.datetime) -> int:
    """One step of one replay; returns how many items were begun or ended, 0 when another worker has it."""
    with transaction.atomic():
        run = ReplayRun.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=run_id).first()
        if run is None:
            return 0
        verdicts = _judge(run, now)
        crashpoint("replay.judged")
        surprises = [verdict for verdict in verdicts if verdict.surprise]
        if run.state not in ReplayRun.ACTIVE:
            return len(verdicts)
        if surprises:
            _stop(run, surprises, now)
            return len(verdicts)
        moved = len(verdicts) + _go_on(run, now, judged=bool(verdicts))
        crashpoint("replay.begun")
    return moved


def _judge(run: ReplayRun, now: dt.datetime) -> list[Verdict]:
    items = list(ReplayItem.objects.filter(run=run, state=Item.UNDER_WAY).order_by("position")[:JUDGED])
    verdicts = replay_verdicts.verdicts(items) if items else []
    for verdict in verdicts:
        item = verdict.item
        item.state = Item.SURPRISE if verdict.surprise else Item.DONE
        item.result, item.effect, item.finished_at = verdict.told, verdict.effect[:200], now
    ReplayItem.objects.bulk_update([verdict.item for verdict in verdicts], ["state", "result", "effect", "finished_at"])
    return verdicts


def _stop(run: ReplayRun, surprises: Sequence[Verdict], now: dt.datetime) -> None:
    """Leave the rest as it is and say why."""
    name = replay_verdicts.names([surprises[0].item.subject])[surprises[0].item.subject]
    more = f" So did {len(surprises) - 1} more." if len(surprises) > 1 else ""
    waiting = ReplayItem.objects.filter(run=run, state=Item.WAITING).count()
    rest = f" {waiting:,} {'stays as it was' if waiting == 1 else 'stay as they were'}." if waiting else ""
    ReplayRun.objects.filter(pk=run.pk).update(
        state=State.STOPPED, stage_at=now, why=f"{name} did not end well: {surprises[0].told}{more}{rest}"
    )


def _go_on(run: ReplayRun, now: dt.datetime, *, judged: bool) -> int:
    """Begin the next items, or the next stage when all of this one are over; end the run after the last."""
    on_their_way = ReplayItem.objects.filter(run=run, state=Item.UNDER_WAY).count()
    if run.state in QUOTA and on_their_way:
        return 0
    if run.state in QUOTA and judged:
        run.state, run.stage_at = NEXT[run.state], now
        run.save(update_fields=["state", "stage_at"])
    number = QUOTA.get(run.state, min(PORTION, WINDOW - on_their_way))
    begun, skipped = _begin_next(run, number, now)
    if not begun and not skipped and not on_their_way:
        _end(run, now)
        return 1
    return begun + skipped


def _begin_next(run: ReplayRun, number: int, now: dt.datetime) -> tuple[int, int]:
    """Begin so many, passing over what is not open any more; returns how many were begun and passed over."""
    waiting = ReplayItem.objects.filter(run=run, state=Item.WAITING).order_by("position")
    begun: list[ReplayItem] = []
    passed: list[ReplayItem] = []
    while len(begun) < number and len(passed) < JUDGED:
        after = max((item.position for item in [*begun, *passed]), default=0)
        chunk = list(waiting.filter(position__gt=after)[: number - len(begun)])
        if not chunk:
            break
        gone = replay_verdicts.not_open(chunk)
        for item in chunk:
            if item.pk in gone:
                item.state, item.result, item.finished_at = Item.SKIPPED, gone[item.pk], now
                passed.append(item)
            else:
                item.state, item.stage, item.started_at = Item.UNDER_WAY, run.state, now
                begun.append(item)
    if begun:
        _do(run, begun, now)
    ReplayItem.objects.bulk_update(
        begun + passed, ["state", "stage", "result", "others", "started_at", "finished_at"], batch_size=500
    )
    return len(begun), len(passed)


def _do(run: ReplayRun, items: Sequence[ReplayItem], now: dt.datetime) -> None:
    """Send these back to work, behind what comes in, and write it into the histories of their cases."""
    opened: dict[str, list[int]] = {}
    found = Case.objects.filter(subject__in=[item.subject for item in items], state=Case.State.OPEN)
    for pk, subject in found.values_list("pk", "subject"):
        opened.setdefault(subject, []).append(pk)
    for item in items:
        item.others = [pk for pk in opened.get(item.subject, []) if pk not in item.case_ids]
    why = f"Replayed by {run.author_name} with {run.public_id}: {run.reason}"
    plain = [item.subject.removeprefix("order:") for item in items if not item.edit and _is_order(item)]
    postings.look_again(public_ids=plain, retry=True, lane=Lane.SHIPMENTS)
    _send_edited([item for item in items if item.edit], run, now)
    arrivals.release(
        message_ids=[int(item.subject.removeprefix("message:msg_i")) for item in items if not _is_order(item)], why=why
    )
    CaseEvent.objects.bulk_create(
        [
            CaseEvent(case_id=pk, at=now, what="replayed", actor=run.author_name, note=why)
            for item in items
            for pk in item.case_ids
        ]
    )


def _is_order(item: ReplayItem) -> bool:
    return item.subject.startswith("order:")


def _send_edited(items: Sequence[ReplayItem], run: ReplayRun, now: dt.datetime) -> None:
    """Give parked messages the document that was planned for them. The order is not decided on: that would undo it.

    What got another body since it was planned is left as it is, and surprises: its case stays open.
    """
    for item in items:
        if item.message_id is not None:
            edits.put(
                message_id=item.message_id,
                document=item.edit.encode(),
                actor_name=run.author_name,
                reason=run.reason,
                now=now,
                planned_at=run.planned_at,
            )


def _end(run: ReplayRun, now: dt.datetime) -> None:
    counts = dict.fromkeys((Item.DONE, Item.SKIPPED, Item.SURPRISE), 0)
    for state in counts:
        counts[state] = ReplayItem.objects.filter(run=run, state=state).count()
    why = f"{counts[Item.DONE]:,} of {run.item_count:,} went through."
    if counts[Item.SKIPPED]:
        were = "was" if counts[Item.SKIPPED] == 1 else "were"
        why += f" {counts[Item.SKIPPED]:,} {were} not open any more."
    if counts[Item.SURPRISE]:
        why += f" {counts[Item.SURPRISE]:,} did not end well and stayed so."
    ReplayRun.objects.filter(pk=run.pk).update(state=State.DONE, stage_at=now, ended_at=now, why=why)

"""Replays of many: planning them, and what people say about them. `replay_steps` does what they say.

run = replay_runs.plan(what=replays.plan_cases(cause="cause_…"), source="cause:cause_…", title=…, author=…, …)
replay_runs.start(run_id=run.pk, …)     # goes, or waits for another person
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from integrations import selectors as pipes
from orders.services import previews
from reconciliation.models import Case, ReplayItem, ReplayRun
from reconciliation.services.replays import Plan
from retailhub.core import audit, ids

State = ReplayRun.State
Item = ReplayItem.State
AT_ONCE = 10
"""So many orders and messages are done again at once; more of them are a replay that begins with one."""
LEFT = 200
"""So many of the things that stay as they are are named."""
LOCK = "SELECT pg_advisory_xact_lock(hashtext('reconciliation.replay'))"
"""Replays begin one after the other: which of two has a subject is decided by who was first."""


class NotNow(ValueError):
    """What was asked cannot be done with this replay now. ``detail`` says why, ``run`` names another that has it."""

    code = "not_now"

    def __init__(self, detail: str, *, run: str = "") -> None:
        super().__init__(detail)
        self.detail, self.run = detail, run


def plan(
    *,
    what: Plan,
    source: str,
    title: str,
    author: Any,
    reason: str,
    now: dt.datetime,
    edits: Mapping[str, str] | None = None,
    changes_money: bool = False,
) -> ReplayRun:
    """Write a plan down: what is in it is decided here, once. Nothing is done yet.

    ``edits``: message name (``msg_o12``) → the document as JSON text that it is sent with, under its reference;
    ``changes_money`` says that they change amounts, which another person has to approve.
    Raises `NotNow` when there is nothing to do, or all of it is in a replay that is not over.
    """
    items = _items(what, edits or {})
    if not items:
        raise NotNow(_nothing(what))
    with transaction.atomic():
        taken = _taken_by([item.subject for item in items])
        if len(taken) == len(items):
            raise NotNow(_taken(taken), run=next(iter(taken.values())).public_id)
        run = _new_run(what, items, author, now)
        run.source, run.title, run.reason = source[:200], title[:300], reason
        run.changes_money = changes_money
        run.approval_needed = changes_money or len(items) > settings.REPLAY_APPROVAL_ABOVE
        run.save()
        for item in items:
            item.run = run
        ReplayItem.objects.bulk_create(items, batch_size=1000)
        _note(run, "plan_replay", author, reason, now, after=_summary(run))
    return run


def _new_run(what: Plan, items: Sequence[ReplayItem], author: Any, now: dt.datetime) -> ReplayRun:
    return ReplayRun(
        public_id=ids.new_id("rpl"),
        author=None if isinstance(author, str) else author,
        author_name=_name(author),
        item_count=len(items),
        message_count=len(what.messages),
        money=_money(items),
        left=dict(list(what.left.items())[:LEFT]),
        planned_at=now,
    )


def _name(actor: Any) -> str:
    return actor if isinstance(actor, str) else str(actor.get_username())


def _nothing(what: Plan) -> str:
    if not what.left:
        return "Nothing waits to be done again."
    return f"Nothing can be done again: {'; '.join(f'{name} {why}' for name, why in list(what.left.items())[:3])}."


def _items(what: Plan, edits: Mapping[str, str]) -> list[ReplayItem]:
    """One for each order or inbound message, those of the oldest cases first."""
    about: dict[str, list[int]] = {}
    for pk, subject in Case.objects.filter(pk__in=what.cases).order_by("pk").values_list("pk", "subject"):
        about.setdefault(subject, []).append(pk)
    effects = pipes.statuses_of(direction="o", message_ids=what.outbound) if edits else {}
    edited = {subject: pk for pk, (_, subject) in effects.items() if f"msg_o{pk}" in edits}
    wanted = [f"order:{public_id}" for public_id in what.orders] + [f"message:msg_i{pk}" for pk in what.inbound]
    known = dict.fromkeys(wanted)
    subjects = [subject for subject in about if subject in known]
    bare = [subject for subject in known if subject not in about]
    subjects += bare
    about |= _cases_of_messages(bare, what)
    facts = previews.facts_of(subjects=subjects)
    found = []
    for position, subject in enumerate(subjects, 1):
        fact, message_id = facts.get(subject), edited.get(subject)
        found.append(
            ReplayItem(
                position=position,
                subject=subject,
                connection_id=fact.store_id if fact else None,
                currency=fact.currency if fact else "",
                amount=fact.total if fact else None,
                case_ids=about.get(subject, []),
                message_id=message_id,
                edit=edits[f"msg_o{message_id}"] if message_id else "",
            )
        )
    return found


def _cases_of_messages(subjects: Sequence[str], what: Plan) -> dict[str, list[int]]:
    """The open cases that messages which were named themselves have led to."""
    rows = Case.objects.filter(subject__in=list(subjects), state=Case.State.OPEN).order_by("pk")
    names, found = set(what.messages), dict[str, list[int]]()
    for pk, subject, evidence in rows.values_list("pk", "subject", "evidence"):
        if subject.startswith("message:") or evidence.get("message") in names:
            found.setdefault(subject, []).append(pk)
    return found


def _money(items: Sequence[ReplayItem]) -> dict[str, str]:
    sums: dict[str, Decimal] = {}
    for item in items:
        if item.currency and item.amount is not None:
            sums[item.currency] = sums.get(item.currency, Decimal(0)) + item.amount
    return {currency: str(total) for currency, total in sorted(sums.items())}


def _taken_by(subjects: Sequence[str], *, but: int = 0) -> dict[str, ReplayRun]:
    """Those of these subjects that another replay has, with that replay: what has stopped keeps what surprised too."""
    rows = ReplayItem.objects.filter(subject__in=list(subjects)).exclude(run_id=but)
    rows = rows.filter(Q(state__in=ReplayItem.OPEN) | Q(state=Item.SURPRISE, run__state=State.STOPPED))
    return {item.subject: item.run for item in rows.select_related("run")}


def under_way(*, subjects: Sequence[str]) -> dict[str, str]:
    """Those of these subjects that a replay has, with its public id."""
    return {subject: run.public_id for subject, run in _taken_by(subjects).items()}


def _taken(taken: Mapping[str, ReplayRun]) -> str:
    run = next(iter(taken.values()))
    stands = " It has stopped: go on with it, or cancel it." if run.state == State.STOPPED else ""
    return f"All of it is being replayed by {run.public_id} of {run.author_name}.{stands}"


def start(*, run_id: int, actor: Any, now: dt.datetime) -> ReplayRun:
    """Let a planned replay go, or have it wait for another person where one is needed. Locks the run.

    Raises `NotNow` when it was started before, or another replay has all of it.
    """
    with transaction.atomic():
        run = _locked(run_id, State.PLANNED)
        if run.approval_needed:
            _move(run, State.AWAITING_APPROVAL, now)
        else:
            _begin(run, now)
        _note(run, "start_replay", actor, run.reason, now, after=_summary(run))
    return run


def approve(*, run_id: int, actor: Any, reason: str, now: dt.datetime) -> ReplayRun:
    """Let go what another person wants to replay. Locks the run. Raises `NotNow`, also for its author."""
    with transaction.atomic():
        run = _locked(run_id, State.AWAITING_APPROVAL)
        if _is_author(run, actor):
            raise NotNow("Somebody else has to approve it: you have planned it.")
        run.approver, run.approver_name = (None, actor) if isinstance(actor, str) else (actor, _name(actor))
        run.approval_reason, run.approved_at = reason, now
        _begin(run, now)
        _note(run, "approve_replay", actor, reason, now, after=_summary(run))
    return run


def refuse(*, run_id: int, actor: Any, reason: str, now: dt.datetime) -> ReplayRun:
    """Say that what another person wants to replay is not to be done: it is cancelled. Locks the run."""
    with transaction.atomic():
        run = _locked(run_id, State.AWAITING_APPROVAL)
        if _is_author(run, actor):
            raise NotNow("You have planned it yourself: cancel it.")
        _leave(run, "The replay was not approved.", now)
        _move(run, State.CANCELLED, now, why=f"{_name(actor)} did not approve it: {reason}")
        _note(run, "refuse_replay", actor, reason, now, after=_summary(run))
    return run


def go_on(*, run_id: int, actor: Any, reason: str, now: dt.datetime, again: bool = True) -> ReplayRun:
    """Go on with a replay that has stopped, with one order first. Locks the run.

    ``again``: what surprised is done again, before the rest; else it stays as it is.
    """
    with transaction.atomic():
        run = _locked(run_id, State.STOPPED)
        if ReplayItem.objects.filter(run=run, state=Item.UNDER_WAY).exists():
            raise NotNow("Some of it is still on its way; wait for what comes of it.")
        before = _summary(run) | {"why": run.why}
        if again:
            _take_up_again(run)
        run.why = ""
        _move(run, State.CANARY_1, now)
        _note(run, "go_on_with_replay", actor, reason, now, before=before, after=_summary(run))
    return run


def cancel(*, run_id: int, actor: Any, reason: str, now: dt.datetime) -> ReplayRun:
    """End a replay: what has not begun stays as it is; what has begun is finished and told. Locks the run."""
    with transaction.atomic():
        run = _locked(run_id, State.PLANNED, State.AWAITING_APPROVAL, *ReplayRun.ACTIVE, State.STOPPED)
        before = _summary(run)
        left = _leave(run, "The replay was cancelled before its turn.", now)
        _move(run, State.CANCELLED, now, why=f"{_name(actor)} cancelled it before the turn of {left:,}. {reason}")
        _note(run, "cancel_replay", actor, reason, now, before=before, after=_summary(run))
    return run


def _locked(run_id: int, *states: str) -> ReplayRun:
    run = ReplayRun.objects.select_for_update(of=("self",)).get(pk=run_id)
    if run.state not in states:
        raise NotNow(f"The replay is {ReplayRun.State(run.state).label.lower()} already.")
    return run


def _is_author(run: ReplayRun, actor: Any) -> bool:
    return _name(actor) == run.author_name or (
        run.author_id is not None and getattr(actor, "pk", None) == run.author_id
    )


def _begin(run: ReplayRun, now: dt.datetime) -> None:
    """Take the subjects that no other replay has. Raises `NotNow` when that leaves none."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
    planned = ReplayItem.objects.filter(run=run, state=Item.PLANNED)
    taken = _taken_by([*planned.values_list("subject", flat=True)], but=run.pk)
    if taken and len(taken) == run.item_count:
        raise NotNow(_taken(taken), run=next(iter(taken.values())).public_id)
    by_run: dict[ReplayRun, list[str]] = {}
    for subject, other in taken.items():
        by_run.setdefault(other, []).append(subject)
    for other, subjects in by_run.items():
        result = f"It is being replayed by {other.public_id} of {other.author_name}."
        planned.filter(subject__in=subjects).update(state=Item.SKIPPED, result=result, finished_at=now)
    planned.update(state=Item.WAITING)
    run.started_at = now
    _move(run, State.CANARY_1, now)


def _take_up_again(run: ReplayRun) -> None:
    """What surprised waits again, unless another replay has it; it is to close what has come of it too."""
    other = ReplayItem.objects.filter(subject=OuterRef("subject"), state__in=ReplayItem.OPEN).exclude(run=run)
    items = list(ReplayItem.objects.filter(~Exists(other), run=run, state=Item.SURPRISE))
    opened: dict[str, list[int]] = {}
    found = Case.objects.filter(subject__in=[item.subject for item in items], state=Case.State.OPEN).order_by("pk")
    for pk, subject in found.values_list("pk", "subject"):
        opened.setdefault(subject, []).append(pk)
    for item in items:
        now_open = [pk for pk in opened.get(item.subject, []) if pk not in item.others]
        item.case_ids = list(dict.fromkeys([*item.case_ids, *now_open]))
        item.state, item.finished_at, item.started_at, item.result = Item.WAITING, None, None, ""
    ReplayItem.objects.bulk_update(items, ["case_ids", "state", "finished_at", "started_at", "result"])


def _leave(run: ReplayRun, why: str, now: dt.datetime) -> int:
    waiting = ReplayItem.objects.filter(run=run, state__in=[Item.PLANNED, Item.WAITING])
    return waiting.update(state=Item.SKIPPED, result=why, finished_at=now)


def _move(run: ReplayRun, state: str, now: dt.datetime, *, why: str = "") -> None:
    """Write the run's new state."""
    run.state, run.stage_at, run.why = state, now, why or run.why
    run.ended_at = now if state in {State.DONE, State.CANCELLED} else None
    run.save()


def _summary(run: ReplayRun) -> dict[str, Any]:
    return {
        "state": str(run.state),
        "source": run.source,
        "items": run.item_count,
        "messages": run.message_count,
        "money": run.money,
        "changes_money": run.changes_money,
        "approval_needed": run.approval_needed,
    }


def _note(run: ReplayRun, action: str, actor: Any, reason: str, now: dt.datetime, **states: Any) -> None:
    audit.record(actor=actor, action=action, subject=f"replay:{run.public_id}", reason=reason, now=now, **states)

"""Editing what waits to be sent, and sending it: at once, or after another person's yes where it changes money."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from orders.policies.edits import Change
from orders.services import edits
from orders.services.edits import Edited, NotEdited
from reconciliation.models import ReplayRun
from reconciliation.services import case_notes, replay_runs, replays
from retailhub.core import audit, privacy


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What became of an edit: sent, or a replay that waits for another person."""

    edited: Edited
    run: ReplayRun | None = None


def edit_and_send(*, message_id: int, wanted: dict[str, Any], actor: Any, reason: str, now: dt.datetime) -> Sent:
    """Send a parked message with an edited document under its own reference. Raises `NotEdited`, and `NotNow` from
    replays where another one has the order.

    The audit has what was changed, personal data left out: both revisions of the body are kept with the message.
    """
    edited = edits.check(message_id=message_id, wanted=wanted)
    with transaction.atomic():
        taken = replay_runs.under_way(subjects=[edited.subject])
        if taken:
            raise NotEdited(f"The order is being replayed by {taken[edited.subject]}: wait for it, or cancel it.")
        run = _plan(edited, actor, reason, now) if edited.changes_money else None
        case_notes.note(
            subject=edited.subject,
            what="edited" if run is None else "edit planned",
            actor=actor,
            text=f"{told(edited.changes)} {reason}",
            now=now,
        )
        before, after = kept(edited.changes)
        audit.record(
            actor=actor,
            action="edit_message",
            subject=f"message:msg_o{message_id}",
            reason=reason,
            now=now,
            before=before,
            after={**after, **({"replay": run.public_id} if run else {})},
        )
        if run is None and not edits.put(
            message_id=message_id,
            document=edited.document,
            actor_name=case_notes.name_of(actor),
            reason=reason,
            now=now,
        ):
            raise NotEdited(f"msg_o{message_id} is not parked any more.")
    return Sent(edited=edited, run=run)


def _plan(edited: Edited, actor: Any, reason: str, now: dt.datetime) -> ReplayRun:
    name = f"msg_o{edited.message_id}"
    run = replay_runs.plan(
        what=replays.plan_messages([name]),
        source=f"edit:{name}",
        title=f"Edit of {name} that changes money",
        author=actor,
        reason=reason,
        now=now,
        edits={name: edited.document.decode()},
        changes_money=True,
    )
    return replay_runs.start(run_id=run.pk, actor=actor, now=now)


def told(changes: Sequence[Change]) -> str:
    """What an edit changes, for people; personal data is named and not shown."""
    each = [f"{words_of(one.path)}: {shown(one, one.before)} → {shown(one, one.after)}" for one in changes[:20]]
    return f"{'; '.join(each)}{' and more' if len(changes) > 20 else ''}."


def words_of(path: str) -> str:
    """``lines.0.item_code`` → ``line 1, item code``; ``shipping.city`` → ``shipping city``."""
    first, _, rest = path.partition(".")
    number, _, field = rest.partition(".")
    if first == "lines" and number.isdigit():
        return f"line {int(number) + 1}, {field.replace('.', ' ').replace('_', ' ')}".rstrip(", ")
    return path.replace(".", " ").replace("_", " ")


def kept(changes: Sequence[Change]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Before and after by path, personal data left out."""
    return (
        {change.path: shown(change, change.before) for change in changes},
        {change.path: shown(change, change.after) for change in changes},
    )


def shown(change: Change, value: Any) -> Any:
    """A value by its path as it may be kept: the path decides whether it is personal."""
    parts = change.path.split(".")
    nested: Any = value
    for part in reversed(parts):
        nested = {part: nested}
    masked = privacy.mask_json(nested)
    for part in parts:
        masked = masked[part]
    return "nothing" if masked in (None, "") else masked


def drop_edit(*, subject: str, message_ids: Sequence[int], actor: Any, reason: str, now: dt.datetime) -> None:
    """Give an edit up for the order's own document. Raises `NotDone` where there is none."""
    with transaction.atomic():
        case_notes.note(subject=subject, what="edit dropped", actor=actor, text=reason, now=now)
        if not edits.drop(subject=subject, message_ids=message_ids, now=now):
            raise case_notes.NotDone("Nothing of this order is sent with an edit.", code="no_edit")
        names = [f"msg_o{each}" for each in message_ids]
        audit.record(
            actor=actor, action="drop_edit", subject=subject, reason=reason, now=now, before={"messages": names}
        )

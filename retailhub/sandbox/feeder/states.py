"""Where an order of the store stands, and what each change does to it. Times are Unix seconds in UTC."""

from __future__ import annotations

import msgspec

from retailhub.sandbox.store.lifelike.lives import Change, ChangeKind, Step

_STOCK_TAKEN = frozenset({"on-hold", "processing", "completed"})
_EDITABLE = frozenset({"pending", "on-hold", "auto-draft"})
_UNPAID = frozenset({"pending", "failed", "checkout-draft"})


class OrderState(msgspec.Struct, kw_only=True):
    """What changes about an order in its life."""

    status: str
    created: int
    modified: int
    paid: int | None = None
    completed: int | None = None
    tracked: bool = False
    trashed: int | None = None
    before_trash: str = ""
    fresh: bool = True
    """Still carries the note of the checkout's log, which the store drops at the first change."""

    @property
    def deleted(self) -> bool:
        return self.status == "deleted"

    @property
    def stock_taken(self) -> bool:
        return (self.before_trash or self.status) in _STOCK_TAKEN

    @property
    def editable(self) -> bool:
        return self.status in _EDITABLE

    @property
    def unpaid(self) -> bool:
        return self.status in _UNPAID


def start(status: str, *, method: str, now: int) -> OrderState:
    """A new order in its first status."""
    state = OrderState(status=status, created=now, modified=now)
    _note_dates(state, method)
    return state


def apply(state: OrderState, change: Change, *, method: str, now: int) -> None:
    """Does one change. ``now`` is never before the last change; a note moves no date and shows nowhere."""
    if change.kind is ChangeKind.NOTE:
        return
    state.modified = now
    state.fresh = False
    if change.kind is ChangeKind.STATUS:
        state.status = change.status
        _note_dates(state, method)
    elif change.kind is ChangeKind.TRACKING:
        state.tracked = True
    elif change.kind is ChangeKind.TRASH:
        state.before_trash, state.status, state.trashed = state.status, "trash", now
    elif change.kind is ChangeKind.RESTORE:
        state.status, state.before_trash, state.trashed = state.before_trash, "", None
    elif change.kind is ChangeKind.DELETE:
        state.status = "deleted"


def _note_dates(state: OrderState, method: str) -> None:
    """The dates stay once set. Cash on delivery counts as paid only when completed."""
    if state.paid is None and (state.status == "completed" or (state.status == "processing" and method != "cod")):
        state.paid = state.modified
    if state.completed is None and state.status == "completed":
        state.completed = state.modified


def take_step(state: OrderState | None, step: Step, *, method: str, now: int, apart: int = 1) -> OrderState:
    """The state after a step. Changes are ``apart`` seconds apart at least, even if the clock stood still."""
    changes = step.changes
    if state is None:
        state = start(changes[0].status, method=method, now=now)
        changes = changes[1:]
    for change in changes:
        apply(state, change, method=method, now=max(now, state.modified + apart))
    return state

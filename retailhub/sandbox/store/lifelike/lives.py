"""What becomes of an order in its store: scripts of changes, and the deliveries each change sets off.

A step is a set of changes followed by the deliveries they cause. The store merges changes that come before
its queue runs, and builds bodies only then, so a merged step shows nothing of what lay between. A new order
gives ``order.created`` then ``order.updated``; the block checkout gives them the other way round, and when it
is refused only ``order.updated``.
"""

from __future__ import annotations

from enum import StrEnum
from random import Random

import msgspec


class ChangeKind(StrEnum):
    STATUS = "status"
    TRACKING = "tracking"
    NOTE = "note"
    TOUCH = "touch"
    TRASH = "trash"
    RESTORE = "restore"
    DELETE = "delete"


class Change(msgspec.Struct, frozen=True):
    """One change. ``status`` is the new status of a status change."""

    kind: ChangeKind
    status: str = ""


class Step(msgspec.Struct, frozen=True):
    """Changes, then the deliveries (by topic, in this order) that the store makes of them together."""

    changes: tuple[Change, ...]
    topics: tuple[str, ...]


class Expect(StrEnum):
    """What must come of an order: one ERP document, nothing, an open case, or either of the first two."""

    POSTED = "posted"
    NOTHING = "nothing"
    CASE = "case"
    EITHER = "either"


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """A script: changes after the first status, and the methods and channels it can happen to."""

    name: str
    weight: int
    expect: Expect
    first: str
    changes: tuple[Change, ...] = ()
    methods: tuple[str, ...] = ("stripe", "paypal")
    channels: tuple[str, ...] = ("rest-api", "checkout", "store-api")
    merge_all: bool = False


def _to(*statuses: str) -> tuple[Change, ...]:
    return tuple(Change(ChangeKind.STATUS, status) for status in statuses)


_TRACKED = (Change(ChangeKind.TRACKING),)
_NOTED = (Change(ChangeKind.NOTE),)
_TOUCHED = (Change(ChangeKind.TOUCH),)
_TRASHED = (Change(ChangeKind.TRASH),)
_RESTORED = (Change(ChangeKind.RESTORE),)
_DELETED = (Change(ChangeKind.DELETE),)
_CLASSIC = ("rest-api", "checkout")
_BLOCK = ("store-api",)
_REST = ("rest-api",)

LIVES: tuple[Life, ...] = (
    Life(name="paid_later", weight=200, expect=Expect.POSTED, first="pending", changes=_to("processing")),
    Life(name="paid_at_once", weight=200, expect=Expect.POSTED, first="processing"),
    Life(
        name="transfer",
        weight=120,
        expect=Expect.POSTED,
        first="on-hold",
        changes=_to("processing"),
        methods=("bacs",),
    ),
    Life(name="cash_on_delivery", weight=100, expect=Expect.POSTED, first="processing", methods=("cod",)),
    Life(
        name="completed",
        weight=90,
        expect=Expect.POSTED,
        first="processing",
        changes=_to("completed"),
        methods=("stripe", "paypal", "cod"),
    ),
    Life(
        name="completed_unseen",
        weight=40,
        expect=Expect.POSTED,
        first="pending",
        changes=_to("processing", "completed"),
        methods=("stripe", "paypal", "bacs"),
        channels=_REST,
        merge_all=True,
    ),
    Life(
        name="tracked",
        weight=40,
        expect=Expect.POSTED,
        first="processing",
        changes=_TRACKED + _NOTED + _to("completed"),
    ),
    Life(
        name="touched",
        weight=30,
        expect=Expect.POSTED,
        first="pending",
        changes=_to("processing") + _TOUCHED + _NOTED,
        methods=("stripe", "bacs"),
        channels=_REST,
    ),
    Life(
        name="paid_at_second_try",
        weight=30,
        expect=Expect.POSTED,
        first="pending",
        changes=_to("failed", "processing"),
        channels=_CLASSIC,
    ),
    Life(name="never_paid", weight=45, expect=Expect.NOTHING, first="pending"),
    Life(
        name="failed",
        weight=30,
        expect=Expect.NOTHING,
        first="pending",
        changes=_to("failed"),
        channels=_CLASSIC,
    ),
    Life(name="refused", weight=10, expect=Expect.NOTHING, first="failed", channels=_BLOCK),
    Life(
        name="cancelled_unpaid",
        weight=30,
        expect=Expect.NOTHING,
        first="pending",
        changes=_to("cancelled"),
    ),
    Life(
        name="transfer_cancelled",
        weight=15,
        expect=Expect.NOTHING,
        first="on-hold",
        changes=_to("cancelled"),
        methods=("bacs",),
    ),
    Life(name="draft", weight=10, expect=Expect.NOTHING, first="checkout-draft", channels=_BLOCK),
    Life(
        name="trashed_unpaid",
        weight=10,
        expect=Expect.NOTHING,
        first="pending",
        changes=_TRASHED,
        channels=_REST,
    ),
    Life(
        name="cancelled_after_payment",
        weight=0,
        expect=Expect.EITHER,
        first="processing",
        changes=_to("cancelled"),
    ),
    Life(
        name="trashed_and_restored",
        weight=0,
        expect=Expect.POSTED,
        first="processing",
        changes=_TRASHED + _RESTORED,
        channels=_REST,
    ),
    Life(
        # Its deliveries are signed REST errors that name no order.
        name="deleted_unseen",
        weight=0,
        expect=Expect.NOTHING,
        first="pending",
        changes=_DELETED,
        channels=_REST,
        merge_all=True,
    ),
)
"""Weights in per mille, 850 of them for orders that are posted. Weight 0: only when asked for by name."""

BY_NAME: dict[str, Life] = {life.name: life for life in LIVES}
DEFAULT_WEIGHTS: dict[str, int] = {life.name: life.weight for life in LIVES if life.weight}


def _topics_of(change: Change) -> tuple[str, ...]:
    if change.kind is ChangeKind.NOTE or change.kind is ChangeKind.DELETE:
        return ()
    if change.kind is ChangeKind.TRASH:
        return ("order.deleted",)
    if change.kind is ChangeKind.RESTORE:
        return ("order.restored",)
    return ("order.updated",)


def steps_of(life: Life, channel: str, rng: Random, *, merge: float) -> tuple[Step, ...]:
    """The life as steps. ``merge`` is the chance that a change falls into the step before it."""
    if channel == "store-api":
        started = ("order.updated",) if life.first == "failed" else ("order.updated", "order.created")
    else:
        started = ("order.created", "order.updated")
    steps = [Step(_to(life.first), started)]
    for change in life.changes:
        topics = _topics_of(change)
        if life.merge_all or rng.random() < merge:
            before = steps.pop()
            new = tuple(topic for topic in topics if topic not in before.topics)
            steps.append(Step((*before.changes, change), before.topics + new))
        else:
            steps.append(Step((change,), topics))
    return tuple(steps)

"""What becomes of an order in its store: scripts of changes."""

from __future__ import annotations

from enum import StrEnum

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
        # deleted before its deliveries go out, these are signed REST errors that name no order
        name="deleted_unseen",
        weight=0,
        expect=Expect.NOTHING,
        first="pending",
        changes=_DELETED,
        channels=_REST,
    ),
)
"""Weights in per mille, 850 of them for orders that are posted. Weight 0: only when asked for by name."""

BY_NAME: dict[str, Life] = {life.name: life for life in LIVES}
DEFAULT_WEIGHTS: dict[str, int] = {life.name: life.weight for life in LIVES if life.weight}

"""What the worker did (status) and what the business said (outcome) of a message: the legal pairs."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Status(StrEnum):
    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    DONE = "done"
    PARKED = "parked"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    NONE = ""
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    MISCONFIGURED = "misconfigured"
    INTERNAL = "internal"
    QUARANTINED = "quarantined"


LEGAL_PAIRS: dict[Status, frozenset[Outcome]] = {
    Status.PENDING: frozenset({Outcome.NONE}),
    Status.IN_FLIGHT: frozenset({Outcome.NONE}),
    Status.DONE: frozenset({Outcome.APPLIED, Outcome.UNCHANGED, Outcome.SUPERSEDED, Outcome.IGNORED}),
    Status.PARKED: frozenset(
        {Outcome.REJECTED, Outcome.UNKNOWN, Outcome.MISCONFIGURED, Outcome.INTERNAL, Outcome.QUARANTINED}
    ),
    Status.CANCELLED: frozenset({Outcome.NONE}),
}


class Lane(IntEnum):
    """What starving it costs: a lower number goes first."""

    ORDERS = 0
    SHIPMENTS = 1
    STOCK = 2
    PRICES = 3
    CATALOGUE = 4


class Mode(StrEnum):
    """How much of a connection is real."""

    OFF = "off"
    SHADOW = "shadow"
    LIVE = "live"


GONE_UNSEEN = "gone_before_it_was_seen"
"""Code of a finished inbound message that spoke of an order which its store had deleted before we knew it."""


OWN_ECHO = "own_echo"
"""Code of a finished inbound message that tells what we ourselves had just written to the store."""


class StoreOperation(StrEnum):
    """What is written back to an order in its store."""

    SET_STATUS = "set_status"
    ADD_NOTE = "add_note"
    SET_TRACKING = "set_tracking"
    REFUND = "refund_in_store"


STORE_OPERATIONS = frozenset(StoreOperation)


class Way(StrEnum):
    """By which way a message came."""

    WEBHOOK = "webhook"
    POLL = "poll"
    API = "api"
    OPERATOR = "operator"
    ENGINE = "engine"


class PollKind(StrEnum):
    """What a standing look at a store is for. In the order in which one store's looks are made."""

    CHANGED = "changed"
    """Orders changed of late."""
    TRASH = "trash"
    """The same on the trash shelf, which no other list shows."""
    DRAFTS = "drafts"
    """The same on the shelf of checkouts that were begun."""
    WEBHOOKS = "webhooks"
    """The store's webhooks: there, active, ours."""
    REFUNDS = "refunds"
    """Orders with a refund: a deleted one moves no date."""
    SWEEP = "sweep"
    """The content of every order of the last weeks, for what moves no date."""
    WALK = "walk"
    """Every order id of the store against every one we know."""
    HISTORY = "history"
    """The store's orders from the first one on, once."""

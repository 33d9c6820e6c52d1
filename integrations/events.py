"""What the pipes tell the layers above, in the transaction in which it became true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integrations.ports.documents import ExternalDocument
from integrations.workflow import Look


@dataclass(frozen=True, kw_only=True)
class EffectDone:
    """A sink holds the document in its target state."""

    connection_id: int
    message_id: int
    operation: str
    subject: str
    reference: str
    how: str
    document: ExternalDocument
    document_hash: bytes
    trace_id: str


@dataclass(frozen=True, kw_only=True)
class Parked:
    """A message cannot go on by itself. ``direction`` is ``i`` or ``o``; ``key`` is the value at fault."""

    connection_id: int
    direction: str
    message_id: int
    subject: str
    operation: str
    outcome: str
    code: str
    detail: str
    evidence: Mapping[str, str]
    reference: str = ""

    @property
    def name(self) -> str:
        return f"msg_{self.direction}{self.message_id}"


@dataclass(frozen=True)
class EffectsAnswered:
    """Results of one claim: what is done and what is parked."""

    done: Sequence[EffectDone]
    parked: Sequence[Parked]
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class StoreWrite:
    """Something was written back to an order in its store. ``look`` is the order as the store answered it, taken in
    as an arrival; ``None`` where the answer held no order (notes)."""

    connection_id: int
    message_id: int
    operation: str
    subject: str
    reference: str
    look: Look | None
    trace_id: str


@dataclass(frozen=True)
class StoreAnswered:
    """Results of one claim at a store. ``over`` are messages that were done without a call. The arrivals of the looks
    are held under ``fence``."""

    done: Sequence[StoreWrite]
    over: Sequence[str]
    """Subjects."""
    parked: Sequence[Parked]
    fence: int
    at: dt.datetime


@dataclass(frozen=True)
class ArrivalsParked:
    """Inbound messages that cannot be used."""

    parked: Sequence[Parked]
    at: dt.datetime


@dataclass(frozen=True)
class MessagesReleased:
    """What was parked goes on, or is done with; the subjects are the cases'. ``direction`` is ``i`` or ``o``, or ``s``
    for what was to be written back to a store."""

    direction: str
    subjects: Sequence[str]
    why: str
    at: dt.datetime


@dataclass(frozen=True)
class ConnectionTrouble:
    """A connection as a whole refuses or cannot be used. ``outcome`` is ``auth`` or ``misconfigured`` where a person
    has to mend it, and empty where waiting may do. ``part``: it is true of that part only (``writes``)."""

    connection_id: int
    code: str
    detail: str
    at: dt.datetime
    outcome: str = ""
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class LateChore:
    """A chore that is late by two of its periods. ``done_at`` is ``None`` while nobody knows that it ever was."""

    name: str
    every_seconds: int
    done_at: dt.datetime | None


@dataclass(frozen=True)
class ChoresLooked:
    """Which of the chores ``names`` are late."""

    late: Sequence[LateChore]
    names: Sequence[str]
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class WebhookTrouble:
    """Something about a store's webhooks that people must know; ``code`` is the case's."""

    code: str
    detail: str
    evidence: Mapping[str, str]


@dataclass(frozen=True)
class WebhooksLooked:
    """How a store's webhooks were found. ``over`` has the proof of what is over, by code; what is in both is told
    once more and then closed; what is in neither stays as it was."""

    connection_id: int
    troubles: Sequence[WebhookTrouble]
    over: Mapping[str, str]
    at: dt.datetime


@dataclass(frozen=True)
class StoreTrouble:
    """Something that a store says of its orders and that a person must judge; ``code`` is the case's."""

    code: str
    detail: str
    evidence: Mapping[str, str]


@dataclass(frozen=True)
class StoreDoubted:
    """What a store says of its orders that is not believed. ``over`` has the proof of what is over, by code."""

    connection_id: int
    troubles: Sequence[StoreTrouble]
    over: Mapping[str, str]
    at: dt.datetime


@dataclass(frozen=True)
class PathsChanged:
    """Where orders of these stores go, or how real that is, was changed: what waited for it may go on."""

    store_ids: Sequence[int]
    at: dt.datetime


@dataclass(frozen=True)
class ConnectionWell:
    """A call to the connection, or to that part of it, succeeded after trouble."""

    connection_id: int
    at: dt.datetime
    part: str = ""

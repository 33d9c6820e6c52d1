"""What flows are handed by the pipes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from integrations.ports.capabilities import Gone
from integrations.ports.documents import Order
from integrations.ports.errors import ConnectorError
from integrations.ports.stores import Moment


@dataclass(frozen=True, kw_only=True)
class StoreFacts:
    """What a flow needs to know of the store a message came from."""

    id: int
    name: str
    code: str
    mode: str
    live_from: dt.datetime | None
    status_map: Mapping[Moment, str] = field(default_factory=dict, hash=False)
    """Which public status it shows from which moment of an order on."""
    note_when_posted: bool = False
    """Whether a private note says what the ERP calls an order."""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One claimed inbound message about an order. ``order`` is ``None`` when it only says "look"."""

    message_id: int
    trace_id: str
    way: str
    attempts: int
    order: Order | None
    retry: bool = False
    """Whether what the order has parked is to be tried again."""
    troubled: bool = False
    """Whether it had failed before, so that a case of it may be open."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """Everything claimed about one order, and what the store said when it was asked, if it was."""

    store: StoreFacts
    order_ref: str
    arrivals: tuple[Arrival, ...]
    read: Order | Gone | None = None
    read_began: dt.datetime | None = None
    must_read: bool = False
    """What arrived cannot be told from what is stored: only the store knows."""

    @property
    def order(self) -> tuple[int, str]:
        """Store id and order ref: what no other look of a claim has."""
        return self.store.id, self.order_ref

    @property
    def trace_id(self) -> str:
        return self.arrivals[-1].trace_id

    @property
    def needs_read(self) -> bool:
        """Whether the store must be asked before anything can be said."""
        woken = any(arrival.order is None and arrival.way != "engine" for arrival in self.arrivals)
        return self.read is None and (self.must_read or woken)

    def with_read(self, answer: Order | Gone, began: dt.datetime) -> Look:
        """This look with the store's answer."""
        return replace(self, read=answer, read_began=began)

    def asking_again(self) -> Look:
        """This look without an answer, to be read anew."""
        return replace(self, read=None, read_began=None, must_read=True)


@dataclass(frozen=True)
class Failed:
    """A look that could not be made, and why."""

    look: Look
    error: ConnectorError


Reader = Callable[[Look], Look | ConnectorError]
"""Asks the store for the order of a look: the look with its answer, or the error."""

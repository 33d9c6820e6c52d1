"""Asking stores for what they only rang about: under a living lease, bounded, and not where asking is no use."""

from __future__ import annotations

import datetime as dt
import threading
import time
from dataclasses import dataclass

from integrations import connections
from integrations.calls import Lines, Recorder, context_for
from integrations.leases import INBOX, Lease
from integrations.models import Connection, ConnectionState
from integrations.ports.errors import AuthRejected, ConnectorError, RateLimited
from integrations.workflow import Look
from retailhub.core import clock
from retailhub.core.observability.logs import about

STORE_SECONDS = 5.0
"""Of reads from one store in one claim; what is left is put back, so that a slow store holds up nobody else."""
TURN_SECONDS = 1.0
"""How long a thread waits until another of this process has asked the same store, before it does something else."""
LATER_SECONDS = 2.0
HELD_SECONDS = 15.0
"""How soon a read that was held is looked at again: somebody may resume the connection any time."""
WHOLE_STORE = frozenset({"unreachable", "timed_out", "connection_lost"})
"""Codes of `Transient` that say something of the store and nothing of the order."""


_turns: dict[int, threading.Lock] = {}
"""One thread of a process asks a store at a time: however slow it is, the others stay free for the other stores."""


@dataclass(frozen=True)
class Held:
    """Why a store is not asked (again) in this claim. ``attempts`` of the look that found it out; 0 for none."""

    error: ConnectorError
    attempts: int = 0


class Reads:
    """The reader of one claim, and what it learned of the stores."""

    def __init__(self, lines: Lines, fence: int) -> None:
        self.held: dict[int, Held] = {}
        self.answered: set[int] = set()
        """Stores that a read of this claim succeeded at."""
        self.unasked: set[tuple[int, str]] = set()
        """Orders whose store was not asked: its error is another one's."""
        self._lines, self._fence = lines, fence
        self._lease = Lease(INBOX, fence=fence)
        self._rows: dict[int, Connection] = {}
        self._recorders: dict[int, Recorder] = {}
        self._seconds: dict[int, float] = {}

    def __call__(self, look: Look) -> Look | ConnectorError:
        store, name = look.store.id, (look.store.id, look.order_ref)
        if store not in self._rows:
            self._meet(store)
        self.unasked.discard(name)
        if store in self.held:
            self.unasked.add(name)
            return self.held[store].error
        turn = _turns.setdefault(store, threading.Lock())
        if self._seconds[store] >= STORE_SECONDS or not turn.acquire(timeout=TURN_SECONDS):
            self._seconds[store] = STORE_SECONDS
            self.unasked.add(name)
            return _later(f"{look.store.name} answers slowly; the read waits for its turn.", LATER_SECONDS)
        began, ticks = clock.now(), time.monotonic()
        try:
            context = context_for(self._recorders[store], correlation_id=look.trace_id, before_call=self._lease)
            with about(arrival.trace_id for arrival in look.arrivals):
                answer = self._lines.connector(self._rows[store], context).read_order(look.order_ref)
        except ConnectorError as error:
            if isinstance(error, AuthRejected | RateLimited) or error.code in WHOLE_STORE:
                self.held[store] = Held(error, max(arrival.attempts for arrival in look.arrivals))
            return error
        finally:
            turn.release()
            self._seconds[store] += time.monotonic() - ticks
        self.answered.add(store)
        return look.with_read(answer, began)

    def _meet(self, store: int) -> None:
        self._rows[store] = Connection.objects.get(pk=store)
        self._recorders[store] = Recorder(store, self._fence)
        self._seconds[store] = 0.0
        reason = _reason_to_hold(ConnectionState.objects.get(pk=store), clock.now())
        if reason:
            self.held[store] = Held(_later(reason, HELD_SECONDS))

    def save(self) -> None:
        """Store the exchanges; note the stores that went on answering."""
        for store, recorder in self._recorders.items():
            if store in self.answered and store not in self.held:
                connections.note_success(connection_id=store)
            recorder.save()


def _later(reason: str, seconds: float) -> RateLimited:
    return RateLimited(reason, retry_at=clock.after(seconds))


def _reason_to_hold(state: ConnectionState, now: dt.datetime) -> str:
    if state.paused_at is not None and (state.paused_until is None or state.paused_until > now):
        return "The store is paused; nothing is read from it."
    if state.retry_at is not None and state.retry_at > now:
        return "The store asked us to wait; nothing is read from it until then."
    return ""

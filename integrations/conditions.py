"""How a connection is, in words: what lists, Home and its own page say of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from integrations.models import ConnectionState
from integrations.states import Mode
from retailhub.core.admin.words import ago, moment, words

REFUSED_CODES = frozenset({"credentials_rejected", "key_lacks_rights", "key_not_seen", "login_page"})
"""Codes of failures that new credentials or rights mend."""


class State(StrEnum):
    OFF = "off"
    PAUSED = "paused"
    REFUSED = "credentials refused"
    FAILING = "failing"
    WAITING = "waiting because told to"
    OK = "ok"
    UNUSED = "never called yet"


TONES = {State.OK: "good", State.PAUSED: "warn", State.WAITING: "warn", State.OFF: "quiet", State.UNUSED: "quiet"}
"""All others are bad."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A state, and a sentence that says since when, until when and why."""

    state: State
    sentence: str

    @property
    def tone(self) -> str:
        """good, warn, bad or quiet."""
        return TONES.get(self.state, "bad")


def is_paused(state: ConnectionState, now: dt.datetime) -> bool:
    """Whether a person has paused it and that is not over."""
    return state.paused_at is not None and (state.paused_until is None or state.paused_until > now)


def condition(state: ConnectionState, now: dt.datetime) -> Condition:
    """How a connection is now. ``state`` has its connection."""
    if is_paused(state, now):
        end = f"until {moment(state.paused_until)} UTC" if state.paused_until else "until resumed"
        return Condition(state=State.PAUSED, sentence=f"paused by {state.paused_by} {end}: {state.paused_reason}")
    waits = state.retry_at is not None and state.retry_at > now
    if state.last_failure_code:
        refused = state.last_failure_code in REFUSED_CODES
        then = f"; next call {ago(state.retry_at, now)}" if waits else ""
        since = f"last success {ago(state.last_success_at, now)}"
        return Condition(
            state=State.REFUSED if refused else State.FAILING,
            sentence=f"fails, {since}: {words(state.last_failure_code)}{then}",
        )
    if waits:
        return Condition(state=State.WAITING, sentence=f"asked us to wait; next call {ago(state.retry_at, now)}")
    if state.writes_failure_code:
        return Condition(
            state=State.REFUSED, sentence=f"is read, but refuses to be written to: {words(state.writes_failure_code)}"
        )
    if state.connection.mode == Mode.OFF:
        return Condition(state=State.OFF, sentence="switched off: deliveries are kept, nothing is worked")
    if state.last_success_at:
        return Condition(state=State.OK, sentence=f"works; last success {ago(state.last_success_at, now)}")
    return Condition(state=State.UNUSED, sentence="never called yet")

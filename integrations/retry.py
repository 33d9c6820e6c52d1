"""What follows from an error: pure decisions, no clock and no database."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from enum import StrEnum

from integrations.ports.errors import (
    AuthRejected,
    ConnectorError,
    Misconfigured,
    RateLimited,
    Rejected,
    Transient,
    Unknown,
)
from integrations.states import Outcome

BASE_SECONDS = 2.0
CAP_SECONDS = 300.0
AUTH_PAUSE_SECONDS = 60.0
MAX_LOOKS = 1
"""Look-ups that may find nothing after a settle time, before the same reference is sent again."""


class Action(StrEnum):
    RETRY = "retry"
    WAIT = "wait"
    """As told by the other side, or for a person to mend the connection: not an attempt."""
    LOOK_UP = "look_up"
    PARK = "park"


@dataclass(frozen=True)
class Decision:
    """What to do with the message, and when. ``pause`` also stops the connection until ``due_in`` has passed."""

    action: Action
    due_in: float = 0.0
    outcome: Outcome = Outcome.NONE
    pause: bool = False


def full_jitter(attempts: int, rng: random.Random) -> float:
    """Seconds until the next try: anywhere up to an exponentially growing, capped bound."""
    return rng.uniform(0.2, min(CAP_SECONDS, BASE_SECONDS * 2 ** min(attempts, 12)))


def _seconds_until(moment: dt.datetime, now: dt.datetime) -> float:
    return max((moment - now).total_seconds(), 0.0)


def decide(
    error: ConnectorError, *, attempts: int, now: dt.datetime, settle_seconds: float, rng: random.Random
) -> Decision:
    """The next step after ``error`` on the try number ``attempts``."""
    match error:
        case RateLimited():
            return Decision(Action.WAIT, due_in=_seconds_until(error.retry_at, now), pause=True)
        case Transient():
            return Decision(Action.RETRY, due_in=full_jitter(attempts, rng))
        case Unknown():
            told = _seconds_until(error.retry_at, now) if error.retry_at else 0.0
            return Decision(Action.LOOK_UP, due_in=max(settle_seconds, told))
        case AuthRejected():
            return Decision(Action.WAIT, due_in=AUTH_PAUSE_SECONDS, pause=True)
        case Rejected():
            return Decision(Action.PARK, outcome=Outcome.REJECTED)
        case Misconfigured():
            return Decision(Action.PARK, outcome=Outcome.MISCONFIGURED)
        case _:
            return Decision(Action.PARK, outcome=Outcome.INTERNAL)

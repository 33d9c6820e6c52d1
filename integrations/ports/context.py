"""What a connector is given besides its settings: everything it may need of the world, nothing of Django."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ConnectionInfo:
    """One configured outside system as its connector sees it.

    ``settings`` hold what a user set (validated by the connector's ``config``), ``credentials`` the decrypted
    secrets. Neither is ever logged; ``repr`` hides the credentials.
    """

    name: str
    kind: str
    settings: Mapping[str, Any]
    credentials: Mapping[str, Any] = field(repr=False)
    deliver_to: str = ""
    """Where the system's webhooks for us should deliver to; empty where nobody has said how we are reached."""


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _nothing() -> None:
    return None


def _no_record(_exchange: Exchange) -> None:
    return None


@dataclass(frozen=True)
class Exchange:
    """One call as it went over the wire, for the attempt's record; secrets are removed before."""

    method: str
    url: str
    sent: bytes
    status: int | None
    received: bytes
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class CallContext:
    """How calls are made now.

    ``before_call`` raises when a database transaction is open. ``record`` is told of each exchange.
    ``correlation_id`` is sent along as ``X-Correlation-Id``. ``deadline_seconds`` bounds one whole call,
    ``max_answer_bytes`` its answer.
    """

    now: Callable[[], dt.datetime] = _utc_now
    before_call: Callable[[], None] = _nothing
    record: Callable[[Exchange], None] = _no_record
    crashpoint: Callable[[str], None] = lambda _name: None
    correlation_id: str = ""
    deadline_seconds: float = 30.0
    max_answer_bytes: int = 32 * 1024 * 1024

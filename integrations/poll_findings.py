"""What a step of a look is given and what it hands back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from integrations.polls import Round
from integrations.ports.errors import ConnectorError
from integrations.ports.stores import ListedOrder, OrderHistory

NAMED = 100
"""Orders asked for by name in one call."""


@dataclass(frozen=True)
class News:
    """An order of a list that says something new; ``digest`` is the hash of its content, empty when unreadable."""

    listed: ListedOrder
    digest: bytes


@dataclass(frozen=True)
class Unread:
    """An order that the store has and cannot show, while it shows others."""

    order_ref: str
    modified_at: dt.datetime | None
    error: ConnectorError


@dataclass(frozen=True)
class Judged:
    """Orders of a list against what is known: ``news``, and ``older`` ones with the change known of them (UTC)."""

    news: list[News]
    older: Mapping[str, dt.datetime]

    def set_back(self, before: dt.datetime) -> list[str]:
        """Orders shown older than a change that was made before this moment: no answer that crossed with one."""
        return [ref for ref, known_at in self.older.items() if known_at < before]


class Records(Protocol):
    """What is known of a store's orders; filled in by the wiring."""

    def news(self, *, store_id: int, listed: Sequence[ListedOrder]) -> Judged:
        """Those that are unknown, newer than what is known, or other in content; and those that are older."""

    def strangers(self, *, store_id: int, order_refs: Sequence[str]) -> set[str]:
        """Those of them that nothing is known of."""

    def to_be_listed(self, *, store_id: int, after: int, upto: int | None, limit: int) -> list[str]:
        """The next orders with ids in ``(after, upto]``, rising, that the store's list should show."""

    def waiting(self, *, store_id: int, order_refs: Sequence[str]) -> set[str]:
        """Those of them that a message in the inbox speaks of already."""

    def refunded(self, *, store_id: int, since: dt.datetime, after: int, limit: int) -> list[str]:
        """The next orders after id ``after`` that have a refund and changed at or after ``since``."""


@dataclass(frozen=True)
class Found:
    """What a step found: the look as it leaves it, what is new, which known orders no shelf has, what cannot be read.

    ``read`` are the orders that the store has shown in this step, ``older`` those it shows older than they were known
    to be. ``home`` is the store's own address as it tells it, at the end of a walk; empty when it does not tell.
    """

    after: Round
    news: Sequence[News] = ()
    missing: Sequence[str] = ()
    unread: Sequence[Unread] = ()
    read: Sequence[str] = ()
    older: Sequence[str] = ()
    home: str = ""


Step = Callable[[Round, OrderHistory, Records], Found]


def counted(at: Round, seen: int, news: Sequence[News], *, total: int | None) -> Round:
    """The look with one more step in its counts."""
    first = at.total if at.total is not None else total
    return replace(at, seen=at.seen + seen, fresh=at.fresh + len(news), total=first, calls=at.calls + 1)

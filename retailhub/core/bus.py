"""Typed events between apps, handled in the publisher's transaction.

Lower layers publish, higher layers are subscribed in ``retailhub/wiring.py``. A handler that raises undoes the
publisher's transaction: an effect and what follows from it are one thing. Handlers only write rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connection

E = TypeVar("E")
_handlers: dict[type, list[Callable[[Any], None]]] = defaultdict(list)


def subscribe(kind: type[E], handler: Callable[[E], None]) -> None:
    """Call ``handler`` with each published ``kind``; a second subscription of the same handler is ignored."""
    if handler not in _handlers[kind]:
        _handlers[kind].append(handler)


def publish(event: object) -> None:
    """Hand an event to its handlers. Raises ``RuntimeError`` outside a transaction."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"{type(event).__name__} was published outside a transaction")
    for handler in _handlers[type(event)]:
        handler(event)

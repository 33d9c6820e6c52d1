"""Flow: what stores say of an order → the canonical order and its effects."""

from __future__ import annotations

from collections.abc import Sequence

from integrations import inbox
from integrations.ports.errors import ConnectorError
from integrations.workflow import Failed, Look, Reader
from orders.services import imports
from retailhub.core import clock

ROUNDS = 3
"""A look may be sent back for a fresh read while others change the same order; after that it waits its turn."""


def import_orders(*, looks: Sequence[Look], fence: int, reader: Reader) -> list[Failed]:
    """Bring claimed looks into the canonical orders; returns those that could not be read, with the error.

    What needs no read goes first, then one store after the other, each in transactions of its own: a slow store
    delays nothing that is known already.
    """
    waiting = [look for look in looks if look.needs_read]
    known = [look for look in looks if not look.needs_read]
    if known:
        waiting += _apply(known, fence)
    failed: list[Failed] = []
    for store in dict.fromkeys(look.store.id for look in waiting):
        failed += _read_and_apply([look for look in waiting if look.store.id == store], fence, reader)
    return failed


def _read_and_apply(waiting: list[Look], fence: int, reader: Reader) -> list[Failed]:
    """What still needs a read after some rounds is put back, due at once."""
    failed: list[Failed] = []
    for _ in range(ROUNDS):
        ready: list[Look] = []
        for look in waiting:
            answer = reader(look)
            if isinstance(answer, ConnectorError):
                failed.append(Failed(look, answer))
            else:
                ready.append(answer)
        waiting = _apply(ready, fence) if ready else []
        if not waiting:
            return failed
    inbox.put_back([a.message_id for look in waiting for a in look.arrivals], fence=fence)
    return failed


def _apply(looks: Sequence[Look], fence: int) -> list[Look]:
    return [look.asking_again() for look in imports.apply(looks=looks, fence=fence, now=clock.now())]

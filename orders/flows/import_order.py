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

    What still needs a read after some rounds is put back, due at once.
    """
    failed: list[Failed] = []
    waiting = list(looks)
    for _ in range(ROUNDS):
        ready: list[Look] = []
        for look in waiting:
            answer = reader(look) if look.needs_read else look
            if isinstance(answer, ConnectorError):
                failed.append(Failed(look, answer))
            else:
                ready.append(answer)
        if not ready:
            return failed
        waiting = [look.asking_again() for look in imports.apply(looks=ready, fence=fence, now=clock.now())]
        if not waiting:
            return failed
    inbox.put_back([a.message_id for look in waiting for a in look.arrivals], fence=fence)
    return failed

"""What the domain decides about messages to a store at the moment they are to be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from integrations.outbox import Held
from integrations.ports.documents import Order
from integrations.ports.publications import StatusWish
from integrations.states import Outcome


@dataclass(frozen=True)
class Skip:
    """A message that is done without a call, and why, as a stable word."""

    outcome: Outcome
    code: str


Present = Callable[[Sequence[Held], Mapping[str, Order]], Mapping[int, StatusWish | Skip]]
"""What of claimed messages is to be sent now: a status as it is wanted by now, or no call at all. Messages without
an entry are sent as they are. By message id. The second argument are orders as their store shows them at this very
moment, by its id of them; for others what was told of them last counts."""

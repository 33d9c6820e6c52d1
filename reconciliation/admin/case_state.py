"""What a case's acts and page need to know beyond its row, asked once for each page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integrations import edits
from integrations import selectors as pipes
from integrations.delivery import TARGETS
from integrations.ports.capabilities import Target
from integrations.states import STORE_OPERATIONS
from orders import selectors as orders
from orders.selectors import OrderView
from orders.services import edits as order_edits
from orders.services import giving_up
from reconciliation.models import Case


@dataclass(frozen=True, kw_only=True)
class State:
    """The message that a case came from, the order that it is about, and what people have said of them."""

    order: OrderView | None
    message: Any
    """An outbound or inbound message; ``None`` where the case came from none."""
    given_up: giving_up.Standing | None
    edit: edits.Live | None

    @property
    def name(self) -> str:
        """The message's, as people write it."""
        return str(self.message) if self.message is not None else ""

    @property
    def is_parked(self) -> bool:
        return self.message is not None and self.message.status == "parked"

    @property
    def operation(self) -> str:
        """Of an outbound message; empty for others."""
        return getattr(self.message, "operation", "")

    @property
    def is_document(self) -> bool:
        """Whether the message is an order's document for an ERP."""
        return self.operation in TARGETS

    @property
    def can_adopt(self) -> bool:
        return self.is_parked and self.is_document and TARGETS[self.operation] is Target.CONFIRMED

    @property
    def can_edit(self) -> bool:
        return self.is_parked and self.operation in order_edits.KINDS

    @property
    def for_store(self) -> bool:
        return self.operation in STORE_OPERATIONS


def state_of(case: Any) -> State:
    """Read once for each page; kept on the case."""
    if not hasattr(case, "rh_state"):
        case.rh_state = _read(case)
    found: State = case.rh_state
    return found


def _read(case: Case) -> State:
    name = str(case.evidence.get("message", "")) or case.subject.removeprefix("message:")
    digits = name[5:]
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0
    message: Any = None
    if name.startswith("msg_o"):
        message = pipes.effect_named(number)
    elif name.startswith("msg_i"):
        message = pipes.delivery_named(number)
    is_order = case.subject.startswith("order:")
    return State(
        order=orders.by_subject(case.subject) if is_order else None,
        message=message,
        given_up=giving_up.standing(subject=case.subject) if is_order else None,
        edit=edits.live(message_ids=[message.pk]).get(message.pk) if name.startswith("msg_o") and message else None,
    )

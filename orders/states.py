"""The three axes of an order's state, as tables of allowed moves."""

from __future__ import annotations

from enum import StrEnum

from retailhub.core.states import Machine


class OrderState(StrEnum):
    RECEIVED = "received"
    HELD = "held"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"
    CLOSED = "closed"


class PaymentState(StrEnum):
    PENDING = "pending"
    AUTHORISED = "authorised"
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    FAILED = "failed"


class FulfilmentState(StrEnum):
    OPEN = "open"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    PARTLY_RETURNED = "partly_returned"
    RETURNED = "returned"


def _machine(name: str, initial: str, moves: dict[str, set[str]]) -> Machine:
    return Machine(name=name, initial=initial, moves={k: frozenset(v) for k, v in moves.items()})


ORDER = _machine(
    "order",
    OrderState.RECEIVED,
    {
        # closed at once: refunded in full before it was posted, so nothing is left to do
        OrderState.RECEIVED: {OrderState.HELD, OrderState.ACCEPTED, OrderState.CANCELLED, OrderState.CLOSED},
        OrderState.HELD: {OrderState.RECEIVED, OrderState.ACCEPTED, OrderState.CANCELLED, OrderState.CLOSED},
        # held again: edited in the store into something that may not go on
        OrderState.ACCEPTED: {OrderState.HELD, OrderState.RECEIVED, OrderState.CANCELLED, OrderState.CLOSED},
        # the store restored it, or reopened it
        OrderState.CANCELLED: {OrderState.RECEIVED, OrderState.HELD, OrderState.ACCEPTED, OrderState.CLOSED},
        OrderState.CLOSED: {OrderState.ACCEPTED, OrderState.HELD, OrderState.RECEIVED, OrderState.CANCELLED},
    },
)

# A store may put any status after any other by hand, deletes refunds, and tells only the last of several changes:
# whatever the newest document says must be able to follow whatever we knew.
PAYMENT = _machine(
    "payment",
    PaymentState.PENDING,
    {state: {other for other in PaymentState if other is not state} for state in PaymentState},
)

FULFILMENT = _machine(
    "fulfilment",
    FulfilmentState.OPEN,
    {
        FulfilmentState.OPEN: {FulfilmentState.PARTLY_SHIPPED, FulfilmentState.SHIPPED},
        FulfilmentState.PARTLY_SHIPPED: {FulfilmentState.SHIPPED, FulfilmentState.PARTLY_RETURNED},
        # reopened: the store took "completed" back
        FulfilmentState.SHIPPED: {
            FulfilmentState.OPEN,
            FulfilmentState.DELIVERED,
            FulfilmentState.PARTLY_RETURNED,
            FulfilmentState.RETURNED,
        },
        FulfilmentState.DELIVERED: {FulfilmentState.PARTLY_RETURNED, FulfilmentState.RETURNED},
        FulfilmentState.PARTLY_RETURNED: {FulfilmentState.RETURNED},
        FulfilmentState.RETURNED: set(),
    },
)

MACHINES = {machine.name: machine for machine in (ORDER, PAYMENT, FULFILMENT)}

"""What an order's document says about payment and fulfilment.

A function of the newest document alone: however its deliveries were lost, doubled or shuffled on the way, the
same last document gives the same state.
"""

from __future__ import annotations

from decimal import Decimal

from integrations.ports.documents import Order, OrderStatus
from orders.states import FulfilmentState, PaymentState

CASH_ON_DELIVERY = frozenset({"cod"})
CANCELLING = frozenset({OrderStatus.CANCELLED, OrderStatus.TRASHED, OrderStatus.DELETED})


def refunded_amount(order: Order) -> Decimal:
    """Everything given back, tax included."""
    return sum((refund.amount for refund in order.refunds), Decimal(0))


def payment_of(order: Order) -> PaymentState:
    """The payment axis. The payment dates are history and decide nothing but what a cancelled order had come to."""
    match order.status:
        case OrderStatus.REFUNDED:
            return PaymentState.REFUNDED
        case OrderStatus.FAILED:
            return PaymentState.FAILED
        case OrderStatus.PROCESSING if order.payment.method in CASH_ON_DELIVERY:
            return PaymentState.PENDING
        case OrderStatus.PROCESSING | OrderStatus.COMPLETED:
            return _after_refunds(order)
        case status if status in CANCELLING and order.payment.paid_at is not None:
            return _after_refunds(order)
        case _:
            return PaymentState.PENDING


def _after_refunds(order: Order) -> PaymentState:
    back = refunded_amount(order)
    if back <= 0:
        return PaymentState.PAID
    return PaymentState.REFUNDED if back >= order.total else PaymentState.PARTLY_REFUNDED


def fulfilment_of(order: Order) -> FulfilmentState:
    """The fulfilment axis, as far as the store knows it: completed means that everything has left."""
    return FulfilmentState.SHIPPED if order.status is OrderStatus.COMPLETED else FulfilmentState.OPEN


def cancel_reason_of(order: Order) -> str:
    """``cancelled``, ``trashed`` or ``deleted``; empty when the order lives."""
    return order.status.value if order.status in CANCELLING else ""

"""Tables of orders and customers."""

from orders.models.customer import Customer, CustomerIdentity, CustomerReview
from orders.models.given_up import GivenUp
from orders.models.order import EligibilityRule, Finding, Order, OrderTransition, OrderVersion

__all__ = [
    "Customer",
    "CustomerIdentity",
    "CustomerReview",
    "EligibilityRule",
    "Finding",
    "GivenUp",
    "Order",
    "OrderTransition",
    "OrderVersion",
]

"""Tables of orders and customers."""

from orders.models.customer import Customer, CustomerIdentity, CustomerReview
from orders.models.given_up import GivenUp
from orders.models.order import EligibilityRule, Finding, Order, OrderTransition, OrderVersion
from orders.models.sku import OrderSku

__all__ = [
    "Customer",
    "CustomerIdentity",
    "CustomerReview",
    "EligibilityRule",
    "Finding",
    "GivenUp",
    "Order",
    "OrderSku",
    "OrderTransition",
    "OrderVersion",
]

"""Admin pages of orders and customers."""

from orders.admin import customers, orders, rules

__all__ = ["customers", "orders", "rules"]

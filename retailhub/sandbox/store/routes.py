"""All pages of the API."""

from __future__ import annotations

from retailhub.sandbox.store import rest_more, rest_orders, rest_products, rest_system, rest_webhooks
from retailhub.sandbox.store.rest import Route

_PAGES: list[Route] = [
    *rest_orders.ROUTES,
    *rest_products.ROUTES,
    *rest_webhooks.ROUTES,
    *rest_more.ROUTES,
    *rest_system.ROUTES,
]
ROUTES: tuple[Route, ...] = (rest_system.index_of(_PAGES), *_PAGES)

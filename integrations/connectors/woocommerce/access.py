"""What every part of the connector stands on: the store's API, its settings and the present context."""

from __future__ import annotations

from integrations.connectors.woocommerce.client import StoreApi
from integrations.connectors.woocommerce.config import parse_credentials, parse_settings
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.errors import Rejected


class StoreAccess:
    """``context`` is set anew by the engine before each batch and asked at each call."""

    def __init__(self, info: ConnectionInfo, context: CallContext) -> None:
        self.context = context
        self._name, self._deliver_to = info.name, info.deliver_to
        self._settings = parse_settings(info.settings)
        self._api = StoreApi(
            settings=self._settings,
            credentials=parse_credentials(info.credentials),
            context=lambda: self.context,
        )

    def close(self) -> None:
        """Close the pooled connections; the next call opens new ones."""
        self._api.close()


def order_id(order_ref: str) -> str:
    """``order_ref`` when it can be an order's id; anything else is never sent."""
    if not (order_ref.isascii() and order_ref.isdigit() and len(order_ref) < 20):
        raise Rejected(f"{order_ref[:40]!r} is no order number of a WooCommerce store.", code="order_ref_malformed")
    return order_ref


def thing_id(ref: str) -> str:
    """The id of a product or customer; anything else is never sent."""
    if not (ref.isascii() and ref.isdigit() and len(ref) < 20):
        evidence = {"field": "id", "value": ref[:64]}
        raise Rejected("This is no id of a WooCommerce store.", code="value_not_allowed", evidence=evidence)
    return ref

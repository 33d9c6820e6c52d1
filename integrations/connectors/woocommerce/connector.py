"""A WooCommerce store: orders in lists and one by one, its webhooks, what is written back, and how it is set up."""

from __future__ import annotations

from typing import ClassVar

from integrations.connectors.woocommerce.customers import Customers
from integrations.connectors.woocommerce.doctor import Doctor
from integrations.connectors.woocommerce.history import OrderLists
from integrations.connectors.woocommerce.publishing import Publisher
from integrations.connectors.woocommerce.writes import Writer


class Connector(OrderLists, Writer, Publisher, Customers, Doctor):
    """One store. Lives in one worker thread; ``context`` is set anew by the engine before each batch."""

    kind: ClassVar[str] = "woocommerce"

"""A small WooCommerce store's order life, played against a webhook address.

The store keeps its own books (``Ledger``), sends signed deliveries in the recorded shapes and answers reads
of its orders. It knows nothing of the product it feeds: what it says was placed, was planted and must come
of each order is what a run is measured by. ``python -m retailhub.sandbox.feeder --help`` for the process,
``generate``, ``prebuilt`` and ``Feeder`` for tests and benchmarks.
"""

from __future__ import annotations

from retailhub.sandbox.feeder.deliveries import Delivery, headers_of, play, prebuilt, sign
from retailhub.sandbox.feeder.ledger import DifferentRun, Ledger, Record
from retailhub.sandbox.feeder.report import known_products
from retailhub.sandbox.feeder.runner import Feeder
from retailhub.sandbox.feeder.settings import Behaviour, FeederSettings
from retailhub.sandbox.store.lifelike.orders import PLANTS, Mix, OrderPlan, generate, mix_of

__all__ = [
    "PLANTS",
    "Behaviour",
    "Delivery",
    "DifferentRun",
    "Feeder",
    "FeederSettings",
    "Ledger",
    "Mix",
    "OrderPlan",
    "Record",
    "generate",
    "headers_of",
    "known_products",
    "mix_of",
    "play",
    "prebuilt",
    "sign",
]

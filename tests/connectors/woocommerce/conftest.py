"""A store over real HTTP, and connectors of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integrations.connectors.woocommerce.connector import Connector
from integrations.ports.context import CallContext, ConnectionInfo
from tests.connectors.woocommerce.rest_store import RestStore, moment_of, order_body, recorded
from tests.connectors.woocommerce.written_store import Ledger
from tests.support.recorded_store import KEY, SECRET, RecordedStore

Connect = Callable[..., Connector]


@pytest.fixture
def shop() -> Iterator[RestStore]:
    running = RestStore()
    with running:
        yield running


def connector_of(
    store: RecordedStore, context: CallContext | None = None, deliver_to: str = "", **settings: Any
) -> Connector:
    """A connector of this store; ``settings`` beside the usual ones."""
    info = ConnectionInfo(
        name="eu",
        kind="woocommerce",
        settings={"base_url": store.url, "store_code": "eu", "allow_private": True, **settings},
        credentials={"consumer_key": KEY, "consumer_secret": SECRET, "webhook_secrets": ["s"]},
        deliver_to=deliver_to,
    )
    return Connector(info, context or CallContext(deadline_seconds=5))


@pytest.fixture
def many(shop: RestStore) -> RestStore:
    """230 orders, one changed each second."""
    shop.orders = {
        str(number): order_body(number, date_created_gmt=moment_of(number), date_modified_gmt=moment_of(number))
        for number in range(1, 231)
    }
    return shop


@pytest.fixture
def connector(shop: RestStore) -> Iterator[Connector]:
    made = connector_of(shop)
    yield made
    made.close()


@pytest.fixture
def ledger(shop: RestStore) -> Ledger:
    shop.orders = {str(number): order_body(number, status="processing") for number in range(148, 158)}
    kept = Ledger(shop.orders)
    shop.answers["orders"] = kept.answer
    shop.answers["reports"] = lambda _call, _parts: recorded("reports_orders_totals")
    return kept

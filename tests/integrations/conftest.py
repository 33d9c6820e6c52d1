"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integrations import connections, webhooks
from integrations.connectors.woocommerce.findings import TOPICS
from integrations.polls import ensure
from integrations.states import PollKind
from retailhub.core import clock
from tests.support.hub import LONG_AGO
from tests.support.recordings import SECRET
from tests.support.webhook_shop import Shop, know, shift, store


@pytest.fixture
def shop(db: None) -> Iterator[Shop]:
    """A store whose webhooks are all there, known for a day."""
    connections.add(
        name="eu",
        kind="woocommerce",
        settings={"base_url": "https://shop.example.com", "store_code": "eu"},
        credentials={"consumer_key": "ck", "consumer_secret": "cs", "webhook_secrets": [SECRET]},
        mode="live",
        live_from=LONG_AGO,
        actor="test",
        now=clock.now(),
    )
    webhooks.forget_secrets()
    shop = Shop()
    for topic in TOPICS:
        shop.have(topic)
    know(shop)
    ensure(connection_id=store().pk, kinds=list(PollKind))
    yield shop
    shift(0)
    webhooks.forget_secrets()

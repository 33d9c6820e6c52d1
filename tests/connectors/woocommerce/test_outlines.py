"""Lists without contents: readable where an order is not, and told by the store's own clock."""

from __future__ import annotations

import datetime as dt

import pytest

from integrations.connectors.woocommerce.connector import Connector
from integrations.ports.stores import Outline, Shelf, SortKey
from tests.connectors.woocommerce.rest_store import RestStore
from tests.support.recorded_store import Manner

DAY = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


@pytest.mark.parametrize("key", list(SortKey))
def test_outlines_are_the_same_page_without_contents(many: RestStore, connector: Connector, key: SortKey) -> None:
    after = DAY + dt.timedelta(seconds=9)
    lists = {SortKey.CHANGED: connector.changed_orders, SortKey.CREATED: connector.created_orders}

    full = lists[key](shelf=Shelf.LISTED, after=after, page=2)
    told = connector.outlines(key=key, shelf=Shelf.LISTED, after=after, page=2)

    assert [row.order_ref for row in told.orders] == [each.order_ref for each in full.orders]
    assert told.total == full.total
    assert told.orders[0] == Outline("110", DAY + dt.timedelta(seconds=110), DAY + dt.timedelta(seconds=110))
    asked = [dict(call.pairs) for call in many.calls]
    assert asked[1].pop("_fields") == "id,status,date_created_gmt,date_modified_gmt"
    names = {name for name in asked[0] if not name.startswith("oauth_")}
    assert {name: asked[0][name] for name in names} == {name: asked[1][name] for name in names}


def test_an_outline_with_odd_times_still_tells_its_order(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner(200, {"X-WP-Total": "1"}, b'[{"id":7,"date_modified_gmt":"soon"}]')

    told = connector.outlines(key=SortKey.CHANGED, shelf=Shelf.LISTED, after=None, page=1)

    assert told.orders == (Outline("7", None, None),)


def test_the_stores_own_time_is_that_of_its_last_answer(connector: Connector) -> None:
    assert connector.told_at is None
    began = dt.datetime.now(dt.UTC).replace(microsecond=0)

    connector.order_ids(shelf=Shelf.LISTED, page=1, size=100)

    assert connector.told_at is not None
    assert began <= connector.told_at <= dt.datetime.now(dt.UTC)

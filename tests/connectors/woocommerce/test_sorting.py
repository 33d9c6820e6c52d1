"""A list that does not come sorted as asked is named: looks go on behind the last order of a page."""

from __future__ import annotations

import datetime as dt

import pytest

from integrations.connectors.woocommerce.connector import Connector
from integrations.ports.errors import Misconfigured
from integrations.ports.stores import Shelf, SortKey
from tests.connectors.woocommerce.rest_store import Answer, RestStore, moment_of, order_body

DAY = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


def unsorted(many: RestStore, *, reverse: bool, step_seconds: int) -> None:
    """A plugin answers lists in an order of its own."""
    many.orders = {
        str(n): order_body(
            n, date_created_gmt=moment_of(n * step_seconds), date_modified_gmt=moment_of(n * step_seconds)
        )
        for n in range(1, 231)
    }
    proper = many._list

    def answer(params: dict[str, str]) -> Answer:
        own = {"order": "desc"} if reverse else {"orderby": "id"}
        return proper({**params, **own})

    many._list = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("step_seconds", [1, 600])
def test_a_list_that_is_not_sorted_as_asked_is_named_and_not_read_past(
    many: RestStore, connector: Connector, step_seconds: int
) -> None:
    unsorted(many, reverse=True, step_seconds=step_seconds)
    for ask in (
        lambda: connector.changed_orders(shelf=Shelf.LISTED, after=DAY, page=1),
        lambda: connector.created_orders(shelf=Shelf.LISTED, after=DAY, page=1),
        lambda: connector.outlines(key=SortKey.CHANGED, shelf=Shelf.LISTED, after=DAY, page=1),
    ):
        with pytest.raises(Misconfigured) as caught:
            ask()
        assert caught.value.code == "list_not_sorted"


def test_a_list_sorted_by_id_is_told_by_the_orders_that_changed_later(many: RestStore, connector: Connector) -> None:
    unsorted(many, reverse=False, step_seconds=1)
    many.orders["3"] = order_body(3, date_modified_gmt=moment_of(8000))
    with pytest.raises(Misconfigured) as caught:
        connector.changed_orders(shelf=Shelf.LISTED, after=DAY, page=1)
    assert caught.value.evidence["steps_back"] == "1"


def test_local_time_that_goes_back_an_hour_is_sorted_well_enough(many: RestStore, connector: Connector) -> None:
    night = [(n, n * 60 if n <= 60 else (n - 60) * 60 + 1) for n in range(1, 121)]
    many.orders = {str(n): order_body(n, date_modified_gmt=moment_of(second)) for n, second in night}
    unsorted_list = many._list
    many._list = lambda params: unsorted_list({**params, "orderby": "id"})  # type: ignore[method-assign]
    assert len(connector.changed_orders(shelf=Shelf.LISTED, after=DAY, page=1).orders) == 100


def test_a_list_on_one_page_may_come_in_any_order(many: RestStore, connector: Connector) -> None:
    unsorted(many, reverse=True, step_seconds=600)
    many.orders = dict(list(many.orders.items())[:50])
    assert len(connector.changed_orders(shelf=Shelf.LISTED, after=DAY - dt.timedelta(days=1), page=1).orders) == 50

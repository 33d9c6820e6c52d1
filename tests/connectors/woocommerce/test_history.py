"""Lists of orders: every shelf by itself, page by page, with the store's own bytes, whatever its pace."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator

import pytest

from integrations.connectors.woocommerce import mapping, reading
from integrations.connectors.woocommerce.connector import Connector
from integrations.connectors.woocommerce.pace import Pace
from integrations.ports.context import CallContext
from integrations.ports.documents import Order
from integrations.ports.errors import ConnectorError, Misconfigured, RateLimited, Rejected, Transient
from integrations.ports.stores import OrderHistory, OrderPage, Shelf
from tests.connectors.woocommerce.conftest import connector_of
from tests.connectors.woocommerce.rest_store import RestStore, order_body
from tests.support import recordings
from tests.support.recorded_store import Manner

DAY = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


def refs(page: OrderPage) -> list[int]:
    return [int(listed.order_ref) for listed in page.orders]


def pages(ask: Callable[[int], OrderPage]) -> Iterator[OrderPage]:
    """A walk as a caller does it: until as many came as the store counts."""
    seen, number = 0, 1
    while True:
        page = ask(number)
        yield page
        seen, number = seen + len(page.orders), number + 1
        if seen >= page.total:
            return


def test_a_connector_shows_its_orders_in_lists(connector: Connector) -> None:
    assert isinstance(connector, OrderHistory)
    assert connector.page_size == 100


def test_a_walk_finds_every_change_once_and_the_earliest_first(many: RestStore, connector: Connector) -> None:
    walk = [
        *pages(
            lambda page: connector.changed_orders(shelf=Shelf.LISTED, after=DAY + dt.timedelta(seconds=9), page=page)
        )
    ]

    assert [ref for page in walk for ref in refs(page)] == list(range(10, 231))
    assert [page.total for page in walk] == [221] * 3
    assert len(many.calls) == 3


def test_changed_after_is_strictly_later_in_naive_gmt(many: RestStore, connector: Connector) -> None:
    berlin = dt.timezone(dt.timedelta(hours=1))
    after = dt.datetime(2026, 11, 23, 1, 3, 48, 999_000, tzinfo=berlin)

    page = connector.changed_orders(shelf=Shelf.LISTED, after=after, page=1)

    assert refs(page) == [229, 230]
    sent = dict(many.calls[0].pairs)
    assert (sent["modified_after"], sent["dates_are_gmt"]) == ("2026-11-23T00:03:48", "true")
    assert (sent["orderby"], sent["order"], sent["status"]) == ("modified", "asc", "any")


def test_without_a_moment_all_changes_are_listed(many: RestStore, connector: Connector) -> None:
    page = connector.changed_orders(shelf=Shelf.LISTED, after=None, page=1)

    assert (len(page.orders), page.total) == (100, 230)
    assert "modified_after" not in dict(many.calls[0].pairs)


def test_a_window_has_both_ends_outside(many: RestStore, connector: Connector) -> None:
    window = {"after": DAY + dt.timedelta(seconds=9), "before": DAY + dt.timedelta(seconds=12)}

    changed = connector.changed_orders(shelf=Shelf.LISTED, page=1, **window)
    created = connector.created_orders(shelf=Shelf.LISTED, page=1, **window)

    assert (refs(changed), refs(created)) == ([10, 11], [10, 11])


def test_creation_is_asked_in_naive_gmt_too(many: RestStore, connector: Connector) -> None:
    page = connector.created_orders(shelf=Shelf.LISTED, after=DAY + dt.timedelta(seconds=228), page=1)

    assert refs(page) == [229, 230]
    sent = dict(many.calls[0].pairs)
    assert (sent["after"], sent["dates_are_gmt"], sent["orderby"]) == ("2026-11-23T00:03:48", "true", "date")


def test_each_shelf_is_asked_by_itself(shop: RestStore, connector: Connector) -> None:
    shop.orders = {
        "1": order_body(1),
        "2": order_body(2, status="trash"),
        "3": order_body(3, status="checkout-draft"),
    }

    found = {shelf: refs(connector.changed_orders(shelf=shelf, after=None, page=1)) for shelf in Shelf}

    assert found == {Shelf.LISTED: [1], Shelf.TRASH: [2], Shelf.DRAFTS: [3]}


def test_a_store_without_drafts_has_an_empty_shelf_and_is_asked_again_after_an_hour(shop: RestStore) -> None:
    now = [DAY]
    shop.asks_for_keys = False
    shop.statuses.remove("checkout-draft")
    connector = connector_of(shop, CallContext(now=lambda: now[0]))

    first = connector.changed_orders(shelf=Shelf.DRAFTS, after=None, page=1)
    second = connector.order_ids(shelf=Shelf.DRAFTS, page=1, size=100)
    asked = len(shop.calls)
    now[0] += dt.timedelta(hours=2)
    connector.order_ids(shelf=Shelf.DRAFTS, page=1, size=100)

    assert (first.orders, first.total, second.order_refs) == ((), 0, ())
    assert asked == 1
    assert len(shop.calls) == 2


def test_another_refused_parameter_is_no_missing_shelf(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner.recorded("orders_list_bad_orderby")

    with pytest.raises(Rejected) as caught:
        connector.changed_orders(shelf=Shelf.DRAFTS, after=None, page=1)

    assert caught.value.evidence["store_code"] == "rest_invalid_param"


def test_listed_bytes_are_the_stores_own_and_say_what_a_single_read_says(connector: Connector) -> None:
    for name in ("orders_list_p1", "orders_list_p2"):
        body = recordings.answer(name).body
        with RestStore() as store:
            store.manner = Manner(200, {"X-WP-Total": "17"}, body)
            page = connector_of(store).changed_orders(shelf=Shelf.LISTED, after=None, page=1)

        assert [listed.body in body for listed in page.orders] == [True] * 5
        assert [listed.order for listed in page.orders] == mapping.orders_from_list(body)


@pytest.mark.parametrize(
    ("body", "ref"),
    [
        (b'{"id": 7, "total": "NaN"}', "7"),
        (order_body(7, customer_note="a\x00b"), "7"),
        (order_body(7, date_created_gmt=None), "7"),
        (b"null", ""),
    ],
)
def test_one_unreadable_order_does_not_lose_the_others(shop: RestStore, body: bytes, ref: str) -> None:
    listed = b"[" + order_body(1) + b"," + body + b"," + order_body(3) + b"]"
    shop.manner = Manner(200, {"X-WP-Total": "3"}, listed)

    page = connector_of(shop).changed_orders(shelf=Shelf.LISTED, after=None, page=1)

    assert [(item.order_ref, item.order is None) for item in page.orders] == [("1", False), (ref, True), ("3", False)]
    assert page.orders[1].body == body


def test_past_the_end_the_total_is_still_that_of_the_list(many: RestStore, connector: Connector) -> None:
    """The store itself says 0 there."""
    page = connector.changed_orders(shelf=Shelf.LISTED, after=None, page=9)

    assert (page.orders, page.total) == ((), 230)


def test_ids_rise_by_hundreds_and_nothing_else_is_fetched(many: RestStore, connector: Connector) -> None:
    found = [connector.order_ids(shelf=Shelf.LISTED, page=page, size=100) for page in (1, 2, 3)]

    assert [int(ref) for page in found for ref in page.order_refs] == list(range(1, 231))
    assert {page.total for page in found} == {230}
    assert all(dict(call.pairs)["_fields"] == "id" for call in many.calls)


def test_named_orders_are_found_on_any_shelf_in_the_order_asked(shop: RestStore, connector: Connector) -> None:
    shop.orders = {
        "1": order_body(1),
        "2": order_body(2, status="trash"),
        "3": order_body(3, status="checkout-draft"),
    }

    found = connector.named_orders(["3", "9", "2", "1", "2"])

    assert [listed.order_ref for listed in found] == ["3", "2", "1"]
    asked = [(dict(call.pairs)["status"], dict(call.pairs)["include"]) for call in shop.calls]
    assert asked == [("any", "3,9,2,1"), ("trash", "3,9,2"), ("checkout-draft", "3,9")]


def test_named_orders_that_are_all_listed_take_one_call(many: RestStore, connector: Connector) -> None:
    assert len(connector.named_orders([str(number) for number in range(1, 101)])) == 100
    assert len(many.calls) == 1


def test_no_named_order_is_passed_over_while_the_store_becomes_slow(many: RestStore, connector: Connector) -> None:
    connector._order_pace = Pace(50, slow_seconds=0.0)

    found = connector.named_orders([str(number) for number in range(1, 101)])

    assert [int(listed.order_ref) for listed in found] == list(range(1, 101))
    assert connector._order_pace.size < 50


def test_an_order_that_was_not_asked_for_is_refused(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner(200, {"X-WP-Total": "1"}, b"[" + order_body(5) + b"]")

    with pytest.raises(Transient) as caught:
        connector.named_orders(["6"])

    assert caught.value.code == "answer_of_another_order"


def test_a_list_without_its_total_is_named(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner(200, {}, b"[]")

    with pytest.raises(Misconfigured) as caught:
        connector.changed_orders(shelf=Shelf.LISTED, after=None, page=1)

    assert caught.value.code == "paging_header_missing"


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({}, None),
        ({"Age": "0", "X-Cache": "MISS", "Date": "Mon, 23 Nov 2026 00:00:00 GMT"}, None),
        ({"Age": "600"}, 600),
        ({"Age": "2", "X-Cache": "HIT"}, 2),
        ({"X-Cache": "HIT from edge", "Date": "Mon, 23 Nov 2026 00:00:00 GMT"}, 3600),
        ({"CF-Cache-Status": "HIT", "Age": "31"}, 31),
        ({"X-LiteSpeed-Cache": "hit"}, 0),
    ],
)
def test_the_age_of_an_answer_is_what_caches_tell(headers: dict[str, str], age: float | None) -> None:
    assert reading.cache_age(headers, now=DAY + dt.timedelta(hours=1)) == age


@pytest.mark.parametrize("headers", [{"Age": "600"}, {"CF-Cache-Status": "HIT", "Age": "31"}])
def test_an_old_copy_of_a_cache_is_not_taken_for_the_present(
    shop: RestStore, connector: Connector, headers: dict[str, str]
) -> None:
    shop.manner = Manner(200, headers | {"X-WP-Total": "1"}, b"[" + order_body(5) + b"]")
    asks: list[Callable[[], object]] = [
        lambda: connector.changed_orders(shelf=Shelf.LISTED, after=None, page=1),
        lambda: connector.named_orders(["5"]),
        lambda: connector.order_ids(shelf=Shelf.TRASH, page=1, size=100),
    ]
    for ask in asks:
        with pytest.raises(Transient) as caught:
            ask()
        assert caught.value.code == "answer_from_cache"
        assert caught.value.evidence["age_seconds"] == headers["Age"]


def test_a_copy_of_a_few_seconds_is_taken(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner(200, {"Age": "2", "X-Cache": "HIT"}, order_body(5))

    assert isinstance(connector.read_order("5"), Order)


def test_a_cached_single_order_is_not_taken_for_the_present(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner(200, {"Age": "3600", "X-Cache": "HIT"}, order_body(5))

    with pytest.raises(Transient) as caught:
        connector.read_order("5")

    assert caught.value.code == "answer_from_cache"
    assert caught.value.evidence["x-cache"] == "HIT"


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("err_401_write_only_reads", ConnectorError, "key_lacks_rights"),
        ("err_404_route", Misconfigured, "woocommerce_not_there"),
        ("err_200_with_php_notice", Transient, "answer_not_json"),
        ("err_500_fatal", Transient, "server_error"),
        ("err_500_db_down", Transient, "server_error"),
        ("err_502_php_down", Transient, "server_error"),
        ("err_503_maintenance", RateLimited, "rate_limited"),
        ("orders_list_per_page_101", Rejected, "call_refused"),
    ],
)
def test_each_trouble_of_a_list_has_its_class_and_code(
    shop: RestStore, connector: Connector, name: str, kind: type[ConnectorError], code: str
) -> None:
    shop.manner = Manner.recorded(name)

    with pytest.raises(kind) as caught:
        connector.order_ids(shelf=Shelf.LISTED, page=1, size=100)

    assert caught.value.code == code


@pytest.mark.parametrize(
    "trouble",
    [
        Manner.recorded("err_500_fatal"),
        Manner.recorded("err_502_php_down"),
        Manner(seconds=30, properly=True),
        Manner(200, {}, b"x" * 1_000_000),
    ],
)
def test_pages_shrink_after_trouble_and_say_so(many: RestStore, trouble: Manner) -> None:
    connector = connector_of(many, CallContext(deadline_seconds=0.5, max_answer_bytes=900_000))

    many.next(trouble)
    with pytest.raises(Transient):
        connector.changed_orders(shelf=Shelf.LISTED, after=DAY, page=1)
    connector.context = CallContext()
    walk = [connector.changed_orders(shelf=Shelf.LISTED, after=DAY, page=page) for page in (1, 2, 3)]

    assert [ref for page in walk for ref in refs(page)] == list(range(1, 151))
    assert [dict(call.pairs)["per_page"] for call in many.calls] == ["100", "50", "50", "50"]


def test_a_page_of_ids_is_one_answer_of_the_size_asked_for(many: RestStore, connector: Connector) -> None:
    page = connector.order_ids(shelf=Shelf.LISTED, page=2, size=99)

    assert [int(ref) for ref in page.order_refs] == list(range(100, 199))
    assert page.total == 230
    assert len(many.calls) == 1


def test_pages_of_ids_are_to_be_smaller_after_trouble(many: RestStore, connector: Connector) -> None:
    many.next(Manner.recorded("err_502_php_down"))
    with pytest.raises(Transient):
        connector.order_ids(shelf=Shelf.LISTED, page=1, size=100)

    assert connector.id_page_size == 50
    assert connector.page_size == 100


def test_maintenance_and_refusals_say_nothing_about_the_size(shop: RestStore, connector: Connector) -> None:
    for name in ("err_503_maintenance", "err_401_missing"):
        shop.next(Manner.recorded(name))
        with pytest.raises(ConnectorError):
            connector.order_ids(shelf=Shelf.LISTED, page=1, size=100)

    connector.changed_orders(shelf=Shelf.LISTED, after=None, page=1)

    assert connector.page_size == 100


def test_a_slow_answer_makes_the_next_pages_smaller_and_quick_ones_larger_again(many: RestStore) -> None:
    connector = connector_of(many)
    connector._order_pace = Pace(slow_seconds=0.3)
    many.next(Manner(seconds=0.35, properly=True))
    sizes: list[int] = []
    for _ in range(7):
        connector._order_pace.slow_seconds = 0.3 if not sizes else 30
        connector.changed_orders(shelf=Shelf.LISTED, after=DAY, page=1)
        sizes.append(connector.page_size)

    assert sizes == [50, 50, 50, 50, 50, 100, 100]


def test_quick_answers_with_little_in_them_prove_nothing(shop: RestStore, connector: Connector) -> None:
    connector.page_size = connector._order_pace.size = 50

    for _ in range(20):
        connector.changed_orders(shelf=Shelf.LISTED, after=None, page=1)

    assert connector.page_size == 50


def test_the_link_header_is_not_followed(many: RestStore, connector: Connector) -> None:
    many.list_headers = {"Link": f'<{many.url}/wp-json/wc/v3/orders?page=7>; rel="next"'}

    connector.changed_orders(shelf=Shelf.LISTED, after=DAY, page=1)
    connector.changed_orders(shelf=Shelf.LISTED, after=DAY, page=2)

    assert [json.loads(dict(call.pairs)["page"]) for call in many.calls] == [1, 2]

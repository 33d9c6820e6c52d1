"""Products and variations are walked, read and found by SKU; prices and stock are checked before they are written."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.woocommerce.catalogue import StockKept
from integrations.connectors.woocommerce.connector import Connector
from integrations.connectors.woocommerce.pace import Pace
from integrations.connectors.woocommerce.publishing import ItemChange, ItemWritten
from integrations.ports.capabilities import ProductSource
from integrations.ports.errors import AuthRejected, ConnectorError, Rejected, Transient, Unknown
from tests.connectors.woocommerce.product_store import Products
from tests.connectors.woocommerce.rest_store import RestStore, moment_of, recorded
from tests.support.recorded_store import Manner

DAY = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


@pytest.fixture
def products(shop: RestStore) -> Products:
    return Products(shop)


def change(ref: str, stock: str | None = None, **changed: Any) -> ItemChange:
    return ItemChange(ref, stock_quantity=None if stock is None else Decimal(stock), **changed)


def codes(results: list[Any]) -> list[str]:
    return ["written" if isinstance(result, ItemWritten) else result.code for result in results]


def test_what_is_sold_is_walked_with_variations_instead_of_their_product(
    products: Products, connector: Connector
) -> None:
    assert isinstance(connector, ProductSource)
    products.add(11)
    products.add(30, type="external")
    products.add(31, type="grouped")
    products.add(32, status="draft", sku="")

    found = {product.product_ref: product for product in connector.walk_products(None)}

    assert list(found) == ["11", "21", "22", "23", "24", "32"]
    shirt = found["22"]
    assert (shirt.sku, shirt.name, shirt.parent_ref, shirt.active) == ("TS-M-ROT", "T-Shirt - M, Rot", "20", True)
    assert (found["32"].sku, found["32"].active) == ("", False)


def test_a_large_catalogue_is_walked_page_by_page(shop: RestStore, products: Products, connector: Connector) -> None:
    for number in range(100, 330):
        products.add(number)
    connector._product_pace = Pace(50)

    found = [int(item.product.product_ref) for item in connector.walk_catalogue(None)]

    assert found == [20, 21, 22, 23, 24, *range(100, 330)]
    pages = [dict(call.pairs)["page"] for call in shop.calls if call.path.endswith("/products")]
    assert pages == ["1", "2", "3", "4", "5"]


def test_since_asks_for_products_whose_date_moved(shop: RestStore, products: Products, connector: Connector) -> None:
    products.products[20]["date_modified_gmt"] = moment_of(100)
    products.add(11, date_modified_gmt=moment_of(99))

    found = [product.product_ref for product in connector.walk_products(DAY + dt.timedelta(seconds=100))]

    assert found == ["21", "22", "23", "24"]


def test_prices_and_stock_are_exact_and_say_who_counts(products: Products, connector: Connector) -> None:
    products.add(11, price="33.333", regular_price="40.00", sale_price="33.333", stock_quantity=480)
    products.add(12, manage_stock=False, stock_quantity=None, price="", regular_price="", stock_status="instock")

    found = {item.product.product_ref: item for item in connector.walk_catalogue(None)}

    mug, free = found["11"], found["12"]
    assert (mug.price, mug.regular_price, mug.sale_price) == (Decimal("33.333"), Decimal("40.00"), Decimal("33.333"))
    assert (mug.stock_kept, mug.stock_quantity) == (StockKept.OWN, Decimal(480))
    assert (free.price, free.stock_kept, free.stock_quantity) == (None, StockKept.NO, None)
    assert found["24"].stock_kept is StockKept.PARENT
    assert mug.modified_at == dt.datetime(2026, 11, 23, 5, 31, 16, tzinfo=dt.UTC)


def test_a_price_that_is_none_is_named_and_does_not_end_the_walk(products: Products, connector: Connector) -> None:
    products.add(11, regular_price="ask us")
    products.add(12)

    found = {item.product.product_ref: item for item in connector.walk_catalogue(None)}

    assert (found["11"].regular_price, found["11"].unreadable) == (None, ("regular_price",))
    assert found["12"].unreadable == ()


def test_one_item_is_read_by_its_id_and_a_variation_too(products: Products, connector: Connector) -> None:
    products.add(11)

    mug, shirt = connector.item("11"), connector.item("22")

    assert mug is not None
    assert shirt is not None
    assert (mug.kind, shirt.kind, shirt.product.parent_ref) == ("simple", "variation", "20")
    assert connector.item("999999") is None
    with pytest.raises(Rejected):
        connector.item("1/../2")


def test_items_are_found_by_sku_in_any_case_and_twins_come_together(products: Products, connector: Connector) -> None:
    products.add(11, sku="MUG-01")
    products.add(12, sku="mug-01")

    found = connector.items_with_skus(["Mug-01", "TS-S-ROT", "NOPE"])

    assert [item.product.product_ref for item in found] == ["11", "12", "21"]
    assert connector.items_with_skus([]) == []
    with pytest.raises(Rejected):
        connector.items_with_skus(["A,B"])


def test_stock_and_prices_of_products_and_variations_go_into_their_own_batches(
    shop: RestStore, products: Products, connector: Connector
) -> None:
    products.add(11)
    changes = [
        change("22", "7", parent_ref="20"),
        change("11", "5", regular_price=Decimal("9.90"), sale_price=Decimal("8.50")),
        change("21", "0", parent_ref="20"),
    ]

    results = connector.change_items(changes)

    assert [result.product_ref for result in results if isinstance(result, ItemWritten)] == ["22", "11", "21"]
    assert (products.variations[22]["stock_quantity"], products.products[11]["stock_quantity"]) == (7, 5)
    sent = {call.path.partition("v3/")[2]: json.loads(call.body)["update"] for call in shop.calls}
    assert sent == {
        "products/20/variations/batch": [{"id": 22, "stock_quantity": 7}, {"id": 21, "stock_quantity": 0}],
        "products/batch": [{"id": 11, "stock_quantity": 5, "regular_price": "9.90", "sale_price": "8.50"}],
    }


@pytest.mark.parametrize(
    "bad",
    [
        change("11", "12.5"),
        change("11", "NaN"),
        change("11", "1e12"),
        change("11", "5", manage_stock=False),
        change("11", regular_price=Decimal(-1)),
        change("11", sale_price=Decimal("NaN")),
        change("11", sale_price=Decimal(1), ends_sale=True),
        change("11"),
        change("x", "5"),
        change("22", "5", parent_ref=""),
    ],
)
def test_what_the_store_would_turn_into_something_else_is_not_sent(
    shop: RestStore, products: Products, connector: Connector, bad: ItemChange
) -> None:
    products.add(12)

    results = connector.change_items([bad, change("12", "5")])

    assert codes(results) == ["value_not_allowed", "written"]
    assert products.products[12]["stock_quantity"] == 5
    assert [len(json.loads(call.body)["update"]) for call in shop.calls] == [1]


def test_a_failure_of_one_item_does_not_hide_the_others(products: Products, connector: Connector) -> None:
    products.add(11)
    products.add(13, manage_stock=False, stock_quantity=None)
    changes = [
        change("11", "5"),
        change("999999", "1"),
        change("22", "9"),
        change("13", "3"),
        change("999998", "1", parent_ref="20"),
        change("24", "3", parent_ref="20"),
        change("11", "6"),
    ]

    results = connector.change_items(changes)

    assert codes(results) == [
        *("written", "item_gone", "variation_not_product", "stock_not_kept", "item_gone", "stock_not_kept"),
        "asked_twice",
    ]
    assert products.products[11]["stock_quantity"] == 5


def test_counting_is_switched_on_only_when_that_is_asked(products: Products, connector: Connector) -> None:
    products.add(13, manage_stock=False, stock_quantity=None)

    (result,) = connector.change_items([change("13", "3", manage_stock=True)])

    assert isinstance(result, ItemWritten)
    assert products.products[13]["manage_stock"] is True


def test_a_sale_is_ended_by_an_empty_price(products: Products, connector: Connector) -> None:
    products.add(11, sale_price="8.50")

    connector.change_items([change("11", ends_sale=True)])

    assert products.products[11]["sale_price"] == ""


def test_a_value_that_the_store_changed_is_told(shop: RestStore, products: Products, connector: Connector) -> None:
    products.add(11, regular_price="9.90")
    kept = json.dumps({"update": [products.products[11]]}).encode()
    shop.answers["products"] = lambda _call, _parts: (200, {}, kept)

    (result,) = connector.change_items([change("11", regular_price=Decimal("9.999"))])

    assert isinstance(result, Rejected)
    assert (result.code, result.evidence["got"]) == ("value_not_kept", "9.90")


def test_many_items_go_in_batches_of_fifty_and_never_over_a_hundred(
    shop: RestStore, products: Products, connector: Connector
) -> None:
    for number in range(1000, 1730):
        products.add(number)

    results = connector.change_items([change(str(number), "5") for number in range(1000, 1730)])

    assert codes(results) == ["written"] * 730
    sizes = [len(json.loads(call.body)["update"]) for call in shop.calls]
    assert sizes == [50] * 5 + [100] * 4 + [80]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("err_500_fatal", Unknown),
        ("err_200_with_php_notice", Unknown),
        ("err_503_maintenance", Unknown),
        ("err_401_read_only_writes", AuthRejected),
    ],
)
def test_a_broken_batch_is_told_of_each_of_its_items(
    shop: RestStore, products: Products, connector: Connector, name: str, kind: type[ConnectorError]
) -> None:
    shop.manner = Manner.recorded(name)

    results = connector.change_items([change("11", "5"), change("12", "5")])

    assert [type(result) for result in results] == [kind, kind]


def test_a_slow_batch_makes_the_next_ones_smaller(shop: RestStore, products: Products, connector: Connector) -> None:
    products.add(11)
    connector._item_batches.slow_seconds = 0.01
    shop.manner = Manner(seconds=0.05, properly=True)

    connector.change_items([change("11", "5")])

    assert connector._item_batches.size == 1


@pytest.mark.parametrize("name", ["err_502_php_down", "err_503_maintenance", "err_200_with_php_notice"])
def test_a_broken_list_of_products_is_named(
    shop: RestStore, products: Products, connector: Connector, name: str
) -> None:
    shop.answers["products"] = lambda _call, _parts: recorded(name)

    with pytest.raises(Transient):
        list(connector.walk_products(None))

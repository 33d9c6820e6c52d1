"""The connector against the look-alike store: another process, its own ledger, its own bad manners."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.woocommerce.connector import Connector
from integrations.connectors.woocommerce.publishing import ItemChange, ItemWritten
from integrations.ports.capabilities import Check, Gone, Health
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.errors import Rejected, Transient, Unknown
from integrations.ports.stores import RefundAsk, Shelf, StatusAsk, Written
from retailhub.sandbox.store.control import Control, Place, running_store

HOOK = "http://127.0.0.1:9/webhooks/woocommerce/eu/"
BEGINNING = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Control]]:
    with running_store(tmp_path_factory.mktemp("store"), queue_seconds="never") as store:
        yield store


@pytest.fixture
def control(running: tuple[Place, Control]) -> Iterator[Control]:
    yield running[1]
    running[1].be_good()


@pytest.fixture
def connector(running: tuple[Place, Control], control: Control) -> Iterator[Connector]:
    made = connector_of(running[0])
    yield made
    made.close()


def connector_of(place: Place, **changed: Any) -> Connector:
    info = ConnectionInfo(
        name="eu",
        kind="woocommerce",
        settings={"base_url": place.url, "store_code": "eu", "allow_private": True},
        credentials={
            "consumer_key": place.key,
            "consumer_secret": place.secret,
            "webhook_secrets": ["s"],
            **changed,
        },
    )
    return Connector(info, CallContext(deadline_seconds=10))


def lines(connector: Connector) -> dict[str, Check]:
    return {check.name: check for check in connector.check()}


def place_orders(control: Control, count: int) -> list[str]:
    return [str(number) for number in control.place_orders(count)]


def test_orders_are_listed_on_every_shelf_and_read_as_listed(control: Control, connector: Connector) -> None:
    refs = place_orders(control, 6)
    control.trash(int(refs[0]))
    control.delete(int(refs[1]))

    listed = {each.order_ref: each for each in connector.named_orders(refs)}

    assert sorted(listed, key=int) == [refs[0], *refs[2:]]
    assert connector.read_order(refs[1]) == Gone(refs[1])
    for order_ref in (refs[0], refs[2]):
        assert connector.read_order(order_ref) == listed[order_ref].order
    trashed = connector.changed_orders(shelf=Shelf.TRASH, after=None, page=1)
    assert refs[0] in [each.order_ref for each in trashed.orders]
    shown = connector.order_ids(shelf=Shelf.LISTED, page=1, size=100).order_refs
    assert set(refs[2:]) <= set(shown)
    assert not {refs[0], refs[1]} & set(shown)


def test_windows_of_change_and_creation_find_what_lies_in_them(control: Control, connector: Connector) -> None:
    (order_ref,) = place_orders(control, 1)
    control.backdate(int(order_ref), 3 * 86_400)
    order = connector.read_order(order_ref)
    assert not isinstance(order, Gone)
    second = dt.timedelta(seconds=1)

    for ask, moment in (
        (connector.changed_orders, order.modified_at),
        (connector.created_orders, order.created_at),
    ):
        inside = ask(shelf=Shelf.LISTED, after=moment - second, before=moment + second, page=1)
        beside = ask(shelf=Shelf.LISTED, after=moment, before=moment + 2 * second, page=1)
        assert [each.order_ref for each in inside.orders] == [order_ref]
        assert order_ref not in [each.order_ref for each in beside.orders]


def test_statuses_are_set_and_unknown_ones_never_reach_the_store(control: Control, connector: Connector) -> None:
    refs = place_orders(control, 3)

    results = connector.set_statuses(
        [StatusAsk(refs[0], "completed"), StatusAsk(refs[1], "shipped"), StatusAsk("999999", "completed")]
    )

    assert isinstance(results[0], Written)
    assert results[0].order == connector.read_order(refs[0])
    assert [getattr(result, "code", "") for result in results] == ["", "unknown_status", "item_gone"]


@pytest.mark.parametrize("manner", ["commit_then_drop", "notice", "truncated"])
@pytest.mark.parametrize("kind", ["note", "refund"])
def test_notes_and_refunds_are_there_once_however_often_the_answer_is_lost(
    control: Control, connector: Connector, kind: str, manner: str
) -> None:
    """Asked again until it says done, as the engine does: every second answer to a write is lost."""
    refs = place_orders(control, 8)
    control.behave(**{manner: 0.5, "methods": ["POST"], "seed": 7})
    lost = 0
    for order_ref in refs:
        while True:
            try:
                _write(connector, kind, order_ref)
                break
            except (Unknown, Transient):
                lost += 1
    control.be_good()

    made: Callable[[str], list[Any]] = connector.notes if kind == "note" else connector.refunds
    mark = "[WC-eu-1]"
    ours = [[each for each in made(ref) if mark in (each.text if kind == "note" else each.reason)] for ref in refs]
    assert [len(found) for found in ours] == [1] * 8
    assert lost > 0


def _write(connector: Connector, kind: str, order_ref: str) -> Written:
    if kind == "note":
        return connector.add_note(order_ref, reference="WC-eu-1", text="Sent", to_customer=False)
    return connector.refund(RefundAsk(order_ref, "WC-eu-1", Decimal("1.00"), "broken"))


def test_webhooks_are_made_changed_and_removed(connector: Connector) -> None:
    made = connector.create_webhook(
        topic="order.updated", delivery_url=HOOK, secret="s", name="RetailHub order.updated"
    )

    assert made in connector.webhooks()
    assert connector.change_webhook(made.ref, active=False).status == "paused"
    connector.delete_webhook(made.ref)
    connector.delete_webhook(made.ref)
    assert made.ref not in [hook.ref for hook in connector.webhooks()]
    with pytest.raises(Rejected):
        connector.change_webhook(made.ref, active=True)


def test_stock_and_prices_arrive_and_errors_stand_alone(connector: Connector) -> None:
    items = list(connector.walk_catalogue(None))
    simple = next(item.product.product_ref for item in items if item.kind == "simple")
    shirt = next(item.product for item in items if item.kind == "variation" and item.stock_kept == "own")

    results = connector.change_items(
        [
            ItemChange(simple, stock_quantity=Decimal(7), regular_price=Decimal("9.99")),
            ItemChange(shirt.product_ref, stock_quantity=Decimal(3)),
            ItemChange("999999", stock_quantity=Decimal(3)),
        ]
    )
    below = connector.change_items([ItemChange(shirt.product_ref, shirt.parent_ref, stock_quantity=Decimal(3))])

    assert isinstance(results[0], ItemWritten)
    assert [getattr(result, "code", "") for result in results[1:]] == ["variation_not_product", "item_gone"]
    assert isinstance(below[0], ItemWritten)
    changed = connector.item(simple)
    assert changed is not None
    assert (changed.stock_quantity, changed.regular_price) == (Decimal(7), Decimal("9.99"))


@pytest.mark.parametrize(
    ("manners", "line"),
    [
        ({"read_only": True}, "rights"),
        ({"redirect_to": "https://elsewhere.example.com"}, "address"),
        ({"maintenance": 1.0}, "maintenance"),
        ({"login_page": 1.0}, "login page"),
        ({"error_page": 1.0}, "reachability"),
        ({"gateway_down": 1.0}, "reachability"),
        ({"database_down": 1.0}, "reachability"),
        ({"fatal": 1.0}, "reachability"),
        ({"notice": 1.0}, "answers"),
        ({"truncated": 1.0}, "answers"),
    ],
    ids=str,
)
def test_its_bad_manners_are_named(control: Control, connector: Connector, manners: dict[str, Any], line: str) -> None:
    control.behave(**manners)

    found = lines(connector)

    assert found[line].health is Health.FAILED
    assert found[line].fix.endswith(".")


def test_a_wrong_secret_is_named(running: tuple[Place, Control], control: Control) -> None:
    assert list(lines(connector_of(running[0], consumer_secret="cs_wrong"))) == ["credentials"]


def test_a_store_that_is_well_has_no_failed_line_but_its_missing_webhooks(connector: Connector) -> None:
    failed = [name for name, check in lines(connector).items() if check.health is Health.FAILED]

    assert failed == ["webhooks"]


def test_customers_taxes_and_settings_are_read(connector: Connector) -> None:
    assert connector.currency() == "EUR"
    assert connector.tax_rates()
    assert connector.report().version == "11.0.1"
    first = next(connector.walk_customers())
    assert connector.customer(first.customer.store_ref or "") == first

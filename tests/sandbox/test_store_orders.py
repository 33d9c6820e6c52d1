"""The look-alike store takes, shows and changes orders, and keeps the books that tests judge by."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from retailhub.sandbox.store.control import Control, Place, running_store
from tests.support.store import Caller


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Control]]:
    with running_store(tmp_path_factory.mktemp("store"), queue_seconds="never") as found:
        yield found


@pytest.fixture
def control(started: tuple[Place, Control]) -> Control:
    return started[1]


@pytest.fixture
def call(started: tuple[Place, Control]) -> Caller:
    return Caller(started[0])


def test_every_order_that_is_placed_is_in_the_books_with_its_money(call: Caller, control: Control) -> None:
    ids = control.place_orders(12)

    shown = {row["id"]: (row["currency"], Decimal(row["total"])) for row in call("GET", "orders", per_page=100).json}
    drafts = {row["id"] for row in call("GET", "orders", status="checkout-draft", per_page=100).json}

    books = control.books().money()
    assert {ident: books[ident] for ident in ids if ident not in drafts} == {
        ident: shown[ident] for ident in ids if ident not in drafts
    }


def test_an_order_that_was_deleted_for_good_stays_in_the_books(call: Caller, control: Control) -> None:
    (order_id,) = control.place_orders(1, lives={"paid_at_once": 1})
    total = Decimal(call("GET", f"orders/{order_id}").json["total"])

    assert call("DELETE", f"orders/{order_id}", force="true").status == 200

    assert call("GET", f"orders/{order_id}").code == "woocommerce_rest_shop_order_invalid_id"
    (row,) = [row for row in control.books().placed if row.id == order_id]
    assert (row.status, row.total) == ("deleted", total)


def test_the_books_survive_a_killed_process(tmp_path: Path) -> None:
    with running_store(tmp_path, queue_seconds="never") as (place, control):
        ids = control.place_orders(3)
        os.kill(place.pid, signal.SIGKILL)
    with running_store(tmp_path, queue_seconds="never") as (_, control):
        assert [row.id for row in control.books().placed] == ids
        assert control.place_orders(1)[0] > ids[-1]

"""The look-alike store takes, shows and changes orders, and keeps the books that tests judge by."""

from __future__ import annotations

import datetime as dt
import os
import signal
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from retailhub.sandbox.store.control import Control, Place, PlacedOrder, running_store
from retailhub.sandbox.store.lifelike.lives import LIVES, ChangeKind
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


def test_an_import_is_silent_and_lies_where_it_is_told(control: Control, call: Caller) -> None:
    when = dt.datetime(2026, 3, 29, 0, 59, 58, tzinfo=dt.UTC)
    before = control.progress()["pending"]

    ids = control.place_orders(3, silent=True, created=when, spread=dt.timedelta(seconds=6), lives={"paid_at_once": 1})

    assert control.progress()["pending"] == before
    shown = [call("GET", f"orders/{ident}").json for ident in ids]
    assert [row["date_created_gmt"][11:] for row in shown] == ["00:59:58", "01:00:00", "01:00:02"]
    assert [row["date_created"][11:] for row in shown] == ["01:59:58", "03:00:00", "03:00:02"]
    assert [row["date_modified_gmt"] for row in shown] == [row["date_created_gmt"] for row in shown]


def test_an_order_can_be_backdated_and_altered_behind_the_stores_back(control: Control, call: Caller) -> None:
    call.webhook("order.updated", "http://127.0.0.1:9/")
    (ident,) = control.place_orders(1, lives={"paid_at_once": 1}, silent=True)
    before = call("GET", f"orders/{ident}").json

    control.backdate(ident, 3 * 86400)
    control.alter(ident, customer_note="hidden", line_items=[{"product_id": 11, "quantity": 1}])

    after = call("GET", f"orders/{ident}").json
    moved = [dt.datetime.fromisoformat(row["date_modified_gmt"]) for row in (before, after)]
    assert moved[0] - moved[1] == dt.timedelta(days=3)
    assert (after["customer_note"], len(after["line_items"])) == ("hidden", len(before["line_items"]) + 1)
    assert control.progress()["pending"] == 0
    assert control.books().money()[ident] == (after["currency"], Decimal(after["total"]))


def test_a_deleted_refund_moves_nothing_but_the_books(control: Control, call: Caller) -> None:
    (ident,) = control.place_orders(1, lives={"paid_at_once": 1})
    refund_id = control.refund(ident, amount="1.00", reason="broken")
    dated = call("GET", f"orders/{ident}").json
    assert [row["total"] for row in dated["refunds"]] == ["-1.00"]
    assert _placed(control, ident).refunded == Decimal("1.00")

    control.delete_refund(ident, refund_id)

    after = call("GET", f"orders/{ident}").json
    assert (after["refunds"], after["date_modified_gmt"]) == ([], dated["date_modified_gmt"])
    assert _placed(control, ident).refunded == 0
    assert call("GET", f"orders/{ident}/refunds/{refund_id}").status == 404


def _placed(control: Control, ident: int) -> PlacedOrder:
    return next(row for row in control.books().placed if row.id == ident)


@pytest.mark.parametrize("name", [life.name for life in LIVES])
def test_every_life_ends_where_it_says(control: Control, call: Caller, name: str) -> None:
    life = next(life for life in LIVES if life.name == name)
    (ident,) = control.place_orders(1, lives={name: 1})
    statuses = [life.first, *(change.status for change in life.changes if change.status)]

    steps = control.advance(order_ids=[ident])

    assert steps == len(life.changes)
    kinds = [change.kind for change in life.changes]
    row = _placed(control, ident)
    if ChangeKind.DELETE in kinds:
        assert (row.status, call("GET", f"orders/{ident}").status) == ("deleted", 404)
    elif ChangeKind.TRASH in kinds and ChangeKind.RESTORE not in kinds:
        assert (row.status, call("GET", f"orders/{ident}").json["status"]) == ("trash", "trash")
    else:
        assert row.status == call("GET", f"orders/{ident}").json["status"] == statuses[-1]
    assert (row.life, row.expect) == (name, life.expect.value)


def test_a_history_is_made_quickly_and_silently_and_lies_in_its_year(tmp_path: Path) -> None:
    with running_store(tmp_path, queue_seconds="never") as (place, control):
        call = Caller(place)
        call.webhook("order.created", "http://127.0.0.1:9/")
        began = time.monotonic()
        first, last = control.make_history(2000)
        took = time.monotonic() - began

        assert took < 20
        assert control.progress()["pending"] == 0
        placed = control.books().placed
        assert (len(placed), placed[0].id, placed[-1].id) == (2000, first, last)
        assert 360 < (placed[-1].at - placed[0].at).days <= 365
        statuses = {row.status for row in placed}
        assert {"processing", "completed", "pending", "cancelled", "checkout-draft", "trash"} <= statuses
        hidden = sum(row.status in ("checkout-draft", "trash") for row in placed)
        answer = call("GET", "orders", per_page=100, orderby="id", order="asc")
        assert answer.headers["X-WP-Total"] == str(2000 - hidden)
        sample = {row["id"]: (row["currency"], Decimal(row["total"])) for row in answer.json}
        assert sample.items() <= control.books().money().items()


def test_a_page_of_100_orders_and_single_reads_come_quickly(tmp_path: Path) -> None:
    with running_store(tmp_path, queue_seconds="never") as (place, control):
        call = Caller(place)
        control.make_history(500)
        began = time.monotonic()
        rows = [row for page in (1, 2, 3, 4) for row in call("GET", "orders", per_page=100, page=page).json]
        bodies = len(rows) / (time.monotonic() - began)
        began = time.monotonic()
        for row in rows[:100]:
            assert call("GET", f"orders/{row['id']}").status == 200
        singles = 100 / (time.monotonic() - began)

        assert len({row["id"] for row in rows}) == 400
        assert bodies > 150
        assert singles > 80

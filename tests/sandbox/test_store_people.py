"""People shop in the look-alike store by themselves, as fast as told and no faster than their orders are told of."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from retailhub.sandbox.erp import items
from retailhub.sandbox.store.control import Control, Place, running_store
from retailhub.sandbox.store.lifelike.catalogue import known_products
from tests.connectors.lookalike_erp.support import running_erp
from tests.support.replay import wait_for
from tests.support.store import Caller, receiving

OVER = {"processing", "completed", "pending", "failed", "cancelled", "checkout-draft", "trash"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[Place, Control]]:
    with running_store(tmp_path, queue_seconds=0.05, queue_runners=2) as found:
        yield found


def finish(control: Control) -> None:
    wait_for(lambda: bool(control.progress()["people"]["finished"]), seconds=30)


def test_all_orders_are_placed_and_live_to_their_end_and_each_is_told_of(store: tuple[Place, Control]) -> None:
    place, control = store
    with receiving() as receiver:
        for topic in ("order.created", "order.updated", "order.deleted"):
            Caller(place).webhook(topic, receiver.url)
        receiver.received.clear()
        control.open_doors(60, plant=0.3)
        finish(control)
        wait_for(lambda: control.progress()["pending"] == 0)
        told = {row.json["id"]: row.json["status"] for row in receiver.deliveries if "status" in row.json}
    progress, placed = control.progress(), control.books().placed

    assert progress["people"] == {"wanted": 60, "placed": 60, "finished": True}
    assert (progress["alive"], len(placed)) == (0, 60)
    assert {row.status for row in placed} <= OVER
    assert {row.status for row in placed if row.expect in {"posted", "case"}} <= {"processing", "completed"}
    assert {row.status for row in placed if row.expect == "nothing"} <= OVER - {"processing", "completed"}
    assert {row.planted for row in placed} > {None, "sku_unmapped"}
    trashed = {row.id for row in placed if row.status == "trash"}
    assert set(told) == {row.id for row in placed}
    assert {ident: told[ident] for ident in told if ident not in trashed} == {
        row.id: row.status for row in placed if row.id not in trashed
    }


def test_with_a_rate_they_come_one_after_the_other(store: tuple[Place, Control]) -> None:
    _, control = store
    began = time.monotonic()
    control.open_doors(8, rate=10.0, lives={"paid_at_once": 1})
    finish(control)

    assert 0.6 < time.monotonic() - began < 5.0
    assert control.progress()["people"]["placed"] == 8


def test_nobody_orders_while_too_many_deliveries_wait(store: tuple[Place, Control]) -> None:
    place, control = store
    control.hold_queue()
    Caller(place).webhook("order.created", "http://127.0.0.1:9/")
    control.open_doors(40, backlog=5, lives={"paid_at_once": 1})
    wait_for(lambda: control.progress()["pending"] >= 5)

    assert control.progress()["people"] == {"wanted": 40, "placed": 5, "finished": False}
    with pytest.raises(ValueError, match="shopping already"):
        control.open_doors(1)
    control.release_queue()
    finish(control)
    assert len(control.books().placed) == 40


def test_what_cannot_be_shopped_for_is_refused_and_nobody_comes(store: tuple[Place, Control]) -> None:
    _, control = store

    for wrong, complaint in (
        ({"lives": {"typo": 1}}, "no life called typo"),
        ({"plant": {"typo": 1.0}}, "Nothing called typo"),
        ({"rate": "fast"}, "Expected"),
    ):
        with pytest.raises(ValueError, match=complaint):
            control.open_doors(3, **wrong)
    assert control.books().placed == ()


def test_a_store_told_so_at_its_start_has_its_orders_and_the_same_from_the_same_seed(tmp_path: Path) -> None:
    made = []
    for name in ("first", "second"):
        with running_store(tmp_path, name=name, seed=3, orders=12, plant=0.5, queue_seconds="never") as (_, control):
            wait_for(lambda: control.progress()["people"]["placed"] == 12)
            made.append([(row.id, row.life, row.total, row.planted) for row in control.books().placed])

    assert made[0] == made[1]
    assert len(Counter(planted for *_, planted in made[0])) > 1


def test_refused_deliveries_switch_the_webhook_off_and_the_books_say_how_often(tmp_path: Path) -> None:
    with receiving() as receiver, running_store(tmp_path, queue_seconds="never") as (place, control):
        call = Caller(place)
        webhook = call.webhook("order.updated", receiver.url)
        receiver.received.clear()
        control.trouble(refused=1.0)
        control.place_orders(9, way="rest", lives={"paid_at_once": 1})
        control.run_queue()

        assert receiver.deliveries == []
        assert {(row.outcome, row.status) for row in control.books().deliveries} == {("refused", 503)}
        assert (control.books().disabled, control.progress()["disabled"]) == (1, 1)
        assert control.progress()["webhooks"] == {"disabled": 1}

        assert call("PUT", f"webhooks/{webhook}", {"status": "active"}).status == 200
        control.place_orders(1, way="rest", lives={"paid_at_once": 1})
        control.run_queue()
        assert control.books().disabled == 2


def test_a_silent_deletion_is_heard_by_nobody(store: tuple[Place, Control]) -> None:
    place, control = store
    control.hold_queue()
    Caller(place).webhook("action.woocommerce_delete_order", "http://127.0.0.1:9/")
    first, second = control.place_orders(2, lives={"paid_at_once": 1})

    control.delete(first, silent=True)
    assert control.progress()["pending"] == 0
    control.delete(second)
    assert control.progress()["pending"] == 1


def test_the_look_alike_erp_can_be_given_the_goods_of_a_store(
    store: tuple[Place, Control], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_erp(tmp_path) as erp:
        assert items.main(["--control", erp.control_url, "--of", store[0].control_url, "LAMP-1"]) == 0
        address, key = f"{erp.base_url}/api/v1/products", {"Authorization": f"Bearer {erp.api_key}"}
        known = requests.get(address, params={"limit": 500}, headers=key, timeout=5).json()["products"]
        codes = {item["code"] for item in known}
        assert codes == {"LAMP-1"} | {row["sku"] for row in known_products()["products"]}
    assert items.main(["--control", erp.control_url, "LAMP-1"]) == 1
    assert capsys.readouterr().err.startswith("items: ")

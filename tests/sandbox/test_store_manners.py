"""The look-alike store's bad manners are what they say, and its keys and clock behave as recorded."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from retailhub.sandbox.changing import changed
from retailhub.sandbox.store.control import Control, Place, running_store
from retailhub.sandbox.store.manners import Fault, Manners, Temper
from tests.support.recordings import FOLDER
from tests.support.store import Caller

ODD: dict[str, int] = json.loads((FOLDER / "rest" / "_oauth_characters.json").read_text(encoding="utf-8"))["status"]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Control]]:
    with running_store(tmp_path_factory.mktemp("manners"), queue_seconds="never") as (place, control):
        control.place_orders(5, lives={"paid_at_once": 1})
        yield place, control


@pytest.fixture
def control(started: tuple[Place, Control]) -> Iterator[Control]:
    yield started[1]
    started[1].be_good()
    started[1].set_clock(0)


@pytest.fixture
def call(started: tuple[Place, Control], control: Control) -> Caller:
    return Caller(started[0])


@pytest.mark.parametrize("character", list(ODD))
def test_odd_characters_in_a_signed_address_are_taken_or_refused_as_recorded(call: Caller, character: str) -> None:
    assert call("GET", "products", search=f"x{character}y").status == ODD[character]


def test_a_list_is_refused_over_http_as_the_common_client_signs_it(call: Caller) -> None:
    url = call.sign("GET", "orders", **{"include[]": "[148, 152]"})

    answer = call.send("GET", f"{url}&include%5B%5D=148&include%5B%5D=152")

    assert (answer.status, answer.json["message"]) == (401, "Invalid signature - provided signature does not match.")


def test_a_list_that_is_signed_as_php_reads_it_is_taken(call: Caller) -> None:
    ids = [row["id"] for row in call("GET", "orders").json][:2]

    answer = call("GET", "orders", include=",".join(map(str, ids)))

    assert [row["id"] for row in answer.json] == ids


def test_a_signed_address_works_once(call: Caller) -> None:
    url = call.sign("GET", "orders")

    assert call.send("GET", url).status == 200
    assert call.send("GET", url).json["message"] == "Invalid nonce - nonce has already been used."


@pytest.mark.parametrize(("minutes", "status"), [(14, 200), (16, 401), (-14, 200), (-16, 401)])
def test_a_time_stamp_may_be_a_quarter_of_an_hour_off(
    call: Caller, control: Control, minutes: int, status: int
) -> None:
    control.set_clock(minutes * 60)

    answer = call("GET", "orders")

    assert answer.status == status
    assert status == 200 or answer.json["message"] == "Invalid timestamp."


def test_a_caller_without_a_key_hears_the_recorded_code_for_each_deed(call: Caller) -> None:
    base = f"{call.place.url}/wp-json/wc/v3/orders"
    codes = [call.send(m, u, {}).code for m, u in (("GET", base), ("POST", base), ("PUT", f"{base}/1"))]

    assert codes == [f"woocommerce_rest_cannot_{deed}" for deed in ("view", "create", "edit")]


def test_429_says_when_to_come_back_in_seconds_or_as_a_date(call: Caller, control: Control) -> None:
    control.behave(rate_limited=1.0, retry_after_seconds=7)
    assert (call("GET", "orders").status, call("GET", "orders").headers["Retry-After"]) == (429, "7")

    control.behave(retry_after_as_date=True)
    moment = email.utils.parsedate_to_datetime(call("GET", "orders").headers["Retry-After"])
    assert dt.timedelta(0) < moment - dt.datetime.now(dt.UTC) <= dt.timedelta(seconds=7)


def test_a_store_under_maintenance_says_for_how_long(call: Caller, control: Control) -> None:
    control.behave(maintenance=1.0)

    answer = call("GET", "orders")

    assert (answer.status, answer.headers["Retry-After"], answer.code) == (503, "600", "wp_die")


@pytest.mark.parametrize(
    ("manner", "status", "begins"),
    [
        ("error_page", 500, b"<!DOCTYPE html>"),
        ("login_page", 200, b"<!DOCTYPE html>"),
        ("gateway_down", 502, b"<html>"),
        ("notice", 200, b"<br />\n<b>Warning</b>"),
        ("truncated", 200, b'[{"id":'),
    ],
)
def test_a_broken_answer_is_no_json(call: Caller, control: Control, manner: str, status: int, begins: bytes) -> None:
    control.behave(**{manner: 1.0})

    answer = call("GET", "orders")

    assert answer.status == status
    assert answer.raw.startswith(begins)
    with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
        json.loads(answer.raw)


def test_cached_answers_are_old_until_the_cache_is_gone(call: Caller, control: Control) -> None:
    control.behave(cached=True)
    before = call("GET", "orders", per_page=1)
    (order_id,) = control.place_orders(1, lives={"paid_at_once": 1})

    old = call("GET", "orders", per_page=1)
    assert (old.raw, old.headers["X-Cache"]) == (before.raw, "HIT")
    control.be_good()
    assert call("GET", "orders", per_page=1).json[0]["id"] == order_id


def test_a_read_only_store_lets_nobody_write(call: Caller, control: Control) -> None:
    control.behave(read_only=True)

    answer = call("POST", "orders", {})

    assert (answer.status, answer.json["message"]) == (
        401,
        "The API key provided does not have write permissions.",
    )
    assert call("GET", "orders").status == 200


def test_a_redirect_goes_to_the_other_address(call: Caller, control: Control) -> None:
    control.behave(redirect_to="https://elsewhere.example.com/")

    answer = call("GET", "orders")

    assert answer.status == 301
    assert answer.headers["Location"].startswith("https://elsewhere.example.com/wp-json/wc/v3/orders?")


def test_a_slow_store_takes_its_time_and_then_drips(call: Caller, control: Control) -> None:
    began = time.monotonic()
    control.behave(answer_seconds=0.3, paths=["orders/statuses"])
    size = len(call("GET", "orders/statuses").raw)
    assert time.monotonic() - began >= 0.3

    control.behave(answer_seconds=0.0, bytes_per_second=float(size * 4))
    began = time.monotonic()
    assert len(call("GET", "orders/statuses").raw) == size
    assert time.monotonic() - began >= 0.2
    assert call("GET", "orders").status == 200


def test_manners_hold_for_the_paths_methods_and_times_they_are_given(call: Caller, control: Control) -> None:
    control.behave(maintenance=1.0, paths=["orders"], methods=["GET"], times=1)

    assert call("GET", "products").status == 200
    assert call("PUT", "orders/1", {}).status == 400
    assert [call("GET", "orders").status for _ in range(2)] == [503, 200]


def test_every_call_is_counted_by_address_and_status(call: Caller, control: Control) -> None:
    before = dict(control.books().calls)
    call("GET", "orders/999999")
    call("GET", "orders/999998")

    after = control.books().calls
    assert after["GET orders/{id} 404"] - before.get("GET orders/{id} 404", 0) == 2


def test_the_dice_fall_the_same_from_one_seed() -> None:
    def throws() -> list[Fault | None]:
        temper = Temper()
        temper.adopt(changed(Manners(), {"error_page": 0.4, "seed": 3}))
        return [temper.fault_for("GET", "orders") for _ in range(20)]

    assert throws() == throws()
    assert {None, Fault.ERROR_PAGE} == set(throws())


@pytest.mark.parametrize(("change", "complaint"), [({"rude": 1}, "no such manner"), ({"drop": "x"}, "drop cannot be")])
def test_a_manner_that_does_not_exist_is_refused(control: Control, change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        control.behave(**change)

"""Which change moves a date and which webhooks it fires, and what the date filters mean: as recorded."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from retailhub.sandbox.store.control import Control, running_store
from tests.support.recordings import FOLDER
from tests.support.store import Caller, Receiver, receiving

MATRIX: list[dict[str, Any]] = json.loads((FOLDER / "date_modified_matrix.json").read_text(encoding="utf-8"))
FILTERS: dict[str, Any] = json.loads((FOLDER / "modified_after.json").read_text(encoding="utf-8"))
TOPICS = (
    "order.created", "order.updated", "order.deleted", "order.restored", "product.created", "product.updated",
    "product.deleted", "customer.created", "customer.updated", "customer.deleted", "coupon.created", "coupon.updated",
    "coupon.deleted",
)  # fmt: skip
PRODUCT, VARIATION, PARENT, CUSTOMER = 11, 71, 70, 2
NOT_REST = ("other post", "a page trashed (not admin)")


@dataclass
class Shop:
    """A store with a webhook for every topic, and what the tests need to know of it."""

    call: Caller
    control: Control
    receiver: Receiver
    order_id: int = 0
    coupon_id: int = 0
    refund_id: int = 0
    ahead: int = 0
    seen: dict[str, int] = field(default_factory=dict)

    def later(self) -> None:
        """Some seconds go by, for the store only."""
        self.ahead += 5
        self.control.set_clock(self.ahead)

    def put(self, path: str, **body: Any) -> Any:
        answer = self.call("PUT", path, body)
        assert answer.status == 200, answer.raw
        return answer.json

    def post(self, path: str, **body: Any) -> Any:
        answer = self.call("POST", path, body)
        assert answer.status == 201, answer.raw
        return answer.json

    def order(self, product: int, **more: Any) -> Any:
        lines = [{"product_id": product, "quantity": 1}]
        return self.post("orders", line_items=lines, **{"status": "processing", **more})

    def modified(self, kind: str) -> str | None:
        """The date of the thing of which a row of the matrix speaks."""
        place = {
            "order": f"orders/{self.order_id}",
            "product": f"products/{PRODUCT}",
            "variable parent": f"products/{PARENT}",
            "variation": f"products/{PARENT}/variations/{VARIATION}",
            "customer": f"customers/{CUSTOMER}",
            "coupon": f"coupons/{self.coupon_id}",
        }[kind]
        answer = self.call("GET", place)
        return str(answer.json["date_modified_gmt"]) if answer.status == 200 else None


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with (
        receiving() as receiver,
        running_store(tmp_path_factory.mktemp("dates"), queue_seconds="never") as (place, control),
    ):
        call = Caller(place)
        for topic in TOPICS:
            call.webhook(topic, f"{receiver.url}/{topic}")
        found = Shop(call, control, receiver)
        lines = [{"product_id": PRODUCT, "quantity": 2}]
        found.order_id = found.post("orders", status="processing", line_items=lines)["id"]
        found.coupon_id = found.post("coupons", code="zehn", discount_type="percent", amount="10")["id"]
        control.run_queue()
        receiver.take()
        yield found


def _note(shop: Shop, **more: Any) -> None:
    shop.post(f"orders/{shop.order_id}/notes", note="x", **more)


def _order(shop: Shop, **body: Any) -> None:
    shop.put(f"orders/{shop.order_id}", **body)


def _refund(shop: Shop, amount: str) -> None:
    place = f"orders/{shop.order_id}/refunds"
    shop.refund_id = shop.post(place, amount=amount, api_refund=False)["id"]


def _delete_refund(shop: Shop) -> None:
    answer = shop.call("DELETE", f"orders/{shop.order_id}/refunds/{shop.refund_id}", force="true")
    assert answer.status == 200


def _more_of_a_line(shop: Shop) -> None:
    line = shop.call("GET", f"orders/{shop.order_id}").json["line_items"][0]
    _order(shop, line_items=[{"id": line["id"], "quantity": 3}])


def _refund_all(shop: Shop) -> None:
    order = shop.call("GET", f"orders/{shop.order_id}").json
    _refund(shop, order["total"])


def _trash(shop: Shop) -> None:
    assert shop.call("DELETE", f"orders/{shop.order_id}").status == 200


def _product(shop: Shop, **body: Any) -> None:
    shop.put(f"products/{PRODUCT}", **body)


def _variation(shop: Shop, **body: Any) -> None:
    shop.put(f"products/{PARENT}/variations/{VARIATION}", **body)


def _sell_variation(shop: Shop) -> None:
    lines = [{"product_id": PARENT, "variation_id": VARIATION, "quantity": 1}]
    shop.post("orders", status="processing", line_items=lines)


_META = [{"key": "a", "value": "1"}]
DEEDS: dict[tuple[str, str], Callable[[Shop], object]] = {
    ("order", "private note added"): _note,
    ("order", "customer note added"): lambda shop: _note(shop, customer_note=True),
    ("order", "PUT with the same status"): lambda shop: _order(shop, status="processing"),
    ("order", "PUT {} (empty)"): _order,
    ("order", "PUT meta_data new key"): lambda shop: _order(shop, meta_data=_META),
    ("order", "PUT meta_data same key and value"): lambda shop: _order(shop, meta_data=_META),
    ("order", "PUT billing phone"): lambda shop: _order(shop, billing={"phone": "1"}),
    ("order", "partial refund (by amount)"): lambda shop: _refund(shop, "1.00"),
    ("order", "refund deleted"): _delete_refund,
    ("order", "line quantity changed"): _more_of_a_line,
    ("order", "status completed"): lambda shop: _order(shop, status="completed"),
    ("order", "full refund by amount"): _refund_all,
    ("order", "trash"): _trash,
    ("order", "untrash"): lambda shop: shop.control.restore(shop.order_id),
    ("order", "its product renamed"): lambda shop: _product(shop, name="Another"),
    ("product", "PUT stock_quantity"): lambda shop: _product(shop, stock_quantity=7),
    ("product", "PUT the same stock_quantity"): lambda shop: _product(shop, stock_quantity=7),
    ("product", "PUT {} (empty)"): _product,
    ("product", "PUT meta_data"): lambda shop: _product(shop, meta_data=_META),
    ("product", "PUT meta_data same"): lambda shop: _product(shop, meta_data=_META),
    ("product", "PUT meta_data same again"): lambda shop: _product(shop, meta_data=_META),
    ("product", "sold (order processing)"): lambda shop: shop.order(PRODUCT),
    ("variable parent", "variation stock changed"): lambda shop: _variation(shop, stock_quantity=5),
    ("variable parent", "variation price changed"): lambda shop: _variation(shop, regular_price="5.00"),
    ("variable parent", "variation sold"): _sell_variation,
    ("variation", "sold"): _sell_variation,
    ("variation", "PUT stock"): lambda shop: _variation(shop, stock_quantity=6),
    ("customer", "PUT billing phone"): lambda shop: shop.put(f"customers/{CUSTOMER}", billing={"phone": "1"}),
    ("customer", "a paid order"): lambda shop: shop.order(12, customer_id=CUSTOMER),
    ("coupon", "trashed by REST (force false)"): lambda shop: shop.call("DELETE", f"coupons/{shop.coupon_id}"),
}


def test_every_recorded_change_moves_the_date_and_fires_the_webhooks_that_it_did(shop: Shop) -> None:
    played = [row for row in MATRIX if (row["kind"], row["what"]) != NOT_REST]
    assert {(row["kind"], row["what"]) for row in played} == set(DEEDS)

    for row in played:
        kind, what = row["kind"], row["what"]
        before = shop.modified(kind)
        shop.later()
        DEEDS[kind, what](shop)
        shop.control.run_queue()
        fired = [topic for topic, _ in shop.receiver.take()]

        assert (shop.modified(kind) != before) == row["date_modified_moves"], what
        assert fired == [hook.partition(" ")[0] for hook in row["webhooks"]], what


@dataclass
class Dated:
    """An order whose date is known, and the site it is in."""

    call: Caller
    order_id: int
    gmt: dt.datetime
    local: dt.datetime

    def in_list(self, path: str = "orders", **params: Any) -> bool:
        answer = self.call("GET", path, per_page=100, **params)
        assert answer.status == 200, answer.raw
        return self.order_id in [row["id"] for row in answer.json]


SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
G: dict[str, Any] = {"dates_are_gmt": "true"}


def _text(moment: dt.datetime, end: str = "") -> str:
    return moment.isoformat() + end


ASKED: dict[str, Callable[[Dated], bool]] = {
    "modified_after == its own second, dates_are_gmt=true: is it in the list?": lambda o: o.in_list(
        modified_after=_text(o.gmt), **G
    ),
    "modified_after == 1 s earlier, dates_are_gmt=true": lambda o: o.in_list(modified_after=_text(o.gmt - SECOND), **G),
    "modified_before == its own second, dates_are_gmt=true": lambda o: o.in_list(modified_before=_text(o.gmt), **G),
    "modified_before == 1 s later": lambda o: o.in_list(modified_before=_text(o.gmt + SECOND), **G),
    "modified_after GMT value 1 s earlier, dates_are_gmt left out (taken as site time)": lambda o: o.in_list(
        modified_after=_text(o.gmt - SECOND)
    ),
    "modified_after local value 1 s earlier, dates_are_gmt left out": lambda o: o.in_list(
        modified_after=_text(o.local - SECOND)
    ),
    "modified_after local value 1 s after, dates_are_gmt left out": lambda o: o.in_list(
        modified_after=_text(o.local + SECOND)
    ),
    "modified_after with Z, 1 s earlier, no dates_are_gmt": lambda o: o.in_list(
        modified_after=_text(o.gmt - SECOND, "Z")
    ),
    "modified_after with Z, 1 s later, no dates_are_gmt": lambda o: o.in_list(
        modified_after=_text(o.gmt + SECOND, "Z")
    ),
    "modified_after with Z, 1 s earlier, dates_are_gmt=true": lambda o: o.in_list(
        modified_after=_text(o.gmt - SECOND, "Z"), **G
    ),
    "modified_after with Z, 1 s later, dates_are_gmt=true": lambda o: o.in_list(
        modified_after=_text(o.gmt + SECOND, "Z"), **G
    ),
    "modified_after with +01:00 (site offset), 1 s earlier, no dates_are_gmt": lambda o: o.in_list(
        modified_after=_text(o.local - SECOND, "+01:00")
    ),
    "modified_after with microseconds": lambda o: o.in_list(modified_after=_text(o.gmt - SECOND, ".500000"), **G),
    "modified_after with Z, 59 min earlier, dates_are_gmt=true (site is GMT+1)": lambda o: o.in_list(
        modified_after=_text(o.gmt - 59 * MINUTE, "Z"), **G
    ),
    "modified_after with Z, 61 min earlier, dates_are_gmt=true (site is GMT+1)": lambda o: o.in_list(
        modified_after=_text(o.gmt - 61 * MINUTE, "Z"), **G
    ),
    "modified_after with +00:00, 1 s earlier, no dates_are_gmt": lambda o: o.in_list(
        modified_after=_text(o.gmt - SECOND, "+00:00")
    ),
}
ELSEWHERE = {
    "order date_modified_gmt",
    "order date_modified",
    "modified_after date only",
    "trashed, no status given",
    "trashed, status=trash",
    "trashed, status=any",
    "trashed, status=any,trash",
    "products: modified_after == own second",
    "products: 1 s earlier",
    "products: a changed variation is in GET products?modified_after",
    "customers: modified_after",
}


@pytest.fixture(scope="module")
def dated(shop: Shop) -> Dated:
    """An order of the recorded moment, in winter."""
    body = shop.order(12)
    gmt = dt.datetime.fromisoformat(FILTERS["order date_modified_gmt"])
    now = dt.datetime.fromisoformat(body["date_modified_gmt"])
    shop.control.backdate(body["id"], int((now - gmt).total_seconds()))
    body = shop.call("GET", f"orders/{body['id']}").json
    assert body["date_modified"] == FILTERS["order date_modified"]
    return Dated(shop.call, body["id"], gmt, dt.datetime.fromisoformat(body["date_modified"]))


@pytest.mark.parametrize("question", list(ASKED))
def test_a_date_filter_finds_what_it_found(dated: Dated, question: str) -> None:
    assert ASKED[question](dated) is FILTERS[question]


def test_no_recorded_question_about_filters_is_forgotten() -> None:
    assert set(FILTERS) == set(ASKED) | ELSEWHERE


def test_a_date_alone_is_refused(dated: Dated) -> None:
    answer = dated.call("GET", "orders", modified_after="2026-11-23")

    assert [answer.status, answer.json["message"]] == FILTERS["modified_after date only"]


def test_the_trash_is_only_found_by_itself(shop: Shop) -> None:
    order_id = shop.order(12)["id"]
    assert shop.call("DELETE", f"orders/{order_id}").status == 200

    asked: dict[str, dict[str, Any]] = {
        "trashed, no status given": {},
        "trashed, status=trash": {"status": "trash"},
        "trashed, status=any": {"status": "any"},
        "trashed, status=any,trash": {"status": "any,trash"},
    }
    for name, params in asked.items():
        found = [row["id"] for row in shop.call("GET", "orders", per_page=100, **params).json]
        assert (order_id in found) is FILTERS[name], name


def test_a_changed_variation_is_found_by_its_parent_alone(shop: Shop) -> None:
    shop.later()
    _variation(shop, stock_quantity=9)
    moment = dt.datetime.fromisoformat(str(shop.modified("variation")))

    found = [r["id"] for r in shop.call("GET", "products", modified_after=_text(moment - SECOND), **G).json]
    at_once = [r["id"] for r in shop.call("GET", "products", modified_after=_text(moment), **G).json]

    told = FILTERS["products: a changed variation is in GET products?modified_after"]
    assert (VARIATION in found) is told["the variation itself"]
    assert (PARENT in found) is told["its parent"]
    assert (PARENT in at_once) is FILTERS["products: modified_after == own second"]
    assert (PARENT in found) is FILTERS["products: 1 s earlier"]


def test_customers_do_not_know_modified_after(shop: Shop) -> None:
    everybody = shop.call("GET", "customers", per_page=100).headers["X-WP-Total"]

    answer = shop.call("GET", "customers", modified_after="2100-01-01T00:00:00", per_page=100)

    assert answer.status == FILTERS["customers: modified_after"][0]
    assert answer.headers["X-WP-Total"] == everybody

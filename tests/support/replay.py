"""Plays the recorded exchanges, in their order, to a look-alike store that is brought into the recorded state.

What no exchange made (the catalogue, orders from checkouts) is loaded from the bodies in which it was seen.
"""

from __future__ import annotations

import base64
import copy
import email.utils
import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from retailhub.sandbox.store.control import Control, Place
from retailhub.sandbox.store.not_imitated import ALWAYS_EMPTY
from tests.support.recordings import FOLDER
from tests.support.store import Answer, Caller, Receiver

Doc = dict[str, Any]
CUT = "cut by the recorder"
_ELSEWHERE = {
    "order_delete_force": 5,
    "order_get_gone": 6,
    "order_get_restored": 4,
    "order_delete_trash": 3,
    "webhook_post_ping_fails": 0,
    "webhook_after_ping_failed": 1,
    "webhook_delete_noforce": 2,
    "webhook_delete": 3,
    "webhook_get_disabled": 0,
    "product_put_stock_manage": 1,
    "product_put_stock_zero": 2,
    "refunds_after_status_refunded": 1,
}
"""Turns within one second, where the names do not tell."""


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer. ``body`` is parsed JSON, or text if it was none."""

    name: str
    method: str
    path: str
    auth: str
    key: str
    headers: dict[str, str]
    sent: Any
    status: int
    answer_headers: dict[str, str]
    body: Any
    is_json: bool


def exchanges() -> Iterator[Exchange]:
    """All recorded ones, the oldest first."""
    found = []
    for path in sorted((FOLDER / "rest").glob("[!_]*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        asked, told = raw["request"], raw["response"]
        at = email.utils.parsedate_to_datetime(told["headers"]["Date"])
        exchange = Exchange(
            path.stem,
            asked["method"],
            asked["url"].partition("/wp-json/wc/v3")[2].lstrip("/"),
            asked["auth"],
            asked["key"],
            asked["headers"],
            asked["body"],
            told["status"],
            told["headers"],
            told["body"] if "body" in told else told["body_text"],
            "body" in told,
        )
        found.append((at, _ELSEWHERE.get(path.stem, 2), path.stem, exchange))
    return (row[-1] for row in sorted(found, key=lambda row: row[:3]))


@dataclass
class World:
    """The stores that are asked, and what was recorded."""

    place: Place
    control: Control
    with_tax: Place
    with_tax_control: Control
    receiver: Receiver
    recorded: dict[str, Exchange] = field(default_factory=lambda: {e.name: e for e in exchanges()})

    def __post_init__(self) -> None:
        self.call = Caller(self.place)
        seen: dict[int, Doc] = {}
        for name in ("product_get_simple", "products_list", "products_list_sku_variation", "variations_list"):
            rows = self.recorded[name].body
            for row in rows if isinstance(rows, list) else [rows]:
                if isinstance(row, dict):
                    seen.setdefault(row["id"], row)
        for exchange in self.recorded.values():
            if exchange.name.startswith("product_get_") or exchange.name == "product_put_stock_null":
                seen.setdefault(exchange.body["id"], exchange.body)
        self.products = seen

    def load_catalogue(self, control: Control) -> None:
        """The products as they were seen, and 120 simple ones like the first of the recorded batch."""
        rows = sorted(self.products.values(), key=lambda row: (bool(row["parent_id"]), row["id"]))
        like = self.recorded["products_batch_100"].body["update"][0]
        for at in range(120):
            more = {"id": 25 + at, "name": f"Bulk {at + 1:03d}", "slug": f"bulk-{at + 1:03d}"}
            rows.append({**like, **more, "sku": f"BULK-{at + 1:03d}"})
        control.load(products=rows)

    def load_order(self, body: Doc, **changes: Any) -> None:
        self.control.load(orders=[{**copy.deepcopy(body), **changes}])

    def add_webhooks(self, topics: list[str]) -> None:
        for topic in topics:
            self.call.webhook(topic, self.webhook_url)

    @property
    def webhook_url(self) -> str:
        return f"{self.receiver.url}/hook"


Prepare = Callable[[World, Exchange], None]


def _begin(world: World, _: Exchange) -> None:
    for call in (world.call, Caller(world.with_tax)):
        answer = call("POST", "taxes", {"country": "DE", "rate": "19.0000", "name": "MwSt. 19%"})
        assert answer.status == 201
    world.control.load(customers=[world.recorded["customers_list"].body[0]])
    world.with_tax_control.load(products=[world.recorded["product_put_price"].body])


def _catalogue(world: World, _: Exchange) -> None:
    world.load_catalogue(world.control)


def _more_webhooks(world: World, _: Exchange) -> None:
    names = ["order.updated", "order.deleted", "order.restored", "product.created", "product.updated"]
    names += ["product.deleted", "product.restored", "customer.created", "customer.updated", "customer.deleted"]
    world.add_webhooks([*names, "coupon.created", "coupon.updated", "coupon.deleted"])


def _ping_that_fails(world: World, _: Exchange) -> None:
    world.add_webhooks(["order.created"])
    world.receiver.statuses = [500]


def _note(world: World, _: Exchange) -> None:
    assert world.call("PUT", "orders/148", {"meta_data": [{"key": "_b", "value": "1"}]}).status == 200


def _free_coupon(world: World, _: Exchange) -> None:
    _next_post(world, 147)
    coupon = {"code": "free100", "discount_type": "percent", "amount": "100"}
    assert world.call("POST", "coupons", coupon).status == 201


def _next_post(world: World, ident: int) -> None:
    world.control.set_counters(post=ident - 1)


def _restore(world: World, _: Exchange) -> None:
    world.control.restore(159)


def _lists(world: World, _: Exchange) -> None:
    """All orders as they were then, with their dates."""
    names = ("order_post_jpy", "order_post_usd", "order_post_zero", "order_put_cancelled", "order_get_refunded")
    rows = [world.recorded[name].body for name in names]
    rows += [world.recorded["order_post_quebec_compound"].body]
    for name in ("orders_list_p1", "orders_list_p2", "orders_list_orderby_modified"):
        rows += [row for row in world.recorded[name].body if isinstance(row, dict)]
    world.control.load(orders=rows)


def _third_customer(world: World, _: Exchange) -> None:
    world.control.load(customers=[world.recorded["customers_list_p"].body[1]])


def _refund_one(world: World, _: Exchange) -> None:
    world.control.refund(332, amount="1.00")


def _disable(world: World, _: Exchange) -> None:
    assert world.call("PUT", "webhooks/2", {"status": "disabled"}).status == 200


def _unpaid_gateway(world: World, _: Exchange) -> None:
    _next_post(world, 338)
    order = {"payment_method": "bacs", "line_items": [{"product_id": 11, "quantity": 1}], "set_paid": True}
    assert world.call("POST", "orders", order).json["id"] == 338


def _loaded(source: str, **changes: Any) -> Prepare:
    def prepare(world: World, _: Exchange) -> None:
        body = world.recorded[source].body
        lines = copy.deepcopy(body["line_items"])
        if "refunds" in changes:
            for line in lines:
                for meta in line["meta_data"]:
                    if meta["key"] == "_reduced_stock":
                        meta["value"] = str(line["quantity"])
                line["meta_data"] = [m for m in line["meta_data"] if m["key"] != "_restock_refunded_items"]
        world.load_order({**body, "line_items": lines}, **changes)

    return prepare


def _without_second_line(world: World, _: Exchange) -> None:
    world.load_order(world.recorded["order_put_cancelled"].body)
    world.control.set_counters(item=60)


def _manners(**manners: Any) -> Prepare:
    def prepare(world: World, _: Exchange) -> None:
        world.control.behave(**manners, times=1)

    return prepare


PREPARE: dict[str, Prepare] = {
    "webhook_post": _catalogue,
    "webhook_get": _more_webhooks,
    "webhook_post_ping_fails": _ping_that_fails,
    "orders_batch_bad_status": _note,
    "order_post_zero": _free_coupon,
    "order_put_cancelled": _loaded("order_put_cancelled", status="on-hold"),
    "order_delete_trash": _loaded("order_delete_trash"),
    "order_get_restored": _restore,
    "order_get_checkout_cod": _loaded("order_get_checkout_cod"),
    "order_get_checkout_bacs": _loaded("order_get_checkout_bacs"),
    "order_get_checkout_classic": _loaded("order_get_checkout_classic"),
    "webhook_get_disabled": _disable,
    "orders_list_p1": _lists,
    "order_put_add_line": _without_second_line,
    "legacy_order_get": _refund_one,
    "customers_list_p": _third_customer,
    "order_put_status_refunded": _loaded("order_put_status_refunded", status="processing", refunds=[]),
    "refund_post_full_lines": _loaded("order_get_refunded_lines", status="processing", refunds=[]),
    "refund_post_by_gateway": _unpaid_gateway,
    "err_500_fatal": _manners(fatal=1.0),
    "err_500_fatal_accept_html": _manners(fatal=1.0),
    "err_500_fatal_no_accept": _manners(fatal=1.0),
    "err_200_with_php_notice": _manners(notice=1.0),
    "err_500_db_down": _manners(database_down=1.0),
    "err_502_php_down": _manners(gateway_down=1.0),
    "err_503_maintenance": _manners(maintenance=1.0),
}
"""What must be so before an exchange and was done by none."""
FIRST = "tax_rate_post_CA_GST"
_MAKES = ("orders", "coupons")


def replay(world: World) -> dict[str, Answer]:
    """Every exchange once, in order; what this store answered."""
    answers = {}
    for exchange in world.recorded.values():
        if exchange.name == FIRST:
            _begin(world, exchange)
        if exchange.name in PREPARE:
            PREPARE[exchange.name](world, exchange)
        _set_numbers(world, exchange)
        answers[exchange.name] = ask(world, exchange)
        if world.control.manners().times is not None:
            world.control.be_good()
    return answers


def _set_numbers(world: World, exchange: Exchange) -> None:
    """What is made gets the recorded number."""
    told = exchange.body if isinstance(exchange.body, dict) else {}
    if exchange.method != "POST" or exchange.path.endswith("/batch"):
        return
    place = exchange.path.partition("?")[0].split("/")
    ident = told.get("id") or told.get("data", {}) if isinstance(told.get("data", {}), dict) else None
    if isinstance(ident, dict):
        ident = ident.get("new_draft_order_id")
    if ident and place[0] in _MAKES and place[-1] in ("orders", "coupons", "refunds"):
        _next_post(world, ident)
        rows = [*told.get("line_items", ()), *told.get("shipping_lines", ()), *told.get("fee_lines", ())]
        if rows:
            world.control.set_counters(item=min(row["id"] for row in rows) - 1)
    elif ident and place[0] == "taxes":
        world.control.set_counters(rate=ident - 1)


def ask(world: World, exchange: Exchange) -> Answer:
    """The recorded request, signed anew in the recorded way."""
    sent = exchange.sent.encode() if isinstance(exchange.sent, str) else exchange.sent
    if isinstance(sent, dict) and "delivery_url" in sent:
        sent = {**sent, "delivery_url": world.webhook_url}
    place = world.with_tax if exchange.name == "order_post_prices_include_tax" else world.place
    caller = Caller(place, key=_key(world, exchange)[0], secret=_key(world, exchange)[1])
    if exchange.auth.startswith("Basic over https"):
        return _ask_over_tls(world, exchange)
    headers = {name.lower(): value for name, value in exchange.headers.items()}
    if exchange.name == "err_401_basic_over_http":
        headers["authorization"] = _basic(world.place.key, world.place.secret)
    headers.setdefault("accept", "application/json")
    if exchange.name == "err_oauth_old_timestamp":
        url = caller.sign(exchange.method, exchange.path).replace("oauth_timestamp=", "oauth_timestamp=1")
    elif exchange.auth == "none":
        url = f"{place.url}/wp-json/wc/v3/{exchange.path}"
    else:
        url = caller.sign(exchange.method, exchange.path)
    return caller.send(exchange.method, url, sent, headers=headers)


def _key(world: World, exchange: Exchange) -> tuple[str, str]:
    key, secret = world.place.key, world.place.secret
    if exchange.name.startswith("err_401_bad_key"):
        return "ck_nobody", secret
    if exchange.name.startswith("err_401_bad_secret"):
        return key, "cs_wrong"
    if exchange.key in ("read", "write"):
        return f"{key}_{exchange.key}", f"{secret}_{exchange.key}"
    return key, secret


def _basic(key: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()


def _ask_over_tls(world: World, exchange: Exchange) -> Answer:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(urlsplit(world.place.tls_url).netloc, timeout=20, context=context)
    try:
        headers = {"Authorization": _basic(*_key(world, exchange)), "Accept": "application/json"}
        connection.request(exchange.method, f"/wp-json/wc/v3/{exchange.path}", headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def shape_of(value: Any, *, key: str = "") -> Any:
    """Keys and types, recursively. The choices of a setting are data and count as one.

    Meta is sorted: its order is the database's whim in the recordings too.
    """
    if isinstance(value, dict):
        if key == "options":
            return {"*": "string"}
        return {name: shape_of(inner, key=name) for name, inner in sorted(value.items())}
    if isinstance(value, list):
        rows = [inner for inner in value if not (isinstance(inner, str) and CUT in inner)]
        if key == "meta_data":
            rows.sort(key=lambda row: (row["key"], row["id"]))
        return [] if key in ALWAYS_EMPTY else [shape_of(inner) for inner in rows]
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "null" if value is None else "string"


def differences(recorded: Any, ours: Any, path: str = "") -> list[str]:
    """What differs between two shapes; of lists as many elements are compared as both have."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        found = [f"{path}.{name} is missing" for name in recorded if name not in ours]
        found += [f"{path}.{name} is too much" for name in ours if name not in recorded]
        for name in recorded:
            if name in ours:
                found += differences(recorded[name], ours[name], f"{path}.{name}")
        return found
    if isinstance(recorded, list) and isinstance(ours, list):
        if bool(recorded) != bool(ours):
            return [f"{path} has {len(ours)} and not {len(recorded)}"]
        found = []
        for at, (theirs, mine) in enumerate(zip(recorded, ours, strict=False)):
            found += differences(theirs, mine, f"{path}[{at}]")
        return found
    return [] if recorded == ours else [f"{path} is {ours} and not {recorded}"]


def wait_for(condition: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Until something is so. Raises ``AssertionError`` when it never is."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)

"""Reads of the store: GET orders, orders/{id}, products, products/{id}, system_status, webhooks, signed by OAuth 1.0a.

Dates of filters as recorded: naive ones are the site's unless ``dates_are_gmt`` is true, and then a zone in
the text shifts them once too often; ``modified_after`` is strictly later. ``status=any``, the default, leaves
out trash and drafts, however it is combined. Under ``/_control/`` the feeder tells of itself, unsigned.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import msgspec

from retailhub.sandbox.feeder.bodies import GONE, encode
from retailhub.sandbox.feeder.ledger import Ledger
from retailhub.sandbox.feeder.oauth import Gate, as_php_sees
from retailhub.sandbox.feeder.products import product_json
from retailhub.sandbox.store.lifelike.catalogue import BY_ID, BY_SKU, PRODUCTS, Product, StoreProfile

API = "/wp-json/wc/v3/"
VERSION = "11.0.1"
_TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored", "action.woocommerce_delete_order")
_STATUSES = (
    "any", "trash", "auto-draft", "pending", "processing", "on-hold",
    "completed", "cancelled", "refunded", "failed", "checkout-draft",
)  # fmt: skip
_HIDDEN = "('trash', 'checkout-draft', 'auto-draft', 'deleted')"


class Answer(msgspec.Struct):
    """An HTTP answer with a JSON body."""

    status: int
    body: bytes
    headers: dict[str, str] = msgspec.field(default_factory=dict)


def refusal(status: int, code: str, message: str, **data: Any) -> Answer:
    """An error in the store's form."""
    return Answer(status, encode({"code": code, "message": message, "data": {"status": status, **data}}))


class BadParam(Exception):
    """A parameter the store refuses with 400. ``code`` as in the answer's details."""

    def __init__(self, name: str, message: str, code: str) -> None:
        super().__init__(message)
        self.name, self.message, self.code = name, message, code

    def answer(self) -> Answer:
        return refusal(
            400,
            "rest_invalid_param",
            f"Invalid parameter(s): {self.name}",
            params={self.name: self.message},
            details={self.name: {"code": self.code, "message": self.message, "data": None}},
        )


class Store:
    """Answers reads from the ledger and the catalogue."""

    def __init__(self, ledger: Ledger, profile: StoreProfile, gate: Gate, second: Callable[[], int]) -> None:
        self._ledger, self._profile, self._gate, self._second = ledger, profile, gate, second
        self._zone = ZoneInfo(profile.time_zone)
        self.site = self.target = ""

    def answer(self, method: str, path: str, query: str, *, host: str) -> Answer:
        """One request. ``host`` as the client named it: its signature is over that address."""
        params = as_php_sees(parse_qsl(query, keep_blank_values=True))
        refused = self._gate.refusal(method, f"http://{host}{path}", params, now=self._second())
        if refused is not None:
            return refusal(401, *refused)
        kind, _, ident = path.removeprefix(API).strip("/").partition("/")
        if method == "GET" and kind in ("orders", "products") and (not ident or ident.isdigit()):
            try:
                if ident:
                    return self._order(int(ident)) if kind == "orders" else self._product(int(ident))
                return self._orders(params) if kind == "orders" else self._products(params)
            except BadParam as error:
                return error.answer()
        if method == "GET" and not ident and kind == "system_status":
            return Answer(200, encode(self._status()))
        if method == "GET" and not ident and kind == "webhooks":
            return _list_answer(self._webhooks(), params, total=len(_TOPICS), per_page=_page_of(params)[1])
        return refusal(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _status(self) -> dict[str, Any]:
        """Of the store's report on itself, what tells which store it is."""
        return {
            "environment": {"home_url": self.site, "site_url": self.site, "version": VERSION},
            "settings": {"currency": self._profile.currency, "number_of_decimals": 2},
        }

    def _webhooks(self) -> list[dict[str, Any]]:
        return [
            {"id": number, "name": topic, "status": "active", "topic": topic, "delivery_url": self.target}
            for number, topic in enumerate(_TOPICS, start=1)
        ]

    def _order(self, order_id: int) -> Answer:
        record = self._ledger.get(order_id)
        if record is None or record.status == "deleted":
            return Answer(404, GONE)
        return Answer(200, record.body)

    def _orders(self, params: dict[str, str]) -> Answer:
        page, per_page = _page_of(params)
        where, values = self._conditions(params)
        column = "modified" if params.get("orderby") == "modified" else "created"
        turn = "ASC" if params.get("order", "desc").lower() == "asc" else "DESC"
        total = self._ledger.how_many(where, values)
        records = self._ledger.find(
            where, (*values, per_page, (page - 1) * per_page),
            tail=f"ORDER BY {column} {turn}, id {turn} LIMIT ? OFFSET ?",
        )  # fmt: skip
        rows = [json.loads(record.body) for record in records]
        for row in rows:
            row["meta_data"].reverse()  # a list has them in another order than a single read
        return _list_answer(rows, params, total=total, per_page=per_page)

    def _conditions(self, params: dict[str, str]) -> tuple[str, list[Any]]:
        parts, values = ["status != 'deleted'"], list[Any]()
        wanted = [word for word in params.get("status", "any").split(",") if word]
        for at, status in enumerate(wanted):
            if status not in _STATUSES:
                names = f"{', '.join(_STATUSES[:-1])}, and {_STATUSES[-1]}"
                raise BadParam("status", f"status[{at}] is not one of {names}.", "rest_not_in_enum")
        if "any" in wanted:
            parts.append(f"status NOT IN {_HIDDEN}")
        else:
            parts.append(f"status IN ({','.join('?' * len(wanted))})")
            values += wanted
        numbers = [v for name, v in params.items() if name == "include" or name.startswith("include[")]
        if numbers:
            ids = [int(word) for word in ",".join(numbers).split(",") if word.strip().isdigit()]
            parts.append(f"id IN ({','.join('?' * len(ids))})")
            values += ids
        for name, column, sign in (
            ("modified_after", "modified", ">"), ("modified_before", "modified", "<"),
            ("after", "created", ">"), ("before", "created", "<"),
        ):  # fmt: skip
            if name in params:
                parts.append(f"{column} {sign} ?")
                values.append(self._moment(name, params))
        return " AND ".join(parts), values

    def _moment(self, name: str, params: Mapping[str, str]) -> float:
        """A filter's date as Unix seconds, with the store's own reading of zones."""
        text = params[name]
        try:
            at = dt.datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is None or "T" not in text.upper():
            raise BadParam(name, "Invalid date.", "rest_invalid_date")
        if params.get("dates_are_gmt", "false").lower() not in ("true", "1"):
            return (at if at.tzinfo else at.replace(tzinfo=self._zone)).timestamp()
        local = at.astimezone(self._zone) if at.tzinfo else at
        return local.replace(tzinfo=dt.UTC).timestamp()

    def _product(self, product_id: int) -> Answer:
        product = BY_ID.get(product_id)
        if product is None:
            return refusal(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        return Answer(200, encode(self._shown(product)))

    def _products(self, params: dict[str, str]) -> Answer:
        page, per_page = _page_of(params)
        if "sku" in params:
            wanted = [word.strip().casefold() for word in params["sku"].split(",")]
            found = [BY_SKU[sku] for sku in dict.fromkeys(wanted) if sku in BY_SKU]
        else:
            found = [row for row in PRODUCTS if not row.parent_id]
        rows = [self._shown(row) for row in found[(page - 1) * per_page : page * per_page]]
        return _list_answer(rows, params, total=len(found), per_page=per_page)

    def _shown(self, product: Product) -> dict[str, Any]:
        return product_json(product, site=self.site, symbol=self._profile.symbol)


def _page_of(params: Mapping[str, str]) -> tuple[int, int]:
    numbers = []
    for name, default, top in (("page", "1", None), ("per_page", "10", 100)):
        text = params.get(name, default)
        if not text.isdigit() or int(text) < 1 or (top is not None and int(text) > top):
            bounds = "between 1 (inclusive) and 100 (inclusive)" if top else "greater than or equal to 1"
            raise BadParam(name, f"{name} must be {bounds}", "rest_out_of_bounds")
        numbers.append(int(text))
    return numbers[0], numbers[1]


def _list_answer(rows: list[dict[str, Any]], params: Mapping[str, str], *, total: int, per_page: int) -> Answer:
    if "_fields" in params:
        fields = [name.strip() for name in params["_fields"].split(",")]
        rows = [{name: row[name] for name in row if name in fields} for row in rows]
    counts = {"X-WP-Total": str(total), "X-WP-TotalPages": str(-(-total // per_page))}
    return Answer(200, encode(rows), counts)


class ReadServer:
    """Serves a store and its control pages over HTTP/1.1, one thread a connection."""

    def __init__(
        self, store: Store, control: Mapping[str, Callable[[], dict[str, Any]]], *, host: str, port: int
    ) -> None:
        class Handler(_Handler):
            pass

        Handler.store, Handler.control = store, control
        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        self.url = f"http://{host}:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    wbufsize = -1
    disable_nagle_algorithm = True
    store: Store
    control: Mapping[str, Callable[[], dict[str, Any]]]

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the ledger tells what matters."""

    def do_GET(self) -> None:
        self._reply()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the base class names them

    def _reply(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        page = parts.path.removeprefix("/_control/")
        if page in self.control and page != parts.path:
            answer = Answer(200, json.dumps(self.control[page]()).encode())
        else:
            host = self.headers.get("Host", "")
            answer = self.store.answer(self.command, parts.path, parts.query, host=host)
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

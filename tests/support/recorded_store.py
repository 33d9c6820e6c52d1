"""A WooCommerce store that answers reads from recordings over real HTTP and checks OAuth 1.0a as stores do.

    with RecordedStore() as store:
        store.set_order("148", body)     # what the next read of this order answers
        store.next(Manner(status=429))   # how the next call is answered, whatever it asks
        store.reads["148"]               # how often this order was read

Single orders by ``GET /wp-json/wc/v3/orders/{id}``, lists with ``include``, ``status``, ``page``,
``per_page`` and ``_fields=id``, and the recorded ``system_status`` and ``webhooks``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from tests.support import recordings

KEY = "ck_recorded"
SECRET = "cs_recorded"
ORDERS = "/wp-json/wc/v3/orders"
_HIDDEN_FROM_ANY = {"trash", "checkout-draft", "auto-draft"}
_NONCE_USED = {
    "code": "woocommerce_rest_authentication_error",
    "message": "Invalid nonce - nonce has already been used.",
    "data": {"status": 401},
}


@dataclass(frozen=True)
class Manner:
    """How one call is answered instead of properly. ``seconds`` is waited first, or until the store stops."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    properly: bool = False
    """Answer as always, only later by ``seconds``."""

    @classmethod
    def recorded(cls, name: str) -> Manner:
        """As recorded, with the headers that matter."""
        answer = recordings.answer(name)
        kept = {"Content-Type", "Retry-After"}
        headers = {key: value for key, value in answer.headers.items() if key in kept}
        return cls(status=answer.status, headers=headers, body=answer.body)


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    method: str
    path: str
    pairs: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: bytes = b""


def newest_orders() -> dict[str, bytes]:
    """The newest delivered body of each order. 166 was deleted for good; 159 was restored from the trash."""
    newest: dict[str, bytes] = {}
    for delivery in recordings.deliveries():
        if b'"order_key"' in delivery.body:
            newest[str(json.loads(delivery.body)["id"])] = delivery.body
    del newest["166"]
    return newest


class RecordedStore:
    """Runs in threads of this process until its ``with`` block ends; may be changed while it runs."""

    def __init__(self, orders: dict[str, bytes] | None = None) -> None:
        self.orders = newest_orders() if orders is None else dict(orders)
        self.key, self.secret = KEY, SECRET
        self.may_read = True
        self.calls: list[Call] = []
        self.reads: Counter[str] = Counter()
        self.manner: Manner | None = None
        """Set: every call is answered like this."""
        self._next: deque[Manner] = deque()
        self._nonces: set[str] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> RecordedStore:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def set_order(self, order_ref: str, body: bytes | None) -> None:
        """The body that reads of this order get from now on; ``None`` deletes it for good."""
        with self._lock:
            if body is None:
                self.orders.pop(order_ref, None)
            else:
                self.orders[order_ref] = body

    def next(self, *manners: Manner) -> None:
        """Answer the next calls like these, one each; then properly again."""
        self._next.extend(manners)

    def answer(self, call: Call) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for one call."""
        with self._lock:
            self.calls.append(call)
            if call.path.startswith(f"{ORDERS}/"):
                self.reads[call.path.removeprefix(f"{ORDERS}/")] += 1
            manner = self._next.popleft() if self._next else self.manner
        if manner is not None:
            self._stopping.wait(manner.seconds)
            if not manner.properly:
                return manner.status, manner.headers, manner.body
        with self._lock:
            refused = self._refuse(call)
            return refused if refused is not None else self._proper(call)

    def _proper(self, call: Call) -> tuple[int, dict[str, str], bytes]:
        if call.method != "GET":
            return _recorded("err_404_route")
        if call.path == ORDERS:
            return self._list(dict(call.pairs))
        if call.path.startswith(f"{ORDERS}/"):
            body = self.orders.get(call.path.removeprefix(f"{ORDERS}/"))
            return _recorded("order_get_gone") if body is None else _json(200, body)
        if call.path == "/wp-json/wc/v3/system_status":
            status = json.loads(recordings.answer("system_status").body)
            status["environment"]["home_url"] = self.url
            return _json(200, json.dumps(status).encode())
        if call.path == "/wp-json/wc/v3/webhooks":
            return _recorded("webhooks_list")
        return _recorded("err_404_route")

    def _list(self, params: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        size, page = int(params.get("per_page", "10")), int(params.get("page", "1"))
        if not 1 <= size <= 100:
            return _recorded("orders_list_per_page_0")
        found = [json.loads(body) for body in self.orders.values()]
        found = [order for order in found if _is_wanted(order, params)]
        found.sort(key=lambda order: (order["date_created_gmt"], order["id"]), reverse=True)
        shown = found[(page - 1) * size : page * size]
        if params.get("_fields") == "id":
            shown = [{"id": order["id"]} for order in shown]
        status, headers, body = _json(200, json.dumps(shown).encode())
        pages = -(-len(found) // size)
        return status, headers | {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}, body

    def _refuse(self, call: Call) -> tuple[int, dict[str, str], bytes] | None:
        """What the store says to a call that is not signed, wrongly signed, too old or a repetition."""
        params = dict(call.pairs)
        if "oauth_signature" not in params:
            return _recorded("err_401_basic_over_http" if "Authorization" in call.headers else "err_401_missing")
        if params.get("oauth_consumer_key") != self.key:
            return _recorded("err_401_bad_key_oauth")
        if not hmac.compare_digest(self._signature(call), params["oauth_signature"]):
            return _recorded("err_401_bad_secret_oauth")
        if abs(time.time() - int(params["oauth_timestamp"])) > 15 * 60:
            return _recorded("err_oauth_old_timestamp")
        if params["oauth_nonce"] in self._nonces:
            return _json(401, json.dumps(_NONCE_USED).encode())
        self._nonces.add(params["oauth_nonce"])
        return None if self.may_read else _recorded("err_401_write_only_reads")

    def _signature(self, call: Call) -> str:
        """Follows the server's PHP step by step, so that it does not share a mistake with our client."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, value in call.pairs:
            if name == "oauth_signature":
                continue
            top, bracket, rest = name.partition("[")
            inner = groups.setdefault(top, [])
            inner.append((rest.rstrip("]") or str(len(inner)) if bracket else "", value))
        joined = []
        for top in sorted(groups, key=str.encode):
            for place, value in groups[top]:
                key = f"{quote(top, safe='')}%5B{place}%5D" if place else quote(top, safe="")
                joined.append(quote(f"{key}={quote(value, safe='')}", safe=""))
        text = f"{call.method}&{quote(self.url + call.path, safe='')}&{'%26'.join(joined)}"
        digest = hmac.new(f"{self.secret}&".encode(), text.encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()


def _is_wanted(order: dict[str, Any], params: dict[str, str]) -> bool:
    statuses = set(params.get("status", "any").split(","))
    if "any" in statuses:
        if order["status"] in _HIDDEN_FROM_ANY:
            return False
    elif order["status"] not in statuses:
        return False
    included = {value for name, value in params.items() if name.partition("[")[0] == "include"}
    included = {ref for value in included for ref in value.split(",")}
    return not included or str(order["id"]) in included


def _recorded(name: str) -> tuple[int, dict[str, str], bytes]:
    answer = recordings.answer(name)
    return _json(answer.status, answer.body)


def _json(status: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json; charset=UTF-8"}, body


def _handler(store: RecordedStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            pairs = tuple(parse_qsl(parts.query, keep_blank_values=True))
            call = Call(self.command, parts.path, pairs, dict(self.headers.items()), body)
            status, headers, body = store.answer(call)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the base class's names

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    return Handler

"""What the tests of the feeder share: recordings, and a receiver that notes what it takes."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from retailhub.sandbox.feeder import (
    OrderPlan,
    play,
)

PAYLOADS = Path(__file__).parents[2] / "payloads" / "woocommerce"
SITE = "http://127.0.0.1:8081"
NOON = dt.datetime(2026, 11, 23, 12, 0, 0, tzinfo=dt.UTC)
START = int(NOON.timestamp())
SECRET = "feeder-secret"
CENT = Decimal("0.01")


def recorded_bodies() -> list[bytes]:
    paths = sorted((PAYLOADS / "webhooks").glob("*.body"))
    return [body for body in (path.read_bytes() for path in paths) if b'"line_items"' in body]


def recorded_answer(name: str) -> Any:
    return json.loads((PAYLOADS / "rest" / f"{name}.json").read_text())["response"]["body"]


def bodies_of(plan: OrderPlan) -> list[bytes]:
    return [body for _, body in play(plan, site=SITE, start=START)]


def last_of(plan: OrderPlan) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(bodies_of(plan)[-1])
    return order


def money(rows: list[dict[str, Any]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows), Decimal(0))


class Sink:
    """Takes deliveries. ``answer`` decides the status of each by its number."""

    def __init__(self, answer: Callable[[int], int]) -> None:
        self.taken: list[tuple[list[tuple[str, str]], bytes]] = []
        self.refused = 0
        self._lock = threading.Lock()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def log_message(self, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = sink.take(list(self.headers.items()), body, answer)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks/woocommerce/eu/"

    def take(self, headers: list[tuple[str, str]], body: bytes, answer: Callable[[int], int]) -> int:
        with self._lock:
            status = answer(len(self.taken) + self.refused)
            if status == 200:
                self.taken.append((headers, body))
            else:
                self.refused += 1
        return status

    def deliveries(self) -> list[tuple[dict[str, str], bytes]]:
        return [(dict(headers), body) for headers, body in self.taken if len(headers) > 8]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def assert_signed(headers: dict[str, str], body: bytes) -> None:
    wanted = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    assert headers["X-WC-Webhook-Signature"] == wanted
    assert int(headers["Content-Length"]) == len(body)

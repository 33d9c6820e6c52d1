"""A caller of a look-alike store, and a receiver of its webhooks."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode, urlsplit

from woocommerce.oauth import OAuth

from retailhub.sandbox.store.control import Place

SECRET = "store-webhook-secret"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        return str(self.json["code"])


class Caller:
    """Speaks wc/v3 to a store over http, signed by the client library that most people use."""

    def __init__(self, place: Place, *, key: str = "", secret: str = "") -> None:
        self.place = place
        self.key, self.secret = key or place.key, secret or place.secret

    def __call__(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **params: Any
    ) -> Answer:
        """``path`` below wc/v3; ``body`` as JSON, or raw when it is bytes."""
        return self.send(method, self.sign(method, path, **params), body, headers=headers)

    def sign(self, method: str, path: str, **params: Any) -> str:
        """A signed address."""
        url = f"{self.place.url}/wp-json/wc/v3/{path}"
        if params:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"
        auth = OAuth(url=url, consumer_key=self.key, consumer_secret=self.secret, version="wc/v3", method=method)
        return str(auth.get_oauth_url())

    def send(self, method: str, url: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Answer:
        """An address as it is."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
        try:
            connection.request(method, f"{parts.path}?{parts.query}", raw, sent)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def webhook(self, topic: str, url: str, **fields: Any) -> int:
        """A new webhook; its number."""
        answer = self("POST", "webhooks", {"topic": topic, "delivery_url": url, "secret": SECRET, **fields})
        assert answer.status == 201, answer.raw
        return int(answer.json["id"])


@dataclass(frozen=True)
class Received:
    """One delivery as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def topic(self) -> str:
        return self.headers.get("X-WC-Webhook-Topic", "")

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def what(self) -> tuple[str, Any]:
        """Topic, and the number in the body, ``None`` for an error."""
        return self.topic, self.json.get("id")


@dataclass
class Receiver:
    """Takes webhooks and answers ``statuses`` in their order, then 200; a status of 0 drops the connection."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    hold: threading.Event | None = None
    """Set: answers wait for it."""

    @property
    def deliveries(self) -> list[Received]:
        """All but the pings."""
        return [row for row in self.received if row.topic]

    def take(self) -> list[tuple[str, Any]]:
        """What came since, as (topic, number)."""
        found = [row.what for row in self.deliveries]
        self.received.clear()
        return found


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            receiver.received.append(Received(self.path, dict(self.headers.items()), body))
            if receiver.hold is not None:
                receiver.hold.wait(20)
            status = receiver.statuses.pop(0) if receiver.statuses else 200
            if status == 0:
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (OSError, ValueError):
                self.close_connection = True

    return Handler


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver until the block ends."""
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

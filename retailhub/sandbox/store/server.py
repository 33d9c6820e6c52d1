"""The store's HTTP/1.1 ports: the API with its manners, over http or TLS, and the control port. Loopback only."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from retailhub.sandbox.store.bad_answers import broken, fatal, instead, redirect, spoil
from retailhub.sandbox.store.calls import Answer, Request
from retailhub.sandbox.store.manners import AFTER, Fault, Temper
from retailhub.sandbox.store.php import read_query
from retailhub.sandbox.store.rest import Rest
from retailhub.sandbox.store.store import API

HOST = "127.0.0.1"
MOST_BODY_BYTES = 64 * 1024 * 1024
_COMMON = {
    "Content-Type": "application/json; charset=UTF-8",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Expose-Headers": "X-WP-Total, X-WP-TotalPages, Link",
    "Expires": "Wed, 11 Jan 1984 05:00:00 GMT",
    "Cache-Control": "no-cache, must-revalidate, max-age=0, no-store, private",
}
Lines = Iterator[dict[str, Any]]
ControlPage = Callable[[str, str, Any], "Answer | Lines"]


class HangUp(Exception):
    """Close the connection without an answer."""


class Server(ThreadingHTTPServer):
    """Knows its open sockets, so that all can be cut at once."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler], tls: tuple[Path, Path] | None = None) -> None:
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._tls: ssl.SSLContext | None = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*tls)
        super().__init__((HOST, port), handler)
        self.port = int(self.server_address[1])

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def get_request(self) -> Any:
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that has gone is everyday life here."""

    def cut(self) -> None:
        """Stop listening and cut every connection."""
        self.shutdown()
        self.server_close()
        with self._guard:
            for connection in self._open:
                _cut(connection)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120

    def _handle(self) -> None:
        try:
            self.respond()
        except HangUp:
            self.close_connection = True
            _cut(self.connection)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the base class names them

    def version_string(self) -> str:
        return "nginx/1.22.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Calls are counted, not logged."""

    def respond(self) -> None:
        raise NotImplementedError

    def read_body(self) -> bytes:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > MOST_BODY_BYTES:
            raise HangUp
        return self.rfile.read(int(length))

    def send(self, answer: Answer, *, bytes_per_second: float = 0.0) -> None:
        self.send_response(answer.status, HTTPStatus(answer.status).phrase)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not bytes_per_second:
            self.wfile.write(answer.body)
            self.wfile.flush()
            return
        piece = max(1, int(bytes_per_second / 10))
        for at in range(0, len(answer.body), piece):
            self.wfile.write(answer.body[at : at + piece])
            self.wfile.flush()
            time.sleep(piece / bytes_per_second)


class ApiHandler(Handler):
    """wc/v3, with the store's manners."""

    rest: Rest
    temper: Temper
    cache: dict[str, Answer]
    secure: bool

    def respond(self) -> None:
        request = self._request(self.read_body())
        manners, place = self.temper.manners, request.path.removeprefix(API).strip("/")
        concerned = manners.concern(request.method, place)
        if concerned and manners.answer_seconds:
            time.sleep(manners.answer_seconds)
        fault = self.temper.fault_for(request.method, place)
        if fault is Fault.DROP:
            raise HangUp
        if concerned and manners.redirect_to:
            self.send(redirect(request, manners.redirect_to))
            return
        if fault is not None and fault not in AFTER:
            self._reply(instead(fault, request, manners))
            return
        answer = self._cached(request) if concerned and manners.cached else self.rest.answer(request)
        if broken(manners, request.method, place, answer):
            answer = fatal(request)
        if fault is Fault.COMMIT_THEN_DROP:
            raise HangUp
        if fault is not None:
            answer = spoil(fault, answer)
        self._reply(answer, bytes_per_second=manners.bytes_per_second if concerned else 0.0)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The ``Date`` of an answer: by the store's clock, as everything else it tells."""
        return super().date_time_string(self.rest.store.clock.exact() if timestamp is None else timestamp)

    def _reply(self, answer: Answer, *, bytes_per_second: float = 0.0) -> None:
        answer.headers = {**_COMMON, **answer.headers}
        self.send(answer, bytes_per_second=bytes_per_second)

    def _request(self, body: bytes) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        manners = self.temper.manners
        if manners.strip_authorization:
            headers.pop("authorization", None)
        scheme = "https" if self.secure else "http"
        return Request(
            method=self.command,
            path=parts.path,
            query=parts.query,
            headers=headers,
            body=body,
            origin=f"{scheme}://{headers.get('host', '')}",
            secure=self.secure,
        )

    def _cached(self, request: Request) -> Answer:
        """As a page cache does it: what the same address answered first, whatever happened since."""
        if request.method != "GET":
            return self.rest.answer(request)
        params = {name: value for name, value in read_query(request.pairs).items() if not name.startswith("oauth_")}
        key = f"{request.path}?{json.dumps(params, sort_keys=True)}"
        kept = self.cache.get(key)
        if kept is None:
            answer = self.rest.answer(request)
            if answer.status == HTTPStatus.OK:
                self.cache[key] = answer
            return answer
        return Answer(status=kept.status, body=kept.body, headers={**kept.headers, "X-Cache": "HIT", "Age": "60"})


class ControlHandler(Handler):
    """The control pages: JSON in, JSON or JSON lines out."""

    page: ControlPage

    def respond(self) -> None:
        raw = self.read_body()
        try:
            found = type(self).page(self.command, self.path.removeprefix("/_control/"), json.loads(raw or b"null"))
        except (ValueError, TypeError, KeyError) as error:
            text = f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)
            found = Answer(status=400, body=json.dumps({"error": text}).encode())
        if isinstance(found, Answer):
            self.send(found)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Connection", "close")
        self.end_headers()
        for line in found:
            self.wfile.write(json.dumps(line).encode() + b"\n")
        self.wfile.flush()

"""The look-alike ERP's two HTTP/1.1 ports: the API with its manners, and the control port that sets them.

The control port is a port of its own because the API's is closed while the ERP is "down". Both are loopback
only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import email.utils
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from retailhub.sandbox.changing import changed
from retailhub.sandbox.erp.api import Api, Reply, Request, read_json, route
from retailhub.sandbox.erp.ledger import Ledger
from retailhub.sandbox.erp.manners import BEFORE_COMMIT, Fault, Manners, Temper

HOST = "127.0.0.1"
MOST_BODY_BYTES = 64 * 1024 * 1024
_LOGIN_PAGE = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form method='post' action='/login'>"
    b'<input name="user"><input name="password" type="password"><button>Sign in</button></form></body></html>'
)


class _HangUpError(Exception):
    """Close the connection without an answer."""


class _Server(ThreadingHTTPServer):
    """Knows its open sockets, so that all can be cut at once."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__((HOST, port), handler)

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
            for sock in self._open:
                _cut(sock)


def _cut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # gone already


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120
    erp: Erp

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:
        """Calls are counted, not logged."""

    def _handle(self) -> None:
        try:
            self.respond()
        except _HangUpError:
            self.close_connection = True
            _cut(self.connection)

    def respond(self) -> None:
        raise NotImplementedError

    def read_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MOST_BODY_BYTES:
            raise _HangUpError
        return self.rfile.read(int(length))

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self._send_head(status, len(body), headers or {})
        self.wfile.write(body)
        self.wfile.flush()

    def send_json(self, reply: Reply, headers: dict[str, str] | None = None) -> None:
        self.send(reply.status, json.dumps(reply.payload).encode(), headers)

    def _send_head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status, HTTPStatus(status).phrase)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


class _ApiHandler(_Handler):
    def respond(self) -> None:
        raw = self.read_body()
        url = urlsplit(self.path)
        found = route(self.command, url.path)
        if found is None:
            self.send_json(Reply(404, _error("no_such_address", "There is nothing here.")))
            return
        endpoint, arguments = found
        self.erp.api.calls[endpoint] += 1
        if not self._is_known_caller():
            self.send_json(Reply(401, _error("unauthorised", "The key is missing, wrong or revoked.")))
            return
        fault = self.erp.temper.fault_for(endpoint)
        if fault in BEFORE_COMMIT:
            self._spoil_before(fault)
            return
        try:
            body = read_json(raw)
        except (ValueError, RecursionError):
            self.send_json(Reply(400, _error("invalid_json", "The body is no JSON.")))
            return
        reply = self.erp.api.answer(Request(endpoint, dict(parse_qsl(url.query)) | arguments, body))
        self._send_spoilt(reply, fault)

    def _is_known_caller(self) -> bool:
        told = self.headers.get("Authorization", "").encode()
        expected = f"Bearer {self.erp.api_key}".encode()
        return hmac.compare_digest(told, expected) and not self.erp.temper.manners.revoked

    def _spoil_before(self, fault: Fault | None) -> None:
        if fault is Fault.RATE_LIMITED:
            self.send_json(Reply(429, _error("too_many_calls", "Call less often.")), self._retry_after())
        elif fault is Fault.UNAVAILABLE:
            self.send_json(Reply(503, _error("unavailable", "Back soon.")), self._retry_after())
        elif fault is Fault.LOGIN_PAGE:
            self.send(200, _LOGIN_PAGE, {"Content-Type": "text/html; charset=utf-8"})
        else:
            raise _HangUpError

    def _send_spoilt(self, reply: Reply, fault: Fault | None) -> None:
        if fault is Fault.COMMIT_THEN_DROP:
            raise _HangUpError
        if fault is Fault.ERROR_BODY:
            self.send_json(Reply(200, _error("internal", "Something went wrong.")))
        elif fault is Fault.TRUNCATED:
            whole = json.dumps(reply.payload).encode()
            self.send(reply.status, whole[: len(whole) // 2])
        elif fault is Fault.BYTE_BY_BYTE:
            self._drip(reply)
        else:
            if fault is Fault.LATE:
                time.sleep(self.erp.temper.manners.late_seconds)
            self.send_json(reply)

    def _drip(self, reply: Reply) -> None:
        body = json.dumps(reply.payload).encode()
        self._send_head(reply.status, len(body), {})
        for byte in body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(self.erp.temper.manners.seconds_per_byte)

    def _retry_after(self) -> dict[str, str]:
        manners = self.erp.temper.manners
        if not manners.retry_after_as_date:
            return {"Retry-After": str(manners.retry_after_seconds)}
        moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=manners.retry_after_seconds)
        return {"Retry-After": email.utils.format_datetime(moment, usegmt=True)}


class _ControlHandler(_Handler):
    def respond(self) -> None:
        raw = self.read_body()
        if (self.command, self.path) == ("GET", "/_control/ledger"):
            self._stream_ledger()
            return
        try:
            reply = self._control(json.loads(raw) if raw else None)
        except (ValueError, TypeError, KeyError) as error:
            reply = Reply(400, _error("invalid_call", str(error)))
        self.send_json(reply)

    def _control(self, body: Any) -> Reply:
        erp = self.erp
        match (self.command, self.path):
            case ("GET", "/_control/manners"):
                pass
            case ("POST", "/_control/manners"):
                erp.adopt(changed(erp.temper.manners, body))
            case ("DELETE", "/_control/manners"):
                erp.adopt(Manners())
            case ("POST", "/_control/products"):
                erp.ledger.add_products([(product["code"], product["name"]) for product in body["products"]])
                return Reply(200, {"products": len(body["products"])})
            case ("POST", "/_control/ship"):
                return Reply(200, {"shipped": erp.ledger.ship(body["references"])})
            case _:
                return Reply(404, _error("no_such_address", "There is nothing here."))
        return Reply(200, dataclasses.asdict(erp.temper.manners))

    def _stream_ledger(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Connection", "close")
        self.end_headers()
        for line in self._ledger_lines():
            self.wfile.write(json.dumps(line).encode() + b"\n")
        self.wfile.flush()

    def _ledger_lines(self) -> Iterator[dict[str, Any]]:
        for document in self.erp.ledger.every_document():
            yield {"document": document}
        yield {"calls": dict(self.erp.api.calls), "faults": self.erp.temper.faults()}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


class Erp:
    """The running ERP. Both ports are open after construction: ``port`` and ``control_port``."""

    def __init__(self, ledger: Ledger, *, port: int, control_port: int, api_key: str) -> None:
        self.ledger = ledger
        self.temper = Temper()
        self.api = Api(ledger, self.temper)
        self.api_key = api_key
        self._guard = threading.Lock()
        self._api_handler = type("ApiHandler", (_ApiHandler,), {"erp": self})
        self._control = _Server(control_port, type("ControlHandler", (_ControlHandler,), {"erp": self}))
        self.control_port = int(self._control.server_address[1])
        _serve(self._control)
        self._api_server: _Server | None = _Server(port, self._api_handler)
        self.port = int(self._api_server.server_address[1])
        _serve(self._api_server)

    def adopt(self, manners: Manners) -> None:
        """Take new manners; the API's port is closed or open when this returns."""
        with self._guard:
            self.temper.adopt(manners)
            if manners.down and self._api_server is not None:
                self._api_server.cut()
                self._api_server = None
            elif not manners.down and self._api_server is None:
                self._api_server = _Server(self.port, self._api_handler)
                _serve(self._api_server)

    def close(self) -> None:
        """Cut all connections and close the ledger."""
        with self._guard:
            for server in (self._api_server, self._control):
                if server is not None:
                    server.cut()
            self.ledger.close()


def _serve(server: _Server) -> None:
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

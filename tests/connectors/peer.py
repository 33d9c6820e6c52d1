"""A peer that answers as it is told, and a client of it."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from integrations.connectors.http import Answer, Effect, HttpClient
from integrations.ports.context import CallContext
from integrations.ports.errors import (
    ConnectorError,
)

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
LOGIN = b'<!DOCTYPE html><form><input name="p" type="password"></form>'
PAGE = b"<!DOCTYPE html><h1>It works!</h1>"

Behaviour = Callable[[socket.socket, int], None]


class Peer:
    """A server on a free port that answers each request as ``behaviour(socket, number)`` does."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._behaviour = behaviour
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._open.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            while request := read_request(sock):
                self.requests.append(request)
                self._behaviour(sock, len(self.requests))


def read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def raw(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answering(*answers: bytes) -> Behaviour:
    """The answers one after the other, the last for ever."""

    def behave(sock: socket.socket, number: int) -> None:
        sock.sendall(answers[min(number, len(answers)) - 1])

    return behave


def hanging_up(sock: socket.socket, _number: int) -> None:
    sock.shutdown(socket.SHUT_RDWR)


def client_of(peer: Peer, **options: Any) -> HttpClient:
    context = options.pop("context", None) or CallContext(now=lambda: NOW, deadline_seconds=5)
    return HttpClient(base_url=f"http://127.0.0.1:{peer.port}", context=lambda: context, allow_private=True, **options)


def call(client: HttpClient, effect: Effect = Effect.WRITE, **options: Any) -> Answer:
    return client.call("POST", "/x", effect=effect, body=b"{}", **options)


def error_of(client: HttpClient, effect: Effect = Effect.WRITE, **options: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        call(client, effect, **options)
    return raised.value


Start = Callable[[Behaviour], Peer]

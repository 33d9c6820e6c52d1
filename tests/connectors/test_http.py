"""The one way connectors speak HTTP: bounded, repeated by nobody, and every ending has its class."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import socket
import threading
import time
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from integrations.connectors.http import Effect, HttpClient
from integrations.ports.context import CallContext
from integrations.ports.errors import (
    AuthRejected,
    ConnectorError,
    Misconfigured,
    RateLimited,
    Rejected,
    Transient,
    Unknown,
)
from tests.connectors.peer import (
    LOGIN,
    NOW,
    PAGE,
    Behaviour,
    Start,
    answering,
    call,
    client_of,
    error_of,
    hanging_up,
    raw,
)

READ_AND_WRITE = [
    (hanging_up, Transient, Unknown, "connection_lost"),
    (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{}"),
        Transient,
        Unknown,
        "timed_out",
    ),
    (answering(b"SSH-2.0-OpenSSH\r\n\r\n"), Transient, Unknown, "connection_lost"),
    (answering(raw("500 No", b"{}")), Transient, Unknown, "server_error"),
    (answering(raw("503 No", b"{}")), Transient, Unknown, "server_error"),
    (answering(raw("408 Late", b"{}")), Transient, Unknown, "server_error"),
    (answering(raw("200 OK", LOGIN)), AuthRejected, Unknown, "login_page"),
    (answering(raw("200 OK", PAGE)), Transient, Unknown, "html_answer"),
    (answering(raw("301 Moved", b"", "Location: /y")), Misconfigured, Unknown, "redirected"),
    (answering(raw("401 No", b"{}")), AuthRejected, AuthRejected, "credentials_rejected"),
    (answering(raw("403 No", PAGE)), AuthRejected, AuthRejected, "credentials_rejected"),
    (answering(raw("404 No", b"{}")), Misconfigured, Misconfigured, "wrong_address"),
    (answering(raw("418 No", b"{}")), Rejected, Rejected, "call_refused"),
    (answering(raw("200 OK", b"{}" * 9000)), Transient, Unknown, "answer_too_large"),
    (
        answering(raw("200 OK", gzip.compress(b"0" * 10**6), "Content-Encoding: gzip")),
        Transient,
        Unknown,
        "answer_too_large",
    ),
]


@pytest.mark.parametrize(("behaviour", "read", "write", "code"), READ_AND_WRITE)
def test_every_ending_has_its_class_and_is_asked_for_once(
    start: Start, behaviour: Behaviour, read: type[ConnectorError], write: type[ConnectorError], code: str
) -> None:
    for effect, kind in ((Effect.READ, read), (Effect.WRITE, write)):
        peer = start(behaviour)
        context = CallContext(now=lambda: NOW, deadline_seconds=0.4, max_answer_bytes=10_000)

        error = error_of(client_of(peer, context=context), effect)

        assert (type(error), error.code) == (kind, code)
        assert len(peer.requests) == 1


@pytest.mark.parametrize("effect", list(Effect))
def test_nothing_was_sent_where_nobody_listens(effect: Effect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = HttpClient(base_url=f"http://127.0.0.1:{port}", context=CallContext, allow_private=True)

    error = error_of(client, effect)

    assert (type(error), error.code) == (Transient, "unreachable")


def test_nothing_was_sent_to_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: Any, **_kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    error = error_of(HttpClient(base_url="https://erp.example", context=CallContext))

    assert (type(error), error.code) == (Transient, "unreachable")


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"])
def test_a_server_that_sends_byte_by_byte_ends_at_the_deadline(start: Start, head: bytes) -> None:
    over = threading.Event()

    def drip(sock: socket.socket, _number: int) -> None:
        sock.sendall(head)
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 400:
            if over.wait(0.02):
                return
            sock.sendall(bytes([byte]))

    peer = start(drip)
    begun = time.monotonic()

    error = error_of(client_of(peer, context=CallContext(deadline_seconds=0.3)))

    over.set()
    assert (type(error), error.code) == (Unknown, "timed_out")
    assert 0.25 < time.monotonic() - begun < 1.5


def test_a_write_on_a_socket_that_the_peer_resets_is_not_sent_a_second_time(start: Start) -> None:
    def reset_second(sock: socket.socket, number: int) -> None:
        if number == 1:
            sock.sendall(raw("200 OK", b"{}"))
        else:
            hanging_up(sock, number)

    peer = start(reset_second)
    client = client_of(peer)
    call(client)

    error = error_of(client)

    assert (type(error), error.code) == (Unknown, "connection_lost")
    assert (len(peer.requests), peer.connections) == (2, 1)


def test_sockets_are_kept_between_calls_but_not_when_they_were_idle_too_long(start: Start) -> None:
    peer = start(answering(raw("200 OK", b"{}")))
    busy = client_of(peer)
    call(busy)
    call(busy)
    assert peer.connections == 1

    lazy = client_of(peer, idle_seconds=0.0)
    call(lazy)
    call(lazy)
    assert peer.connections == 3


def test_a_socket_that_the_peer_closed_while_idle_is_replaced_before_anything_is_sent(start: Start) -> None:
    closed = threading.Event()

    def answer_and_close(sock: socket.socket, _number: int) -> None:
        sock.sendall(raw("200 OK", b"{}"))
        sock.shutdown(socket.SHUT_RDWR)
        closed.set()

    peer = start(answer_and_close)
    client = client_of(peer)
    call(client)
    assert closed.wait(5)

    assert call(client).status == 200
    assert len(peer.requests) == 2


def test_a_forked_process_opens_sockets_of_its_own(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = start(answering(raw("200 OK", b"{}")))
    client = client_of(peer)
    call(client)
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)

    call(client)

    assert peer.connections == 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 90", 90),
        ("Retry-After: Mon, 23 Nov 2026 12:02:00 GMT", 120),
        ("Retry-After: Mon, 23 Nov 2026 11:00:00 GMT", 0),
        ("Retry-After: 99999999999999999999", 86400),
        ("Retry-After: soon", 5),
        ("X-Nothing: 1", 5),
    ],
)
def test_429_says_when_to_come_back(start: Start, header: str, seconds: int) -> None:
    peer = start(answering(raw("429 Slow", b"{}", header)))

    error = error_of(client_of(peer))

    assert isinstance(error, RateLimited)
    assert error.retry_at == NOW + dt.timedelta(seconds=seconds)


def test_503_with_a_time_is_a_limit_for_reads_and_a_doubt_with_a_time_for_writes(start: Start) -> None:
    client = client_of(start(answering(raw("503 Later", b"{}", "Retry-After: 60"))))

    read, write = error_of(client, Effect.READ), error_of(client, Effect.WRITE)

    assert isinstance(read, RateLimited)
    assert isinstance(write, Unknown)
    assert read.retry_at == write.retry_at == NOW + dt.timedelta(seconds=60)


def test_a_status_that_the_connector_handles_comes_back_as_an_answer(start: Start) -> None:
    peer = start(answering(raw("422 No", b'{"error": "no"}')))

    answer = call(client_of(peer), handle=frozenset({422}))

    assert (answer.status, answer.body) == (422, b'{"error": "no"}')


class Priced(msgspec.Struct):
    price: Decimal
    rest: dict[str, Any]


def test_numbers_arrive_exactly(start: Start) -> None:
    body = b'{"price": 0.1000000000000000055511, "rest": {"a": 12345678901234567.89, "b": 1.10}}'
    answer = call(client_of(start(answering(raw("200 OK", body)))))

    priced = answer.json(Priced)

    assert priced.price == Decimal("0.1000000000000000055511")
    assert str(priced.rest["a"]) == "12345678901234567.89"
    assert str(priced.rest["b"]) == "1.10"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"price": 1',
        b'{"price": NaN, "rest": {}}',
        b'{"price": "1"}',
        b'{"price":1,"rest":{"a":"\xff"}}',
        b"null",
        b'{"price":1,"rest":' + b'{"a":' * 100_000,
    ],
    ids=["empty", "cut", "nan", "field missing", "not utf-8", "null", "too deep"],
)
def test_an_answer_that_is_not_the_expected_json_is_a_doubt_for_a_write_only(start: Start, body: bytes) -> None:
    client = client_of(start(answering(raw("200 OK", body))))

    for effect, kind in ((Effect.READ, Transient), (Effect.WRITE, Unknown)):
        answer = call(client, effect)
        with pytest.raises(kind) as raised:
            answer.json(Priced)
        assert raised.value.code == "bad_answer"


def test_a_cut_gzip_body_is_not_taken_for_an_answer(start: Start) -> None:
    whole = gzip.compress(b'{"price": 1, "rest": {"a": "' + os.urandom(500).hex().encode() + b'"}}')
    peer = start(answering(raw("200 OK", whole[:-40], "Content-Encoding: gzip")))

    with pytest.raises(Unknown) as raised:
        call(client_of(peer)).json(Priced)

    assert raised.value.code == "bad_answer"

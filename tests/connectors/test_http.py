"""The one way connectors speak HTTP: bounded, repeated by nobody, and every ending has its class."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrations.connectors import http as http_module
from integrations.connectors.http import Answer, Effect, HttpClient, check_base_url
from integrations.connectors.wire import is_public
from integrations.ports.context import CallContext, Exchange
from integrations.ports.errors import (
    AuthRejected,
    ConnectorError,
    Misconfigured,
    RateLimited,
    Rejected,
    Transient,
    Unknown,
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


@pytest.fixture
def start() -> Iterator[Callable[[Behaviour], Peer]]:
    peers: list[Peer] = []

    def start_peer(behaviour: Behaviour) -> Peer:
        peers.append(Peer(behaviour))
        return peers[-1]

    yield start_peer
    for peer in peers:
        peer.close()


Start = Callable[[Behaviour], Peer]


def client_of(peer: Peer, **options: Any) -> HttpClient:
    context = options.pop("context", None) or CallContext(now=lambda: NOW, deadline_seconds=5)
    return HttpClient(base_url=f"http://127.0.0.1:{peer.port}", context=lambda: context, allow_private=True, **options)


def call(client: HttpClient, effect: Effect = Effect.WRITE, **options: Any) -> Answer:
    return client.call("POST", "/x", effect=effect, body=b"{}", **options)


def error_of(client: HttpClient, effect: Effect = Effect.WRITE, **options: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        call(client, effect, **options)
    return raised.value


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


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.1.2.3", "169.254.169.254", "[::ffff:10.0.0.1]"]
)
def test_private_addresses_are_not_called_unless_allowed(host: str) -> None:
    error = error_of(HttpClient(base_url=f"http://{host}:9", context=CallContext))

    assert (type(error), error.code) == (Misconfigured, "private_address")
    assert error.evidence["field"] == "base_url"


def test_a_public_name_that_leads_to_a_private_address_is_not_called(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = start(answering(raw("200 OK", b"{}")))
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", peer.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)

    error = error_of(HttpClient(base_url="http://shop.example", context=CallContext))

    assert error.code == "private_address"
    assert peer.connections == 0


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700::1111", True),
        ("192.168.0.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("fe80::1", False),
        ("::ffff:192.168.0.1", False),
    ],
)
def test_which_addresses_are_of_the_open_internet(address: str, public: bool) -> None:  # noqa: FBT001
    assert is_public(address) is public


def test_the_record_of_a_call_has_no_secrets_and_is_cut(start: Start) -> None:
    peer = start(answering(raw("200 OK", b"y" * 100_000)))
    told: list[Exchange] = []
    context = CallContext(record=told.append, correlation_id="cor-1")
    client = client_of(peer, context=context, headers={"Authorization": "Bearer geheim"})

    client.call(
        "PUT",
        "/things",
        effect=Effect.WRITE,
        params=[("consumer_secret", "geheim"), ("oauth_signature", "geheim"), ("page", "2")],
        body=b"x" * 100_000,
    )

    assert b"geheim" in peer.requests[0]
    assert b"X-Correlation-Id: cor-1" in peer.requests[0]
    assert len(told) == 1
    assert "geheim" not in repr(told)
    assert told[0].url.endswith("/things?consumer_secret=removed&oauth_signature=removed&page=2")
    assert (told[0].method, told[0].status, told[0].error) == ("PUT", 200, "")
    assert told[0].sent == b"x" * http_module.RECORD_LIMIT
    assert told[0].received == b"y" * http_module.RECORD_LIMIT


def test_a_concealed_call_is_recorded_without_bodies_and_a_failed_one_with_its_error(start: Start) -> None:
    told: list[Exchange] = []
    client = client_of(start(answering(raw("200 OK", b"token"))), context=CallContext(record=told.append))
    call(client, conceal=True)
    broken = client_of(start(hanging_up), context=CallContext(record=told.append))
    error_of(broken)

    assert [(exchange.sent, exchange.received, exchange.status) for exchange in told] == [
        (b"", b"", 200),
        (b"{}", b"", None),
    ]
    assert told[1].error == "ConnectionError"


def test_the_guard_is_asked_before_a_call_and_can_stop_it(start: Start) -> None:
    peer = start(answering(raw("200 OK", b"{}")))

    def refuse() -> None:
        raise RuntimeError("a transaction is open")

    with pytest.raises(RuntimeError, match="transaction"):
        call(client_of(peer, context=CallContext(before_call=refuse)))

    assert peer.connections == 0


def test_proxies_of_the_environment_and_cookies_of_the_peer_are_not_used(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    peer = start(answering(raw("200 OK", b"{}", "Set-Cookie: session=1; Path=/")))
    client = client_of(peer)

    call(client)
    call(client)

    assert b"cookie" not in peer.requests[1].lower()


def test_logins_kept_on_this_machine_for_other_programs_are_not_sent(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    peer = start(answering(raw("200 OK", b"{}")))

    call(client_of(peer, headers={"Authorization": "Bearer ours"}))

    assert b"Authorization: Bearer ours\r\n" in peer.requests[0]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "erp.example.com",
        "ftp://erp.example.com",
        "https://",
        "https://user@erp.example.com",
        "http://a:b:c",
        "https://erp.example.com/?a=1",
        "http://erp.example.com:99999",
    ],
)
def test_a_base_url_must_be_a_plain_web_address(value: str) -> None:
    with pytest.raises(Misconfigured, match="base_url"):
        check_base_url(value)


def test_a_base_url_loses_its_last_slash() -> None:
    assert check_base_url("https://erp.example.com/shop/") == "https://erp.example.com/shop"

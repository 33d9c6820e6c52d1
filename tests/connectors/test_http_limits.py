"""What the HTTP seam refuses, keeps to itself and records."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from integrations.connectors import http as http_module
from integrations.connectors.http import Effect, HttpClient, check_base_url
from integrations.connectors.wire import is_public
from integrations.ports.context import CallContext, Exchange
from integrations.ports.errors import (
    Misconfigured,
)
from tests.connectors.peer import (
    Start,
    answering,
    call,
    client_of,
    error_of,
    hanging_up,
    raw,
)


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

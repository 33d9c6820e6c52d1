"""The connector reads orders from a store over real HTTP, signed, bounded and with every refusal named."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from woocommerce.oauth import OAuth

from integrations.connectors.answers import Answer, Effect
from integrations.connectors.woocommerce import client, mapping, signing
from integrations.connectors.woocommerce.config import Credentials, Settings
from integrations.connectors.woocommerce.connector import Connector
from integrations.ports.capabilities import Gone, OrderSource, Testable
from integrations.ports.context import CallContext, ConnectionInfo, Exchange
from integrations.ports.documents import Order, OrderStatus
from integrations.ports.errors import (
    AuthRejected,
    ConnectorError,
    Misconfigured,
    RateLimited,
    Rejected,
    Transient,
)
from tests.support import recordings
from tests.support.recorded_store import KEY, SECRET, Manner, RecordedStore

LOGIN_PAGE = b'<!DOCTYPE html><html><form><input type="password"></form></html>'
HTML = {"Content-Type": "text/html; charset=UTF-8"}


@pytest.fixture
def store() -> Iterator[RecordedStore]:
    with RecordedStore() as running:
        yield running


Connect = Callable[..., Connector]


@pytest.fixture
def connect(store: RecordedStore) -> Iterator[Connect]:
    made: list[Connector] = []

    def connect(context: CallContext | None = None, **changed: Any) -> Connector:
        credentials = {"consumer_key": KEY, "consumer_secret": SECRET, "webhook_secrets": ["s"]}
        info = ConnectionInfo(
            name="eu",
            kind="woocommerce",
            settings={"base_url": store.url, "store_code": "eu", "allow_private": True},
            credentials={**credentials, **changed},
        )
        made.append(Connector(info, context or CallContext(deadline_seconds=5)))
        return made[-1]

    yield connect
    for connector in made:
        connector.close()


def test_every_newest_order_reads_back_as_it_was_delivered(store: RecordedStore, connect: Connect) -> None:
    connector = connect()

    for order_ref, body in store.orders.items():
        assert connector.read_order(order_ref) == mapping.order_from_body(body)

    assert len(store.orders) == 25
    assert all(count == 1 for count in store.reads.values())


def test_159_is_restored_and_166_is_gone(connect: Connect) -> None:
    connector = connect()

    restored = connector.read_order("159")

    assert isinstance(restored, Order)
    assert restored.status is OrderStatus.PROCESSING
    assert connector.read_order("166") == Gone("166")


def test_a_trashed_order_is_an_order(store: RecordedStore, connect: Connect) -> None:
    store.set_order("159", recordings.answer("order_get_trashed").body)

    order = connect().read_order("159")

    assert isinstance(order, Order)
    assert order.status is OrderStatus.TRASHED


def test_the_connector_has_its_capabilities(connect: Connect) -> None:
    connector = connect()

    assert isinstance(connector, OrderSource)
    assert isinstance(connector, Testable)
    assert connector.kind == "woocommerce"


@pytest.mark.parametrize(
    ("manner", "kind", "code"),
    [
        (Manner.recorded("err_401_bad_key_oauth"), AuthRejected, "credentials_rejected"),
        (Manner.recorded("err_401_bad_secret_oauth"), AuthRejected, "credentials_rejected"),
        (Manner.recorded("err_401_write_only_reads"), AuthRejected, "key_lacks_rights"),
        (Manner.recorded("err_401_read_only_writes"), AuthRejected, "key_lacks_rights"),
        (Manner.recorded("err_401_bad_key_basic_https"), AuthRejected, "key_not_seen"),
        (Manner.recorded("err_401_missing"), AuthRejected, "key_not_seen"),
        (Manner(403, HTML, b"<html>blocked</html>"), AuthRejected, "blocked_before_store"),
        (Manner.recorded("err_404_route"), Misconfigured, "woocommerce_not_there"),
        (Manner.recorded("err_404_product"), Misconfigured, "wrong_address"),
        (Manner(404, HTML, b"<html>not found</html>"), Misconfigured, "wrong_address"),
        (Manner.recorded("err_200_with_php_notice"), Transient, "answer_not_json"),
        (Manner(200, {}, b'{"id":148'), Transient, "answer_not_json"),
        (Manner(200, {}, b""), Transient, "answer_not_json"),
        (Manner(200, {}, b'{"meta_data":[{"key":"a","value":' + b"[" * 100_000), Rejected, "answer_too_deep"),
        (Manner(200, {}, b"[1]"), Rejected, "order_unreadable"),
        (Manner(200, {}, recordings.delivery("029-").body), Transient, "answer_of_another_order"),
        (Manner(200, {}, b'{"id":148}'), Rejected, "order_unreadable"),
        (Manner(200, HTML, LOGIN_PAGE), AuthRejected, "login_page"),
        (Manner(200, HTML, b"<!DOCTYPE html><p>back soon"), Transient, "html_answer"),
        (Manner(301, {"Location": "https://shop.example.com/"}, b""), Misconfigured, "redirected"),
        (Manner.recorded("err_500_fatal"), Transient, "server_error"),
        (Manner.recorded("err_500_fatal_accept_html"), Transient, "server_error"),
        (Manner.recorded("err_500_db_down"), Transient, "server_error"),
        (Manner.recorded("err_502_php_down"), Transient, "server_error"),
        (Manner.recorded("err_503_maintenance"), RateLimited, "rate_limited"),
        (Manner(429, {"Retry-After": "30"}, b""), RateLimited, "rate_limited"),
    ],
)
def test_each_trouble_has_its_class_and_code(
    store: RecordedStore, connect: Connect, manner: Manner, kind: type[ConnectorError], code: str
) -> None:
    store.manner = manner

    with pytest.raises(ConnectorError) as caught:
        connect().read_order("148")

    assert type(caught.value) is kind
    assert caught.value.code == code
    shown = " ".join([caught.value.detail, *caught.value.evidence.values()])
    assert KEY not in shown
    assert SECRET not in shown


def test_maintenance_is_waited_for_as_long_as_the_store_says(store: RecordedStore, connect: Connect) -> None:
    now = dt.datetime.now(dt.UTC)
    store.manner = Manner.recorded("err_503_maintenance")

    with pytest.raises(RateLimited) as caught:
        connect(CallContext(now=lambda: now)).read_order("148")

    assert caught.value.retry_at == now + dt.timedelta(seconds=600)


def test_a_used_nonce_is_signed_anew_once(store: RecordedStore, connect: Connect) -> None:
    used = recordings.answer("err_401_bad_key_oauth").body
    store.next(Manner(401, {"Content-Type": "application/json"}, used))

    assert isinstance(connect().read_order("148"), Order)

    first, second = (dict(call.pairs)["oauth_nonce"] for call in store.calls)
    assert first != second


def test_a_wrong_secret_is_tried_twice_and_no_more(store: RecordedStore, connect: Connect) -> None:
    with pytest.raises(AuthRejected):
        connect(consumer_secret="cs_wrong").read_order("148")

    assert len(store.calls) == 2


def test_a_slow_store_ends_at_the_deadline(store: RecordedStore, connect: Connect) -> None:
    store.manner = Manner(seconds=30, properly=True)

    with pytest.raises(Transient) as caught:
        connect(CallContext(deadline_seconds=0.2)).read_order("148")

    assert caught.value.code == "timed_out"


def test_an_answer_over_the_limit_is_not_read(store: RecordedStore, connect: Connect) -> None:
    store.manner = Manner(200, {}, b"x" * 100_000)

    with pytest.raises(Transient) as caught:
        connect(CallContext(max_answer_bytes=50_000)).read_order("148")

    assert caught.value.code == "answer_too_large"


@pytest.mark.parametrize("order_ref", ["", "abc", "1/../2", "1?x=1", "²", "9" * 30])
def test_a_malformed_order_number_is_never_sent(store: RecordedStore, connect: Connect, order_ref: str) -> None:
    with pytest.raises(Rejected) as caught:
        connect().read_order(order_ref)

    assert caught.value.code == "order_ref_malformed"
    assert store.calls == []


def test_calls_are_guarded_recorded_without_secrets_and_carry_the_correlation(
    store: RecordedStore, connect: Connect
) -> None:
    guarded: list[int] = []
    recorded: list[Exchange] = []
    connector = connect()
    connector.context = CallContext(
        before_call=lambda: guarded.append(1), record=recorded.append, correlation_id="cor_1"
    )

    connector.read_order("148")

    assert len(guarded) == len(recorded) == 1
    assert recorded[0].status == 200
    assert KEY not in recorded[0].url
    call = store.calls[0]
    assert call.headers["X-Correlation-Id"] == "cor_1"
    assert call.headers["Accept"] == "application/json"
    assert "Authorization" not in call.headers


def test_a_guard_that_raises_keeps_the_call_from_being_made(store: RecordedStore, connect: Connect) -> None:
    class OpenTransactionError(Exception):
        pass

    def refuse() -> None:
        raise OpenTransactionError

    with pytest.raises(OpenTransactionError):
        connect(CallContext(before_call=refuse)).read_order("148")

    assert store.calls == []


def _api(store: RecordedStore) -> client.StoreApi:
    settings = Settings(base_url=store.url, store_code="eu", allow_private=True)
    credentials = Credentials(consumer_key=KEY, consumer_secret=SECRET, webhook_secrets=("s",))
    return client.StoreApi(settings=settings, credentials=credentials, context=CallContext)


@pytest.mark.parametrize("character", list("é &+/~*%=:#\"'[,ß€?@"))
def test_odd_characters_are_signed_so_that_the_store_agrees(store: RecordedStore, character: str) -> None:
    api = _api(store)

    answer = api.get("orders", params={"search": f"x{character}y", "_fields": "id"})

    assert answer.status == 200
    assert ("search", f"x{character}y") in store.calls[0].pairs
    api.close()


def test_list_values_are_signed_so_that_the_store_agrees(store: RecordedStore) -> None:
    api = _api(store)

    answer = api.get("orders", params={"include": list(range(140, 160)), "status": "any", "per_page": 100})

    assert {item["id"] for item in json.loads(answer.body)} == {148, 150, *range(152, 160)}
    assert len(store.calls) == 1
    api.close()


def test_the_signature_is_the_librarys_where_the_live_store_accepted_that() -> None:
    url, nonce = "http://shop.example.com/wp-json/wc/v3/orders", "3e653a4f544581f885f975fb35469ac708fee879"
    pairs = [("per_page", "2"), ("status", "processing,completed")]
    library = OAuth(url=url, consumer_key=KEY, consumer_secret=SECRET, version="wc/v3", method="GET")
    params = {
        **dict(pairs),
        "oauth_consumer_key": KEY,
        "oauth_timestamp": 1795412180,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA256",
    }

    ours = signing.signed("GET", url, pairs, key=KEY, secret=SECRET, timestamp=1795412180, nonce=nonce)

    assert dict(ours)["oauth_signature"] == library.generate_oauth_signature(params, url)


def test_over_https_the_key_goes_as_basic_and_not_into_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(base_url="https://shop.example.com", store_code="eu")
    credentials = Credentials(consumer_key=KEY, consumer_secret=SECRET, webhook_secrets=("s",))
    api = client.StoreApi(settings=settings, credentials=credentials, context=CallContext)
    sent: list[dict[str, Any]] = []

    def call(method: str, path: str, **how: Any) -> Answer:
        sent.append(how)
        return Answer(200, {}, b"[]", Effect.READ, "shop.example.com")

    monkeypatch.setattr(api._http, "call", call)
    api.newest_order()

    assert api._http._auth == (KEY, SECRET)
    assert dict(sent[0]["params"]) == {
        "per_page": "1",
        "_fields": "id,date_created,date_created_gmt,date_modified_gmt",
    }


def test_a_private_address_is_refused_unless_allowed(store: RecordedStore) -> None:
    info = ConnectionInfo(
        name="eu",
        kind="woocommerce",
        settings={"base_url": store.url, "store_code": "eu"},
        credentials={"consumer_key": KEY, "consumer_secret": SECRET, "webhook_secrets": ["s"]},
    )

    with pytest.raises(Misconfigured) as caught:
        Connector(info, CallContext()).read_order("148")

    assert caught.value.code == "private_address"
    assert store.calls == []


def test_credentials_do_not_show_in_a_repr() -> None:
    secrets = ("one-of-the-secrets",)
    credentials = Credentials(consumer_key=KEY, consumer_secret=SECRET, webhook_secrets=secrets)

    assert SECRET not in repr(credentials)
    assert "one-of-the-secrets" not in f"{credentials}"

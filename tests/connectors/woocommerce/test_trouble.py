"""Every recorded trouble of a store, through the real connector: as the answer to a read and to a write."""

from __future__ import annotations

import datetime as dt
import email.utils

import pytest

from integrations.connectors.woocommerce.connector import Connector
from integrations.ports.capabilities import Gone
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
from tests.connectors.woocommerce.conftest import connector_of
from tests.connectors.woocommerce.rest_store import RestStore
from tests.support import recordings
from tests.support.recorded_store import Manner

Told = tuple[type[ConnectorError], str]
REFUSED: Told = (Rejected, "call_refused")
CREDENTIALS: Told = (AuthRejected, "credentials_rejected")
NOT_SEEN: Told = (AuthRejected, "key_not_seen")
RIGHTS: Told = (AuthRejected, "key_lacks_rights")
FAILED: Told = (Transient, "server_error")
PERHAPS: Told = (Unknown, "server_error")

TROUBLE: dict[str, tuple[Told | None, Told]] = {
    "err_200_with_php_notice": ((Transient, "answer_not_json"), (Unknown, "answer_not_json")),
    "err_400_customer_unknown": (REFUSED, REFUSED),
    "err_400_invalid_json": (REFUSED, REFUSED),
    "err_400_invalid_param": (REFUSED, REFUSED),
    "err_400_invalid_param_type": (REFUSED, REFUSED),
    "err_400_line_item_no_product": (REFUSED, REFUSED),
    "err_400_line_item_unknown_product": ((Transient, "answer_of_another_order"), (Unknown, "bad_answer")),
    "err_401_bad_key_basic_https": (NOT_SEEN, NOT_SEEN),
    "err_401_bad_key_oauth": (CREDENTIALS, CREDENTIALS),
    "err_401_bad_secret_basic_https": (CREDENTIALS, CREDENTIALS),
    "err_401_bad_secret_oauth": (CREDENTIALS, CREDENTIALS),
    "err_401_basic_over_http": (NOT_SEEN, NOT_SEEN),
    "err_401_missing": (NOT_SEEN, NOT_SEEN),
    "err_401_missing_post": (NOT_SEEN, NOT_SEEN),
    "err_401_read_only_writes": (RIGHTS, RIGHTS),
    "err_401_write_only_reads": (RIGHTS, RIGHTS),
    "err_404_order": (None, (Rejected, "order_gone")),
    "err_404_product": ((Misconfigured, "wrong_address"), (Rejected, "item_gone")),
    "err_404_product_put": (REFUSED, (Rejected, "item_gone")),
    "err_404_route": ((Misconfigured, "woocommerce_not_there"), (Misconfigured, "woocommerce_not_there")),
    "err_500_db_down": (FAILED, PERHAPS),
    "err_500_fatal": (FAILED, PERHAPS),
    "err_500_fatal_accept_html": (FAILED, PERHAPS),
    "err_500_fatal_no_accept": (FAILED, PERHAPS),
    "err_502_php_down": (FAILED, PERHAPS),
    "err_503_maintenance": ((RateLimited, "rate_limited"), PERHAPS),
    "err_coupon_unknown": (REFUSED, REFUSED),
    "err_oauth_old_timestamp": (CREDENTIALS, CREDENTIALS),
}
"""What each recording means for a read of an order (``None``: it is gone) and for a write to it."""


def test_every_recorded_trouble_is_in_the_table() -> None:
    assert {answer.name for answer in recordings.answers() if answer.name.startswith("err_")} == set(TROUBLE)


@pytest.mark.parametrize("name", TROUBLE)
def test_a_read_of_trouble_has_its_class_and_code(shop: RestStore, connector: Connector, name: str) -> None:
    shop.manner = Manner.recorded(name)
    wanted = TROUBLE[name][0]
    if wanted is None:
        assert connector.read_order("148") == Gone("148")
        return

    with pytest.raises(ConnectorError) as caught:
        connector.read_order("148")

    assert (type(caught.value), caught.value.code) == wanted


@pytest.mark.parametrize("name", TROUBLE)
def test_a_write_into_trouble_has_its_class_and_code(shop: RestStore, connector: Connector, name: str) -> None:
    shop.manner = Manner.recorded(name)

    with pytest.raises(ConnectorError) as caught:
        connector.set_meta("148", {"_tracking_number": "1"})

    assert (type(caught.value), caught.value.code) == TROUBLE[name][1]
    assert caught.value.detail.endswith(".")


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_maintenance_tells_a_write_when_to_look_again(shop: RestStore, as_date: object) -> None:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    until = now + dt.timedelta(seconds=600)
    told = email.utils.format_datetime(until, usegmt=True) if as_date else "600"
    shop.manner = Manner(503, {"Retry-After": told}, recordings.answer("err_503_maintenance").body)

    with pytest.raises(Unknown) as caught:
        connector_of(shop, CallContext(now=lambda: now)).set_meta("148", {"_tracking_number": "1"})

    assert caught.value.retry_at == until


@pytest.mark.parametrize(
    ("manner", "kind", "code"),
    [
        (Manner(200, {"Content-Type": "text/html"}, b'<html><input type="password">'), Unknown, "login_page"),
        (Manner(200, {"Content-Type": "text/html"}, b"<html>soon</html>"), Unknown, "html_answer"),
        (Manner(301, {"Location": "https://shop.example.com/"}), Unknown, "redirected"),
        (Manner(429, {"Retry-After": "30"}), RateLimited, "rate_limited"),
        (Manner(403, {"Content-Type": "text/html"}, b"<html>blocked"), AuthRejected, "blocked_before_store"),
        (Manner(200, {}, b""), Unknown, "answer_not_json"),
        (Manner(200, {}, b"[]"), Unknown, "bad_answer"),
        (Manner(200, {}, b'{"id":148'), Unknown, "answer_not_json"),
        (Manner(200, {}, b'{"meta_data":' + b"[" * 100_000), Unknown, "bad_answer"),
    ],
)
def test_what_stands_before_a_store_leaves_a_write_unknown_unless_it_refused_it(
    shop: RestStore, connector: Connector, manner: Manner, kind: type[ConnectorError], code: str
) -> None:
    shop.manner = manner

    with pytest.raises(ConnectorError) as caught:
        connector.set_meta("148", {"_tracking_number": "1"})

    assert (type(caught.value), caught.value.code) == (kind, code)

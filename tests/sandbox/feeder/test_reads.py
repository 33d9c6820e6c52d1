"""Reads are answered and refused as recorded."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from woocommerce import API

from integrations.connectors.woocommerce.connector import Connector
from integrations.ports.capabilities import Health
from integrations.ports.context import CallContext, ConnectionInfo
from retailhub.sandbox.erp import items
from retailhub.sandbox.feeder import (
    Feeder,
    mix_of,
)
from retailhub.sandbox.feeder.oauth import signature_of
from retailhub.sandbox.feeder.report import known_products
from tests.connectors.lookalike_erp.support import running_erp
from tests.sandbox.feeder.support import PAYLOADS, Sink, recorded_answer


def client_of(feeder: Feeder, *, secret: str = "cs_feeder") -> API:
    return API(feeder.url, "ck_feeder", secret, version="wc/v3", timeout=5)


def test_reads_answer_with_the_bytes_that_were_delivered(sink: Sink, feeders: Callable[..., Feeder]) -> None:
    feeder = feeders(sink.url, orders=30, clock=lambda: dt.datetime.now(dt.UTC), ping=False, settle="all")
    feeder.run()
    client = client_of(feeder)
    delivered = {body for _, body in sink.deliveries()}
    for row in feeder.report()["orders"][:10]:
        answer = client.get(f"orders/{row['id']}")
        assert answer.status_code == 200
        assert answer.content in delivered
        assert answer.json()["status"] == row["status"]
    unknown = client.get("orders/999999")
    assert (unknown.status_code, unknown.json()) == (404, recorded_answer("err_404_order"))
    assert client.get("nonsense").json() == recorded_answer("err_404_route")
    assert client.put("orders/1000", {"status": "completed"}).status_code == 404


def test_a_trashed_order_is_read_with_its_status_and_is_listed_only_when_asked_for(
    sink: Sink, feeders: Callable[..., Feeder]
) -> None:
    mix = mix_of(0.0, {"trashed_unpaid": 1, "draft": 1, "paid_at_once": 2}, merge=0.0)
    feeder = feeders(sink.url, orders=30, mix=mix, clock=lambda: dt.datetime.now(dt.UTC))
    feeder.run()
    client = client_of(feeder)
    by_status = Counter(row["status"] for row in feeder.report()["orders"])
    trashed = next(row["id"] for row in feeder.report()["orders"] if row["status"] == "trash")
    assert client.get(f"orders/{trashed}").json()["status"] == "trash"
    listed = client.get("orders", params={"per_page": 100}).json()
    assert Counter(row["status"] for row in listed) == {"processing": by_status["processing"]}
    listed = client.get("orders", params={"per_page": 100, "status": "any,trash"}).json()
    assert len(listed) == by_status["processing"]
    listed = client.get("orders", params={"per_page": 100, "status": "trash"}).json()
    assert len(listed) == by_status["trash"]
    assert any(json.loads(body) == {"id": trashed} for _, body in sink.deliveries())


def test_lists_are_cut_into_pages_and_filtered_by_id_and_date(sink: Sink, feeders: Callable[..., Feeder]) -> None:
    mix = mix_of(0.0, {"paid_at_once": 1})
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    feeder = feeders(sink.url, orders=25, mix=mix, clock=lambda: now)
    feeder.run()
    client = client_of(feeder)
    page = client.get("orders", params={"per_page": 10, "page": 3, "orderby": "modified", "order": "asc"})
    assert (len(page.json()), page.headers["X-WP-Total"], page.headers["X-WP-TotalPages"]) == (5, "25", "3")
    assert client.get("orders", params={"page": 9}).json() == []
    ids = [row["id"] for row in feeder.report()["orders"][:3]]
    listed = client.get("orders", params={"include": ",".join(map(str, ids)), "_fields": "id,status"}).json()
    assert sorted(listed, key=lambda row: int(row["id"])) == [{"id": i, "status": "processing"} for i in ids]
    refused = client.get("orders", params={"per_page": 101})
    assert (refused.status_code, refused.json()) == (400, recorded_answer("orders_list_per_page_101"))
    assert client.get("orders", params={"status": "foo"}).json() == recorded_answer("orders_list_status_bad")

    def count(moment: dt.datetime, zone: str = "", **more: str) -> int:
        text = moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat() + zone
        return len(client.get("orders", params={"modified_after": text, "per_page": 100, **more}).json())

    second = dt.timedelta(seconds=1)
    assert count(now, dates_are_gmt="true") == 0
    assert count(now - second, dates_are_gmt="true") == 25
    assert count(now - second, "Z") == 25
    assert count(now - second, "Z", dates_are_gmt="true") == 0
    offset = feeder.profile.time_zone
    assert offset == "Europe/Berlin"
    assert count(now - 3 * 3600 * second, "Z", dates_are_gmt="true") == 25
    dated = client.get("orders", params={"modified_after": "2026-01-01"})
    assert dated.status_code == 400


def test_requests_that_are_not_signed_rightly_are_refused_as_recorded(
    sink: Sink, feeders: Callable[..., Feeder]
) -> None:
    feeder = feeders(sink.url, orders=0, clock=lambda: dt.datetime.now(dt.UTC))
    url = f"{feeder.url}/wp-json/wc/v3/orders"
    missing = requests.get(url, auth=("ck_feeder", "cs_feeder"), timeout=5)
    assert (missing.status_code, missing.json()) == (401, recorded_answer("err_401_missing"))
    bad = client_of(feeder, secret="wrong").get("orders")
    assert (bad.status_code, bad.json()) == (401, recorded_answer("err_401_bad_secret_oauth"))
    unknown = API(feeder.url, "ck_other", "cs_feeder", version="wc/v3").get("orders")
    assert (unknown.status_code, unknown.json()) == (401, recorded_answer("err_401_bad_key_oauth"))
    listed = client_of(feeder).get("orders", params={"include": [1, 2]})
    assert (listed.status_code, listed.json()) == (401, recorded_answer("err_401_bad_secret_oauth"))
    notes = json.loads((PAYLOADS / "rest" / "_oauth_notes.json").read_text())
    for age, status in ((14, 200), (16, 401), (-16, 401)):
        stamp = str(int(time.time()) - 60 * age)
        params = {
            "oauth_consumer_key": "ck_feeder",
            "oauth_timestamp": stamp,
            "oauth_nonce": f"nonce{age}",
            "oauth_signature_method": "HMAC-SHA256",
        }
        params["oauth_signature"] = signature_of("GET", url, params, secret="cs_feeder", algorithm="HMAC-SHA256")
        answer = requests.get(url, params=params, timeout=5)
        assert answer.status_code == status
        if status == 401:
            assert answer.json() == notes["16 min old"][1]
        else:
            again = requests.get(url, params=params, timeout=5)
            assert (again.status_code, again.json()) == (401, notes["same signed URL twice"][1][1])


def test_the_connections_test_finds_the_store_well(sink: Sink, feeders: Callable[..., Feeder]) -> None:
    feeder = feeders(sink.url, orders=1, clock=lambda: dt.datetime.now(dt.UTC))
    info = ConnectionInfo(
        name="eu",
        kind="woocommerce",
        settings={"base_url": feeder.url, "store_code": "eu", "allow_private": True},
        credentials={"consumer_key": "ck_feeder", "consumer_secret": "cs_feeder", "webhook_secrets": ["s"]},
    )
    connector = Connector(info, CallContext(deadline_seconds=5))
    checks = {check.name: check for check in connector.check()}
    connector.close()
    assert [check for check in checks.values() if check.health is Health.FAILED] == []
    assert {name for name, check in checks.items() if check.health is Health.OK} >= {
        "credentials",
        "address",
        "version",
        "webhooks",
    }


def test_the_look_alike_erp_can_be_given_the_items_of_a_store(
    sink: Sink, feeders: Callable[..., Feeder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feeder = feeders(sink.url, orders=0, clock=lambda: dt.datetime.now(dt.UTC))
    with running_erp(tmp_path) as place:
        assert items.main(["--control", place.control_url, "--of", feeder.url, "LAMP-1"]) == 0
        address, key = f"{place.base_url}/api/v1/products", {"Authorization": f"Bearer {place.api_key}"}
        known = requests.get(address, params={"limit": 500}, headers=key, timeout=5).json()["products"]
        codes = {item["code"] for item in known}
        assert codes == {"LAMP-1"} | {row["sku"] for row in known_products()["products"]}
    assert items.main(["--control", place.control_url, "LAMP-1"]) == 1
    assert capsys.readouterr().err.startswith("items: ")


def test_products_are_found_by_number_and_by_sku_whatever_its_case(sink: Sink, feeders: Callable[..., Feeder]) -> None:
    feeder = feeders(sink.url, orders=0, clock=lambda: dt.datetime.now(dt.UTC))
    client = client_of(feeder)
    assert client.get("products/11").json()["sku"] == "BECHER-M"
    found = client.get("products", params={"sku": "becher-m,hemd-m-rot,nope", "_fields": "sku,type"}).json()
    assert found == [
        {"sku": "BECHER-M", "type": "simple"},
        {"sku": "HEMD-M-ROT", "type": "variation"},
    ]
    assert client.get("products/9999").json() == recorded_answer("err_404_product")
    told = requests.get(f"{feeder.url}/_control/products", timeout=5).json()
    assert len(told["products"]) >= 55
    assert len({row["sku"] for row in told["products"]}) == len(told["products"])
    assert not set(told["unmapped"]) & {row["sku"] for row in told["products"]}

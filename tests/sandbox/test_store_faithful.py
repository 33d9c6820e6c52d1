"""The look-alike store answers every recorded request as the recorded store did: status, code, keys and types."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from retailhub.sandbox.store.control import running_store
from retailhub.sandbox.store.not_imitated import EXCHANGES
from tests.support import replay
from tests.support.replay import World
from tests.support.store import Answer, receiving

NAMES = [exchange.name for exchange in replay.exchanges()]


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of nobody's and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    no_password = serialization.NoEncryption()
    pem = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, no_password))
    return paths


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, dict[str, Answer]]]:
    folder = tmp_path_factory.mktemp("faithful")
    options: dict[str, Any] = {"queue_seconds": "never", "empty": True}
    with (
        receiving() as receiver,
        running_store(folder, tls=make_certificate(folder), **options) as (place, control),
        running_store(folder, name="gross", prices_include_tax=True, **options) as (gross, gross_control),
    ):
        world = World(place, control, gross, gross_control, receiver)
        yield world, replay.replay(world)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in EXCHANGES])
def test_a_recorded_request_is_answered_as_recorded(played: tuple[World, dict[str, Answer]], name: str) -> None:
    world, answers = played
    recorded, ours = world.recorded[name], answers[name]

    assert ours.status == recorded.status
    if not recorded.is_json:
        assert ours.raw[:9].lower() == str(recorded.body)[:9].encode().lower()
        return
    if recorded.status >= 400:
        assert ours.code == recorded.body["code"]
    found = replay.differences(replay.shape_of(recorded.body), replay.shape_of(ours.json))
    assert not found, "\n".join(found)


AMOUNTS = ("total", "total_tax", "cart_tax", "discount_total", "discount_tax", "shipping_total", "shipping_tax")
MADE = [name for name in NAMES if name.startswith(("order_post_", "order_put_", "legacy_order_post"))]


@pytest.mark.parametrize("name", MADE)
def test_an_order_made_or_changed_by_rest_costs_what_it_cost(
    played: tuple[World, dict[str, Answer]], name: str
) -> None:
    world, answers = played

    assert money_of(answers[name].json) == money_of(world.recorded[name].body)


def money_of(order: dict[str, Any]) -> dict[str, Any]:
    """Every amount of an order, its status and what its lines sold."""
    found: dict[str, Any] = {name: order[name] for name in (*AMOUNTS, "status", "currency", "needs_payment")}
    lines = ("quantity", "subtotal", "subtotal_tax", "total", "total_tax", "price", "sku", "product_id")
    found["lines"] = [{name: line[name] for name in lines} for line in order["line_items"]]
    found["line_taxes"] = [line["taxes"] for line in order["line_items"]]
    found["rates"] = [
        (row["rate_code"], row["tax_total"], row["shipping_tax_total"], row["rate_percent"], row["compound"])
        for row in order["tax_lines"]
    ]
    found["coupons"] = [(row["code"], row["discount"], row["discount_tax"]) for row in order["coupon_lines"]]
    return found


LISTS = [row.name for row in replay.exchanges() if "_list" in row.name and isinstance(row.body, list)]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_has_the_recorded_rows_in_the_recorded_order(played: tuple[World, dict[str, Answer]], name: str) -> None:
    world, answers = played
    recorded = [row for row in world.recorded[name].body if isinstance(row, dict) and "id" in row]

    ours = answers[name].json[: len(recorded)]

    if recorded and name not in ("order_notes_list", "webhooks_list"):
        assert [row["id"] for row in ours] == [row["id"] for row in recorded]
    assert page_of(answers[name].headers) == page_of(world.recorded[name].answer_headers)


def page_of(headers: dict[str, str]) -> tuple[str | None, str | None, list[tuple[str, bool]]]:
    """Counts, and which links there are; whether each repeats the signature of the call."""
    links = [link for link in headers.get("Link", "").split(", ") if "/wc/v3/" in link]
    kinds = [(link.partition("rel=")[2], "oauth_signature=" in link) for link in links]
    return headers.get("X-WP-Total"), headers.get("X-WP-TotalPages"), kinds


def test_a_header_that_is_stripped_on_the_way_counts_as_no_key(played: tuple[World, dict[str, Answer]]) -> None:
    world, _ = played
    exchange = world.recorded["order_get_ssl_basic"]
    world.control.behave(strip_authorization=True)

    refused = replay.ask(world, exchange)
    world.control.be_good()

    assert (refused.status, refused.code) == (401, "woocommerce_rest_cannot_view")
    assert replay.ask(world, exchange).status == 200


def test_what_is_not_replayed_is_recorded_and_has_its_reason() -> None:
    assert set(EXCHANGES) <= set(NAMES)
    assert all(len(reason) > 20 for reason in EXCHANGES.values())
    assert len(EXCHANGES) < 0.15 * len(NAMES)

"""What is wrong with a store's certificate is said in words, with its fix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests.adapters

from integrations.ports.capabilities import Health
from tests.connectors.woocommerce import tls
from tests.connectors.woocommerce.faults import SetUp, lines
from tests.connectors.woocommerce.rest_store import RestStore


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tls.Signed:
    """The only authority that is trusted meanwhile."""
    made = tls.sign("Test Authority")
    path = tmp_path / "authority.pem"
    path.write_bytes(made.pem())
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(path))
    return made


def over_tls(folder: Path, signed: tls.Signed) -> Iterator[RestStore]:
    store = RestStore()
    store.asks_for_keys = False
    tls.over_tls(store, signed, folder)
    with store:
        yield store


@pytest.mark.parametrize(
    ("name", "days", "trusted", "says", "fix"),
    [
        ("localhost", -1, True, "has expired", "Renew the certificate"),
        ("shop.example.com", 30, True, "for another name", "Use the name of the certificate"),
        ("localhost", 30, False, "signed by itself", "public authority"),
    ],
)
def test_a_bad_certificate_is_named_with_its_fix(
    tmp_path: Path, authority: tls.Signed, name: str, days: int, trusted: Any, says: str, fix: str
) -> None:
    signed = tls.sign(name, by=authority if trusted else None, days=days)
    for store in over_tls(tmp_path, signed):
        (check,) = lines(store).values()

    assert (check.name, check.health) == ("certificate", Health.FAILED)
    assert says in check.sentence
    assert fix in check.fix
    assert store.calls == []


def test_a_missing_intermediate_certificate_is_named(tmp_path: Path, authority: tls.Signed) -> None:
    between = tls.sign("Another Authority")
    for store in over_tls(tmp_path, tls.sign("localhost", by=between)):
        (check,) = lines(store).values()

    assert (check.name, check.health) == ("certificate", Health.FAILED)
    assert "full chain" in check.fix


def test_a_good_certificate_is_a_good_line(tmp_path: Path, authority: tls.Signed) -> None:
    for store in over_tls(tmp_path, tls.sign("localhost", by=authority)):
        SetUp(store)
        found = lines(store)
        assert store.calls[0].headers["Authorization"].startswith("Basic ")

    assert found["certificate"].health is Health.OK
    assert not any(check.health is Health.FAILED for check in found.values())


def test_https_where_only_http_is_spoken_is_named(shop: RestStore) -> None:
    shop.url = shop.url.replace("http://", "https://")

    (check,) = lines(shop).values()

    assert check.name == "certificate"
    assert "http instead of https" in check.fix

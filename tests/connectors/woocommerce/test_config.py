"""A wrong setting is one clear sentence with its name, and never shows a secret."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.connectors.woocommerce import config
from integrations.ports.errors import Misconfigured

GOOD = {"base_url": "https://shop.example.com/de/", "store_code": "eu"}
KEYS = {"consumer_key": "ck_1", "consumer_secret": "cs_1", "webhook_secrets": ["one"]}


def test_good_settings_are_read_and_the_address_loses_its_last_slash() -> None:
    parsed = config.parse_settings(GOOD)

    assert parsed.base_url == "https://shop.example.com/de"
    assert parsed.rounding == "line"
    assert parsed.allow_private is False


def test_two_live_secrets_are_kept_in_their_order() -> None:
    parsed = config.parse_credentials({**KEYS, "webhook_secrets": ["new", "old"]})

    assert parsed.webhook_secrets == ("new", "old")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"base_url": "shop.example.com"}, "base_url"),
        ({"base_url": "https://shop.example.com/?a=1"}, "base_url"),
        ({"base_url": "https://u:p@shop.example.com"}, "base_url"),
        ({"base_url": 5}, "base_url"),
        ({"store_code": "EU 1"}, "store_code"),
        ({"store_code": ""}, "store_code"),
        ({"rounding": "up"}, "rounding"),
        ({"connect_seconds": 0}, "connect_seconds"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_setting_is_named(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        config.parse_settings({**GOOD, **changed})


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(Misconfigured, match="store_code is missing"):
        config.parse_settings({"base_url": "https://shop.example.com"})


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"consumer_key": " "}, "consumer_key"),
        ({"consumer_key": "ck_…"}, "consumer_key holds a character"),
        ({"consumer_key": "ck_one two"}, "consumer_key holds a character"),
        ({"consumer_secret": "cs_\x00"}, "consumer_secret holds a character"),
        ({"consumer_secret": None}, "consumer_secret"),
        ({"webhook_secrets": []}, "webhook_secrets"),
        ({"webhook_secrets": ["one", ""]}, "webhook_secrets"),
        ({"webhook_secrets": ["one", "two", "three"]}, "webhook_secrets"),
        ({"webhook_secrets": "one"}, "webhook_secrets"),
    ],
)
def test_wrong_credentials_are_named_without_their_values(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(Misconfigured, match=named) as caught:
        config.parse_credentials({**KEYS, **changed})

    assert "cs_1" not in str(caught.value)

"""A wrong setting of a Tryton connection is one clear sentence with its name, and never shows a secret."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.tryton.config import parse_credentials, parse_settings
from integrations.ports.errors import Misconfigured

GOOD: dict[str, Any] = {"url": "https://erp.example.com/shop/", "web_shop": "woo"}


def test_the_least_settings_are_the_address_and_the_shop() -> None:
    settings = parse_settings(GOOD)
    assert settings.url == "https://erp.example.com/shop"
    assert settings.rounding_limit == Decimal("0.05")
    assert settings.server_time_zone == "UTC"


def test_settings_come_as_json_has_them() -> None:
    settings = parse_settings({**GOOD, "rounding_limit": "0.10", "taxes": {"9.975 compound": 7}})
    assert settings.rounding_limit == Decimal("0.10")
    assert settings.taxes == {"9.975 compound": 7}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "https://erp.example.com"}, "url"),
        ({"url": "erp.example.com/shop"}, "url"),
        ({"web_shop": " "}, "web_shop"),
        ({"rounding_limit": "-1"}, "rounding_limit"),
        ({"rounding_limit": "NaN"}, "rounding_limit"),
        ({"server_time_zone": "Mars/Olympus"}, "server_time_zone"),
        ({"taxes": {"nineteen": 1}}, "taxes"),
        ({"company": "one"}, "company"),
        ({"webshop": "woo"}, "webshop"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_settings({**GOOD, **change})
    assert caught.value.evidence == {"field": field}
    assert field in caught.value.detail


def test_a_missing_password_is_named_and_a_given_one_never_shown() -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_credentials({"user": "hub"})
    assert caught.value.evidence == {"field": "password"}
    with pytest.raises(Misconfigured) as caught:
        parse_credentials({"user": "hub", "password": "s3cret", "token": "t0ken"})
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(parse_credentials({"user": "hub", "password": "s3cret"}))

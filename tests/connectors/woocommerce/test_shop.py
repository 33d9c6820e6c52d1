"""How a store is set up and who its registered customers are."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.woocommerce.connector import Connector
from integrations.connectors.woocommerce.shop import PaymentGateway, TaxClass
from integrations.ports.errors import Rejected, Transient
from tests.connectors.woocommerce.rest_store import RestStore, as_json, recorded
from tests.support import recordings


@pytest.fixture(autouse=True)
def recorded_set_up(shop: RestStore) -> None:
    gateways = [each for each in json.loads(recordings.answer("payment_gateways").body) if isinstance(each, dict)]
    shop.answers |= {
        "settings": lambda _call, parts: recorded(f"settings_{parts[1]}"),
        "data": lambda _call, _parts: recorded("data_currencies_current"),
        "taxes": lambda _call, parts: recorded("tax_classes" if parts[1:] else "tax_rates_list"),
        "payment_gateways": lambda _call, _parts: as_json(200, json.dumps(gateways).encode()),
        "customers": _customers,
    }


def _customers(call: Any, parts: list[str]) -> Any:
    params = dict(call.pairs)
    if parts[1:]:
        return recorded("customer_get" if parts[1] == "2" else "customer_get_unknown")
    if params["role"] != "all":
        raise AssertionError("accounts with other roles are missing")
    return recorded("customers_list_email" if "email" in params else "customers_list")


def test_the_report_tells_versions_address_and_clock(shop: RestStore, connector: Connector) -> None:
    report = connector.report()

    assert (report.version, report.wordpress_version, report.home_url) == ("11.0.1", "7.1", shop.url)
    assert (report.language, report.currency, report.decimals) == ("en_US", "EUR", 2)
    assert (report.wp_cron, report.php_time_zone) == (False, "UTC")


def test_settings_are_read_by_group(connector: Connector) -> None:
    tax, general = connector.store_settings("tax"), connector.store_settings("general")

    assert tax["woocommerce_tax_round_at_subtotal"] == "no"
    assert general["woocommerce_price_num_decimals"] == "2"
    with pytest.raises(Rejected):
        connector.store_settings("../orders")


def test_currency_taxes_and_payment_methods_are_read(connector: Connector) -> None:
    rates = connector.tax_rates()

    assert connector.currency() == "EUR"
    assert len(rates) == 6
    assert [(rate.country, rate.percent, rate.compound) for rate in rates[2:4]] == [
        ("CA", Decimal("5.0000"), False),
        ("CA", Decimal("9.9750"), True),
    ]
    assert connector.tax_classes()[1] == TaxClass("reduced-rate", "Reduced rate")
    assert connector.payment_gateways()[0] == PaymentGateway(
        "bacs", "Direct bank transfer", enabled=True, refunds=False
    )


def test_registered_customers_are_walked_whatever_their_role(connector: Connector) -> None:
    found = list(connector.walk_customers())

    assert [(each.customer.store_ref, each.role) for each in found] == [("1", "administrator"), ("2", "customer")]
    assert found[0].modified_at is None


def test_one_customer_is_read_with_addresses(connector: Connector) -> None:
    anna = connector.customer("2")

    assert anna is not None
    assert (anna.customer.email, anna.customer.name) == ("anna@example.com", "Anna Elkina")
    assert (anna.billing.city, anna.billing.country, anna.shipping.phone) == ("Berlin", "DE", "+49 30 1234567")
    assert anna.modified_at == dt.datetime(2026, 11, 23, 5, 28, 24, tzinfo=dt.UTC)
    assert [each.key for each in anna.attributes] == ["erp_partner", "vat_id"]
    assert connector.customer("99999") is None


def test_a_customer_is_found_by_email_in_any_case(connector: Connector) -> None:
    assert [each.customer.store_ref for each in connector.customers_with_email(" Anna@Example.com ")] == ["2"]
    assert connector.customers_with_email("somebody@example.com") == []


@pytest.mark.parametrize("name", ["err_500_fatal", "err_503_maintenance", "err_200_with_php_notice"])
def test_a_broken_answer_is_named(shop: RestStore, connector: Connector, name: str) -> None:
    for part in ("settings", "data", "taxes", "payment_gateways", "customers"):
        shop.answers[part] = lambda _call, _parts: recorded(name)

    asks: list[Callable[[], object]] = [
        connector.currency,
        connector.tax_rates,
        connector.tax_classes,
        connector.payment_gateways,
        lambda: connector.store_settings("tax"),
        lambda: connector.customer("2"),
    ]
    for ask in asks:
        with pytest.raises(Transient):
            ask()

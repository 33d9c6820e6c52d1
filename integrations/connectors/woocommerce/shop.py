"""How a store is set up: its own report, settings, currency, taxes and payment methods.

https://woocommerce.github.io/woocommerce-rest-api-docs/#settings and the sections around it. Needs a key of a
shop manager.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import msgspec

from integrations.connectors.woocommerce import mapping, schemas
from integrations.connectors.woocommerce.access import StoreAccess
from integrations.connectors.woocommerce.reading import all_pages, read
from integrations.ports.errors import Rejected


@dataclass(frozen=True)
class StoreReport:
    """The store about itself. ``None`` where it does not say."""

    version: str
    wordpress_version: str
    home_url: str
    language: str
    currency: str
    decimals: int | None
    wp_cron: bool | None
    """WordPress's own cron, run by visits. Off means ``DISABLE_WP_CRON``: a system cron has to do it."""
    php_time_zone: str
    """WordPress sets it to UTC; anything else is a plugin's doing and shifts dates."""


@dataclass(frozen=True)
class TaxRate:
    """One tax rate of the store. ``percent`` as entered; empty places mean everywhere."""

    rate_ref: str
    name: str
    percent: Decimal
    tax_class: str
    country: str
    state: str
    postcodes: tuple[str, ...]
    cities: tuple[str, ...]
    compound: bool
    on_shipping: bool
    priority: int


@dataclass(frozen=True)
class TaxClass:
    slug: str
    name: str


@dataclass(frozen=True)
class PaymentGateway:
    """A way to pay. ``refunds`` says whether the store can ask its provider to pay back."""

    gateway_ref: str
    title: str
    enabled: bool
    refunds: bool


class Shop(StoreAccess):
    """The set-up of one store. Raises what `answers` lists."""

    def report(self) -> StoreReport:
        """From the system status."""
        status = read(self._api.system_status(), schemas.SYSTEM_STATUS.decode)
        found, settings = status.environment, status.settings
        return StoreReport(
            version=found.version,
            wordpress_version=found.wp_version,
            home_url=found.home_url.rstrip("/"),
            language=found.language,
            currency=settings.currency,
            decimals=settings.number_of_decimals,
            wp_cron=found.wp_cron,
            php_time_zone=found.default_timezone,
        )

    def store_settings(self, group: str) -> dict[str, str]:
        """Settings by id of one group (``general``, ``tax``); what is no text becomes JSON text."""
        if not (group.isascii() and group.replace("-", "_").isidentifier()):
            raise Rejected("This is no group of settings.", code="value_not_allowed", evidence={"field": group[:64]})
        found = read(self._api.settings(group), schemas.SETTINGS.decode)
        return {setting.id: _text(setting.value) for setting in found}

    def currency(self) -> str:
        """ISO 4217."""
        return read(self._api.currency(), schemas.CURRENCY.decode).code

    def tax_rates(self) -> list[TaxRate]:
        """All of them, in the store's order."""
        return [
            _tax_rate(rate) for rate in all_pages(self._api.tax_rates, schemas.TAX_RATES.decode, lambda rate: rate.id)
        ]

    def tax_classes(self) -> list[TaxClass]:
        """The standard class is one of them."""
        found = read(self._api.tax_classes(), schemas.TAX_CLASSES.decode)
        return [TaxClass(each.slug, each.name) for each in found]

    def payment_gateways(self) -> list[PaymentGateway]:
        """Enabled or not."""
        found = read(self._api.payment_gateways(), schemas.GATEWAYS.decode)
        return [
            PaymentGateway(each.id, each.title or each.method_title, each.enabled, "refunds" in each.method_supports)
            for each in found
        ]


def _tax_rate(rate: schemas.VendorTaxRate) -> TaxRate:
    return TaxRate(
        rate_ref=str(rate.id),
        name=rate.name,
        percent=mapping.money(rate.rate, "taxes.rate"),
        tax_class=rate.tax_class,
        country=rate.country,
        state=rate.state,
        postcodes=tuple(rate.postcodes) or ((rate.postcode,) if rate.postcode else ()),
        cities=tuple(rate.cities) or ((rate.city,) if rate.city else ()),
        compound=rate.compound,
        on_shipping=rate.shipping,
        priority=rate.priority,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

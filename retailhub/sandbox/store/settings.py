"""What one store is: its address, place, money and habits."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from retailhub.sandbox.store.lifelike.catalogue import PROFILES, StoreProfile

SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "CAD": "$", "JPY": "¥", "CHF": "CHF", "PLN": "zł", "KWD": "د.ك"}
_COUNTRIES = {"GBP": "GB", "USD": "US", "CAD": "CA"}
_PROFILES = {"GBP": "uk", "USD": "us"}
WC_VERSION = "11.0.1"


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """``site`` is the store's own address, without a slash at the end. ``queue_seconds`` is how often the
    webhook queue runs, ``None`` for a site whose cron never does."""

    site: str
    seed: int = 7
    time_zone: str = "Europe/Berlin"
    currency: str = "EUR"
    decimals: int = 2
    prices_include_tax: bool = False
    round_at_subtotal: bool = False
    country: str = ""
    webhook_user: str = "shop_manager"
    """Anything else than a shop manager or an administrator may not read what its webhooks tell of."""
    queue_seconds: float | None = 1.0
    queue_runners: int = 1
    delivery_seconds: float = 60.0

    @property
    def base_country(self) -> str:
        """Where the store is: its taxes are inside prices entered with tax."""
        return self.country or _COUNTRIES.get(self.currency, "DE")

    @property
    def unit(self) -> Decimal:
        """The smallest amount the store shows."""
        return Decimal(1).scaleb(-self.decimals)

    @property
    def symbol(self) -> str:
        return SYMBOLS.get(self.currency, self.currency)

    def profile(self) -> StoreProfile:
        """Whom the made-up orders come from."""
        base = PROFILES[_PROFILES.get(self.currency, "eu")]
        return msgspec.structs.replace(
            base,
            currency=self.currency,
            symbol=self.symbol,
            time_zone=self.time_zone,
            with_tax_share=1.0 if self.prices_include_tax else 0.0,
        )

"""What one feeder plays."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import msgspec

from retailhub.sandbox.store.lifelike.catalogue import PROFILES, StoreProfile
from retailhub.sandbox.store.lifelike.orders import Mix, mix_of

_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "CAD": "$", "JPY": "¥"}
Settle = Literal["none", "refused", "all"]


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """How deliveries come. Chances between 0 and 1; ``window`` counts deliveries."""

    doubled: float = 0.08
    shuffled: float = 0.2
    window: int = 12
    late: float = 0.02
    same_second: float = 0.03
    drop: float = 0.0


class FeederSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One store and its run. ``rate`` is orders a second, ``None`` as fast as they are taken."""

    target: str
    secret: str
    orders: int = 200
    seed: int = 7
    store: str = "eu"
    currency: str | None = None
    countries: tuple[tuple[str, int], ...] | None = None
    mix: Mix = mix_of()
    behaviour: Behaviour = Behaviour()
    senders: int = 4
    in_flight: int = 16
    alive: int = 48
    """How many orders live at the same time."""
    rate: float | None = None
    keep_alive: bool = False
    timeout: float = 60.0
    settle: Settle = "refused"
    settle_seconds: float = 300.0
    ping: bool = True
    consumer_key: str = "ck_feeder"
    consumer_secret: str = "cs_feeder"  # noqa: S105 - a made-up store's, no secret
    ledger: str = ":memory:"
    listen_host: str = "127.0.0.1"
    listen_port: int = 0
    site: str | None = None
    """The store's own address in bodies and headers; by default the address it listens on."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"The target must be a plain http address, not {self.target!r}.")

    def profile(self) -> StoreProfile:
        """The store, with this run's currency and countries. Raises ValueError if there is none such."""
        if self.store not in PROFILES:
            raise ValueError(f"There is no store {self.store}; known are {', '.join(PROFILES)}.")
        profile = PROFILES[self.store]
        if self.currency is not None:
            symbol = _SYMBOLS.get(self.currency, self.currency)
            profile = msgspec.structs.replace(profile, currency=self.currency, symbol=symbol)
        if self.countries is not None:
            profile = msgspec.structs.replace(profile, countries=self.countries)
        return profile

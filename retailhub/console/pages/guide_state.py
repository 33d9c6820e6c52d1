"""How far a set-up is, as the guide shows it: the steps, their addresses, and what a test says of which field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec
from django.urls import reverse

from integrations import selectors, setups
from integrations.ports.capabilities import Health
from integrations.setups import Setup, Side, kind_named
from retailhub.core import clock

STEPS: Mapping[str, str] = {
    "erp": "Connect the ERP",
    "store": "Connect the store",
    "route": "Say who sells, and where orders go",
    "skus": "Make the SKUs known",
    "shadow": "Look on in shadow mode",
    "live": "Go live",
    "posted": "The first order is posted",
}
"""In their order; the key is also the place on the page."""
WORKER_SECONDS = 30.0
AT_FIELDS: Mapping[str, Sequence[str]] = {
    "reachability": ("base_url", "url"),
    "address": ("base_url", "url"),
    "certificate": ("base_url", "url"),
    "permalinks": ("base_url",),
    "firewall": ("base_url",),
    "settings": ("base_url", "url"),
    "credentials": ("consumer_key", "api_key"),
    "rights": ("consumer_key",),
    "login": ("user",),
    "company": ("web_shop",),
    "products": ("shipping_item",),
    "rounding": ("rounding",),
}
"""Which field a line of a test is about: the first that the kind has."""
PRIVATE = "is a private address"
"""What a test says of an address that is not called."""


def troubles(side: Side | None) -> dict[str, str]:
    """By field of a connection's form: what its newest test found there, with the fix."""
    if side is None:
        return {}
    kind = kind_named(side.row.kind)
    fields = {each.name for part in (kind.settings, kind.credentials) for each in msgspec.structs.fields(part)}
    found: dict[str, str] = {}
    for check in side.checks:
        if check.health is Health.FAILED:
            name = next((name for name in AT_FIELDS.get(check.name, ()) if name in fields), None)
            if name is not None:
                found.setdefault(name, f"{check.sentence} {check.fix}".strip())
            if PRIVATE in check.sentence:
                found["allow_private"] = "Tick this if the address is meant to be in your own network."
    return found


@dataclass(frozen=True, kw_only=True)
class OpenStep:
    """A step that is not done, for the line on the home page."""

    number: int
    title: str
    url: str


def open_steps() -> list[OpenStep]:
    """The steps that are not done of the first set-up; none once an order has been posted by a live one."""
    setup = setups.find()
    if setup.done["live"] and setup.done["posted"]:
        return []
    return [
        OpenStep(number=number, title=STEPS[key], url=address(setup, step=key))
        for number, (key, done) in enumerate(setup.done.items(), 1)
        if not done
    ]


def address(setup: Setup | Mapping[str, str], *, page: str = "guide", step: str = "", **more: str) -> str:
    """The address of a page of the guide that goes on with this set-up."""
    names = setup.names if isinstance(setup, Setup) else setup
    query = urlencode({**names, **more})
    return reverse(f"admin:{page}") + (f"?{query}" if query else "") + (f"#{step}" if step else "")


def has_worker() -> bool:
    """Whether somebody looks for work."""
    return min(selectors.heartbeats(now=clock.now()).values(), default=WORKER_SECONDS + 1) <= WORKER_SECONDS

"""The pages about the store itself."""

from __future__ import annotations

import re

from retailhub.sandbox.store import setup_pages, system_pages
from retailhub.sandbox.store.calls import Answer, Call, Doc, listing, shown
from retailhub.sandbox.store.paging import Page
from retailhub.sandbox.store.rest import Route
from retailhub.sandbox.store.store import API


def _counted(call: Call, rows: list[Doc]) -> Answer:
    """All of a short list, with its count."""
    return listing(call, rows, Page(1, max(len(rows), 1), len(rows)))


def status(call: Call) -> Answer:
    return shown(call, system_pages.system_status(call.store))


def groups(call: Call) -> Answer:
    return listing(call, setup_pages.groups(call.store))


def group(call: Call, name: str) -> Answer:
    return listing(call, setup_pages.group(call.store, name))


def setting(call: Call, name: str, ident: str) -> Answer:
    return shown(call, setup_pages.one(call.store, name, ident))


def currency(call: Call) -> Answer:
    return shown(call, system_pages.current_currency(call.store))


def gateways(call: Call) -> Answer:
    return listing(call, system_pages.gateways(call.store))


def methods(call: Call) -> Answer:
    return listing(call, system_pages.shipping_methods(call.store))


def zones(call: Call) -> Answer:
    return _counted(call, system_pages.shipping_zones(call.store))


def zone_methods(call: Call, zone_id: int) -> Answer:
    return listing(call, system_pages.zone_methods(call.store, zone_id))


def totals(call: Call) -> Answer:
    return listing(call, system_pages.order_totals(call.store))


ROUTES: list[Route] = [
    Route(pattern="system_status", pages={"GET": status}),
    Route(pattern="settings", pages={"GET": groups}),
    Route(pattern="settings/([a-z_-]+)", pages={"GET": group}),
    Route(pattern="settings/([a-z_-]+)/([a-z0-9_-]+)", pages={"GET": setting}),
    Route(pattern="data/currencies/current", pages={"GET": currency}),
    Route(pattern="payment_gateways", pages={"GET": gateways}),
    Route(pattern="shipping_methods", pages={"GET": methods}),
    Route(pattern="shipping/zones", pages={"GET": zones}),
    Route(pattern="shipping/zones/{zone}/methods", pages={"GET": zone_methods}),
    Route(pattern="reports/orders/totals", pages={"GET": totals}),
]


def index_of(routes: list[Route]) -> Route:
    """The address that tells of all others."""
    names = [re.sub(r"\{(\w+)\}", r"(?P<\1>[\\d]+)", route.pattern) for route in routes]
    namespace = API.removeprefix("/wp-json/")

    def index(call: Call) -> Answer:
        places = [f"/{namespace}", *(f"/{namespace}/{name}" for name in names)]
        found = {
            "namespace": namespace,
            "routes": {
                place: {
                    "namespace": namespace,
                    "methods": ["GET"],
                    "endpoints": [],
                    "_links": {"self": [{"href": f"{call.store.settings.site}/wp-json{place}"}]},
                }
                for place in places
            },
            "_links": {"up": [{"href": f"{call.store.settings.site}/wp-json/"}]},
        }
        return shown(call, found)

    return Route(pattern="", pages={"GET": index})

"""Connecting a sandbox store with a sandbox ERP, through the same services as people do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from integrations import connections, organisation
from inventory.flows.import_catalogue import import_catalogue
from retailhub.core import clock

ACTOR = "sandbox"


def connect(
    *,
    store_url: str,
    webhook_secret: str,
    erp_kind: str,
    erp_settings: Mapping[str, Any],
    erp_credentials: Mapping[str, Any],
    live_from: dt.datetime,
    consumer: tuple[str, str],
    max_in_flight: int = 2,
) -> None:
    """Make connections ``shop`` and ``erp`` and the route between them, and read the ERP's catalogue."""
    now = clock.now()
    connections.add(
        name="shop",
        kind="woocommerce",
        settings={"base_url": store_url, "store_code": "eu", "allow_private": True},
        credentials={
            "consumer_key": consumer[0],
            "consumer_secret": consumer[1],
            "webhook_secrets": [webhook_secret],
        },
        mode="live",
        live_from=live_from,
        actor=ACTOR,
        now=now,
    )
    _connect_erp(kind=erp_kind, settings=erp_settings, credentials=erp_credentials, max_in_flight=max_in_flight)


def _connect_erp(*, kind: str, settings: Mapping[str, Any], credentials: Mapping[str, Any], max_in_flight: int) -> None:
    now = clock.now()
    connections.add(
        name="erp",
        kind=kind,
        settings=settings,
        credentials=credentials,
        mode="live",
        live_from=None,
        actor=ACTOR,
        now=now,
        max_in_flight=max_in_flight,
        settle_seconds=2,
    )
    organisation.add_route(
        store="shop",
        sink="erp",
        entity="example",
        entity_name="Example Retail GmbH",
        currency="EUR",
        region="everywhere",
        countries=(),
        actor=ACTOR,
        now=now,
    )
    import_catalogue(connection_name="erp")

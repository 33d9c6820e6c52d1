"""Which company sells in which region, and where a store's orders for it go."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from integrations import connections
from integrations.connectors.registry import kind_named
from integrations.events import PathsChanged
from integrations.models import LegalEntity, Region, SalesRoute
from integrations.ports.errors import Misconfigured
from retailhub.core import audit, bus


def add_route(
    *,
    store: str,
    sink: str,
    entity: str,
    entity_name: str,
    currency: str,
    region: str,
    countries: Sequence[str],
    actor: Any,
    now: dt.datetime,
    reason: str = "added",
    tell: bool = True,
) -> SalesRoute:
    """Send a store's orders for some countries (none named: all others) to a sink; makes entity and region.

    ``tell``: have all orders that wait decided on again at once; else that is the caller's.

    Raises `Misconfigured` when a connection is missing or has the wrong part, the region is another entity's, or a
    country has a route already.
    """
    source, target = connections.named(store), connections.named(sink)
    if kind_named(source.kind).role != "store" or kind_named(target.kind).role != "erp":
        raise Misconfigured(f"A route goes from a store to an ERP; {store} is {source.kind}, {sink} is {target.kind}.")
    _refuse_overlap(store, region, countries)
    with transaction.atomic():
        market = _region(region, _entity(entity, entity_name, currency), countries)
        row, _ = SalesRoute.objects.update_or_create(store=source, region=market, defaults={"sink": target})
        audit.record(
            actor=actor,
            action="add_route",
            subject=f"connection:{store}",
            reason=reason,
            now=now,
            after={"sink": sink, "region": region, "countries": list(countries)},
        )
        if tell:
            note_changed(store_ids=[source.pk], now=now)
    return row


def _entity(code: str, name: str, currency: str) -> LegalEntity:
    """The legal entity of that code, made where there is none."""
    owner, _ = LegalEntity.objects.get_or_create(code=code, defaults={"name": name or code, "currency": currency})
    return owner


def _region(code: str, owner: LegalEntity, countries: Sequence[str]) -> Region:
    """The region of that code, made where there is none."""
    market, made = Region.objects.get_or_create(
        code=code, defaults={"name": code, "legal_entity": owner, "countries": list(countries)}
    )
    if not made and (market.legal_entity_id != owner.pk or list(market.countries) != list(countries)):
        raise Misconfigured(f"Region {code} exists already, with another company or other countries.")
    return market


def _refuse_overlap(store: str, region: str, countries: Sequence[str]) -> None:
    """Two routes for one country would leave it to chance where its orders go."""
    others = SalesRoute.objects.filter(store__name=store).exclude(region__code=region).select_related("region")
    for other in others:
        both = sorted(set(countries) & set(other.region.countries))
        if both or (not countries and not other.region.countries):
            which = ", ".join(both) or "all other countries"
            raise Misconfigured(f"Region {other.region.code} has a route of {store} for {which} already.")


def note_changed(*, store_ids: Sequence[int], now: dt.datetime) -> None:
    """Tell that the paths of these stores' orders have changed, in the transaction of the change."""
    bus.publish(PathsChanged(tuple(store_ids), now))


def stores_of(*, region_id: int) -> list[int]:
    """The stores that have a route for a region."""
    return list(SalesRoute.objects.filter(region_id=region_id).values_list("store_id", flat=True).distinct())

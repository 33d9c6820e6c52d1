"""Maps that a connection keeps in its settings, and the choices for a route, as layers above may ask for them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from integrations import organisation
from integrations.connectors.registry import kind_named
from integrations.models import Connection, LegalEntity, Region
from integrations.ports.errors import Misconfigured


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A map of one connection; ``is_known``: whether its kind has such a map at all."""

    connection: str
    is_known: bool
    values: dict[str, Any] = field(default_factory=dict)


def kept(*, connection_id: int, name: str) -> Kept:
    """The map that a connection keeps under a setting's name (``status_map``, ``taxes``)."""
    row = Connection.objects.defer("credentials").get(pk=connection_id)
    is_known = hasattr(kind_named(row.kind).parse_settings(row.settings), name)
    return Kept(connection=row.name, is_known=is_known, values=dict(row.settings.get(name, {})))


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a route for a country may be made of: id and label."""

    sinks: list[tuple[int, str]]
    regions: list[tuple[int, str]]
    """Those that serve the country."""
    entities: list[tuple[int, str]]


def route_choices(*, country: str) -> Choices:
    """ERPs, regions that serve the country, and companies."""
    rows = Connection.objects.defer("credentials").order_by("name")
    regions = Region.objects.select_related("legal_entity").order_by("code")
    return Choices(
        sinks=[(row.pk, row.name) for row in rows if kind_named(row.kind).role == "erp"],
        regions=[
            (row.pk, f"{row.code} of {row.legal_entity.code}")
            for row in regions
            if not row.countries or country in row.countries
        ],
        entities=[(row.pk, row.name) for row in LegalEntity.objects.order_by("code")],
    )


def route_country(
    *,
    store_id: int,
    sink_id: int,
    country: str,
    region_id: int | None,
    entity_id: int | None,
    actor: Any,
    reason: str,
    now: dt.datetime,
) -> None:
    """Send a store's orders for a country to a sink, by a region that serves it or a new one of that country.

    Nothing is decided on again by it: that is the caller's. Raises `Misconfigured`.
    """
    names = dict(Connection.objects.filter(pk__in=[store_id, sink_id]).values_list("pk", "name"))
    region = Region.objects.select_related("legal_entity").filter(pk=region_id or 0).first()
    entity = region.legal_entity if region else LegalEntity.objects.filter(pk=entity_id or 0).first()
    if entity is None or not {store_id, sink_id} <= set(names):
        raise Misconfigured("Choose an ERP, and a region or the company that sells in the new one.")
    if region is not None and region.countries and country not in region.countries:
        raise Misconfigured(f"Region {region.code} does not serve {country}.")
    organisation.add_route(
        store=names[store_id],
        sink=names[sink_id],
        entity=entity.code,
        entity_name=entity.name,
        currency=entity.currency,
        region=region.code if region else country.lower(),
        countries=region.countries if region else [country],
        actor=actor,
        now=now,
        reason=reason,
        tell=False,
    )

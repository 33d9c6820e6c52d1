"""Legal entities, regions and routes: who sells, where, and which ERP gets the orders."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from integrations import organisation
from integrations.models import LegalEntity, Region, SalesRoute
from retailhub.core import clock
from retailhub.core.admin import EditableAdmin, display


@admin.register(LegalEntity)
class LegalEntityAdmin(EditableAdmin):
    list_display = ("code", "name", "currency")
    search_exact = ("code", "name")
    ordering = ("code",)
    acts = (EditableAdmin.remove_act(LegalEntity, "legal entity"),)


@admin.register(Region)
class RegionAdmin(EditableAdmin):
    list_display = ("code", "name", "legal_entity", "served")
    list_select_related = ("legal_entity",)
    search_exact = ("code", "name")
    ordering = ("code",)
    acts = (EditableAdmin.remove_act(Region, "region"),)

    def after_save(self, obj: Region) -> None:
        organisation.note_changed(store_ids=organisation.stores_of(region_id=obj.pk), now=clock.now())

    @display(description="Countries")
    def served(self, row: Region) -> str:
        return ", ".join(row.countries) or "all others"


@admin.register(SalesRoute)
class SalesRouteAdmin(EditableAdmin):
    """Which sink gets a store's orders. Orders that were held for want of a route are decided on again at once."""

    list_display = ("store_name", "region_code", "sink_name")
    ordering = ("store__name", "region__code")
    acts = (EditableAdmin.remove_act(SalesRoute, "route"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("store", "region", "sink").defer("store__credentials", "sink__credentials")

    def after_save(self, obj: SalesRoute) -> None:
        organisation.note_changed(store_ids=[obj.store_id], now=clock.now())

    @display(description="Store", ordering="store__name")
    def store_name(self, row: SalesRoute) -> str:
        return row.store.name

    @display(description="Region", ordering="region__code")
    def region_code(self, row: SalesRoute) -> str:
        return row.region.code

    @display(description="Goes to", ordering="sink__name")
    def sink_name(self, row: SalesRoute) -> str:
        return row.sink.name

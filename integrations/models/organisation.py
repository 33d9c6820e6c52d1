"""Legal entities, regions, and which connection serves which."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from simple_history.models import HistoricalRecords

from integrations.models.connection import Connection


class LegalEntity(models.Model):
    """A company that sells: it owns the books an order lands in."""

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3, help_text="ISO 4217 code of its books.")
    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "legal entities"

    def __str__(self) -> str:
        return self.code


class Region(models.Model):
    """A market of a legal entity."""

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=200)
    legal_entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="regions")
    countries = ArrayField(
        models.CharField(max_length=2),
        default=list,
        blank=True,
        help_text="ISO codes; empty serves all others.",
    )
    history = HistoricalRecords()

    def __str__(self) -> str:
        return self.code


class SalesRoute(models.Model):
    """Orders of a store for a region are posted to a sink. An order without a route is held."""

    store = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="routes_out")
    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="routes")
    sink = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="routes_in")
    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "region"], name="route_one_sink_per_region")]

    def __str__(self) -> str:
        return f"{self.store_id} → {self.sink_id}"

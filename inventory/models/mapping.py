"""How a SKU is called in another system."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords


class SkuMapping(models.Model):
    """One SKU, exact in case and code points, and its item code in a sink.

    ``catalogue`` rows come from reading the sink's products (the code is the SKU); ``operator`` rows were made by
    a person and are never overwritten by a catalogue.
    """

    class Source(models.TextChoices):
        CATALOGUE = "catalogue"
        OPERATOR = "operator"

    connection = models.ForeignKey("integrations.Connection", on_delete=models.PROTECT, related_name="+")
    sku = models.CharField(max_length=200)
    item_code = models.CharField(max_length=200)
    source = models.CharField(max_length=10, choices=Source.choices)
    active = models.BooleanField(default=True)
    changed_at = models.DateTimeField()
    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "sku"], name="sku_mapping_once")]

    def __str__(self) -> str:
        return f"{self.sku} → {self.item_code}"

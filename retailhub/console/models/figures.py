"""What the figures of Home were, and what they should be."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q


class FigureSample(models.Model):
    """A figure at one time: each five minutes, folded into hours later. ``part`` is a store or a currency, or empty."""

    figure = models.CharField(max_length=40)
    part = models.CharField(max_length=40, blank=True, default="")
    seconds = models.PositiveIntegerField(help_text="How long the time is that it stands for.")
    at = models.DateTimeField(help_text="When that time began.")
    value = models.DecimalField(max_digits=24, decimal_places=3, help_text="The value, of an hour the mean.")
    highest = models.DecimalField(max_digits=24, decimal_places=3)

    class Meta:
        default_permissions = ()
        constraints = [
            # the trend of a figure
            models.UniqueConstraint(fields=["figure", "part", "seconds", "at"], name="figure_sample_once"),
            models.CheckConstraint(condition=Q(highest__gte=F("value")), name="figure_sample_highest"),
        ]
        indexes = [models.Index(fields=["seconds", "at"], name="figure_sample_age")]  # folding and forgetting

    def __str__(self) -> str:
        return f"{self.figure} {self.part} {self.at}"


class FigureTarget(models.Model):
    """From where on a figure is a warning, and from where on it is bad. Without a row its own target holds."""

    figure = models.CharField(max_length=40, primary_key=True)
    warn_at = models.DecimalField(max_digits=24, decimal_places=3)
    bad_at = models.DecimalField(max_digits=24, decimal_places=3)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=150)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(warn_at__gte=0) & Q(bad_at__gte=F("warn_at")), name="figure_target_in_order"
            ),
        ]

    def __str__(self) -> str:
        return self.figure

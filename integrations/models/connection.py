"""Connections: configured outside systems, their secrets and their present condition."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from integrations.states import Mode
from retailhub.core.crypto import EncryptedJSONField


class Connection(models.Model):
    """One outside system as people configured it. Edits are kept as history, secrets are not."""

    name = models.SlugField(max_length=40, unique=True, help_text="Short name; part of the webhook address.")
    kind = models.CharField(max_length=40, help_text="Which connector speaks to it.")
    mode = models.CharField(
        max_length=8,
        choices=[(mode.value, mode.value) for mode in Mode],
        default=Mode.OFF.value,
        help_text="off: intake is kept, nothing is worked; shadow: everything but outside effects; live: all.",
    )
    live_from = models.DateTimeField(
        null=True, blank=True, help_text="Orders created before this moment are imported but never posted."
    )
    settings = models.JSONField(default=dict, blank=True)
    credentials = EncryptedJSONField(default=dict, blank=True)
    max_in_flight = models.PositiveSmallIntegerField(default=2, help_text="How many workers may talk to it at once.")
    settle_seconds = models.PositiveSmallIntegerField(
        default=5, help_text="How long its search may lag behind what it has stored."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    history = HistoricalRecords(excluded_fields=["credentials"])

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(mode__in=[mode.value for mode in Mode]), name="connection_mode_known"
            ),
            models.CheckConstraint(condition=models.Q(max_in_flight__gte=1), name="connection_max_in_flight"),
        ]

    def __str__(self) -> str:
        return self.name


class ConnectionState(models.Model):
    """The present condition of a connection: written by the engine, read by everybody.

    Its row is also the lock under which work of the connection is claimed, so that limits hold over all workers.
    """

    connection = models.OneToOneField(Connection, primary_key=True, on_delete=models.CASCADE, related_name="state")
    retry_at = models.DateTimeField(null=True, help_text="The other system asked us to wait until then.")
    paused_at = models.DateTimeField(null=True)
    paused_until = models.DateTimeField(null=True)
    paused_by = models.CharField(max_length=150, default="", blank=True)
    paused_reason = models.TextField(default="", blank=True)
    writes_retry_at = models.DateTimeField(null=True, help_text="Until then nothing is written to it; it is read.")
    writes_failure_code = models.CharField(max_length=60, default="", db_default="", blank=True)
    last_success_at = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    last_failure_code = models.CharField(max_length=60, default="", blank=True)
    refused_unsigned = models.BigIntegerField(default=0)
    refused_signature = models.BigIntegerField(default=0)
    refused_too_large = models.BigIntegerField(default=0)
    catalogue_synced_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"state of {self.connection_id}"

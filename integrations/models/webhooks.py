"""How the webhooks of stores are looked after: what is known of them, and the holes they left."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from integrations.models.connection import Connection


class WebhookCare(models.Model):
    """What care remembers of one store from look to look, and the change of its secret, if one is under way."""

    connection = models.OneToOneField(Connection, primary_key=True, on_delete=models.CASCADE, related_name="+")
    left_to_people = models.BooleanField(default=False, help_text="Look, tell, and change nothing in the store.")
    active_since = models.DateTimeField(
        null=True, help_text="When order.updated was first seen active; empty while it is not."
    )
    known = models.JSONField(
        null=True, help_text="Webhooks with our path by the store's id: address, and whether ours; empty before a look."
    )
    delivered = models.JSONField(default=dict, help_text="Topic to the moment of its last delivery.")
    missing_since = models.DateTimeField(null=True, help_text="Since when too many deliveries are missing.")
    late_since = models.DateTimeField(null=True, help_text="Since when deliveries are late or silent.")
    usual_seconds = models.JSONField(
        default=dict, help_text="Periods of the looks that were shortened, as they were before, by kind."
    )
    rotation_began_at = models.DateTimeField(null=True, help_text="A new secret is being given to the webhooks.")
    rotation_mark = models.CharField(max_length=64, default="", blank=True, help_text="Hash of the new secret.")
    rotation_given = models.JSONField(default=list, help_text="Webhooks that have it.")
    rotation_given_at = models.DateTimeField(null=True, help_text="Since when all of them have it.")
    old_secret_used_at = models.DateTimeField(null=True, help_text="When a delivery was last signed with another.")

    def __str__(self) -> str:
        return f"webhooks of {self.connection_id}"


class WebhookHole(models.Model):
    """A time in which switched-off webhooks told nothing, and what polling found of it."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    topics = models.JSONField(help_text="What was switched off.")
    began_at = models.DateTimeField(help_text="The last delivery before, or when the connection was made.")
    ended_at = models.DateTimeField(null=True, help_text="When all were active again.")
    polled_at = models.DateTimeField(null=True, help_text="When polling had read all of it.")
    orders = models.IntegerField(null=True, help_text="Orders that came by polling alone.")
    first_ref = models.CharField(max_length=40, default="", blank=True)
    last_ref = models.CharField(max_length=40, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection"], name="webhook_hole_one_unread", condition=Q(polled_at__isnull=True)
            ),
        ]
        indexes = [
            # which versions a hole explains
            models.Index(fields=["connection", "began_at"], name="webhook_hole_times"),
        ]

    def __str__(self) -> str:
        return f"hole of {self.connection_id} since {self.began_at}"

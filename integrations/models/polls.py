"""Standing looks at stores: what each has seen, where it stands, when it is due."""

from __future__ import annotations

from django.db import models

from integrations.models.connection import Connection
from integrations.states import PollKind


class Poll(models.Model):
    """One standing look at one store. It goes round in steps of one page; what a step found and where the next one
    begins are committed together, so a round goes on where it broke off.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in PollKind])
    due_at = models.DateTimeField(null=True, help_text="When the next step is due; empty: never by itself.")
    every_seconds = models.PositiveIntegerField(help_text="From the beginning of one round to the next.")
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(null=True)
    cursor_at = models.DateTimeField(
        null=True, help_text="All that the store changed up to here, by its own clock, is in the inbox."
    )
    began_at = models.DateTimeField(null=True, help_text="When the round under way began; empty between rounds.")
    place = models.JSONField(default=dict, help_text="Where the round under way reads on.")
    seen = models.BigIntegerField(default=0, help_text="Orders looked at in this round.")
    fresh = models.BigIntegerField(default=0, help_text="Orders of this round that were news.")
    total = models.BigIntegerField(null=True, help_text="Orders of this round as the store counts them.")
    calls = models.BigIntegerField(default=0, help_text="Calls of this round.")
    report = models.JSONField(default=dict, help_text="What the last whole round found.")
    finished_at = models.DateTimeField(null=True, help_text="When a round was last whole.")
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0, help_text="In a row.")
    code = models.CharField(max_length=60, default="", blank=True)
    detail = models.TextField(default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "kind"], name="poll_once_per_connection"),
            models.CheckConstraint(
                condition=models.Q(kind__in=[kind.value for kind in PollKind]), name="poll_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}:{self.kind}"

"""Tests of connections that somebody asked for, and what they found."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from integrations.models.connection import Connection


class ConnectionTest(models.Model):
    """One look at how a connection is set up. A worker makes it, since the other system may take its time."""

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        BROKEN = "broken"

    OPEN = (State.WAITING.value, State.RUNNING.value)

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+", db_index=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0, help_text="Calls made so far.")
    checks = models.JSONField(default=list, help_text="Name, health, sentence and fix of each.")
    why = models.TextField(blank=True, default="", help_text="Why it could not be made.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["connection"],
                name="connection_test_one_open",
                condition=Q(state__in=["waiting", "running"]),
            ),
        ]
        indexes = [
            models.Index(fields=["connection", "-id"], name="connection_test_last"),  # the connection's page
            # the pump's question for tests that wait
            models.Index(fields=["id"], name="connection_test_open", condition=Q(state__in=["waiting", "running"])),
        ]

    def __str__(self) -> str:
        return f"test of {self.connection_id}"

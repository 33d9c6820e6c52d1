"""What a store says against what is known of its orders, until it is believed."""

from __future__ import annotations

from django.db import models

from integrations.models.connection import Connection


class OrderDoubt(models.Model):
    """One order that its store has no more, or shows as it was before. Rows live until the store says otherwise."""

    class Kind(models.TextChoices):
        GONE = "gone"
        OLDER = "older"

    class State(models.TextChoices):
        NOTED = "noted"
        """Found by a round that is not whole yet."""
        LET = "let"
        """Believed, because it is one of few."""
        HELD = "held"
        """Waits for a person."""
        ACCEPTED = "accepted"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    order_ref = models.BigIntegerField(help_text="The store's id of the order.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.NOTED)
    seen_at = models.DateTimeField(help_text="When a look or a read found it so last.")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "order_ref"], name="order_doubt_once")]

    def __str__(self) -> str:
        return f"order {self.order_ref} of {self.connection_id}: {self.kind}, {self.state}"


class StorePlace(models.Model):
    """Where a store was when its orders were last believed to be the ones that are known."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=500, help_text="As we reach it.")
    home = models.CharField(max_length=500, blank=True, default="", help_text="As the store itself says.")
    seen_home = models.CharField(max_length=500, blank=True, default="", help_text="As it said last.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.connection_id} at {self.address}"

"""Orders that a person has given up."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from orders.models.order import Order


class GivenUp(models.Model):
    """Somebody said that nothing more of an order goes to its ERP, until that is taken back."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="given_up")
    at = models.DateTimeField()
    actor_name = models.CharField(max_length=150)
    reason = models.TextField()
    message_id = models.BigIntegerField(help_text="The outbound message that was given up with it.")
    taken_back_at = models.DateTimeField(null=True)
    taken_back_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        constraints = [
            # also the question of every decision on an order
            models.UniqueConstraint(fields=["order"], name="given_up_once", condition=Q(taken_back_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} given up"

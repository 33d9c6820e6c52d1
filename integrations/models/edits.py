"""What people have changed in documents that wait to be sent."""

from __future__ import annotations

from django.db import models

from integrations.models.messages import OutboxMessage


class MessageEdit(models.Model):
    """One revision of an outbound message that a person made. Which fields, from what to what, stands in the audit.

    The order's own document is known by two hashes: of all of it, and of what an ERP must hold. They say whether the
    order has changed since, which never overwrites the edit.
    """

    message = models.ForeignKey(OutboxMessage, on_delete=models.CASCADE, related_name="edits")
    revision = models.IntegerField(help_text="The revision of the body that the edit made.")
    at = models.DateTimeField()
    actor_name = models.CharField(max_length=150)
    reason = models.TextField()
    fields = models.JSONField(default=list, help_text="Names of the fields that were changed.")
    basis_hash = models.BinaryField(max_length=32, help_text="Of the order's own document when it was edited.")
    basis_material = models.BinaryField(max_length=32, help_text="Of what of it an ERP must hold.")
    newer_hash = models.BinaryField(max_length=32, null=True, help_text="Of the order's own document since it changed.")
    newer_material = models.BinaryField(max_length=32, null=True)
    ended_at = models.DateTimeField(null=True, help_text="When it was given up for the order's own document.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "revision"], name="message_edit_once"),
        ]
        indexes = [
            # an order that is decided on: does a person's edit stand
            models.Index(fields=["message", "-revision"], name="message_edit_live", condition=models.Q(ended_at=None)),
        ]

    def __str__(self) -> str:
        return f"edit {self.revision} of msg_o{self.message_id}"

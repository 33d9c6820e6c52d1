"""Our references in other systems."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from integrations.models.connection import Connection


class ExternalReference(models.Model):
    """A document of ours in another system, found there again by its reference.

    One row for (sink, subject, document type, ordinal); the reference follows from them and is never reused.
    """

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=60)
    document_type = models.CharField(max_length=20)
    ordinal = models.SmallIntegerField(default=1)
    reference = models.CharField(max_length=80)
    external_id = models.CharField(max_length=80, default="", blank=True)
    number = models.CharField(max_length=80, default="", blank=True)
    state = models.CharField(max_length=12, default="", blank=True)
    currency = models.CharField(max_length=3, default="", blank=True)
    total = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    document_hash = models.BinaryField(max_length=32, null=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "subject", "document_type", "ordinal"], name="reference_once"
            ),
            models.UniqueConstraint(fields=["connection", "reference"], name="reference_unique"),
        ]
        indexes = [
            models.Index(fields=["subject"], name="reference_subject"),  # explain, export
            # search by what the other system calls a document
            models.Index(fields=["number"], name="reference_number", condition=~Q(number="")),
            models.Index(fields=["external_id"], name="reference_external_id", condition=~Q(external_id="")),
        ]

    def __str__(self) -> str:
        return self.reference

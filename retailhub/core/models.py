"""Who did what: one row for every act of a person."""

from __future__ import annotations

from django.conf import settings
from django.db import models

SEAL = ("sealed_seq", "sealed_at", "sealed_after", "seal_version", "seal_key", "seal_previous", "seal_hash", "seal_mac")
"""Columns of an entry that are written after it was added, once and together: its link in the chain."""


class AuditEntry(models.Model):
    """An act of a person or of the command line, with its reason.

    Rows are only ever added: a trigger refuses every change but the sealing, once. Sealed rows are a chain in the
    order of ``sealed_seq``; `retailhub.core.audit_chain` says what of.
    """

    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150)
    role = models.CharField(max_length=200, default="", db_default="", help_text="The actor's roles at that time.")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    reason = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    sealed_seq = models.BigIntegerField(null=True, help_text="Its place in the chain; empty until it is sealed.")
    sealed_at = models.DateTimeField(null=True)
    sealed_after = models.DateTimeField(
        null=True, help_text="The sealing before this one had seen all rows up to here."
    )
    seal_version = models.SmallIntegerField(null=True)
    seal_key = models.CharField(max_length=60, null=True)  # noqa: DJ001 - empty with the rest of the seal
    seal_previous = models.BinaryField(max_length=32, null=True)
    seal_hash = models.BinaryField(max_length=32, null=True)
    seal_mac = models.BinaryField(max_length=32, null=True)

    class Meta:
        verbose_name_plural = "audit entries"
        constraints = [
            # verify reads in this order; conditional, so that it is an index and could be made without a lock
            models.UniqueConstraint(
                fields=["sealed_seq"], name="audit_chain_order", condition=models.Q(sealed_seq__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["subject", "at"], name="audit_subject"),  # the acts on one thing, in order
            models.Index(fields=["-at"], name="audit_recent"),  # the console's list
            models.Index(fields=["actor_name", "-at"], name="audit_actor"),  # search and `audit list --actor`
            models.Index(fields=["action", "-at"], name="audit_action"),  # search and `audit list --action`
            # what is to be sealed
            models.Index(fields=["id"], name="audit_unsealed", condition=models.Q(sealed_seq=None)),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.subject}"


class AuditChain(models.Model):
    """The one row that says where the audit's chain ends, under our key, and how the last check went."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    head_seq = models.BigIntegerField(default=0)
    head_hash = models.BinaryField(max_length=32)
    looked_at = models.DateTimeField(null=True, help_text="Every row committed before this moment was sealed.")
    key = models.CharField(max_length=60)
    mac = models.BinaryField(max_length=32)
    checked_at = models.DateTimeField(null=True)
    check_report = models.JSONField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="audit_one_chain")]

    def __str__(self) -> str:
        return f"{self.head_seq}:{bytes(self.head_hash).hex()}"

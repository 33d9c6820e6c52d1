"""Who did what: one row for every act of a person."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """An act of a person or of the command line, with its reason. Rows are only ever added."""

    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    reason = models.TextField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["subject", "at"], name="audit_subject"),  # the acts on one thing, in order
            models.Index(fields=["-at"], name="audit_recent"),  # the console's list
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.subject}"

"""Cases: things that need a person, or needed one; and causes: cases that are mended together."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Cause(models.Model):
    """Cases with one code and one value at fault on one connection."""

    public_id = models.CharField(max_length=32, unique=True)
    fingerprint = models.BinaryField(max_length=32, unique=True)
    code = models.CharField(max_length=60)
    key = models.CharField(max_length=200, blank=True, default="")
    connection = models.ForeignKey("integrations.Connection", null=True, on_delete=models.PROTECT, related_name="+")
    first_seen_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["code"], name="cause_code"),  # triage by code
            models.Index(fields=["key"], name="cause_key"),  # search; other causes with the same value at fault
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.key}".strip()


class Case(models.Model):
    """One thing with one code about one subject. It closes itself when its cause is gone and reopens with it."""

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"
        IGNORED = "ignored"

    public_id = models.CharField(max_length=32, unique=True)
    cause = models.ForeignKey(Cause, on_delete=models.PROTECT, related_name="cases")
    code = models.CharField(max_length=60)
    subject = models.CharField(max_length=60)
    store = models.ForeignKey(
        "integrations.Connection", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    """The store that it is about, where it is about one; its cause's connection may be the ERP."""
    family = models.CharField(max_length=12, help_text="Which part of the product reports and closes it.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    sentence = models.TextField()
    evidence = models.JSONField(default=dict)
    owner_side = models.CharField(max_length=16)
    currency = models.CharField(max_length=3, blank=True, default="")
    money_at_risk = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    opened_at = models.DateTimeField(help_text="When it was opened, or last reopened: its clock.")
    last_seen_at = models.DateTimeField()
    seen_count = models.IntegerField(default=1)
    reopened_count = models.IntegerField(default=0)
    closed_at = models.DateTimeField(null=True)
    closed_because = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "subject"], name="case_once_per_cause_and_subject"),
        ]
        indexes = [
            models.Index(fields=["subject"], name="case_subject"),  # close by subject; timeline
            models.Index(fields=["code", "-id"], name="case_open_by_code", condition=Q(state="open")),  # triage
            models.Index(fields=["-id"], name="case_open", condition=Q(state="open")),  # the console's list
            models.Index(fields=["code", "-id"], name="case_by_code"),  # the same of what is closed too; search
            models.Index(fields=["-id"], name="case_ignored", condition=Q(state="ignored")),  # the same of what is rare
            # a cause's oldest and newest open case
            models.Index(fields=["cause", "opened_at"], name="case_open_since", condition=Q(state="open")),
            # what closed a cause's cases last
            models.Index(fields=["cause", "-closed_at"], name="case_closed_last", condition=Q(state="closed")),
            models.Index(fields=["store", "cause"], name="case_open_store", condition=Q(state="open")),  # triage
        ]

    def __str__(self) -> str:
        return self.public_id


class CaseEvent(models.Model):
    """What happened to a case: opened, closed, reopened, noted. Rows are only ever added."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    what = models.CharField(max_length=20)
    actor = models.CharField(max_length=150, default="RetailHub")
    note = models.TextField(blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["case", "id"], name="case_events")]  # the case page

    def __str__(self) -> str:
        return f"{self.what} {self.case_id}"

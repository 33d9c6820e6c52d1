"""What people do about causes and cases: who has them, what they wrote, what they put off; and views they keep."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from reconciliation.models.case import Case, Cause

TAG_LENGTH = 40


class Work(models.Model):
    """The working state of a cause or a case. There is no row as long as nobody did anything about it."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    tags = ArrayField(models.CharField(max_length=TAG_LENGTH), default=list)
    snoozed_until = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        abstract = True


class CauseWork(Work):
    """Who has a cause. It holds for each of its cases that has no working state of its own."""

    cause = models.OneToOneField(Cause, primary_key=True, on_delete=models.CASCADE, related_name="work")

    class Meta:
        indexes = [
            models.Index(fields=["owner"], name="cause_work_owner", condition=Q(owner__isnull=False)),  # what is mine
        ]

    def __str__(self) -> str:
        return f"work on cause {self.cause_id}"


class CaseWork(Work):
    """Who has one case, where that is said of the case itself."""

    case = models.OneToOneField(Case, primary_key=True, on_delete=models.CASCADE, related_name="work")

    class Meta:
        indexes = [
            models.Index(fields=["owner"], name="case_work_owner", condition=Q(owner__isnull=False)),  # what is mine
        ]

    def __str__(self) -> str:
        return f"work on case {self.case_id}"


class CauseEvent(models.Model):
    """What people did about a cause. Rows are only ever added."""

    cause = models.ForeignKey(Cause, on_delete=models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    what = models.CharField(max_length=20)
    actor = models.CharField(max_length=150)
    note = models.TextField(blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["cause", "id"], name="cause_events")]  # the cause's page

    def __str__(self) -> str:
        return f"{self.what} {self.cause_id}"


class SavedView(models.Model):
    """A filter of triage under a name: a person's own, or shared with everybody."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True, help_text="As in the address of the page, after its ?.")
    shared = models.BooleanField(default=False)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="view_once_per_owner_and_name")]
        indexes = [models.Index(fields=["name"], name="view_shared", condition=Q(shared=True))]  # everybody's

    def __str__(self) -> str:
        return self.name


class FirstView(models.Model):
    """The view with which triage opens for a person."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.person_id} begins with {self.view_id}"


class BulkWork(models.Model):
    """One act on everything that matched a filter when a person confirmed it, done in batches.

    ``targets`` are keys of causes, or of cases where the act is about cases; it never changes. ``done`` of them have
    been gone through, ``left`` of these were not in a state for the act any more.
    """

    class About(models.TextChoices):
        CAUSE = "cause"
        CASE = "case"

    public_id = models.CharField(max_length=32, unique=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    actor = models.CharField(max_length=150)
    act = models.CharField(max_length=20)
    about = models.CharField(max_length=5, choices=About.choices)
    query = models.CharField(max_length=1000, blank=True)
    values = models.JSONField(default=dict)
    reason = models.CharField(max_length=500)
    decided_at = models.DateTimeField()
    targets = ArrayField(models.BigIntegerField())
    total = models.IntegerField()
    done = models.IntegerField(default=0)
    left = models.IntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(done__gte=0) & Q(done__lte=models.F("total")), name="bulk_work_done_within_total"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="bulk_work_open", condition=Q(finished_at=None)),  # what is to be gone on
        ]

    def __str__(self) -> str:
        return self.public_id

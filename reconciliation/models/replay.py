"""Replays: what a person has done again, with a trial of one, then of ten, then the rest."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class ReplayRun(models.Model):
    """One plan, fixed when it is made, and how far it has come. ``source`` is what the person named."""

    class State(models.TextChoices):
        PLANNED = "planned"
        AWAITING_APPROVAL = "awaiting_approval"
        CANARY_1 = "canary_1"
        CANARY_10 = "canary_10"
        REST = "rest"
        DONE = "done"
        STOPPED = "stopped"
        CANCELLED = "cancelled"

    ACTIVE = (State.CANARY_1.value, State.CANARY_10.value, State.REST.value)
    BEFORE_IT_GOES = (State.PLANNED.value, State.AWAITING_APPROVAL.value, State.CANCELLED.value)

    public_id = models.CharField(max_length=32, unique=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    author_name = models.CharField(max_length=150)
    reason = models.TextField()
    source = models.CharField(max_length=200, help_text="cause:…, code:…, case:…, messages or mapping:…")
    title = models.CharField(max_length=300)
    state = models.CharField(max_length=20, choices=State.choices, default=State.PLANNED)
    changes_money = models.BooleanField(default=False)
    approval_needed = models.BooleanField(default=False)
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    approver_name = models.CharField(max_length=150, blank=True, default="")
    approval_reason = models.TextField(blank=True, default="")
    approved_at = models.DateTimeField(null=True)
    item_count = models.IntegerField()
    message_count = models.IntegerField(help_text="Parked messages among what is done again.")
    money = models.JSONField(default=dict, help_text="Sum of the orders by currency, as text.")
    left = models.JSONField(default=dict, help_text="What was named and stays as it is, and why.")
    planned_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    stage_at = models.DateTimeField(null=True, help_text="When the present stage began.")
    ended_at = models.DateTimeField(null=True)
    why = models.TextField(blank=True, default="", help_text="Why it stopped, or how it ended.")

    class Meta:
        verbose_name = "replay"
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["planned", "awaiting_approval", "cancelled"])
                | Q(approval_needed=False)
                | ~Q(approver_name=""),
                name="replay_approved_before_it_goes",
            ),
            models.CheckConstraint(
                condition=Q(approver_name="") | ~Q(approver_name=F("author_name")), name="replay_author_not_approver"
            ),
            models.CheckConstraint(
                condition=Q(author=None) | Q(approver=None) | ~Q(author=F("approver")),
                name="replay_author_not_approver_id",
            ),
            models.CheckConstraint(
                condition=Q(changes_money=False) | Q(approval_needed=True), name="replay_money_needs_approval"
            ),
        ]
        indexes = [
            # the pump's question for replays that are under way
            models.Index(fields=["id"], name="replay_active", condition=Q(state__in=["canary_1", "canary_10", "rest"])),
            models.Index(fields=["state", "-id"], name="replay_by_state"),  # the console's list
            models.Index(fields=["source", "-id"], name="replay_by_source"),  # a cause's page
        ]

    def __str__(self) -> str:
        return self.public_id


class ReplayItem(models.Model):
    """One order or inbound message of a replay. Its subject is in one replay at a time while it waits or is worked."""

    class State(models.TextChoices):
        PLANNED = "planned"
        WAITING = "waiting"
        UNDER_WAY = "under_way"
        DONE = "done"
        SURPRISE = "surprise"
        SKIPPED = "skipped"

    OPEN = (State.WAITING.value, State.UNDER_WAY.value)

    run = models.ForeignKey(ReplayRun, on_delete=models.CASCADE, related_name="items")
    position = models.IntegerField()
    subject = models.CharField(max_length=60)
    connection = models.ForeignKey("integrations.Connection", null=True, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3, blank=True, default="")
    amount = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    case_ids = ArrayField(models.BigIntegerField(), default=list, help_text="The cases that it is to close.")
    others = ArrayField(
        models.BigIntegerField(), default=list, help_text="Other cases that were open when its turn came."
    )
    message_id = models.BigIntegerField(null=True, help_text="The parked outbound message that is sent with an edit.")
    edit = models.TextField(blank=True, default="", help_text="The edited document as JSON text.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    stage = models.CharField(max_length=10, blank=True, default="")
    result = models.TextField(blank=True, default="")
    effect = models.CharField(max_length=200, blank=True, default="", help_text="Reference of what came of it.")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "part of a replay"
        verbose_name_plural = "parts of replays"
        constraints = [
            models.UniqueConstraint(fields=["run", "position"], name="replay_item_position"),
            models.UniqueConstraint(fields=["run", "subject"], name="replay_item_once"),
            models.UniqueConstraint(
                fields=["subject"], name="replay_one_at_a_time", condition=Q(state__in=["waiting", "under_way"])
            ),
        ]
        indexes = [
            # what comes next, and how many there are of each state
            models.Index(fields=["run", "state", "position"], name="replay_item_next"),
            models.Index(fields=["subject", "-id"], name="replay_item_subject"),  # which replay closed a case
            # whose results are waited for
            models.Index(fields=["run"], name="replay_item_under_way", condition=Q(state="under_way")),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}.{self.position} {self.subject}"

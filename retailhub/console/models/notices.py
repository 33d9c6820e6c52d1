"""Who is told of what (`NoticeRule`), what each has been told already (`NoticeTold`), and what is sent (`Notice`)."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from retailhub.core.crypto import EncryptedJSONField


class NoticeRule(models.Model):
    """One way to tell somebody: where to, of what, at once or once a day, and when not."""

    class Kind(models.TextChoices):
        EMAIL = "email"
        SLACK = "slack"
        TEAMS = "teams"
        JSON = "json"

    name = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    target = EncryptedJSONField(help_text="Either to: e-mail addresses, or url: the webhook, which is a secret.")
    allow_private = models.BooleanField(default=False, help_text="Whether the webhook may be in one's own network.")
    enabled = models.BooleanField(default=True)
    # of what
    causes = models.BooleanField(default=True, help_text="Whether it tells of causes, within what follows.")
    codes = ArrayField(models.CharField(max_length=60), default=list, blank=True, help_text="Empty: all.")
    urgent_only = models.BooleanField(default=False)
    connection = models.ForeignKey(
        "integrations.Connection", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    money_at_least = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    approvals = models.BooleanField(default=False, help_text="Whether it tells of replays that wait for approval.")
    # when
    zone = models.CharField(max_length=60, default="UTC")
    digest_at = models.TimeField(null=True, help_text="Once a day at this local time; without it at once.")
    quiet_from = models.TimeField(null=True)
    quiet_to = models.TimeField(null=True)
    urgent_passes = models.BooleanField(default=True, help_text="Whether urgent causes are told in quiet hours too.")
    # how far it is
    noticed_at = models.DateTimeField(null=True, help_text="When it last had something to tell.")
    digested_on = models.DateField(null=True, help_text="The local date of the last digest.")
    sent_at = models.DateTimeField(null=True, help_text="When a notice of it last got through.")
    changed_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_to=None)
                | (Q(quiet_from__isnull=False, quiet_to__isnull=False) & ~Q(quiet_from=F("quiet_to"))),
                name="notice_rule_quiet_hours",
            ),
            models.CheckConstraint(condition=Q(causes=True) | Q(approvals=True), name="notice_rule_of_something"),
        ]

    def __str__(self) -> str:
        return self.name


class NoticeTold(models.Model):
    """What a rule has told of one subject (``cause:…``, ``replay:…``) that it has not told to be over."""

    rule = models.ForeignKey(NoticeRule, on_delete=models.CASCADE, related_name="told", db_index=False)
    subject = models.CharField(max_length=60)
    cases = models.IntegerField(help_text="How many open cases it had when it was told of last.")
    told_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, help_text="Since when it is over.")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["rule", "subject"], name="notice_told_once")]

    def __str__(self) -> str:
        return f"{self.subject} told by {self.rule_id}"


class Notice(models.Model):
    """One notice to one address. It is sent until it gets through or is given up, each time under its public id."""

    class Status(models.TextChoices):
        PENDING = "pending"
        SENDING = "sending"
        SENT = "sent"
        GIVEN_UP = "given_up"
        DROPPED = "dropped"

    class What(models.TextChoices):
        CHANGE = "change"
        DIGEST = "digest"
        TEST = "test"

    public_id = models.CharField(max_length=32, unique=True)
    rule = models.ForeignKey(NoticeRule, on_delete=models.CASCADE, related_name="notices", db_index=False)
    what = models.CharField(max_length=6, choices=What.choices)
    to = EncryptedJSONField(null=True, help_text="The e-mail address, as to; a webhook is looked up at its rule.")
    headline = models.CharField(max_length=200)
    content = models.JSONField(default=dict)
    made_at = models.DateTimeField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    due_at = models.DateTimeField()
    attempts = models.IntegerField(default=0, help_text="Tries that came to nothing.")
    claims = models.IntegerField(default=0, help_text="How often it was taken up; the last to do so holds it.")
    lease_until = models.DateTimeField(null=True)
    code = models.CharField(max_length=60, blank=True, default="", help_text="What went wrong last.")
    detail = models.CharField(max_length=300, blank=True, default="")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["pending", "sending"], finished_at=None)
                | (Q(status__in=["sent", "given_up", "dropped"]) & Q(finished_at__isnull=False)),
                name="notice_finished",
            ),
            models.CheckConstraint(
                condition=~Q(status="sending") | Q(lease_until__isnull=False), name="notice_lease_while_sending"
            ),
        ]
        indexes = [
            models.Index(fields=["rule", "-id"], name="notice_of_rule"),  # a rule's page
            # what is due, or was left by a worker that is gone
            models.Index(fields=["due_at"], name="notice_due", condition=Q(status__in=["pending", "sending"])),
            models.Index(fields=["finished_at"], name="notice_finished_at"),  # forgetting old ones
        ]

    def __str__(self) -> str:
        return self.public_id

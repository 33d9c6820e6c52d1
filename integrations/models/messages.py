"""Rows of work. Message rows are narrow and stay; bodies, attempts and exchanges lie in monthly partitions.

The partitioned tables (``integrations_inboxbody``, ``integrations_outboxbody``, ``integrations_attempt``,
``integrations_exchange``) are made by SQL in the first migration; models here let them be read.
"""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from integrations.models.connection import Connection
from integrations.states import GONE_UNSEEN, LEGAL_PAIRS, Lane, Status


def _for_lists(name: str) -> list[models.Index]:
    """What the console's lists are filtered by: any value may be one in a million."""
    return [
        models.Index(fields=["outcome", "-id"], name=f"{name}_outcome", condition=~Q(outcome="")),
        models.Index(fields=["lane", "-id"], name=f"{name}_lane"),
        models.Index(fields=["-id"], name=f"{name}_cancelled", condition=Q(status="cancelled")),
    ]


def _legal_pairs() -> Q:
    condition = Q()
    for status, outcomes in LEGAL_PAIRS.items():
        condition |= Q(status=status.value, outcome__in=sorted(outcome.value for outcome in outcomes))
    return condition


class Message(models.Model):
    """What inbound and outbound messages share: place in the queue, lease and result."""

    # no constraint in the database: each stored message would lock the one row of its connection to check it
    # (the indexes that queries use begin with it already)
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    lane = models.SmallIntegerField(default=Lane.ORDERS.value)
    shard = models.CharField(max_length=120)
    status = models.CharField(max_length=10, default=Status.PENDING.value)
    outcome = models.CharField(max_length=14, default="", blank=True)
    due_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    deaths = models.SmallIntegerField(default=0, help_text="How often a worker died with it.")
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(null=True)
    trace_id = models.CharField(max_length=32)
    code = models.CharField(max_length=60, default="", blank=True)
    detail = models.TextField(default="", blank=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class InboxMessage(Message):
    """Something another system told us, or that we ask ourselves to look at."""

    way = models.CharField(max_length=10)
    topic = models.CharField(max_length=80)
    dedupe_key = models.BinaryField(max_length=32)
    wake = models.BooleanField(default=False, help_text="Names no version: it always rings a fresh read.")
    size = models.IntegerField(default=0)
    received_at = models.DateTimeField()
    seen_count = models.IntegerField(default=1)
    claimed_seen = models.IntegerField(default=0)
    subject = models.CharField(max_length=60, default="", blank=True)
    version_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "dedupe_key"], name="inbox_dedupe"),
            models.CheckConstraint(condition=_legal_pairs(), name="inbox_status_outcome"),
        ]
        indexes = [
            # claims: the next due messages
            models.Index(fields=["lane", "id"], name="inbox_claim", condition=Q(status="pending")),
            # claims: is an earlier one of the shard still open; and leases to take back
            models.Index(
                fields=["connection", "shard", "id"],
                name="inbox_open_shard",
                condition=Q(status__in=["pending", "in_flight"]),
            ),
            # claims: is one of the shard being worked
            models.Index(fields=["connection", "shard"], name="inbox_worked_shard", condition=Q(status="in_flight")),
            models.Index(fields=["lease_until"], name="inbox_leases", condition=Q(status="in_flight")),
            # what is parked of a shard and overtaken by what was applied since
            models.Index(fields=["connection", "shard"], name="inbox_parked_shard", condition=Q(status="parked")),
            # was an order gone before anything was known of it; very few rows
            models.Index(
                fields=["connection", "shard"], name="inbox_gone_shard", condition=Q(code=GONE_UNSEEN, status="done")
            ),
            # the timeline of a subject; explain
            models.Index(fields=["subject", "id"], name="inbox_subject", condition=~Q(subject="")),
            # the console's list of what is parked
            models.Index(fields=["code", "id"], name="inbox_parked", condition=Q(status="parked")),
            # what came of late, whatever became of it: the rate of missing deliveries; stays small as rows do not
            BrinIndex(fields=["received_at"], name="inbox_received", autosummarize=True, pages_per_range=32),
            *_for_lists("inbox"),
        ]

    def __str__(self) -> str:
        return f"msg_i{self.pk}"


class OutboxMessage(Message):
    """An effect that another system is to have exactly once."""

    operation = models.CharField(max_length=40)
    subject = models.CharField(max_length=60)
    sequence = models.IntegerField()
    reference = models.CharField(max_length=80)
    revision = models.IntegerField(default=1)
    body_at = models.DateTimeField(help_text="When the present revision's body was stored: its partition.")
    document_hash = models.BinaryField(max_length=32)
    on_wire = models.BooleanField(default=False, help_text="An attempt may have reached the other system.")
    looks = models.SmallIntegerField(default=0, help_text="Look-ups since the last unknown result.")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "shard", "sequence"], name="outbox_sequence"),
            models.CheckConstraint(condition=_legal_pairs(), name="outbox_status_outcome"),
        ]
        indexes = [
            # claims: the next due messages of a connection
            models.Index(
                fields=["connection", "lane", "due_at", "id"],
                name="outbox_claim",
                condition=Q(status="pending"),
            ),
            # claims: is an earlier one of the shard still open; and the timeline
            models.Index(
                fields=["connection", "shard", "sequence"],
                name="outbox_open_shard",
                condition=Q(status__in=["pending", "in_flight", "parked"]),
            ),
            models.Index(fields=["lease_until"], name="outbox_leases", condition=Q(status="in_flight")),
            models.Index(fields=["connection", "fence"], name="outbox_in_flight", condition=Q(status="in_flight")),
            models.Index(fields=["subject", "id"], name="outbox_subject"),
            models.Index(fields=["code", "id"], name="outbox_parked", condition=Q(status="parked")),
            *_for_lists("outbox"),
        ]

    def __str__(self) -> str:
        return f"msg_o{self.pk}"


class InboxBody(models.Model):
    """The raw bytes and headers of an inbound message."""

    pk = models.CompositePrimaryKey("message_id", "received_at")
    message_id = models.BigIntegerField()
    received_at = models.DateTimeField()
    headers = models.JSONField()
    body = models.BinaryField()

    class Meta:
        managed = False
        db_table = "integrations_inboxbody"

    def __str__(self) -> str:
        return f"body of msg_i{self.message_id}"


class OutboxBody(models.Model):
    """One revision of the document an outbound message carries."""

    pk = models.CompositePrimaryKey("message_id", "created_at")
    message_id = models.BigIntegerField()
    created_at = models.DateTimeField()
    revision = models.IntegerField()
    body = models.BinaryField()

    class Meta:
        managed = False
        db_table = "integrations_outboxbody"

    def __str__(self) -> str:
        return f"body {self.revision} of msg_o{self.message_id}"


class Attempt(models.Model):
    """One try of a message. ``direction`` is ``i`` or ``o``; ``fence`` finds the calls that were made."""

    pk = models.CompositePrimaryKey("message_id", "direction", "number", "started_at")
    message_id = models.BigIntegerField()
    direction = models.CharField(max_length=1)
    number = models.IntegerField()
    fence = models.BigIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=20)
    code = models.CharField(max_length=60)
    detail = models.TextField()
    evidence = models.JSONField()

    class Meta:
        managed = False
        db_table = "integrations_attempt"

    def __str__(self) -> str:
        return f"attempt {self.number} of msg_{self.direction}{self.message_id}"


class ExchangeRecord(models.Model):
    """One call to another system, as it went over the wire, without secrets."""

    pk = models.CompositePrimaryKey("id", "started_at")
    id = models.BigIntegerField()
    started_at = models.DateTimeField()
    connection_id = models.BigIntegerField()
    fence = models.BigIntegerField()
    correlation_id = models.CharField(max_length=40, help_text="What the call carried as X-Correlation-Id.")
    method = models.CharField(max_length=10)
    url = models.TextField()
    status = models.IntegerField(null=True)
    seconds = models.FloatField()
    sent = models.BinaryField()
    received = models.BinaryField()
    error = models.TextField()

    class Meta:
        managed = False
        db_table = "integrations_exchange"

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


class Heartbeat(models.Model):
    """A worker's sign of progress, for readiness: the last time it finished a round of looking for work."""

    name = models.CharField(max_length=80, primary_key=True)
    beat_at = models.DateTimeField()
    rounds = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class ScheduleSlot(models.Model):
    """A slot of the schedule that was taken: several schedulers may ring, one does the work."""

    task = models.CharField(max_length=80)
    slot_at = models.DateTimeField()
    taken_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "slot_at"], name="schedule_slot_once")]

    def __str__(self) -> str:
        return f"{self.task} {self.slot_at}"

"""Orders in their canonical state, with every version, every change of state and every finding."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Cast

from orders.models.customer import Customer
from orders.states import FulfilmentState, OrderState, PaymentState

COUNTED = "^[0-9]{1,18}$"
"""An order id that is a number, as a pattern of PostgreSQL."""
REFUNDED = [PaymentState.PARTLY_REFUNDED.value, PaymentState.REFUNDED.value]


class Order(models.Model):
    """One order of one store. ``document`` is its newest canonical document as JSON text."""

    public_id = models.CharField(max_length=32, unique=True)
    store = models.ForeignKey("integrations.Connection", on_delete=models.PROTECT, related_name="+")
    order_ref = models.CharField(max_length=40)
    number = models.CharField(max_length=80, blank=True, default="")
    order_state = models.CharField(max_length=10, default=OrderState.RECEIVED.value)
    payment_state = models.CharField(max_length=16, default=PaymentState.PENDING.value)
    fulfilment_state = models.CharField(max_length=16, default=FulfilmentState.OPEN.value)
    status = models.CharField(max_length=12, blank=True, default="")
    decision = models.CharField(max_length=40, blank=True, default="", help_text="Why it is posted or not.")
    cancel_reason = models.CharField(max_length=40, blank=True, default="")
    currency = models.CharField(max_length=3, blank=True, default="")
    total = models.DecimalField(max_digits=24, decimal_places=6, null=True)
    placed_at = models.DateTimeField(null=True)
    version_at = models.DateTimeField(null=True)
    version_hash = models.BinaryField(max_length=32, null=True)
    canon_version = models.SmallIntegerField(default=0)
    version = models.IntegerField(default=0)
    read_at = models.DateTimeField(null=True, help_text="When the last read that was applied had begun.")
    document = models.TextField(blank=True, default="")
    customer = models.ForeignKey(Customer, null=True, on_delete=models.PROTECT, related_name="orders", db_index=False)
    legal_entity = models.ForeignKey("integrations.LegalEntity", null=True, on_delete=models.PROTECT, related_name="+")
    region = models.ForeignKey("integrations.Region", null=True, on_delete=models.PROTECT, related_name="+")
    first_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "order_ref"], name="order_once_per_store"),
            models.CheckConstraint(
                condition=Q(order_state__in=[s.value for s in OrderState]), name="order_state_known"
            ),
            models.CheckConstraint(
                condition=Q(payment_state__in=[s.value for s in PaymentState]), name="order_payment_known"
            ),
            models.CheckConstraint(
                condition=Q(fulfilment_state__in=[s.value for s in FulfilmentState]),
                name="order_fulfilment_known",
            ),
        ]
        indexes = [
            models.Index(fields=["number"], name="order_number"),  # explain, search
            models.Index(fields=["customer", "-id"], name="order_of_customer"),  # search: a customer's newest orders
            # the console's list by each of its filters: what is rare is found without going through all orders
            models.Index(fields=["order_state", "-id"], name="order_by_state"),
            models.Index(fields=["payment_state", "-id"], name="order_by_payment"),
            models.Index(fields=["fulfilment_state", "-id"], name="order_by_fulfilment"),
            models.Index(fields=["store", "-id"], name="order_by_store"),
            models.Index(fields=["-id"], name="order_recent", condition=Q(order_state="held")),  # what is held
            # deciding again on what waits for a route, a rule or a connection
            models.Index(
                fields=["decision", "store"],
                name="order_waiting",
                condition=~Q(decision__in=["post", "before_live_from"]),
            ),
            # what a store's list of ids is compared with; ids are numbers where stores count
            models.Index(
                F("store"),
                Cast("order_ref", models.BigIntegerField()),
                name="order_by_store_id",
                condition=Q(order_ref__regex=COUNTED),
            ),
            # whose refunds are looked at again
            models.Index(
                F("store"),
                Cast("order_ref", models.BigIntegerField()),
                name="order_refunded",
                condition=Q(order_ref__regex=COUNTED, payment_state__in=REFUNDED),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def subject(self) -> str:
        """How other apps name this order."""
        return f"order:{self.public_id}"


class OrderVersion(models.Model):
    """One canonical document an order has had, and the message that brought it."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="versions")
    number = models.IntegerField()
    version_at = models.DateTimeField()
    content_hash = models.BinaryField(max_length=32)
    canon_version = models.SmallIntegerField()
    document = models.TextField()
    message_id = models.BigIntegerField(help_text="The inbox message whose body this is.")
    read_back = models.BooleanField(help_text="Read from the store rather than taken from the message.")
    written_by = models.CharField(
        max_length=80, default="", db_default="", blank=True, help_text="The reference of our write that made it."
    )
    stored_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "number"], name="order_version_once")]

    def __str__(self) -> str:
        return f"{self.order_id} v{self.number}"


class OrderTransition(models.Model):
    """One change on one axis, and why."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="transitions")
    axis = models.CharField(max_length=10)
    before = models.CharField(max_length=16)
    after = models.CharField(max_length=16)
    why = models.CharField(max_length=120)
    at = models.DateTimeField()
    trace_id = models.CharField(max_length=32)

    class Meta:
        indexes = [models.Index(fields=["order", "id"], name="order_transitions")]  # timeline

    def __str__(self) -> str:
        return f"{self.axis}: {self.before} → {self.after}"


class Finding(models.Model):
    """Something about an order that a person must know. A blocking finding holds the order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="findings")
    code = models.CharField(max_length=60)
    key = models.CharField(max_length=200, help_text="The value at fault; orders with one code and key are one cause.")
    blocking = models.BooleanField()
    evidence = models.JSONField()
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "code", "key"], name="finding_once")]
        indexes = [models.Index(fields=["code", "key"], name="finding_cause")]  # release all orders of a cause

    def __str__(self) -> str:
        return f"{self.code} {self.key}"


class EligibilityRule(models.Model):
    """Whether an order of this status and payment method may be posted. The most specific rule wins.

    ``store`` empty: all stores; ``payment_method`` empty: all methods. No rule at all: not posted.
    """

    store = models.ForeignKey(
        "integrations.Connection", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    status = models.CharField(max_length=40, help_text="Canonical status, or a store's own custom status.")
    payment_method = models.CharField(max_length=60, blank=True, default="")
    post = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["store", "status", "payment_method"], name="eligibility_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.status} × {self.payment_method or 'any'}: {'post' if self.post else 'wait'}"

"""Customers and the identities they are matched by. Personal data of the product lives here and in addresses."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.db.models.functions import Lower


class Customer(models.Model):
    """A person or company that orders, over all stores."""

    public_id = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=300, blank=True, default="")
    company = models.CharField(max_length=200, blank=True, default="")
    email = models.CharField(max_length=320, blank=True, default="")
    phone = models.CharField(max_length=60, blank=True, default="")
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(Lower("name"), F("id").desc(), name="customer_name")]  # search by the whole name

    def __str__(self) -> str:
        return self.public_id


class CustomerIdentity(models.Model):
    """One thing a customer is known by: a keyed hash, so that it can be found but not read."""

    class Kind(models.TextChoices):
        STORE_ACCOUNT = "store_account"
        EMAIL = "email"
        PHONE_AND_NAME = "phone_and_name"
        TAX_NUMBER = "tax_number"

    kind = models.CharField(max_length=14, choices=Kind.choices)
    key = models.BinaryField(max_length=32)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="identities")
    since = models.DateTimeField()

    class Meta:
        verbose_name_plural = "customer identities"
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="customer_identity_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.customer_id}"


class CustomerReview(models.Model):
    """Two customers who may be one. A person merges them or says that they are two; a merge can be undone."""

    class Decision(models.TextChoices):
        OPEN = "open"
        MERGED = "merged"
        DIFFERENT = "different"

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="reviews")
    other = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    why = models.CharField(max_length=200)
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.OPEN)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "other"], name="customer_review_once")]

    def __str__(self) -> str:
        return f"{self.customer_id} ? {self.other_id}"

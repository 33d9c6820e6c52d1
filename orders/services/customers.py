"""Finding or making the customer of an order, and undoing a wrong match."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from integrations.ports.documents import Order as OrderDocument
from orders.models import Customer, CustomerIdentity, CustomerReview
from orders.models import Order as OrderRow
from orders.policies import matching
from retailhub.core import audit, ids
from retailhub.core.crypto import keyed_hash

Key = tuple[str, bytes]


def resolve(
    *, documents: Mapping[int, OrderDocument], store_of: Mapping[int, str], now: dt.datetime
) -> dict[int, Customer | None]:
    """The customer of each order (by row id), made where nobody fits; ``None`` when nothing is known of them.

    Store account, then e-mail decide. Phone with name, or a tax number, of another customer only opens a review.
    Locks each identity (advisory, in one order), so parallel orders of one guest make one customer.
    Call inside the transaction that holds the orders' locks.
    """
    rungs = {
        row_id: [
            (rung.kind, keyed_hash(rung.kind, rung.value)) for rung in matching.identities(doc, store=store_of[row_id])
        ]
        for row_id, doc in documents.items()
    }
    _lock({key for keys in rungs.values() for key in keys})
    known = _known({key for keys in rungs.values() for key in keys})
    chosen: dict[int, Customer | None] = {}
    fresh: list[tuple[Key, Customer]] = []
    doubts: list[tuple[Customer, Customer, str]] = []
    for row_id, keys in rungs.items():
        if not keys:
            chosen[row_id] = None
            continue
        customer = next((known[key] for key in keys if key in known and key[0] in matching.DECIDES), None)
        if customer is None:
            customer = _new_customer(documents[row_id], now)
        for key in keys:
            if key not in known:
                known[key] = customer
                fresh.append((key, customer))
            elif known[key].pk != customer.pk:
                doubts.append((customer, known[key], f"same {key[0].replace('_', ' ')}"))
        chosen[row_id] = customer
    _write(fresh, doubts, now)
    return chosen


def _lock(keys: set[Key]) -> None:
    numbers = sorted({int.from_bytes(key[:8], "big", signed=True) for _, key in keys})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_advisory_xact_lock(n)) FROM (SELECT unnest(%s::bigint[]) AS n) AS numbers",
            [numbers],
        )


def _known(keys: set[Key]) -> dict[Key, Customer]:
    rows = CustomerIdentity.objects.filter(key__in=[key for _, key in keys]).select_related("customer__merged_into")
    return {(row.kind, bytes(row.key)): row.customer.merged_into or row.customer for row in rows}


def _new_customer(document: OrderDocument, now: dt.datetime) -> Customer:
    person = document.customer
    return Customer.objects.create(
        public_id=ids.new_id("cus"),
        name=person.name[:300],
        company=person.company[:200],
        email=person.email.strip()[:320],
        phone=person.phone[:60],
        created_at=now,
    )


def _write(fresh: list[tuple[Key, Customer]], doubts: list[tuple[Customer, Customer, str]], now: dt.datetime) -> None:
    CustomerIdentity.objects.bulk_create(
        [CustomerIdentity(kind=kind, key=key, customer=customer, since=now) for (kind, key), customer in fresh]
    )
    CustomerReview.objects.bulk_create(
        [CustomerReview(customer=one, other=other, why=why, created_at=now) for one, other, why in doubts],
        ignore_conflicts=True,
    )


def merge(*, review_id: int, actor: Any, reason: str, now: dt.datetime) -> None:
    """Say that the two of a review are one: orders to come go to the other. Locks the review and the customer."""
    with transaction.atomic():
        review = CustomerReview.objects.select_for_update().select_related("other").get(pk=review_id)
        customer = Customer.objects.select_for_update().get(pk=review.customer_id)
        target = review.other.merged_into or review.other
        if target.pk == customer.pk:
            raise ValueError(f"{review.other} is merged into {customer} already")
        customer.merged_into = target
        customer.save(update_fields=["merged_into"])
        # whoever was merged into this one goes along, so that a look never has to follow a chain
        Customer.objects.filter(merged_into=customer).update(merged_into=target)
        _decide(review, CustomerReview.Decision.MERGED, actor, reason, now)


def undo_merge(*, review_id: int, actor: Any, reason: str, now: dt.datetime) -> None:
    """Take a merge back: the customer stands alone again; orders keep the customer they were posted with."""
    with transaction.atomic():
        review = CustomerReview.objects.select_for_update().get(pk=review_id)
        Customer.objects.select_for_update().filter(pk=review.customer_id).update(merged_into=None)
        _decide(review, CustomerReview.Decision.DIFFERENT, actor, reason, now)


def _decide(review: CustomerReview, decision: str, actor: Any, reason: str, now: dt.datetime) -> None:
    before = review.decision
    review.decision, review.decided_at = decision, now
    review.decided_by = actor if isinstance(actor, str) else actor.get_username()
    review.save(update_fields=["decision", "decided_at", "decided_by"])
    audit.record(
        actor=actor,
        action="customer_review",
        subject=f"customer:{review.customer_id}",
        reason=reason,
        now=now,
        before={"decision": before},
        after={
            "decision": decision,
            "orders": OrderRow.objects.filter(customer_id=review.customer_id).count(),
        },
    )

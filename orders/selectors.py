"""Reads of orders and customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import connection
from django.db.models import BigIntegerField, Q, QuerySet
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan, LessThanOrEqual

from integrations.poll_findings import Judged, News
from integrations.ports import documents, versions
from integrations.ports.documents import Order as OrderDocument
from integrations.ports.documents import OrderStatus
from integrations.ports.stores import ListedOrder
from integrations.selectors import waiting_orders
from orders.models import Finding, Order, OrderTransition, OrderVersion
from orders.models.order import COUNTED, REFUNDED
from orders.policies.versions import Verdict, compare
from orders.states import OrderState

MANY = 2000
"""Of the versions and changes of an order, those that a story tells: the newest."""
CAP = 100_000
"""Counting orders of one state stops here: a dashboard needs no more, and a table of millions is not read."""


def order_named(name: str) -> Order | None:
    """The order with this public id, else the newest with this number or store id; ``None`` when there is none."""
    rows = Order.objects.select_related("store", "customer", "legal_entity", "region")
    found = rows.filter(public_id=name.removeprefix("order:")).first()
    found = found or rows.filter(number=name).order_by("-id").first()
    return found or rows.filter(order_ref=name).order_by("-id").first()


@dataclass(frozen=True)
class Life:
    """What an order has been; each part is read when it is asked for, oldest first."""

    order_id: int

    @property
    def versions(self) -> list[OrderVersion]:
        """Its versions, without their documents."""
        return list(OrderVersion.objects.filter(order_id=self.order_id).defer("document").order_by("-number")[:MANY])[
            ::-1
        ]

    @property
    def transitions(self) -> list[OrderTransition]:
        """Its changes of state."""
        return list(OrderTransition.objects.filter(order_id=self.order_id).order_by("-id")[:MANY])[::-1]

    @property
    def findings(self) -> list[Finding]:
        """What stands against it now."""
        return list(Finding.objects.filter(order_id=self.order_id).order_by("id"))


def life_of(*, order_id: int) -> Life:
    """Versions, transitions and present findings of an order."""
    return Life(order_id)


def count_by_state() -> dict[str, int]:
    """Orders by state, each count at most `CAP`."""
    one = "SELECT %s, count(*) FROM (SELECT 1 FROM orders_order WHERE order_state = %s LIMIT %s) AS capped"
    states = [state.value for state in OrderState]
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join([one] * len(states)),
            [part for state in states for part in (state, state, CAP)],
        )
        return dict(cursor.fetchall())


def count_held() -> int:
    """Orders held, at most `CAP`."""
    return Order.objects.filter(order_state=OrderState.HELD)[:CAP].count()


NEWEST = """
SELECT c.name, (SELECT o.first_seen_at FROM orders_order o
                WHERE o.store_id = c.id AND o.order_ref ~ '^[0-9]{1,18}$'
                ORDER BY o.order_ref::bigint DESC LIMIT 1)
FROM integrations_connection c WHERE c.id = ANY(%s)
"""


def newest_by_store(*, store_ids: Iterable[int]) -> dict[str, dt.datetime]:
    """When the newest order of each store was first heard of, by the store's name; of stores that have any."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [list(store_ids)])
        return {name: at.astimezone(dt.UTC) for name, at in cursor.fetchall() if at is not None}


@dataclass(frozen=True, kw_only=True)
class OrderView:
    """One order as it stands. ``document`` is ``None`` until a document of it was taken in."""

    id: int
    public_id: str
    subject: str
    store_id: int
    store: str
    order_ref: str
    number: str
    status: str
    order_state: str
    payment_state: str
    fulfilment_state: str
    decision: str
    cancel_reason: str
    version: int
    customer_id: str
    legal_entity: str
    region: str
    first_seen_at: dt.datetime
    changed_at: dt.datetime
    document: OrderDocument | None = field(repr=False)


def _rows() -> QuerySet[Order]:
    rows = Order.objects.select_related("store", "customer__merged_into", "legal_entity", "region")
    return rows.defer("store__credentials")


def view_of(row: Order) -> OrderView:
    """An order's row as other apps see it."""
    customer = row.customer and (row.customer.merged_into or row.customer)
    return OrderView(
        id=row.pk,
        public_id=row.public_id,
        subject=row.subject,
        store_id=row.store_id,
        store=row.store.name,
        order_ref=row.order_ref,
        number=row.number,
        status=row.status,
        order_state=row.order_state,
        payment_state=row.payment_state,
        fulfilment_state=row.fulfilment_state,
        decision=row.decision,
        cancel_reason=row.cancel_reason,
        version=row.version,
        customer_id=customer.public_id if customer else "",
        legal_entity=row.legal_entity.code if row.legal_entity else "",
        region=row.region.code if row.region else "",
        first_seen_at=row.first_seen_at,
        changed_at=row.changed_at,
        document=documents.decode(row.document, OrderDocument) if row.document else None,
    )


def by_subject(subject: str) -> OrderView | None:
    """The order that other apps call ``order:ord_…``."""
    row = _rows().filter(public_id=subject.removeprefix("order:")).first()
    return view_of(row) if row else None


def of_store(*, store_id: int, order_ref: str) -> OrderView | None:
    """The order of a store by the store's id of it."""
    row = _rows().filter(store_id=store_id, order_ref=order_ref).first()
    return view_of(row) if row else None


def called(text: str, *, store_ids: Iterable[int]) -> list[OrderView]:
    """Orders of these stores whose number, or whose id in the store, is ``text``."""
    rows = _rows().filter(Q(number=text) | Q(order_ref=text), store_id__in=list(store_ids))
    return [view_of(row) for row in rows.order_by("pk")[:20]]


def in_chunks(
    *, store_id: int | None = None, since: dt.datetime | None = None, size: int = 500
) -> Iterator[list[OrderView]]:
    """Every order, oldest first, ``size`` at a time and one query a time; ``since``: changed at or after it.

    Walked by key, so that no transaction or cursor stays open however long the reader takes. An order that
    appears during the walk is told.
    """
    rows = _rows().order_by("pk")
    if store_id is not None:
        rows = rows.filter(store_id=store_id)
    if since is not None:
        rows = rows.filter(changed_at__gte=since)
    last = 0
    while chunk := list(rows.filter(pk__gt=last)[:size]):
        last = chunk[-1].pk
        yield [view_of(row) for row in chunk]


@dataclass(frozen=True, kw_only=True)
class VersionView:
    """One document the order has had, and the message that brought it."""

    number: int
    version_at: dt.datetime
    stored_at: dt.datetime
    message_id: int
    read_back: bool
    written_by: str
    """The reference of our own write that made it; empty where others did."""
    document: OrderDocument = field(repr=False)


def source_of(*, order_id: int, number: int) -> tuple[int, bool] | None:
    """The message that brought a version of an order, and whether the store was read for it."""
    rows = OrderVersion.objects.filter(order_id=order_id, number=number)
    return rows.values_list("message_id", "read_back").first()


def versions_of(order_id: int) -> list[VersionView]:
    """The newest `MANY` versions, oldest first."""
    rows = list(OrderVersion.objects.filter(order_id=order_id).order_by("-number")[:MANY])[::-1]
    return [
        VersionView(
            number=row.number,
            version_at=row.version_at,
            stored_at=row.stored_at,
            message_id=row.message_id,
            read_back=row.read_back,
            written_by=row.written_by,
            document=documents.decode(row.document, OrderDocument),
        )
        for row in rows
    ]


def names_of(*, subjects: Iterable[str]) -> dict[str, str]:
    """``Order 1635 of shop`` by subject, as far as there are such orders."""
    public_ids = [subject.removeprefix("order:") for subject in subjects if subject.startswith("order:")]
    if not public_ids:
        return {}
    rows = Order.objects.filter(public_id__in=public_ids)
    told = rows.values_list("public_id", "number", "order_ref", "store__name")
    return {f"order:{public_id}": f"Order {number or ref} of {store}" for public_id, number, ref, store in told}


def money_of(*, subjects: Iterable[str]) -> dict[str, tuple[str, Decimal | None]]:
    """Currency and total of orders by their subject, as far as there are such orders."""
    public_ids = [subject.removeprefix("order:") for subject in subjects if subject.startswith("order:")]
    rows = Order.objects.filter(public_id__in=public_ids).values_list("public_id", "currency", "total")
    return {f"order:{public_id}": (currency, total) for public_id, currency, total in rows}


def stores_of(*, subjects: Iterable[str]) -> dict[str, int]:
    """The store's connection of orders by their subject, as far as there are such orders."""
    public_ids = [subject.removeprefix("order:") for subject in subjects if subject.startswith("order:")]
    rows = Order.objects.filter(public_id__in=public_ids).values_list("public_id", "store_id")
    return {f"order:{public_id}": store_id for public_id, store_id in rows}


class Listed:
    """What is known of the orders that a store's lists show: the records of a poll."""

    def news(self, *, store_id: int, listed: Sequence[ListedOrder]) -> Judged:
        """Those that are unknown, newer than what is known, or other in content; the unreadable always are. And
        those that are older."""
        rows = Order.objects.filter(store=store_id, order_ref__in=[each.order_ref for each in listed])
        facts = rows.values_list("order_ref", "version_at", "version_hash", "canon_version")
        known = {ref: (at, bytes(digest) if digest else None, canon) for ref, at, digest, canon in facts}
        found: list[News] = []
        older: dict[str, dt.datetime] = {}
        for each in listed:
            if each.order is None:
                found.append(News(each, b""))
                continue
            at, known_hash, canon = known.get(each.order_ref, (None, None, 0))
            digest = versions.content_hash(each.order)
            verdict = compare(
                known_at=at,
                known_hash=known_hash,
                known_canon=canon,
                incoming_at=each.order.modified_at,
                incoming_hash=digest,
            )
            if verdict in {Verdict.NEWER, Verdict.AMBIGUOUS}:
                found.append(News(each, digest))
            elif verdict is Verdict.OLDER and at is not None:
                older[each.order_ref] = at
        return Judged(found, older)

    def strangers(self, *, store_id: int, order_refs: Sequence[str]) -> set[str]:
        """Those of them that nothing is known of."""
        rows = Order.objects.filter(store=store_id, order_ref__in=order_refs)
        return set(order_refs) - set(rows.values_list("order_ref", flat=True))

    def to_be_listed(self, *, store_id: int, after: int, upto: int | None, limit: int) -> list[str]:
        """The next orders with ids in ``(after, upto]``, rising, that the store's list should show."""
        hidden = (OrderStatus.TRASHED, OrderStatus.DELETED, OrderStatus.DRAFT)
        rows = _by_store_id(store_id, after).exclude(status__in=hidden).order_by(STORE_NUMBER)
        rows = rows if upto is None else rows.filter(LessThanOrEqual(STORE_NUMBER, upto))
        return list(rows.values_list("order_ref", flat=True)[:limit])

    def waiting(self, *, store_id: int, order_refs: Sequence[str]) -> set[str]:
        """Those of them that an open or parked message in the inbox speaks of."""
        return waiting_orders(connection_id=store_id, order_refs=order_refs)

    def refunded(self, *, store_id: int, since: dt.datetime, after: int, limit: int) -> list[str]:
        """The next orders after id ``after`` that have a refund and changed at or after ``since``."""
        rows = _by_store_id(store_id, after).filter(payment_state__in=REFUNDED, version_at__gte=since)
        rows = rows.exclude(status=OrderStatus.DELETED).order_by(STORE_NUMBER)
        return list(rows.values_list("order_ref", flat=True)[:limit])


STORE_NUMBER = Cast("order_ref", BigIntegerField())


def _by_store_id(store_id: int, after: int) -> QuerySet[Order]:
    rows = Order.objects.filter(store=store_id, order_ref__regex=COUNTED)
    return rows.filter(GreaterThan(STORE_NUMBER, after))

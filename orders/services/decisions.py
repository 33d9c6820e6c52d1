"""Deciding on orders: state, findings, customer, route, and the effects that follow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection
from psycopg2.extras import execute_values

from integrations import connections
from integrations.connections import Route
from integrations.ports import documents
from integrations.ports.documents import Order as OrderDocument
from integrations.ports.documents import OrderStatus
from integrations.states import Mode
from integrations.workflow import StoreFacts
from inventory.selectors import item_codes
from orders.events import Issue, OrderLooked, OrdersLooked
from orders.models import Customer, EligibilityRule, Finding, Order, OrderTransition
from orders.policies import axes, eligibility, posting
from orders.services import customers, effects, giving_up, showing
from orders.services.publications import Shown
from orders.states import FULFILMENT, MACHINES, ORDER, PAYMENT, OrderState
from retailhub.core import bus


@dataclass(kw_only=True)
class Decided:
    """One locked order on its way through the decision."""

    row: Order
    store: StoreFacts
    trace_id: str
    why: str
    retry: bool
    document: OrderDocument | None = None
    route: Route | None = None
    customer: Customer | None = None
    given_up: bool = False
    """A person said that nothing more of it goes to the ERP."""
    issues: list[Issue] = field(default_factory=list)
    transitions: list[OrderTransition] = field(default_factory=list)

    @property
    def doc(self) -> OrderDocument:
        if self.document is None:
            self.document = documents.decode(self.row.document, OrderDocument)
        return self.document


def decide(*, orders: Sequence[Decided], now: dt.datetime) -> None:
    """Decide on orders whose rows the caller has locked, inside the caller's transaction.

    1. Route and customer. 2. Whether it may be posted, and what stands against it. 3. What the sink must now hold,
    as effects. 4. States with their history, findings, what their stores are to show, one event for the layers above.
    """
    if not orders:
        return
    _find_routes(orders)
    _find_customers(orders, now)
    codes = _codes_by_sink(orders)
    rules = _rules()
    given_up = giving_up.given_up(order_ids=[order.row.pk for order in orders])
    for order in orders:
        order.given_up = order.row.pk in given_up
        _judge(order, rules, codes)
    plans = effects.plan(orders=[_wish(order, codes) for order in orders], now=now)
    for order in orders:
        order.issues += plans[order.row.subject].notices
        _move(order, posted=plans[order.row.subject].posted, now=now)
    _write(orders, now)
    showing.follow(
        orders=[Shown(row=each.row, store=each.store, document=each.doc, trace_id=each.trace_id) for each in orders],
        retried={each.row.subject for each in orders if each.retry},
        now=now,
    )
    bus.publish(OrdersLooked([_looked(order) for order in orders], now))


def _looked(order: Decided) -> OrderLooked:
    return OrderLooked(
        subject=order.row.subject,
        store_id=order.store.id,
        issues=tuple(order.issues),
        currency=order.doc.currency,
        total=order.doc.total,
        why=order.why,
    )


def _find_routes(orders: Sequence[Decided]) -> None:
    every = connections.routes()
    for order in orders:
        mine = [route for route in every if route.store_id == order.store.id]
        if order.row.region_id is not None:
            order.route = next((route for route in mine if route.region_id == order.row.region_id), None)
            continue
        country = order.doc.shipping.country or order.doc.billing.country
        named = next((route for route in mine if country in route.countries), None)
        order.route = named or next((route for route in mine if not route.countries), None)


def _find_customers(orders: Sequence[Decided], now: dt.datetime) -> None:
    new = [order for order in orders if order.row.customer_id is None]
    found = (
        customers.resolve(
            documents={order.row.pk: order.doc for order in new},
            store_of={order.row.pk: order.store.name for order in new},
            now=now,
        )
        if new
        else {}
    )
    old = Customer.objects.in_bulk([order.row.customer_id for order in orders if order.row.customer_id])
    for order in orders:
        order.customer = found.get(order.row.pk) or old.get(order.row.customer_id or 0)
        order.row.customer = order.customer


def _codes_by_sink(orders: Sequence[Decided]) -> dict[int, dict[str, str]]:
    wanted: dict[int, set[str]] = {}
    for order in orders:
        if order.route is not None:
            wanted.setdefault(order.route.sink_id, set()).update(line.sku for line in order.doc.lines if line.sku)
    return {sink: item_codes(connection_id=sink, skus=skus) for sink, skus in wanted.items()}


def _rules() -> list[eligibility.Rule]:
    rows = EligibilityRule.objects.values_list("store_id", "status", "payment_method", "post")
    return [eligibility.Rule(*row) for row in rows]


def _judge(order: Decided, rules: Sequence[eligibility.Rule], codes: Mapping[int, Mapping[str, str]]) -> None:
    doc, row = order.doc, order.row
    row.cancel_reason = axes.cancel_reason_of(doc)
    rule = eligibility.rule_for(doc, store_id=order.store.id, rules=rules)
    row.decision = eligibility.reason_not_to_post(
        doc, mode=order.store.mode, live_from=order.store.live_from, rule=rule
    )
    if row.cancel_reason:
        row.decision = row.cancel_reason
    if order.given_up:
        row.decision = giving_up.DECISION
        return
    if row.decision == "status_unknown":
        order.issues.append(Issue("order_status_unknown", eligibility.status_key(doc), {"status": doc.source_status}))
    elif row.decision in {"", "shadow"}:
        known = codes.get(order.route.sink_id, {}) if order.route else {}
        if order.route is None:
            country = doc.shipping.country or doc.billing.country
            order.issues.append(Issue("no_route", country, {"country": country}))
            known = {line.sku: "" for line in doc.lines if line.sku}
        order.issues += posting.blocking_issues(doc, item_codes=known, customer_known=order.customer is not None)
    if row.decision == "" and not order.issues:
        row.decision = "post" if order.route and order.route.sink_mode == Mode.LIVE else "sink_not_live"
    elif order.issues:
        row.decision = "held"


def _wish(order: Decided, codes: Mapping[int, Mapping[str, str]]) -> effects.Wish:
    return effects.Wish(
        subject=order.row.subject,
        document=order.doc,
        store_code=order.store.code,
        store_name=order.store.name,
        customer_key=order.customer.public_id if order.customer else "",
        route=order.route,
        codes=codes.get(order.route.sink_id, {}) if order.route else {},
        trace_id=order.trace_id,
        post=order.row.decision == "post",
        cancel=bool(order.row.cancel_reason) and not order.given_up,
        sink_away=order.row.decision == "sink_not_live",
        retry=order.retry,
    )


def _order_state(order: Decided, *, posted: bool) -> OrderState:
    if order.row.cancel_reason:
        return OrderState.CANCELLED
    if any(issue.blocking for issue in order.issues):
        return OrderState.HELD
    if order.row.decision == "post":
        shipped = axes.fulfilment_of(order.doc) == "shipped"
        return OrderState.CLOSED if posted and shipped else OrderState.ACCEPTED
    # whether it was posted meanwhile depends on the order of arrival, so it decides nothing here
    return OrderState.CLOSED if order.doc.status is OrderStatus.REFUNDED else OrderState.RECEIVED


def _move(order: Decided, *, posted: bool, now: dt.datetime) -> None:
    """Set the three axes, one transition for each change."""
    row, doc = order.row, order.doc
    target = _order_state(order, posted=posted)
    _step(order, ORDER.name, target, now)
    _step(order, PAYMENT.name, axes.payment_of(doc), now)
    _step(order, FULFILMENT.name, axes.fulfilment_of(doc), now)
    if row.order_state in {OrderState.ACCEPTED, OrderState.CLOSED} and order.route and row.region_id is None:
        row.region_id, row.legal_entity_id = order.route.region_id, order.route.legal_entity_id
    row.changed_at = now


def _step(order: Decided, axis: str, after: str, now: dt.datetime) -> None:
    field_name = f"{axis}_state"
    before = getattr(order.row, field_name)
    MACHINES[axis].check(before, after)
    if before == after:
        return
    setattr(order.row, field_name, str(after))
    order.transitions.append(
        OrderTransition(
            order=order.row,
            axis=axis,
            before=before,
            after=str(after),
            why=order.why[:120],
            at=now,
            trace_id=order.trace_id,
        )
    )


COLUMNS = (
    "number",
    "order_state",
    "payment_state",
    "fulfilment_state",
    "status",
    "decision",
    "cancel_reason",
    "currency",
    "total",
    "placed_at",
    "version_at",
    "version_hash",
    "canon_version",
    "version",
    "read_at",
    "document",
    "customer_id",
    "legal_entity_id",
    "region_id",
    "changed_at",
)
CASTS = {
    "total": "numeric",
    "placed_at": "timestamptz",
    "version_at": "timestamptz",
    "version_hash": "bytea",
    "read_at": "timestamptz",
    "customer_id": "bigint",
    "legal_entity_id": "bigint",
    "region_id": "bigint",
    "changed_at": "timestamptz",
}
UPDATE = (
    f"UPDATE orders_order o SET {', '.join(f'{c} = v.{c}' for c in COLUMNS)}"  # noqa: S608 - our own column names
    f" FROM (VALUES %s) AS v (id, {', '.join(COLUMNS)}) WHERE o.id = v.id"
)
UPDATE_ROW = f"(%s, {', '.join('%s' + ('::' + CASTS[c] if c in CASTS else '') for c in COLUMNS)})"


def _write(orders: Sequence[Decided], now: dt.datetime) -> None:
    values = [(order.row.pk, *(getattr(order.row, column) for column in COLUMNS)) for order in orders]
    with connection.cursor() as cursor:
        execute_values(cursor.cursor, UPDATE, values, template=UPDATE_ROW, page_size=len(values))
    OrderTransition.objects.bulk_create([step for order in orders for step in order.transitions])
    _sync_findings(orders, now)


def _sync_findings(orders: Sequence[Decided], now: dt.datetime) -> None:
    """Make each order's findings exactly what was found now; those that stay keep their first date."""
    stored: dict[int, dict[tuple[str, str], Finding]] = {}
    for found in Finding.objects.filter(order__in=[order.row.pk for order in orders]):
        stored.setdefault(found.order_id, {})[(found.code, found.key)] = found
    gone: list[int] = []
    told: list[Finding] = []
    new: list[Finding] = []
    for order in orders:
        before = stored.get(order.row.pk, {})
        present = {(issue.code, issue.key): issue for issue in order.issues}
        gone += [finding.pk for name, finding in before.items() if name not in present]
        for name, issue in present.items():
            known = before.get(name)
            if known is None:
                new.append(_finding(order.row, issue, now))
            elif known.evidence != dict(issue.evidence):
                known.evidence = dict(issue.evidence)
                told.append(known)
    if gone:
        Finding.objects.filter(pk__in=gone).delete()
    if told:
        Finding.objects.bulk_update(told, ["evidence"])
    Finding.objects.bulk_create(new)


def _finding(row: Order, issue: Issue, now: dt.datetime) -> Finding:
    return Finding(
        order=row,
        code=issue.code,
        key=issue.key,
        blocking=issue.blocking,
        evidence=dict(issue.evidence),
        since=now,
    )

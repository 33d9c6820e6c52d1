"""Flow: what the pipes and the orders tell → cases. Each handler runs in the transaction of what it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from integrations.events import (
    ArrivalsParked,
    ChoresLooked,
    ConnectionTrouble,
    ConnectionWell,
    EffectsAnswered,
    MessagesReleased,
    Parked,
    StoreAnswered,
    StoreDoubted,
    WebhooksLooked,
    WebhookTrouble,
)
from integrations.states import STORE_OPERATIONS, Outcome
from orders.events import OrderLooked, OrdersLooked
from orders.selectors import money_of, stores_of
from reconciliation.services import cases
from reconciliation.services.cases import Report

ORDER, OUTBOX, INBOX, CONNECTION, CHORE = "order", "outbox", "inbox", "connection", "chore"
STORE, WRITES = "store", "writes"
PARTS = {"": CONNECTION, WRITES: WRITES}
"""Families of cases about a connection, by the part of it that does not work."""
READ = "read_order"
WEBHOOKS = {
    "webhook_disabled": "webhook_off",
    "webhooks_missing": "webhook_lost",
    "webhooks_late": "webhook_late",
}
"""Code → family: each is over by itself, all are about the connection."""
DOUBTS = {"orders_gone_at_once": "gone_at_once", "store_went_back": "went_back"}
"""The same, of what a store says of its orders and is not believed."""


def note_looks(event: OrdersLooked) -> None:
    """The open cases about an order are what stands against it now."""
    cases.reflect(
        family=ORDER,
        reports=[report for look in event.looks for report in _order_reports(look)],
        subjects=[look.subject for look in event.looks],
        proof={look.subject: f"The order was {look.why}; nothing stands against it." for look in event.looks},
        now=event.at,
    )


def _order_reports(look: OrderLooked) -> list[Report]:
    return [
        Report(
            code=issue.code,
            subject=look.subject,
            family=ORDER,
            connection_id=look.store_id,
            store_id=look.store_id,
            key=issue.key,
            evidence=issue.evidence,
            currency=look.currency,
            money=look.total,
        )
        for issue in look.issues
    ]


def note_answers(event: EffectsAnswered) -> None:
    """What a sink holds closes the cases about it; what it refused opens one."""
    proof = {
        effect.subject: f"{effect.reference} is {effect.document.state} in the other system." for effect in event.done
    }
    cases.close_for(family=OUTBOX, why=proof, now=event.at)
    cases.open_many(reports=_parked_reports(event.parked, _family_of), now=event.at)


def _family_of(each: Parked) -> str:
    """A dead worker's message may have been on its way to a store."""
    return STORE if each.operation in STORE_OPERATIONS else OUTBOX


def note_writes(event: StoreAnswered) -> None:
    """What was written back to a store closes the cases about it; what the store refused opens one."""
    proof = {write.subject: f"{write.reference} is in the store." for write in event.done}
    proof = dict.fromkeys(event.over, "It is not to be written any more.") | proof
    cases.close_for(family=STORE, why=proof, now=event.at)
    cases.open_many(reports=_parked_reports(event.parked, lambda _each: STORE), now=event.at)


def note_arrivals(event: ArrivalsParked) -> None:
    """A delivery that cannot be used is a case."""
    reports = [_message_report(each, INBOX, store_id=each.connection_id) for each in event.parked]
    cases.open_many(reports=reports, now=event.at)


def _parked_reports(parked: Sequence[Parked], family_of: Callable[[Parked], str]) -> list[Report]:
    """With the money and the store of the orders that they are about."""
    subjects = [each.subject for each in parked]
    money, stores = (money_of(subjects=subjects), stores_of(subjects=subjects)) if parked else ({}, {})
    return [
        _message_report(
            each,
            family_of(each),
            money=money.get(each.subject, ("", None)),
            store_id=stores.get(each.subject),
        )
        for each in parked
    ]


def _message_report(
    each: Parked, family: str, *, money: tuple[str, Decimal | None] = ("", None), store_id: int | None = None
) -> Report:
    return Report(
        code=each.code,
        subject=each.subject,
        family=family,
        connection_id=each.connection_id,
        outcome="unread" if (each.operation, each.outcome) == (READ, Outcome.UNKNOWN) else each.outcome,
        detail=each.detail,
        evidence={**each.evidence, "message": each.name, "reference": each.reference},
        currency=money[0],
        money=money[1],
        store_id=store_id,
    )


def note_released(event: MessagesReleased) -> None:
    """What was parked and goes on closes its case; it opens again if it fails again."""
    family = {"i": INBOX, "o": OUTBOX, "s": STORE}[event.direction]
    cases.close_for(family=family, why=dict.fromkeys(event.subjects, event.why), now=event.at)


def note_trouble(event: ConnectionTrouble) -> None:
    """A connection that refuses us is one case, whatever waits behind it."""
    if event.outcome:
        report = Report(
            code=event.code,
            subject=f"connection:{event.connection_id}",
            family=PARTS[event.part],
            connection_id=event.connection_id,
            key=event.part,
            outcome=event.outcome,
            detail=event.detail,
        )
        cases.open_many(reports=[report], now=event.at)


def note_well(event: ConnectionWell) -> None:
    """A call went through: the connection's case is over."""
    proof = {f"connection:{event.connection_id}": "A call to the connection succeeded."}
    cases.close_for(family=PARTS[event.part], why=proof, now=event.at)


def note_chores(event: ChoresLooked) -> None:
    """A chore that is late by two periods is a case until it is done again."""
    reports = [
        Report(
            code="schedule_late",
            subject=f"{CHORE}:{each.name}",
            family=CHORE,
            connection_id=None,
            key=each.name,
            evidence={
                "every_seconds": str(each.every_seconds),
                "last_done": each.done_at.isoformat(timespec="seconds") if each.done_at else "",
            },
        )
        for each in event.late
    ]
    subjects = [f"{CHORE}:{name}" for name in event.names]
    cases.reflect(
        family=CHORE,
        reports=reports,
        subjects=subjects,
        proof=dict.fromkeys(subjects, "It was done again."),
        now=event.at,
    )


def note_webhooks(event: WebhooksLooked) -> None:
    """What a look at a store's webhooks found opens, renews or closes the case of its code."""
    subject = f"connection:{event.connection_id}"
    for each in event.troubles:
        report = _webhook_report(event.connection_id, subject, each)
        cases.reflect(family=report.family, reports=[report], subjects=[subject], proof={}, now=event.at)
    for code, why in event.over.items():
        cases.close_for(family=WEBHOOKS[code], why={subject: why}, now=event.at)


def _webhook_report(connection_id: int, subject: str, trouble: WebhookTrouble) -> Report:
    return Report(
        code=trouble.code,
        subject=subject,
        family=WEBHOOKS[trouble.code],
        connection_id=connection_id,
        detail=trouble.detail,
        evidence=trouble.evidence,
    )


def note_doubts(event: StoreDoubted) -> None:
    """What a store says of its orders and is not believed is a case until it says otherwise, or a person accepts it."""
    subject = f"connection:{event.connection_id}"
    for each in event.troubles:
        report = Report(
            code=each.code,
            subject=subject,
            family=DOUBTS[each.code],
            connection_id=event.connection_id,
            detail=each.detail,
            evidence=each.evidence,
            store_id=event.connection_id,
        )
        cases.reflect(family=report.family, reports=[report], subjects=[subject], proof={}, now=event.at)
    for code, why in event.over.items():
        cases.close_for(family=DOUBTS[code], why={subject: why}, now=event.at)

"""The whole story of one order, in the order in which it happened: what came, what changed, what was done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from integrations import selectors as pipes
from integrations.own_writes import OWN_WRITE
from integrations.selectors import Standing
from integrations.states import STORE_OPERATIONS
from orders.selectors import OrderView
from reconciliation import selectors as cases
from retailhub.console import story_parts
from retailhub.console.story_parts import KINDS, Entry
from retailhub.core import privacy
from retailhub.core.money import plain_amount

OURS = "WC-"
"""How references of orders begin: calls that name others' are left out."""
DECISIONS = {
    "post": "It may be posted.",
    "held": "Something stands against it, so it waits.",
    "before_live_from": "It was placed before the store went live, so it is kept for reference and never posted.",
    "shadow": "Its store is in shadow mode, so nothing is posted.",
    "sink_not_live": "The ERP it would go to is not live, so nothing is posted.",
    "status_unknown": "No rule says whether orders with its status are posted.",
    "given_up": "A person gave it up: nothing more of it goes to the ERP until that is taken back.",
    "cancelled": "It was cancelled in the shop.",
    "trashed": "It was put in the shop's trash, so it is cancelled.",
    "deleted": "It was deleted in the shop, so it is cancelled.",
}
PARKED = {
    "rejected": "The ERP refused it.",
    "unknown": "Nobody knows yet whether the ERP took it.",
    "misconfigured": "A wrong setting keeps it from being posted.",
}
"""What keeps an order from the ERP, by the outcome of its parked message."""
BOOKED = {
    "draft": "In the ERP as {name}, which is still a draft.",
    "confirmed": "Posted as {name}.",
    "incomplete": "Posted as {name}, which the ERP could not finish.",
    "cancelled": "Cancelled in the ERP, where it is {name}.",
}


def decision_sentence(decision: str, standing: Standing | None = None) -> str:
    """Why an order is posted or not, for people; ``standing`` tells what the ERP has of it."""
    if decision == "post" and standing is not None:
        return erp_sentence(standing)
    if decision.startswith("waits_"):
        return f"Orders that are {decision.removeprefix('waits_').replace('_', ' ')} are not posted yet."
    return DECISIONS.get(decision, "Nobody has decided on it yet.")


def standing_sentence(order: OrderView) -> str:
    """As `decision_sentence`, with what the ERP has of the order read first."""
    return decision_sentence(order.decision, pipes.standing_of(pipes.references_of(subject=order.subject)))


def erp_sentence(standing: Standing) -> str:
    """What the ERP has of an order, and what is still on its way there."""
    parked = PARKED.get(standing.outcome, "A fault keeps it from being posted.") if standing.status == "parked" else ""
    if not standing.state:
        return parked or "Waits to be posted."
    booked = BOOKED[standing.state].format(name=standing.name)
    if parked:
        return f"{booked} A later change is parked."
    return f"{booked} A change waits to be sent." if standing.status else booked


@dataclass(frozen=True, kw_only=True)
class Teller:
    """Tells stories: ``raw`` with bodies; personal data masked unless ``unmasked``."""

    raw: bool = False
    unmasked: bool = False

    def of_order(self, order: OrderView) -> list[Entry]:
        """Everything about an order, oldest first."""
        deliveries = pipes.deliveries_of(subject=order.subject)
        known = {row.pk for row in deliveries}
        waiting = pipes.waiting_deliveries(store_id=order.store_id, order_ref=order.order_ref)
        deliveries += [row for row in waiting if row.pk not in known]
        entries = self._deliveries(deliveries)
        traces = {row.pk: row.trace_id for row in deliveries}
        entries += self._calls(deliveries, [row.fence for row in deliveries], [order.order_ref])
        entries += story_parts.versions(order, traces) + story_parts.states(order)
        entries += self._effects(order) + _documents(order)
        entries += story_parts.replays(order, self._words)
        about = [order.subject, *(f"message:{row}" for row in deliveries)]
        entries += self._cases(about)
        sent = {str(entry.facts["message"]) for entry in entries if entry.kind == "effect"}
        entries += story_parts.people([*about, *(f"message:{name}" for name in sorted(sent))], self._words)
        return _in_order(entries)

    def of_delivery(self, message_id: int) -> list[Entry]:
        """Everything about an inbound message that belongs to no order."""
        row = pipes.delivery_named(message_id)
        if row is None:
            return []
        ref = row.shard.partition(":")[2]
        entries = self._deliveries([row]) + self._calls([row], [row.fence], [ref])
        return _in_order(entries + self._cases([f"message:{row}"]))

    def _words(self, text: str) -> str:
        return text if self.unmasked else privacy.mask_text(text)

    def _body(self, raw: bytes) -> Any:
        return privacy.body_for_people(raw, unmasked=self.unmasked)

    def _deliveries(self, rows: Iterable[Any]) -> list[Entry]:
        found = []
        for row in rows:
            facts = {
                "message": str(row),
                "connection": row.connection.name,
                "way": row.way,
                "topic": row.topic,
                "size": row.size,
                "seen_count": row.seen_count,
                "status": row.status,
                "outcome": row.outcome,
                "code": row.code,
                "detail": self._words(row.detail),
                "finished_at": row.finished_at,
                "trace_id": row.trace_id,
            }
            if self.raw:
                kept = pipes.delivered_body(row.pk)
                facts["headers"] = kept and dict(kept[0])
                facts["body"] = kept and self._body(kept[1])
            came = f"{row.topic or 'something'} came by {row.way}, {row.size} bytes"
            if row.way == "engine":
                came = "another look was asked for"
            elif row.topic == OWN_WRITE:
                came = "it answered what we wrote"
            again = f", {row.seen_count} times" if row.seen_count > 1 else ""
            text = f"{row} from {row.connection.name}: {came}{again}; {self._standing(row)}"
            found.append(Entry(at=row.received_at, kind="delivery", text=text, facts=facts, trace_id=row.trace_id))
        return found

    def _standing(self, row: Any) -> str:
        """What became of a message."""
        if row.status == "pending":
            why = f" after {row.code}" if row.code else ""
            return f"waits until {row.due_at:%Y-%m-%d %H:%M:%S}{why}"
        words = [row.outcome or row.status.replace("_", " ")]
        if row.status == "parked":
            words.insert(0, "parked,")
        detail = f" ({row.code}{': ' if row.detail else ''}{self._words(row.detail)})" if row.code else ""
        return " ".join(words) + detail

    def _effects(self, order: OrderView) -> list[Entry]:
        rows = pipes.effects_of(subject=order.subject)
        attempts = pipes.attempts_of(direction="o", message_ids=[row.pk for row in rows])
        found = []
        for row in rows:
            facts = {
                "message": str(row),
                "connection": row.connection.name,
                "operation": row.operation,
                "reference": row.reference,
                "revision": row.revision,
                "status": row.status,
                "outcome": row.outcome,
                "code": row.code,
                "detail": self._words(row.detail),
                "finished_at": row.finished_at,
                "trace_id": row.trace_id,
            }
            if self.raw:
                facts["bodies"] = {
                    str(body.revision): self._body(bytes(body.body)) for body in pipes.bodies_of(message_id=row.pk)
                }
            what = f"{row}: {row.operation} {row.reference} to {row.connection.name}"
            revised = f", revision {row.revision}" if row.revision > 1 else ""
            text = f"{what}{revised}; {self._standing(row)}"
            found.append(Entry(at=row.created_at, kind="effect", text=text, facts=facts, trace_id=row.trace_id))
        traces = {row.pk: row.trace_id for row in rows}
        found += [self._attempt(attempt, traces.get(attempt.message_id, "")) for attempt in attempts]
        back = {row.pk: row for row in rows if row.operation in STORE_OPERATIONS}
        posted = [row for row in rows if row.pk not in back]
        names = list({row.reference for row in posted})
        found += self._calls(posted, [each.fence for each in attempts if each.message_id not in back], names, kin=OURS)
        # a store is called by its own number of the order
        own = [each.fence for each in attempts if each.message_id in back]
        return found + self._calls(list(back.values()), own, [order.order_ref])

    def _attempt(self, attempt: Any, trace_id: str) -> Entry:
        seconds = (attempt.finished_at - attempt.started_at).total_seconds() if attempt.finished_at else None
        facts = {
            "message": f"msg_o{attempt.message_id}",
            "number": attempt.number,
            "result": attempt.result,
            "code": attempt.code,
            "detail": self._words(attempt.detail),
            "seconds": seconds,
        }
        took = f" in {seconds:.2f} s" if seconds is not None else ", and has not ended"
        why = f" ({attempt.code}: {self._words(attempt.detail)})" if attempt.code else ""
        text = f"try {attempt.number} of msg_o{attempt.message_id}: {attempt.result}{took}{why}"
        return Entry(at=attempt.started_at, kind="attempt", text=text, facts=facts, trace_id=trace_id)

    def _calls(
        self, rows: Sequence[Any], fences: Sequence[int | None], names: Sequence[str], *, kin: str = ""
    ) -> list[Entry]:
        held = sorted({fence for fence in fences if fence is not None})
        if not rows or not held:
            return []
        since = min(row.received_at if hasattr(row, "received_at") else row.created_at for row in rows)
        found = []
        for call in pipes.calls_under(fences=held, names=names, kin=kin, since=since, bodies=self.raw):
            facts: dict[str, Any] = {
                "connection": call.connection,
                "correlation_id": call.correlation_id,
                "method": call.method,
                "path": call.path,
                "status": call.status,
                "seconds": round(call.seconds, 4),
                "error": self._words(call.error),
            }
            if self.raw:
                facts["sent"], facts["received"] = self._wire(call.sent), self._wire(call.received)
            answer = call.status if call.status is not None else (self._words(call.error) or "no answer")
            text = f"{call.method} {call.path} of {call.connection}: {answer} in {call.seconds:.2f} s"
            found.append(Entry(at=call.started_at, kind="call", text=text, facts=facts, trace_id=call.correlation_id))
        return found

    def _wire(self, raw: bytes) -> str:
        """Bodies of calls hold other orders of the batch too, in the other system's own field names."""
        if not self.unmasked:
            return f"{len(raw)} bytes, shown with --unmask"
        return raw.decode("utf-8", "replace")

    def _cases(self, subjects: Sequence[str]) -> list[Entry]:
        found = []
        for case in cases.cases_about(subjects):
            for event in case.events:
                note = self._words(event.note)
                found.append(
                    Entry(
                        at=event.at,
                        kind="case",
                        text=f"{case.public_id} ({case.code}) {event.what}: {note}",
                        facts={
                            "case": case.public_id,
                            "code": case.code,
                            "key": case.key,
                            "state": case.state,
                            "what": event.what,
                            "actor": event.actor,
                            "note": note,
                        },
                    )
                )
        return found


def _in_order(entries: list[Entry]) -> list[Entry]:
    """Each once: what our own write was answered is an effect's call and a delivery's."""
    once = {(entry.at, entry.kind, entry.text): entry for entry in entries}
    return sorted(once.values(), key=lambda entry: (entry.at, KINDS.index(entry.kind)))


def documents_of(order: OrderView) -> list[dict[str, Any]]:
    """The order's documents in other systems; those not seen there yet have no state and no total."""
    rows = pipes.references_by_subject(subjects=[order.subject]).get(order.subject, [])
    return [document_facts(row) for row in rows]


def document_facts(row: Any, *, digits: int | None = None) -> dict[str, Any]:
    """One reference as people and other programs are told of it. ``digits``: decimals of the total."""
    return {
        "reference": row.reference,
        "connection": row.connection.name,
        "external_id": row.external_id or None,
        "number": row.number or None,
        "state": row.state or None,
        "currency": row.currency or None,
        "total": None if row.total is None else plain_amount(row.total, row.currency, digits=digits),
        "confirmed_at": row.confirmed_at,
    }


def _documents(order: OrderView) -> list[Entry]:
    return [
        Entry(
            at=facts["confirmed_at"],
            kind="document",
            text=document_sentence(facts),
            facts=facts,
            amount=f"{facts['currency'] or ''} {facts['total'] or ''}".strip(),
        )
        for facts in documents_of(order)
        if facts["confirmed_at"] is not None
    ]


def document_sentence(facts: dict[str, Any]) -> str:
    """A document in words."""
    if facts["state"] is None:
        return f"{facts['reference']} is not in {facts['connection']} yet, as far as is known"
    name = facts["number"] or facts["external_id"]
    money = f"{facts['currency']} {facts['total']}"
    return f"{facts['reference']} is {facts['state']} in {facts['connection']} as {name}: {money}"

"""What a story is made of, and the parts of an order's that are read as they stand: versions, states, acts, replays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orders import selectors as orders
from orders.policies import changes
from orders.selectors import OrderView
from reconciliation import lookups as reconciliation
from retailhub.core import audit_read
from retailhub.core.admin.words import words

KINDS = (
    "delivery", "version", "transition", "finding", "person", "replay", "effect", "attempt", "call", "document", "case"
)  # fmt: skip
"""In this order where several happened at one moment."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened: when (UTC), of which kind, in words, and its facts."""

    at: dt.datetime
    kind: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)
    amount: str = ""
    """The order's or the document's, with its currency, where it speaks of one."""
    trace_id: str = ""
    """What the logs of the same work carry; empty for what no message led to."""


def versions(order: OrderView, traces: Mapping[int, str]) -> list[Entry]:
    """Its versions; ``traces`` by the id of the message that brought one."""
    found, before = [], None
    for version in orders.versions_of(order.id):
        said = changes.changes(before, version.document) if before else changes.first_seen(version.document)
        before = version.document
        how = "read from the store for" if version.read_back and not version.written_by else "told by"
        words = "; ".join(said) or "nothing that people see"
        ours = f", made by our own write {version.written_by}" if version.written_by else ""
        found.append(
            Entry(
                at=version.stored_at,
                kind="version",
                text=f"version {version.number}, {how} msg_i{version.message_id}{ours}: {words}",
                facts={
                    "number": version.number,
                    "message": f"msg_i{version.message_id}",
                    "read_back": version.read_back,
                    "written_by": version.written_by,
                    "version_at": version.version_at,
                    "changes": said,
                },
                amount=f"{version.document.currency} {version.document.total:f}",
                trace_id=traces.get(version.message_id, ""),
            )
        )
    return found


def states(order: OrderView) -> list[Entry]:
    """Its changes of state, and what stands against it."""
    life = orders.life_of(order_id=order.id)
    found = [
        Entry(
            at=step.at,
            kind="transition",
            text=f"{step.axis}: {step.before} → {step.after}, {step.why}",
            facts={"axis": step.axis, "before": step.before, "after": step.after, "why": step.why},
            trace_id=step.trace_id,
        )
        for step in life.transitions
    ]
    for finding in life.findings:
        effect = "holds the order" if finding.blocking else "does not hold the order"
        text = f"{finding.code} {finding.key}".strip() + f" is found, which {effect}"
        facts = {"code": finding.code, "key": finding.key, "blocking": finding.blocking}
        found.append(Entry(at=finding.since, kind="finding", text=text, facts=facts))
    return found


def people(subjects: Sequence[str], words_of: Callable[[str], str]) -> list[Entry]:
    """What people did with it, from the audit; ``words_of`` masks what they wrote."""
    found = []
    for act in audit_read.acts_on(subjects):
        role = f" ({act.role})" if act.role else ""
        facts = {"actor": act.actor_name, "role": act.role, "action": act.action, "reason": words_of(act.reason)}
        text = f"{act.actor_name}{role}: {words(act.action)}, because: {facts['reason']}"
        found.append(Entry(at=act.at, kind="person", text=text, facts={**facts, "subject": act.subject}))
    return found


def replays(order: OrderView, words_of: Callable[[str], str]) -> list[Entry]:
    """The replays that it was part of, when its turn came, or when they were planned."""
    found = []
    for part in reconciliation.replays_of(order.subject):
        result = f": {words_of(part.result)}" if part.result else ""
        text = f"{part.public_id} by {part.author}, {words_of(part.title)}; here {words(part.state)}{result}"
        facts = {"replay": part.public_id, "author": part.author, "state": part.state, "result": words_of(part.result)}
        found.append(Entry(at=part.started_at or part.planned_at, kind="replay", text=text, facts=facts))
    return found

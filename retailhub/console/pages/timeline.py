"""The whole life of one order, as its page shows it; and the cases about a subject."""

from __future__ import annotations

from orders.selectors import OrderView
from reconciliation import selectors as reconciliation
from retailhub.console.story import Entry, Teller
from retailhub.core import privacy
from retailhub.core.admin import Moment, Panel, subject_cell, table, text
from retailhub.core.admin.parts import message_url, subject_url
from retailhub.core.admin.words import moment, money, words

TONES = {
    ("case", "opened"): "bad",
    ("case", "reopened"): "bad",
    ("case", "closed"): "good",
    ("transition", "held"): "bad",
    ("attempt", "created"): "good",
    ("attempt", "resumed"): "good",
    ("attempt", "adopted"): "good",
    ("attempt", "rejected"): "bad",
    ("attempt", "unknown"): "bad",
    ("delivery", "parked"): "bad",
    ("effect", "parked"): "bad",
}
"""By kind, and by what happened."""
TELLING = {"case": "what", "transition": "after", "attempt": "result", "delivery": "status", "effect": "status"}
"""Which fact says what happened."""
CASE_TONES = {"open": "bad", "closed": "good"}


def story_of(order: OrderView) -> list[Moment]:
    """Deliveries, versions, states, findings, effects, attempts, calls, documents and cases, oldest first."""
    return [_moment(entry) for entry in Teller().of_order(order)]


def _moment(entry: Entry) -> Moment:
    happened = str(entry.facts.get(TELLING.get(entry.kind, ""), ""))
    tone = TONES.get((entry.kind, happened), "")
    if entry.kind == "finding":
        tone = "bad" if entry.facts.get("blocking") else "warn"
    if entry.kind == "document":
        tone = "good"
    case = entry.facts.get("case", "")
    url = subject_url(f"case:{case}") if case else message_url(str(entry.facts.get("message", "")))
    return Moment(at=entry.at, kind=entry.kind, what=entry.text, url=url, tone=tone)


def cases_about(subject: str) -> Panel:
    """Cases about a subject, open ones first."""
    rows = [
        [
            subject_cell(f"case:{case.public_id}", privacy.mask_text(case.sentence)),
            text(case.state, tone=CASE_TONES.get(case.state, "quiet")),
            text(words(case.owner_side)),
            text(money(case.money_at_risk, case.currency) or "–"),
            text(moment(case.opened_at)),
        ]
        for case in reconciliation.cases_of(subject=subject)
    ]
    return table("Cases", ["Case", "State", "Owner", "Money at risk", "Opened"], rows, empty="None, and none before.")

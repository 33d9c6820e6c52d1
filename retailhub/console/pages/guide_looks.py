"""What the first-run guide shows of a store in shadow mode, and of what going live would do."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from integrations.setups import FirstLoad, first_load
from orders import decided as orders
from orders.decided import HELD, SHADOW
from reconciliation import selectors as reconciliation
from retailhub.console.story import decision_sentence
from retailhub.core import clock
from retailhub.core.admin import Cell, Panel, subject_cell, table, text
from retailhub.core.admin.words import ago, amounts, moment, money, words

CAP = 10_000
"""Nothing is counted further."""
SHOWN = 8
WOULD = "Nothing stands against it: it would be posted."


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many orders were decided on so, at most `CAP`."""

    number: int

    def __str__(self) -> str:
        return f"{self.number:,}" if self.number < CAP else f"{CAP:,} or more"


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """What has come in, and what would become of it."""

    would: Count
    held: Count
    load: FirstLoad | None
    panels: list[Panel]


def decided(*, store_id: int, decision: str) -> Count:
    """Orders of a store with this decision."""
    return Count(number=orders.count(store_id=store_id, decision=decision, cap=CAP))


def shadow(store_id: int) -> Shadow:
    """How a store in shadow mode looks now."""
    return Shadow(
        would=decided(store_id=store_id, decision=SHADOW),
        held=decided(store_id=store_id, decision=HELD),
        load=first_load(store_id=store_id),
        panels=[_recent(store_id), _cases()],
    )


def _recent(store_id: int) -> Panel:
    rows = orders.newest(store_id=store_id, limit=SHOWN)
    link = Cell(text="All orders", url=reverse("admin:orders_order_changelist"))
    return table(
        "What came in last",
        ["Order", "Placed", "Amount", "What would become of it"],
        [
            [
                subject_cell(row.subject, row.number),
                text(moment(row.placed_at)),
                text(money(row.total, row.currency)),
                text(WOULD if row.decision == SHADOW else decision_sentence(row.decision)),
            ]
            for row in rows
        ],
        empty="Nothing yet.",
        link=link,
    )


def _cases() -> Panel:
    triage = reverse("admin:reconciliation_cause_changelist")
    now = clock.now()
    return table(
        "What needs a person before it can be posted",
        ["Cause", "Cases", "Money at risk", "Oldest"],
        [
            [
                Cell(text=words(one.code.code), url=f"{triage}?code={one.code.code}"),
                text(f"{one.count:,}"),
                text(amounts(one.money) or "–"),
                text(ago(one.oldest_at, now)),
            ]
            for one in reconciliation.open_by_code()
        ],
        empty="Nothing.",
        link=Cell(text="Triage", url=triage),
    )


def first_to_post(store_id: int) -> Panel:
    """The oldest of those that going live posts."""
    rows = orders.oldest(store_id=store_id, decision=SHADOW, limit=SHOWN)
    return table(
        "The first of them",
        ["Order", "Placed", "Amount"],
        [
            [
                subject_cell(row.subject, row.number),
                text(moment(row.placed_at)),
                text(money(row.total, row.currency)),
            ]
            for row in rows
        ],
        empty="None yet.",
    )

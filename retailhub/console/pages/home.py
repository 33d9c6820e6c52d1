"""The home page: what needs a person now, and is anything behind."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from integrations import selectors as pipes
from orders import selectors as orders
from reconciliation import selectors as reconciliation
from reconciliation.selectors import OpenCode
from retailhub.core import clock
from retailhub.core.admin import Cell, Panel, subject_cell, table, text
from retailhub.core.admin.words import ago, amounts, span, words

TITLES = {"i": "in", "o": "out"}


def figures() -> dict[str, Any]:
    """The context of the home page: figures first, then what is open and what waits, as panels."""
    opened, queues = reconciliation.open_by_code(), pipes.queues()
    states, posting = orders.count_by_state(), pipes.postings_open()
    number = sum(one.count for one in opened)
    held = states.get("held", 0)
    return {
        "tiles": [
            _tile("Open cases", number, "reconciliation_cause", bad=number > 0),
            _tile("Documents awaiting posting", posting.waiting, "integrations_outboxmessage", "?status=pending"),
            _tile(
                "Documents parked",
                posting.parked,
                "integrations_outboxmessage",
                "?status=parked",
                bad=posting.parked > 0,
            ),
            _tile("Orders held", held, "orders_order", "?order_state=held", bad=held > 0),
        ],
        "panels": [_codes(opened), _queues(queues)],
    }


def _tile(label: str, number: int, page: str, query: str = "", *, bad: bool = False) -> dict[str, Any]:
    shown = f"{number:,}" if number < orders.CAP else f"{orders.CAP:,} or more"
    return {"label": label, "number": shown, "url": reverse(f"admin:{page}_changelist") + query, "bad": bad}


def _codes(opened: list[OpenCode]) -> Panel:
    now = clock.now()
    causes = reverse("admin:reconciliation_cause_changelist")
    rows = [
        [
            Cell(
                text=words(one.code.code),
                url=f"{causes}?code={one.code.code}",
                tone="bad" if one.code.urgent else "",
            ),
            text("urgent" if one.code.urgent else "", tone="bad"),
            text(f"{one.count:,}"),
            text(amounts(one.money) or "–"),
            text(words(one.code.side.value)),
            text(ago(one.oldest_at, now)),
        ]
        for one in opened
    ]
    headers = ["Code", "", "Open cases", "Money at risk", "Owner", "Oldest"]
    return table("What needs a person", headers, rows, empty="Nothing needs a person now.")


def _queues(queues: list[pipes.Queue]) -> Panel:
    now, rows = clock.now(), []
    for state in pipes.connection_states():
        mine = [queue for queue in queues if queue.connection_id == state.connection_id]
        cells: list[Cell] = []
        for direction in TITLES:
            waiting = [q for q in mine if q.direction == direction and q.status in {"pending", "in_flight"}]
            oldest = max((queue.oldest_due_seconds for queue in waiting), default=0.0)
            count = sum(queue.count for queue in waiting)
            cells.append(text(f"{count:,}, oldest {span(oldest)}" if count else "nothing"))
        parked = sum(queue.count for queue in mine if queue.status == "parked")
        trouble = words(state.last_failure_code) or ("paused" if state.paused_at else "")
        rows.append(
            [
                subject_cell(f"connection:{state.connection_id}", state.connection.name),
                text(state.connection.mode),
                *cells,
                text(f"{parked:,}" if parked else "none", tone="bad" if parked else ""),
                text(ago(state.last_success_at, now)),
                text(trouble or "none", tone="bad" if trouble else ""),
            ]
        )
    headers = ["Connection", "Mode", "Waits in", "Waits out", "Parked", "Last success", "Trouble"]
    return table("What moves, what waits", headers, rows, empty="There is no connection yet.")

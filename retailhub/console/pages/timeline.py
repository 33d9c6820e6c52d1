"""The whole life of one order, as its page shows it; and the cases about a subject."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from orders import selectors as orders
from orders.selectors import OrderView
from reconciliation import selectors as reconciliation
from retailhub.console.story import Teller
from retailhub.console.story_parts import KINDS, Entry
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
    case, replay = entry.facts.get("case", ""), entry.facts.get("replay", "")
    subject = f"case:{case}" if case else f"replay:{replay}" if replay else ""
    url = subject_url(subject) if subject else message_url(str(entry.facts.get("message", "")))
    amount = "" if entry.amount in entry.text else entry.amount
    return Moment(
        at=entry.at, kind=entry.kind, what=entry.text, url=url, tone=tone, amount=amount, trace=entry.trace_id
    )


PAGE = 100
"""Moments on one page of a timeline."""
NAMES = {
    "delivery": "what came",
    "version": "versions",
    "transition": "states and decisions",
    "finding": "what stands against it",
    "person": "people",
    "replay": "replays",
    "effect": "what is sent",
    "attempt": "attempts",
    "call": "calls",
    "document": "documents",
    "case": "cases",
}
"""What a filter is called."""


def view(request: HttpRequest, order: str) -> HttpResponse:
    """The whole life of an order, a page at a time: the newest page unless another is asked for."""
    found = orders.by_subject(order)
    if found is None:
        raise Http404(f"There is no order {order}.")
    entries = Teller().of_order(found)
    kinds = [kind for kind in request.GET.getlist("kind") if kind in KINDS]
    chosen = [entry for entry in entries if not kinds or entry.kind in kinds]
    pages = max(1, -(-len(chosen) // PAGE))
    asked = request.GET.get("page", "")
    number = min(max(int(asked), 1), pages) if asked.isascii() and asked.isdigit() and len(asked) < 9 else pages
    part = chosen[(number - 1) * PAGE : number * PAGE]
    request.current_app = admin.site.name
    context = {
        **admin.site.each_context(request),
        "title": "Timeline",
        "order_name": f"Order {found.number or found.order_ref} of {found.store}",
        "order_url": reverse("admin:orders_order_change", args=[found.public_id]),
        "list_url": reverse("admin:orders_order_changelist"),
        "kinds": _filters(entries, kinds),
        "count": len(chosen),
        "number": number,
        "pages": pages,
        "earlier": _query(kinds, number - 1) if number > 1 else "",
        "later": _query(kinds, number + 1) if number < pages else "",
        "data": days_of([_moment(entry) for entry in part]),
    }
    return TemplateResponse(request, "console/timeline.html", context)


def days_of(moments: Sequence[Moment]) -> list[tuple[dt.date, list[Moment]]]:
    """Moments by their day in UTC, in order."""
    days: dict[dt.date, list[Moment]] = {}
    for each in moments:
        days.setdefault(each.at.astimezone(dt.UTC).date(), []).append(each)
    return list(days.items())


def _filters(entries: Sequence[Entry], kinds: Sequence[str]) -> list[dict[str, Any]]:
    counts = Counter(entry.kind for entry in entries)
    return [
        {"kind": kind, "name": NAMES[kind], "count": counts[kind], "chosen": kind in kinds}
        for kind in KINDS
        if counts[kind]
    ]


def _query(kinds: Sequence[str], number: int) -> str:
    return urlencode([*(("kind", kind) for kind in kinds), ("page", str(number))])


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

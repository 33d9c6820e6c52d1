"""Triage in words: what a row shows, what filters offer, what a filter says."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.urls import reverse

from integrations import selectors as pipes
from reconciliation.admin.shared import CODE_CHOICES
from reconciliation.codes import Side
from reconciliation.models import Cause
from reconciliation.selectors import triage
from reconciliation.selectors.triage import Filter, Row
from retailhub.core import privacy
from retailhub.core.admin.words import ago, amounts, moment, span, words

AGES = {
    "1h": "an hour",
    "4h": "4 hours",
    "1d": "a day",
    "7d": "a week",
    "30d": "30 days",
}


def shown_row(row: Row, now: dt.datetime) -> dict[str, Any]:
    """One cause as the list shows it."""
    cause, work = row.cause, row.work
    put_off = work.snoozed_until if work is not None else None
    late = (now - row.due_at).total_seconds()
    return {
        "pk": cause.pk,
        "public_id": cause.public_id,
        "url": reverse("admin:reconciliation_cause_change", args=[cause.pk]),
        "sentence": privacy.mask_text(row.sentence),
        "code": words(cause.code),
        "urgent": row.urgent,
        "connection": cause.connection.name if cause.connection else "",
        "cases": row.cases,
        "money": amounts(row.money) or "–",
        "first_seen": ago(cause.first_seen_at, now),
        "last_seen": ago(row.seen_at, now),
        "owner": work.owner.get_username() if work is not None and work.owner is not None else "",
        "tags": work.tags if work is not None else [],
        "snoozed": moment(put_off)[:16] if put_off is not None and put_off > now else "",
        "open_for": span((now - row.oldest_at).total_seconds()),
        "late": late > 0,
        "due": f"due {span(late)} ago" if late > 0 else f"due in {span(-late)}",
    }


def shown_past(cause: Cause) -> dict[str, str]:
    """A cause without open cases, where somebody searches for it."""
    url = reverse("admin:reconciliation_cause_change", args=[cause.pk])
    return {"url": url, "name": f"{words(cause.code)} {cause.key}".strip()}


def choices_of(chosen: Filter) -> dict[str, Any]:
    """What each filter offers: name, label, values with their words, and the one that is chosen."""
    names = sorted(pipes.connection_names().values())
    owners = [(triage.ME, "me"), (triage.NOBODY, "nobody"), *((name, name) for _, name in triage.people())]
    named = [(name, name) for name in names]
    offered = [
        ("code", "Code", CODE_CHOICES),
        ("connection", "Connection", named),
        ("store", "Store", named),
        ("owner", "Owner", owners),
        ("tag", "Tag", [(tag, tag) for tag in triage.tags()]),
        (
            "age",
            "Open for",
            [(triage.PAST_DUE, "past due"), *((key, f"more than {told}") for key, told in AGES.items())],
        ),
        ("side", "Who can mend it", [(side.value, words(side.value)) for side in Side]),
        ("snoozed", "Snoozed", [("only", "only those"), ("any", "those too")]),
    ]
    return {"selects": [(*each, getattr(chosen, each[0])) for each in offered]}


def spoken(chosen: Filter) -> list[str]:
    """What a filter says, in words."""
    said = {
        "q": "exactly {}",
        "code": "code {}",
        "connection": "connection {}",
        "store": "store {}",
        "owner": "owner {}",
        "tag": "tag {}",
        "money": "at least {} at risk",
        "side": "mended by {}",
    }
    found = [told.format(words(getattr(chosen, name))) for name, told in said.items() if getattr(chosen, name)]
    if chosen.age:
        found.append("past due" if chosen.age == triage.PAST_DUE else f"open for more than {AGES[chosen.age]}")
    if chosen.urgent:
        found.append("urgent")
    if chosen.snoozed:
        found.append("snoozed only" if chosen.snoozed == "only" else "snoozed too")
    return found

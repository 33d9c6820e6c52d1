"""Standing looks at stores as a table for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from integrations.flow_reads import Look
from integrations.states import PollKind
from retailhub.core.admin import Panel, table, text
from retailhub.core.admin.words import ago, words

NAMES = {
    PollKind.CHANGED: "changed orders",
    PollKind.TRASH: "the trash",
    PollKind.DRAFTS: "drafts",
    PollKind.WEBHOOKS: "webhooks",
    PollKind.REFUNDS: "refunds",
    PollKind.SWEEP: "content of all orders",
    PollKind.WALK: "walk over all ids",
    PollKind.HISTORY: "history",
}
LATE_SECONDS = 300


def looks_panel(title: str, looks: Sequence[Look], now: dt.datetime) -> Panel:
    """What each is for, when it was last done and is done next, and how far the round under way is."""
    rows = [
        [
            text(NAMES[look.kind]),
            text(ago(look.finished_at, now)),
            text(_next(look, now), tone="warn" if _is_late(look, now) else ""),
            text(_progress(look)),
            text(f"fails: {words(look.code)} ({look.failures} in a row)" if look.failures else "", tone="bad"),
        ]
        for look in looks
    ]
    headers = ["Look for", "Last done", "Next", "Round under way", "Trouble"]
    return table(title, headers, rows, empty="No look was made yet.")


def _is_late(look: Look, now: dt.datetime) -> bool:
    return look.due_at is not None and (now - look.due_at).total_seconds() > LATE_SECONDS


def _next(look: Look, now: dt.datetime) -> str:
    if look.due_at is None:
        return "never again by itself"
    return "now" if look.due_at <= now else ago(look.due_at, now)


def _progress(look: Look) -> str:
    if look.began_at is None:
        return "–"
    if look.share is None:
        return f"{look.seen:,} orders looked at"
    return f"{look.share:.0%}: {look.seen:,} of {look.total:,} orders"

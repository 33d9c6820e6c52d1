"""What pages are made of: facts, panels, moments. Templates turn them into HTML; nothing here does."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

PAGES = {
    "order": "admin:orders_order_change",
    "case": "admin:reconciliation_case_change",
    "cause": "admin:reconciliation_cause_change",
    "customer": "admin:orders_customer_change",
    "replay": "admin:reconciliation_replayrun_change",
    "connection": "admin:integrations_connection_change",
}
"""Where the page of a subject (``order:ord_…``) is; messages go by their direction."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
MESSAGES = {
    "msg_i": "admin:integrations_inboxmessage_change",
    "msg_o": "admin:integrations_outboxmessage_change",
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One value as it is shown. ``tone`` is good, warn, bad or quiet; ``mono`` for ids and codes.

    ``small`` stands beneath it.
    """

    text: str
    url: str = ""
    tone: str = ""
    mono: bool = False
    small: str = ""

    @property
    def is_moment(self) -> bool:
        """Whether it is a moment, which is never broken over two lines."""
        return MOMENT.fullmatch(self.text) is not None


@dataclass(frozen=True)
class Fact:
    """One labelled value at the top of a page."""

    label: str
    cell: Cell


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One titled part of a page: ``template`` is rendered with ``data``."""

    title: str
    template: str
    data: Any = None
    note: str = ""
    link: Cell | None = None


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One thing that happened. ``kind`` is a word such as delivery, version, state, attempt or case."""

    at: dt.datetime
    kind: str
    what: str
    detail: str = ""
    url: str = ""
    tone: str = ""
    amount: str = ""
    trace: str = ""


@dataclass(frozen=True)
class Table:
    """Headers, and rows of as many cells."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str = field(default="None.")


def text(value: object, *, url: str = "", tone: str = "", mono: bool = False) -> Cell:
    """A cell of anything."""
    return Cell(text=str(value), url=url, tone=tone, mono=mono)


def table(
    title: str,
    headers: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    empty: str = "None.",
    note: str = "",
    link: Cell | None = None,
) -> Panel:
    """A panel that is a table; ``empty`` is said when it has no rows."""
    data = Table(headers, list(rows), empty)
    return Panel(title=title, template="console/panels/table.html", data=data, note=note, link=link)


def message_url(name: str) -> str:
    """The page of a message by its name (``msg_o12``); empty for anything else."""
    page, number = MESSAGES.get(name[:5]), name[5:]
    return reverse(page, args=[number]) if page and number.isdigit() else ""


def subject_url(subject: str) -> str:
    """The page of a subject; empty where there is none."""
    kind, _, name = subject.partition(":")
    if kind == "message":
        return message_url(name)
    return reverse(PAGES[kind], args=[name]) if kind in PAGES and name else ""


def subject_cell(subject: str, name: str = "") -> Cell:
    """A subject as a link to its page, under the name given with its id beneath, or under its id."""
    public_id = subject.partition(":")[2]
    small = public_id if name and subject.startswith("order:") else ""
    return Cell(text=name or public_id or "–", url=subject_url(subject), mono=not name, small=small)

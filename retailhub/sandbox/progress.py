"""What the product says of itself while a demo runs: depths, states, looks and cases, by its own database."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

LINE_EVERY_SECONDS = 5.0
SHOWN_LOOKS = ("changed", "trash", "webhooks", "sweep", "walk")


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """One look at the product. ``arrived``: messages by the way they came; ``looks``: kind → last whole round."""

    now: dt.datetime
    waiting_in: int
    waiting_out: int
    parked: int
    posted: int
    holes: int
    arrived: Mapping[str, int]
    orders: Mapping[str, int]
    cases: Mapping[str, int]
    looks: Mapping[str, dt.datetime]

    @property
    def quiet(self) -> bool:
        """Nothing waits, and no time without webhooks is still to be read."""
        return self.waiting_in == 0 and self.waiting_out == 0 and self.holes == 0

    def has_looked(self, kinds: tuple[str, ...], since: dt.datetime) -> bool:
        """Whether all of these looks have gone round since."""
        return all(kind in self.looks and self.looks[kind] > since for kind in kinds)


SQL = """
SELECT
  (SELECT rh_now()) AS now,
  (SELECT count(*) FROM integrations_inboxmessage WHERE status IN ('pending', 'in_flight')) AS waiting_in,
  (SELECT count(*) FROM integrations_outboxmessage WHERE status IN ('pending', 'in_flight')) AS waiting_out,
  (SELECT count(*) FROM integrations_outboxmessage WHERE status = 'parked') AS parked,
  (SELECT count(*) FROM integrations_externalreference WHERE state = 'confirmed') AS posted,
  (SELECT count(*) FROM integrations_webhookhole WHERE polled_at IS NULL) AS holes,
  (SELECT coalesce(jsonb_object_agg(way, n), '{}') FROM
     (SELECT way, count(*) AS n FROM integrations_inboxmessage GROUP BY 1) AS w)::text AS arrived,
  (SELECT coalesce(jsonb_object_agg(order_state, n), '{}') FROM
     (SELECT order_state, count(*) AS n FROM orders_order GROUP BY 1) AS s)::text AS orders,
  (SELECT coalesce(jsonb_object_agg(code, n), '{}') FROM
     (SELECT code, count(*) AS n FROM reconciliation_case WHERE state = 'open' GROUP BY 1) AS c)::text AS cases,
  (SELECT coalesce(jsonb_object_agg(kind, extract(epoch FROM finished_at)), '{}')
     FROM integrations_poll WHERE finished_at IS NOT NULL)::text AS looks
"""


def _rows(query: str) -> list[dict[str, Any]]:
    from django.db import connection  # noqa: PLC0415 - the demo makes the settings first

    with connection.cursor() as cursor:
        cursor.execute(query)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def pulse() -> Pulse:
    """Look now. Needs Django's settings."""
    (found,) = _rows(SQL)
    for name in ("arrived", "orders", "cases", "looks"):
        found[name] = json.loads(found[name])
    found["looks"] = {kind: dt.datetime.fromtimestamp(at, dt.UTC) for kind, at in found["looks"].items()}
    return Pulse(**found)


def look_once_more(kinds: tuple[str, ...]) -> dt.datetime:
    """Let these looks begin anew, as ``manage.py poll shop KIND`` does; returns when that was."""
    from integrations import polling  # noqa: PLC0415 - needs Django's settings
    from integrations.states import PollKind  # noqa: PLC0415
    from retailhub.core import clock  # noqa: PLC0415

    for store_id in polling.store_ids():
        for kind in kinds:
            polling.look_now(connection_id=store_id, kind=PollKind(kind))
    return clock.now()


def cases() -> dict[str, set[str]]:
    """Open cases, and those about webhooks also when they closed themselves.

    Code → references of the orders they are about (``msg_…`` or the like where they are about no order).
    """
    found: dict[str, set[str]] = {}
    for row in _rows(
        "SELECT c.code, coalesce('WC-' || (s.settings->>'store_code') || '-' || o.order_ref, c.subject) AS reference"
        " FROM reconciliation_case c"
        " LEFT JOIN orders_order o ON c.subject = 'order:' || o.public_id"
        " LEFT JOIN integrations_connection s ON s.id = o.store_id"
        " WHERE c.state = 'open' OR c.code LIKE 'webhook%'"
    ):
        found.setdefault(row["code"], set()).add(row["reference"])
    return found


def known_orders() -> dict[str, str]:
    """Reference → the store's status, of every order that the product knows."""
    rows = _rows(
        "SELECT 'WC-' || (s.settings->>'store_code') || '-' || o.order_ref AS reference,"
        " CASE WHEN o.status = 'deleted' THEN o.status ELSE o.document::jsonb->>'source_status' END AS status"
        " FROM orders_order o JOIN integrations_connection s ON s.id = o.store_id"
    )
    return {row["reference"]: row["status"] for row in rows}


def picture(seen: Pulse, store: Mapping[str, Any], seconds: float) -> Table:
    """The live table."""
    table = Table(title="RetailHub demo", title_justify="left", show_header=False, expand=False)
    table.add_column(style="bold")
    table.add_column()
    people = store["people"]
    table.add_row("Store", f"{people['placed']} of {people['wanted']} orders placed, {store['alive']} still changing")
    table.add_row("Webhooks", f"{_named(store['webhooks'])}   deliveries: {_named(store['deliveries'])}")
    table.add_row("Looks", _looks(seen))
    table.add_row("Came by", _named(seen.arrived) or "nothing yet")
    table.add_row("Waiting", f"{seen.waiting_in} to take in, {seen.waiting_out} to post")
    table.add_row("Orders", _named(seen.orders) or "none yet")
    rate = f"{seen.posted / seconds:.0f} a second" if seconds else ""
    table.add_row("In the ERP", f"[green]{seen.posted}[/green]   {rate}")
    cases = "  ".join(f"{code} [yellow]{count}[/yellow]" for code, count in sorted(seen.cases.items()))
    table.add_row("Open cases", cases or "none")
    return table


def _named(counts: Mapping[str, int]) -> str:
    return "  ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _looks(seen: Pulse) -> str:
    ages = {kind: (seen.now - seen.looks[kind]).total_seconds() for kind in SHOWN_LOOKS if kind in seen.looks}
    return "  ".join(f"{kind} {max(age, 0):.0f} s ago" for kind, age in ages.items()) or "none yet"


def line(seen: Pulse, store: Mapping[str, Any]) -> str:
    """The same in one plain line."""
    people = store["people"]
    cases = ", ".join(f"{code} {count}" for code, count in sorted(seen.cases.items())) or "none"
    return (
        f"{people['placed']} of {people['wanted']} orders placed; came by {_named(seen.arrived) or 'nothing yet'}; "
        f"{seen.waiting_in} to take in, {seen.waiting_out} to post, {seen.posted} in the ERP; open cases: {cases}"
    )


class Screen:
    """Where progress is shown: a live table on a terminal, else a plain line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._next_line = 0.0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, seen: Pulse, store: Mapping[str, Any], seconds: float) -> None:
        """Tell of one look; ``seconds`` since the first."""
        now = time.monotonic()
        if self._live is not None:
            self._live.update(picture(seen, store, seconds))
        elif now >= self._next_line:
            self._console.print(line(seen, store), soft_wrap=True, highlight=False)
            self._next_line = now + LINE_EVERY_SECONDS

"""What the product says of itself while a demo runs: depths, states and cases, by its own database."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Self

from rich.console import Console
from rich.live import Live

LINE_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class Pulse:
    """One look at the product."""

    waiting_in: int
    waiting_out: int
    parked: int
    orders: dict[str, int]
    posted: int
    cases: dict[str, int]

    @property
    def quiet(self) -> bool:
        return self.waiting_in == 0 and self.waiting_out == 0


SQL = """
SELECT
  (SELECT count(*) FROM integrations_inboxmessage WHERE status IN ('pending', 'in_flight')),
  (SELECT count(*) FROM integrations_outboxmessage WHERE status IN ('pending', 'in_flight')),
  (SELECT count(*) FROM integrations_outboxmessage WHERE status = 'parked'),
  (SELECT count(*) FROM integrations_externalreference WHERE state = 'confirmed'),
  (SELECT coalesce(jsonb_object_agg(order_state, n), '{}') FROM
     (SELECT order_state, count(*) AS n FROM orders_order GROUP BY 1) AS s)::text,
  (SELECT coalesce(jsonb_object_agg(code, n), '{}') FROM
     (SELECT code, count(*) AS n FROM reconciliation_case WHERE state = 'open' GROUP BY 1) AS c)::text
"""


def pulse() -> Pulse:
    """Look now. Needs Django's settings."""
    import json  # noqa: PLC0415

    from django.db import connection  # noqa: PLC0415 - the demo makes the settings first

    with connection.cursor() as cursor:
        cursor.execute(SQL)
        waiting_in, waiting_out, parked, posted, orders, cases = cursor.fetchone()
    return Pulse(waiting_in, waiting_out, parked, json.loads(orders), posted, json.loads(cases))


def open_cases() -> dict[str, set[str]]:
    """Open cases: code → references of the orders they are about (``msg_…`` where they are about no order)."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.code, coalesce('WC-' || (s.settings->>'store_code') || '-' || o.order_ref, c.subject)"
            " FROM reconciliation_case c"
            " LEFT JOIN orders_order o ON c.subject = 'order:' || o.public_id"
            " LEFT JOIN integrations_connection s ON s.id = o.store_id WHERE c.state = 'open'"
        )
        found: dict[str, set[str]] = {}
        for code, reference in cursor.fetchall():
            found.setdefault(code, set()).add(reference)
    return found


def picture(seen: Pulse, feeder: dict[str, Any], seconds: float) -> Any:
    """The live table."""
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="RetailHub demo", title_justify="left", show_header=False, expand=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row("Store", f"{feeder['placed']} of {feeder['orders']} orders placed, {feeder['sent']} deliveries sent")
    table.add_row("Waiting", f"{seen.waiting_in} to take in, {seen.waiting_out} to post")
    table.add_row("Orders", "  ".join(f"{state} {count}" for state, count in sorted(seen.orders.items())) or "none yet")
    rate = f"{seen.posted / seconds:.0f} a second" if seconds else ""
    table.add_row("In the ERP", f"[green]{seen.posted}[/green]   {rate}")
    cases = "  ".join(f"{code} [yellow]{count}[/yellow]" for code, count in sorted(seen.cases.items()))
    table.add_row("Open cases", cases or "none")
    return table


def line(seen: Pulse, feeder: dict[str, Any]) -> str:
    """The same in one plain line."""
    cases = ", ".join(f"{code} {count}" for code, count in sorted(seen.cases.items())) or "none"
    return (
        f"{feeder['placed']} of {feeder['orders']} orders placed; {seen.waiting_in} to take in, "
        f"{seen.waiting_out} to post, {seen.posted} in the ERP; open cases: {cases}"
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

    def show(self, seen: Pulse, feeder: dict[str, Any], seconds: float) -> None:
        """Tell of one look; ``seconds`` since the first."""
        now = time.monotonic()
        if self._live is not None:
            self._live.update(picture(seen, feeder, seconds))
        elif now >= self._next_line:
            self._console.print(line(seen, feeder), soft_wrap=True, highlight=False)
            self._next_line = now + LINE_EVERY_SECONDS

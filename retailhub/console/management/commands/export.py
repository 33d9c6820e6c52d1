"""Exports: the canonical facts as JSON lines."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from integrations.selectors import stores
from orders import selectors as orders
from retailhub.console.facts import orders_facts
from retailhub.core import audit, clock
from retailhub.core.cli import Failed, HubCommand, actor, moment


class Command(HubCommand):
    help = "Write orders as JSON lines, one order each, with customer, ERP documents and open cases."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["orders"])
        parser.add_argument("--store", metavar="NAME")
        parser.add_argument("--since", metavar="ISO", help="Only those that changed at or after this moment.")
        parser.add_argument("--unmask", action="store_true", help="With whole e-mail addresses; needs --reason.")
        parser.add_argument("--reason", default="", help="Why; kept in the audit, as every export is.")

    def work(self, **options: Any) -> None:
        known, name, unmask = stores(), options["store"], options["unmask"]
        if unmask and not options["reason"].strip():
            raise Failed("reason_missing", "Say why personal data is shown with --reason; it is kept in the audit.")
        if name is not None and name not in known:
            raise Failed("no_such_store", f"There is no store named {name!r}; known are {', '.join(known) or 'none'}.")
        since = moment(options["since"]) if options["since"] else None
        audit.record(
            actor=actor(),
            action="export_orders",
            subject=f"connection:{name}" if name else "orders",
            reason=options["reason"].strip() or "exported",
            now=clock.now(),
            after={"since": since and since.isoformat(), "unmasked": unmask},
        )
        for chunk in orders.in_chunks(store_id=known[name] if name else None, since=since):
            for facts in orders_facts(chunk, unmasked=unmask):
                self.show(facts)

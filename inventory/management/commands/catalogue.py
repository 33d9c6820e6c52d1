"""Catalogues of ERPs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from integrations import connections
from integrations.ports.errors import ConnectorError
from integrations.selectors import role_of
from inventory.flows.import_catalogue import import_catalogue
from inventory.services import first_look
from retailhub.core.cli import Failed, HubCommand, actor, counted


class Command(HubCommand):
    help = "Catalogues: import an ERP's, compare a store's with it."
    expected = (ConnectorError,)

    def add_options(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        imports = verbs.add_parser("import", help="Read an ERP's products, so that orders may name them.")
        imports.add_argument("connection")
        compares = verbs.add_parser("compare", help="Say which SKUs of a store an ERP does not know.")
        compares.add_argument("store")
        compares.add_argument("erp")
        compares.add_argument("--seconds", type=float, default=600.0, help="Compare what was read by then.")

    def work(self, **options: Any) -> None:
        if options["verb"] == "compare":
            self._compare(options["store"], options["erp"], options["seconds"])
        else:
            self._import(options)

    def _compare(self, store: str, erp: str, seconds: float) -> None:
        found = first_look.compare(store=store, sink=erp, seconds=seconds, actor=actor())
        unknown = [{"sku": sku, "name": name} for sku, name in found.unknown]
        if found.error is not None and not found.total:
            raise Failed(found.error.code, found.error.detail)
        facts = {"known": found.known, "total": found.total, "unknown": unknown, "without_sku": found.nameless}
        part = "" if found.is_whole else " That is not the whole of the store."
        lines = [f"{erp} knows {found.known} of {found.total} SKUs of {store}.{part}"]
        lines += [f"  {sku}  {name}" for sku, name in found.unknown]
        self.answer({"store": store, "erp": erp, "whole": found.is_whole, **facts}, "\n".join(lines))

    def _import(self, options: dict[str, Any]) -> None:
        name = connections.named(options["connection"]).name
        if role_of(name) != "erp":
            raise Failed("not_an_erp", f"{name} is no ERP; only catalogues of ERPs are imported.")
        made = import_catalogue(connection_name=name)
        self.answer(
            {"connection": name, "new_skus": made},
            f"Read the catalogue of {name}: {counted(made, 'SKU')} new.",
        )

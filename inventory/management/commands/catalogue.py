"""Catalogues of ERPs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from integrations import connections
from integrations.ports.errors import ConnectorError
from integrations.selectors import role_of
from inventory.flows.import_catalogue import import_catalogue
from retailhub.core.cli import Failed, HubCommand, counted


class Command(HubCommand):
    help = "Catalogues of ERPs: import."
    expected = (ConnectorError,)

    def add_options(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        imports = verbs.add_parser("import", help="Read an ERP's products, so that orders may name them.")
        imports.add_argument("connection")

    def work(self, **options: Any) -> None:
        name = connections.named(options["connection"]).name
        if role_of(name) != "erp":
            raise Failed("not_an_erp", f"{name} is no ERP; only catalogues of ERPs are imported.")
        made = import_catalogue(connection_name=name)
        self.answer(
            {"connection": name, "new_skus": made},
            f"Read the catalogue of {name}: {counted(made, 'SKU')} new.",
        )

"""Say by hand what a SKU is called in an ERP."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from integrations import connections
from integrations.ports.errors import ConnectorError
from integrations.selectors import role_of
from inventory.selectors import in_catalogue, mapping_of
from inventory.services import mappings
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor

LONGEST = 200


class Command(HubCommand):
    help = "Map a SKU to an ERP's item code; orders that wait for it are looked at again."
    expected = (ConnectorError,)

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("sku")
        parser.add_argument("item_code")
        parser.add_argument("--connection", required=True, metavar="ERP")
        parser.add_argument("--reason", required=True, help="Why; kept in the audit.")
        parser.add_argument("--force", action="store_true", help="Even if the ERP's catalogue has no such item code.")

    def work(self, **options: Any) -> None:
        sku, item_code = options["sku"], options["item_code"]
        row = connections.named(options["connection"])
        if role_of(row.name) != "erp":
            raise Failed("not_an_erp", f"{row.name} is no ERP; SKUs are mapped to the item codes of ERPs.")
        if not (sku.strip() and item_code.strip()) or max(len(sku), len(item_code)) > LONGEST:
            raise Failed("bad_code", f"A SKU and an item code are needed, of at most {LONGEST} characters each.")
        found = in_catalogue(connection_id=row.pk, code=item_code)
        if not (found or options["force"]):
            raise Failed(
                "not_in_catalogue",
                f"{row.name}'s catalogue, as last read, has no item {item_code}: correct the code, read the catalogue "
                f"again (catalogue import {row.name}), or map it all the same with --force.",
            )
        known = mapping_of(connection_id=row.pk, sku=sku)
        before = known.item_code if known and known.active else None
        mappings.map_sku(
            connection_id=row.pk,
            sku=sku,
            item_code=item_code,
            actor=actor(),
            reason=options["reason"],
            now=clock.now(),
        )
        was = f" (it was {before})" if before and before != item_code else ""
        self.answer(
            {"connection": row.name, "sku": sku, "item_code": item_code, "before": before, "in_catalogue": found},
            f"{sku} is {item_code} in {row.name} now{was}; orders that wait for it are looked at again.",
        )

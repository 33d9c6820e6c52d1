"""Whatever goes by a name."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.management.base import CommandParser

from retailhub.console import search
from retailhub.core.cli import HubCommand


class Command(HubCommand):
    help = "Find what goes by a name: an order, a SKU, an e-mail address, a document in the ERP, a message, a case."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "text", metavar="TEXT", help="The whole of it: parts of a name find nothing. Personal data stays masked."
        )

    def work(self, **options: Any) -> None:
        groups = search.search(options["text"])
        if self.as_json:
            self.show({"groups": [{**msgspec.to_builtins(group), "is_full": group.is_full} for group in groups]})
            return
        if not groups:
            self.say("Nothing goes by that name.")
        for group in groups:
            self.say(f"{group.title}{', and maybe more' if group.is_full else ''}:")
            self.table(("", "", ""), [(hit.title, hit.detail, hit.subject) for hit in group.hits])

"""How things stand: all that Home and Flows show."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from retailhub.console.pages import flows, home
from retailhub.core.admin.words import span
from retailhub.core.cli import HubCommand, counted, shown


class Command(HubCommand):
    help = "How things stand: what needs a person, the figures, connections, flows, and what has not happened for long."

    def add_options(self, parser: CommandParser) -> None:
        """There are none."""

    def work(self, **_options: Any) -> None:
        found = {**home.facts(), **flows.facts()}
        if self.as_json:
            self.show(found)
            return
        self.say(f"As of {shown(found['at'])} UTC.")
        for warning in found["warnings"]:
            self.say(f"{'!' if warning['tone'] == 'bad' else '-'} {warning['sentence']}")
        self._causes(found["causes"])
        names = ("label", "shown", "tone", "warn_at", "bad_at")
        columns = ("figure", "now", "", "a warning above", "bad above")
        self.table(columns, [[str(one[name]) for name in names] for one in found["figures"]])
        self.table(
            ("connection", "mode", "state", "lag", "last success"),
            [
                (one["name"], one["mode"], one["state"], span(one["lag_seconds"]), shown(one["last_success_at"]))
                for one in found["connections"]
            ],
        )
        self._flows(found["flows"])

    def _causes(self, causes: list[dict[str, Any]]) -> None:
        if not causes:
            self.say("Nothing needs a person now.")
            return
        self.table(
            ("needs a person", "", "cases", "money at risk", "oldest", "owner"),
            [
                (
                    one["sentence"],
                    "urgent" if one["urgent"] else "",
                    counted(one["cases"], "case"),
                    ", ".join(f"{amount} {currency}" for currency, amount in one["money"].items()),
                    shown(one["oldest_at"]),
                    one["owner"] or "nobody",
                )
                for one in causes
            ],
        )

    def _flows(self, found: list[dict[str, Any]]) -> None:
        self.table(
            ("flow", "waits", "oldest", "lag", "in flight", "parked", "a minute"),
            [
                (
                    f"{one['connection']} {one['direction']}, {one['lane']}",
                    str(one["pending"]),
                    span(one["oldest_seconds"]),
                    span(one["lag_seconds"]),
                    str(one["in_flight"]),
                    str(one["parked"]),
                    f"{one['per_minute']:.1f}",
                )
                for one in found
            ],
        )

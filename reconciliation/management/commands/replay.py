"""Do parked work again, and look at held orders again: by message, case, cause or code."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from reconciliation.services import replays
from reconciliation.services.replays import NothingToReplay, Plan
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor, counted


class Command(HubCommand):
    help = "Send parked messages back to work and have held orders decided on again."
    expected = (NothingToReplay,)

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("messages", nargs="*", metavar="MESSAGE", help="msg_i12, msg_o34, …")
        parser.add_argument("--case", default="")
        parser.add_argument("--cause", default="")
        parser.add_argument("--code", default="", help="All open cases of this code.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")
        parser.add_argument("--reason", default="", help="Why; kept in the audit.")

    def work(self, **options: Any) -> None:
        given = {name: options[name] for name in ("messages", "case", "cause", "code") if options[name]}
        if len(given) != 1:
            raise Failed("choose_one", "Name messages, or one of --case, --cause and --code.")
        dry = options["dry_run"]
        if not dry and not options["reason"].strip():
            raise Failed("reason_missing", "Say why with --reason; it is kept in the audit.")
        ((kind, value),) = given.items()
        plan = replays.plan_messages(value) if kind == "messages" else replays.plan_cases(**{kind: value})
        about = f"messages:{' '.join(value)}" if kind == "messages" else f"{kind}:{value}"
        if not dry and (plan.messages or plan.orders):
            replays.replay(plan=plan, about=about, actor=actor(), reason=options["reason"], now=clock.now())
        self._report(plan, dry=dry)

    def _report(self, plan: Plan, *, dry: bool) -> None:
        if self.as_json:
            self.show(
                {
                    "dry_run": dry,
                    "messages": len(plan.messages),
                    "orders": len(plan.orders),
                    "message_names": plan.messages,
                    "order_ids": plan.orders,
                    "left": plan.left,
                }
            )
            return
        messages, orders = counted(len(plan.messages), "message"), counted(len(plan.orders), "order")
        if dry:
            self.say(f"Would send {messages} back to work and have {orders} looked at again.")
        elif plan.messages or plan.orders:
            self.say(f"Sent {messages} back to work; {orders} will be looked at again.")
        else:
            self.say("There is nothing to do again.")
        for name, why in plan.left.items():
            self.say(f"{name} {why}.")

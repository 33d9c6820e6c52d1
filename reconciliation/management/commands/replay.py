"""Do parked work again, and look at held orders again: a few at once, many with a trial of one, then ten."""

from __future__ import annotations

import sys
import time
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from reconciliation.models import ReplayRun
from reconciliation.services import replay_reads, replay_runs, replays
from reconciliation.services.replay_reads import STAGES
from reconciliation.services.replay_runs import AT_ONCE, NotNow
from reconciliation.services.replays import NothingToReplay, Plan
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor, counted, shown
from retailhub.core.money import plain_amount

VERBS = ("plan", "start", "status", "approve", "refuse", "go-on", "cancel")
FOLLOW_SECONDS = 0.5
HELP = (
    "msg_i12, msg_o34, …; or what to do with a replay: plan, start rpl_…, status [rpl_…], approve rpl_…, refuse rpl_…,"
    " go-on rpl_…, cancel rpl_…"
)


class Command(HubCommand):
    help = f"Do parked messages and held orders again: up to {AT_ONCE} at once, more of them one first, then ten."
    expected = (NothingToReplay, NotNow)

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("words", nargs="*", metavar="MESSAGE", help=HELP)
        parser.add_argument("--case", default="")
        parser.add_argument("--cause", default="")
        parser.add_argument("--code", default="", help="All open cases of this code.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")
        parser.add_argument("--canary", action="store_true", help="One first, then ten, also where there are few.")
        parser.add_argument("--yes", action="store_true", help="Start what was planned without asking.")
        parser.add_argument("--no-wait", action="store_true", help="Do not stay until it has ended.")
        parser.add_argument("--leave", action="store_true", help="go-on: leave what did not end well as it is.")
        parser.add_argument("--user", default="", help="approve, refuse: whose word it is, a user of the console.")
        parser.add_argument("--reason", default="", help="Why; kept in the audit.")

    def work(self, **options: Any) -> None:
        words = options["words"]
        if words and words[0] in VERBS[1:]:
            self._about(words[0], words[1:], options)
            return
        only_plan = words[:1] == ["plan"]
        given = {name: options[name] for name in ("case", "cause", "code") if options[name]}
        names = words[1:] if only_plan else words
        given |= {"messages": names} if names else {}
        if len(given) != 1:
            raise Failed("choose_one", "Name messages, or one of --case, --cause and --code.")
        if not options["dry_run"]:
            _reason(options)
        ((kind, value),) = given.items()
        plan = replays.plan_messages(value) if kind == "messages" else replays.plan_cases(**{kind: value})
        about = f"messages:{' '.join(value)}" if kind == "messages" else f"{kind}:{value}"
        if options["dry_run"] or not (only_plan or options["canary"] or plan.size > AT_ONCE):
            self._at_once(plan, about, options)
        else:
            self._many(plan, "messages" if kind == "messages" else about, options, only_plan=only_plan)

    def _at_once(self, plan: Plan, about: str, options: dict[str, Any]) -> None:
        if not options["dry_run"] and plan.size:
            replays.replay(plan=plan, about=about, actor=actor(), reason=options["reason"], now=clock.now())
        self._report(plan, dry=options["dry_run"])

    def _many(self, plan: Plan, source: str, options: dict[str, Any], *, only_plan: bool) -> None:
        """A plan, and with somebody's yes its start."""
        title = f"{counted(plan.size, 'order or message', 'orders and messages')} of {source.replace(':', ' ')}"
        run = replay_runs.plan(
            what=plan, source=source, title=title, author=actor(), reason=options["reason"], now=clock.now()
        )
        money = ", ".join(f"{currency} {plain_amount(total, currency)}" for currency, total in _money(run))
        self.say(f"{run.public_id}: {title}{', ' + money if money else ''}.")
        for each in replay_reads.preview(run, now=clock.now(), number=1):
            self.say(f"First {each.name}. {each.told}")
        if only_plan or not (options["yes"] or self._asked("Start it, with one first?")):
            self._tell(run, f"Nothing is done yet. Start it with: manage.py replay start {run.public_id}")
            return
        self._follow(replay_runs.start(run_id=run.pk, actor=actor(), now=clock.now()), options)

    def _asked(self, question: str) -> bool:
        if self.as_json or not sys.stdin.isatty():
            return False
        return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}

    def _about(self, verb: str, names: list[str], options: dict[str, Any]) -> None:
        if verb == "status" and not names:
            self._list()
            return
        if len(names) != 1:
            raise Failed("choose_one", f"Say which replay: manage.py replay {verb} rpl_…")
        run = replay_reads.run_named(names[0])
        if run is None:
            raise NothingToReplay(f"There is no replay {names[0]}.")
        told: dict[str, Any] = {"run_id": run.pk, "now": clock.now()}
        if verb == "status":
            self._tell(run)
        elif verb == "start":
            self._follow(replay_runs.start(actor=actor(), **told), options)
        elif verb == "cancel":
            self._tell(replay_runs.cancel(actor=actor(), reason=_reason(options), **told))
        elif verb == "refuse":
            self._tell(replay_runs.refuse(actor=_person(options), reason=_reason(options), **told))
        elif verb == "approve":
            self._follow(replay_runs.approve(actor=_person(options), reason=_reason(options), **told), options)
        else:
            again = not options["leave"]
            self._follow(replay_runs.go_on(actor=actor(), reason=_reason(options), again=again, **told), options)

    def _list(self) -> None:
        runs = replay_reads.recent_runs()
        if self.as_json:
            self.show({"replays": [_facts(run) for run in runs]})
            return
        self.table(
            ("replay", "state", "how many", "planned by", "planned", "what"),
            [
                (r.public_id, STAGES[r.state], str(r.item_count), r.author_name, shown(r.planned_at), r.title)
                for r in runs
            ],
        )

    def _follow(self, run: ReplayRun, options: dict[str, Any]) -> None:
        """Show how far it is until it ends or needs a person; leaving it does not stop it."""
        if not options["no_wait"]:
            with Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self.console(),
                disable=self.as_json,
            ) as bar:
                task = bar.add_task(STAGES[run.state], total=run.item_count)
                while (seen := replay_reads.progress(run, now=clock.now())).is_live:
                    bar.update(task, completed=seen.over, description=f"{seen.stage}, {seen.rate} a second")
                    time.sleep(FOLLOW_SECONDS)
                    run.refresh_from_db()
                bar.update(task, completed=seen.over, description=seen.stage)
        self._tell(run)

    def _tell(self, run: ReplayRun, more: str = "") -> None:
        facts = _facts(run)
        if self.as_json:
            self.show(facts)
            return
        self.say(f"{run.public_id} is {STAGES[run.state]}: {facts['over']} of {run.item_count} are over.")
        for line in (run.why, more):
            if line:
                self.say(line)
        if run.state == ReplayRun.State.AWAITING_APPROVAL:
            self.say(f"Somebody else approves it with: manage.py replay approve {run.public_id} --user … --reason …")

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
        elif plan.size:
            self.say(f"Sent {messages} back to work; {orders} will be looked at again.")
        else:
            self.say("There is nothing to do again.")
        for name, why in plan.left.items():
            self.say(f"{name} {why}.")


def _reason(options: dict[str, Any]) -> str:
    if not options["reason"].strip():
        raise Failed("reason_missing", "Say why with --reason; it is kept in the audit.")
    return str(options["reason"])


def _person(options: dict[str, Any]) -> Any:
    """Whose word an approval is: a user of the console who may approve, or whoever has this shell."""
    if not options["user"]:
        return actor()
    user = get_user_model().objects.filter(username=options["user"], is_active=True).first()
    if user is None or not user.has_perm("console.approve_replay"):
        raise Failed("may_not_approve", f"{options['user']} is nobody who may approve a replay.")
    return user


def _money(run: ReplayRun) -> list[tuple[str, Any]]:
    return [(currency, replay_reads.amount_of(total)) for currency, total in run.money.items()]


def _facts(run: ReplayRun) -> dict[str, Any]:
    seen = replay_reads.progress(run, now=clock.now())
    return {
        "replay": run.public_id,
        "title": run.title,
        "source": run.source,
        "state": run.state,
        "author": run.author_name,
        "approver": run.approver_name,
        "approval_needed": run.approval_needed,
        "items": run.item_count,
        "messages": run.message_count,
        "money": run.money,
        "over": seen.over,
        "done": seen.done,
        "surprises": seen.surprises,
        "skipped": seen.skipped,
        "under_way": seen.under_way,
        "waiting": seen.waiting,
        "why": run.why,
        "planned_at": run.planned_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }

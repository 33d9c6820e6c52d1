"""Notices: who is told of what by e-mail or webhook, a test, and sending what is due."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from retailhub.console.models import Notice, NoticeRule
from retailhub.console.notices import changes, rules, sending
from retailhub.console.notices.rules import NotPossible, Wanted
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor, counted, shown

YES_NO = ("yes", "no")
TEXTS = {
    "codes": "Case codes with commas between them; all without it.",
    "connection": "Only causes on this connection.",
    "money-at-least": "Only causes with so much at risk, all currencies together.",
    "zone": "Time zone of the times below, such as Europe/Berlin; UTC unless told.",
    "digest-at": "Once a day at this local time, such as 08:00, instead of at once.",
    "quiet-from": "Nothing from this local time on …",
    "quiet-to": "… until this one.",
}
SWITCHES = {
    "allow-private": "Whether the webhook may be in one's own network.",
    "causes": "Whether it tells of causes; yes unless told.",
    "urgent-only": "Only urgent causes.",
    "approvals": "Whether it tells of replays that wait for approval.",
    "urgent-passes": "Whether urgent causes are told in quiet hours; yes unless told.",
}


class Command(HubCommand):
    help = "Notices: list, add, set, on, off, remove, test, again, send-due."
    expected = (NotPossible,)

    def add_options(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        listing = verbs.add_parser("list", help="Every rule, and the newest notices.")
        listing.add_argument("--limit", type=int, default=20, help="So many notices; 20 unless told.")
        for verb, text in (("add", "Make a rule."), ("set", "Change what is given of a rule; the rest stays.")):
            _options(verbs.add_parser(verb, help=text), kind=verb == "add")
        texts = {"on": "Switch a rule on.", "off": "Switch a rule off.", "remove": "Remove a rule."}
        for verb, text in {
            **texts,
            "test": "Send a test to each address of a rule; exit status 1 when one fails.",
        }.items():
            made = verbs.add_parser(verb, help=text)
            made.add_argument("name")
            made.add_argument("--reason", required=verb != "test", default="test", help="Why; kept in the audit.")
        again = verbs.add_parser("again", help="Send a notice again that was given up.")
        again.add_argument("notice", metavar="NOTICE", help="Its id, ntc_….")
        again.add_argument("--reason", required=True, help="Why; kept in the audit.")
        verbs.add_parser("send-due", help="Write down what changed and send what is due, as the schedule does.")

    def work(self, **options: Any) -> None:
        getattr(self, f"_{options['verb'].replace('-', '_')}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        if options["limit"] < 1:
            raise Failed("bad_limit", "--limit must be 1 or more.")
        found = list(NoticeRule.objects.order_by("name"))
        newest = list(Notice.objects.select_related("rule").order_by("-id")[: options["limit"]])
        if self.as_json:
            self.show(
                {"rules": [rules.facts(rule) for rule in found], "notices": [_facts(each) for each in newest]},
            )
            return
        self.table(
            ("rule", "on", "kind", "to", "of", "when", "last sent"),
            [_row(rule) for rule in found],
        )
        self.table(
            ("notice", "made", "rule", "status", "says", "trouble"),
            [(n.public_id, shown(n.made_at), n.rule.name, n.status, n.headline, n.detail) for n in newest],
        )

    def _add(self, options: dict[str, Any]) -> None:
        rule = rules.add(
            name=options["name"], wanted=_wanted(options), actor=actor(), reason=options["reason"], now=clock.now()
        )
        self.answer(rules.facts(rule), f"The rule {rule.name} tells of what changes from now on.")

    def _set(self, options: dict[str, Any]) -> None:
        rule = rules.change(
            name=options["name"], wanted=_wanted(options), actor=actor(), reason=options["reason"], now=clock.now()
        )
        self.answer(rules.facts(rule), f"The rule {rule.name} is changed and tells of what changes from now on.")

    def _on(self, options: dict[str, Any], *, enabled: bool = True) -> None:
        rule = rules.switch(
            name=options["name"], enabled=enabled, actor=actor(), reason=options["reason"], now=clock.now()
        )
        self.answer(rules.facts(rule), f"The rule {rule.name} is {'on' if enabled else 'off'}.")

    def _off(self, options: dict[str, Any]) -> None:
        self._on(options, enabled=False)

    def _remove(self, options: dict[str, Any]) -> None:
        rules.remove(name=options["name"], actor=actor(), reason=options["reason"], now=clock.now())
        self.answer({"removed": options["name"]}, f"The rule {options['name']} is gone.")

    def _test(self, options: dict[str, Any]) -> None:
        made = rules.test(name=options["name"], actor=actor(), reason=options["reason"], now=clock.now())
        self.answer({"notices": [_facts(each) for each in made]}, "\n".join(rules.ended(each) for each in made))
        if any(each.status != Notice.Status.SENT for each in made):
            raise SystemExit(1)

    def _again(self, options: dict[str, Any]) -> None:
        notice = rules.again(public_id=options["notice"], actor=actor(), reason=options["reason"], now=clock.now())
        self.answer(_facts(notice), f"{notice.public_id} is sent again within half a minute.")

    def _send_due(self, _options: dict[str, Any]) -> None:
        made = changes.watch(now=clock.now())
        done = sending.send_due()
        left = sending.waiting()
        self.answer(
            {"made": made, "sent": done.sent, "failed": done.failed, "waiting": left},
            f"{counted(made, 'notice')} made, {done.sent} sent, {done.failed} failed, {left} waiting.",
        )


def _options(parser: CommandParser, *, kind: bool) -> None:
    parser.add_argument("name")
    if kind:
        parser.add_argument("--kind", required=True, choices=list(NoticeRule.Kind.values))
    parser.add_argument(
        "--address", required=kind, help="E-mail addresses with commas between, or the webhook; - reads standard input."
    )
    for name, text in TEXTS.items():
        parser.add_argument(f"--{name}", help=text)
    for name, text in SWITCHES.items():
        parser.add_argument(f"--{name}", choices=YES_NO, help=text)
    parser.add_argument("--reason", required=True, help="Why; kept in the audit.")


def _wanted(options: dict[str, Any]) -> Wanted:
    texts = {name.replace("-", "_"): options[name.replace("-", "_")] for name in TEXTS}
    said = {name.replace("-", "_"): options[name.replace("-", "_")] for name in SWITCHES}
    switches = {name: None if value is None else value == "yes" for name, value in said.items()}
    # an address on the command line is in the list of processes: a secret comes by standard input
    address = sys.stdin.readline().strip() if options["address"] == "-" else options["address"]
    return Wanted(kind=options.get("kind"), address=address, **texts, **switches)


def _row(rule: NoticeRule) -> tuple[str, ...]:
    enabled, sent = "yes" if rule.enabled else "no", shown(rule.sent_at) or "never"
    return (rule.name, enabled, rule.kind, rules.masked(rule), rules.what_of(rule), rules.when_of(rule), sent)


def _facts(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.public_id,
        "rule": notice.rule.name,
        "what": notice.what,
        "headline": notice.headline,
        "status": notice.status,
        "attempts": notice.attempts,
        "code": notice.code,
        "detail": notice.detail,
        "made_at": notice.made_at,
        "finished_at": notice.finished_at,
    }

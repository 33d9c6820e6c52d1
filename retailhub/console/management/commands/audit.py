"""The audit: who did what, and whether what it says is what was written down."""

from __future__ import annotations

import sys
import time
from typing import Any

from django.core.management.base import CommandParser

from reconciliation.services import audits
from retailhub.core import audit_chain, audit_check, audit_read, clock
from retailhub.core.audit_check import Check, Expected
from retailhub.core.cli import Failed, HubCommand, actor, counted, moment, shown

SILENT_SECONDS = 1.0
"""A check tells how far it is once it has taken so long, and after that again each time."""


class Command(HubCommand):
    help = "The audit: list or export what people did, verify that nothing of it was changed."

    def add_options(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        verify = verbs.add_parser("verify", help="Read the whole chain; exit status 1 when it does not hold.")
        verify.add_argument("--expect", metavar="PLACE:HASH", help="An end of the chain that was kept elsewhere.")
        listing = verbs.add_parser("list", help="Show the newest acts.")
        listing.add_argument("--limit", type=int, default=50, help="At most so many, the newest; 50 unless told.")
        export = verbs.add_parser("export", help="Write acts as JSON lines, the oldest first, with their seals.")
        export.add_argument("--reason", required=True, help="Why; kept in the audit, as every export is.")
        for verb in (listing, export):
            verb.add_argument("--actor", metavar="NAME", help="Only what this person, or command line, did.")
            verb.add_argument("--action", metavar="WORD", help="Only acts of this kind, such as map_sku.")
            verb.add_argument("--subject", metavar="KIND:ID", help="Only acts on this, such as order:ord_….")
            verb.add_argument("--since", metavar="ISO", help="Only acts at or after this moment.")
            verb.add_argument("--until", metavar="ISO", help="Only acts before this moment.")
        end = verbs.add_parser("resume", help="Let the chain go on from its last row; see the runbook audit_broken.")
        end.add_argument("--reason", required=True, help="Why; kept in the audit.")

    def work(self, **options: Any) -> None:
        verbs = {"verify": self._verify, "list": self._list, "export": self._export, "resume": self._resume}
        verbs[options["verb"]](options)

    def _verify(self, options: dict[str, Any]) -> None:
        if options["expect"] is None:
            found = audits.check(now=clock.now(), progress=_Progress(self))
        else:
            # what somebody kept elsewhere may be mistyped: that is no case
            found = audit_check.verify(expected=_expected(options["expect"]), progress=_Progress(self))
        self.answer(found.report(), _sentence(found))
        if not found.holds:
            raise SystemExit(1)

    def _list(self, options: dict[str, Any]) -> None:
        if options["limit"] < 1:
            raise Failed("bad_limit", "--limit must be 1 or more.")
        rows = audit_read.newest(_filter(options), limit=options["limit"])
        if self.as_json:
            self.show({"acts": [audit_read.facts(row) for row in rows]})
            return
        self.table(
            ("when", "who", "did", "to", "why", "place"),
            [
                (shown(e.at), e.actor_name, e.action, e.subject, e.reason, str(e.sealed_seq or "not sealed yet"))
                for e in rows
            ],
        )

    def _export(self, options: dict[str, Any]) -> None:
        chosen = _filter(options)
        if not options["reason"].strip():
            raise Failed("reason_missing", "Say why with --reason; it is kept in the audit.")
        audit_read.note_export(chosen, actor=actor(), reason=options["reason"], now=clock.now())
        for line in audit_read.exported(chosen):
            self.show(line)

    def _resume(self, options: dict[str, Any]) -> None:
        if not options["reason"].strip():
            raise Failed("reason_missing", "Say why with --reason; it is kept in the audit.")
        head = audit_chain.resume(actor=actor(), reason=options["reason"], now=clock.now())
        self.answer({"head": head}, f"The chain goes on from {head}.")


class _Progress:
    """Tells on standard error how far a check is, once it takes longer than a second."""

    def __init__(self, command: Command) -> None:
        self.command, self.told_at = command, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self.told_at > SILENT_SECONDS:
            self.told_at = time.monotonic()
            sys.stderr.write(f"{done:,} of {total:,} rows read\n")


def _filter(options: dict[str, Any]) -> audit_read.Chosen:
    since, until = (moment(options[name]) if options[name] else None for name in ("since", "until"))
    return audit_read.Chosen(
        actor_name=options["actor"], action=options["action"], subject=options["subject"], since=since, until=until
    )


def _expected(text: str) -> Expected:
    try:
        return Expected.parse(text)
    except ValueError as error:
        raise Failed("not_an_end", f"{text!r} is no end of the chain, such as 1200:5f1c…, with 64 digits.") from error


def _sentence(found: Check) -> str:
    read = f"{counted(found.rows, 'sealed row')} read in {found.seconds:.1f} s"
    waits = f" {counted(found.unsealed, 'row')} not sealed yet." if found.unsealed else ""
    if found.holds:
        return f"The audit holds: {read}.{waits}\nIt ends at {found.head}"
    lines = [f"The audit does not hold: {read}, {counted(found.broken, 'break')}.{waits}"]
    for each in found.breaks:
        entry = "" if each.entry is None else f", row {each.entry}"
        lines.append(f"  place {each.place}{entry}: {each.kind}. {each.detail}")
    if found.broken > len(found.breaks):
        lines.append(f"  and {found.broken - len(found.breaks)} more")
    return "\n".join(lines)

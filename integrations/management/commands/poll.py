"""Look at a store now, whatever its webhooks told: what is new, what is missing."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console
from rich.live import Live
from rich.text import Text

from integrations import connections, doubts, polling
from integrations.calls import lines
from integrations.models import Poll
from integrations.ports.errors import ConnectorError
from integrations.selectors import role_of
from integrations.states import Mode, PollKind
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor, counted, shown

WAIT_SECONDS = 0.2


class Command(HubCommand):
    help = "Look at a store now: its changed orders, its trash, every id. Without KIND, show how the looks stand."
    expected = (ConnectorError,)

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The store's connection.")
        parser.add_argument("kind", nargs="?", choices=[kind.value for kind in PollKind])
        parser.add_argument("--seconds", type=float, default=600.0, help="Give up waiting for its end after so long.")
        parser.add_argument(
            "--accept-gone",
            action="store_true",
            help="walk: take the orders that are held as gone for deleted, exactly these; no look is made.",
        )
        parser.add_argument("--reason", default="", help="Why they are accepted; kept in the audit.")

    def work(self, **options: Any) -> None:
        row = connections.named(options["name"])
        if role_of(row.name) != "store":
            raise Failed("not_a_store", f"{row.name} is no store: there is nothing to look at.")
        if options["kind"] is None:
            self._show(row.pk)
            return
        if options["accept_gone"]:
            self._accept_gone(row.pk, options["kind"], options["reason"].strip())
            return
        if row.mode == Mode.OFF:
            raise Failed("connection_off", f"{row.name} is switched off; nothing is read from it.")
        self._look(row.pk, PollKind(options["kind"]), options["seconds"])

    def _accept_gone(self, store_id: int, kind: str, reason: str) -> None:
        if kind != PollKind.WALK:
            raise Failed("not_possible", "--accept-gone goes with walk, which finds what is gone.")
        if not reason:
            raise Failed("reason_missing", "Say why with --reason; it is kept in the audit.")
        try:
            told = doubts.accept(connection_id=store_id, actor=actor(), reason=reason, now=clock.now())
        except doubts.NothingHeld as error:
            raise Failed("nothing_held", str(error)) from error
        facts = {"accepted": told.number, "first": told.first, "last": told.last}
        text = f"Accepted: {counted(told.number, 'order')} gone, from {told.first} to {told.last}; each is read again."
        self.answer(facts, text)

    def _look(self, store_id: int, kind: PollKind, seconds: float) -> None:
        began, ends = clock.now(), time.monotonic() + seconds
        polling.look_now(connection_id=store_id, kind=kind)
        look = Poll.objects.get(connection=store_id, kind=kind)
        with lines() as kept, self._progress(look):
            while look.finished_at is None or look.finished_at < began:
                if not polling.work(lines=kept, store_id=store_id):
                    time.sleep(WAIT_SECONDS)
                look.refresh_from_db()
                if look.failures:
                    raise Failed(look.code, look.detail)
                if time.monotonic() > ends:
                    raise Failed("not_finished", f"The look is at {look.seen} orders and goes on in the pumps.")
        self.answer({"kind": kind.value, **look.report}, _sentence(kind, look.report))

    def _progress(self, look: Poll) -> Live:
        console = Console(stderr=True, quiet=self.as_json)
        return Live(get_renderable=lambda: Text(f"{counted(look.seen, 'order')} seen"), console=console, transient=True)

    def _show(self, store_id: int) -> None:
        rows = list(Poll.objects.filter(connection=store_id).order_by("pk"))
        if self.as_json:
            self.show({"looks": [_facts(row) for row in rows]})
            return
        self.table(
            ("look", "state", "seen", "news", "last whole round", "next step", "trouble"),
            [
                (
                    row.kind,
                    "under way" if row.began_at else "waiting",
                    f"{row.seen} of {row.total}" if row.began_at and row.total else str(row.report.get("seen", "")),
                    str(row.fresh if row.began_at else row.report.get("fresh", "")),
                    shown(row.finished_at),
                    shown(row.due_at),
                    row.detail,
                )
                for row in rows
            ],
        )


def _facts(row: Poll) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "under_way": row.began_at is not None,
        "seen": row.seen,
        "fresh": row.fresh,
        "total": row.total,
        "calls": row.calls,
        "cursor_at": row.cursor_at,
        "finished_at": row.finished_at,
        "due_at": row.due_at,
        "failures": row.failures,
        "code": row.code,
        "detail": row.detail,
        "report": row.report,
    }


def _sentence(kind: PollKind, report: dict[str, Any]) -> str:
    if kind is PollKind.WEBHOOKS:
        return "\n".join(report["sentences"])
    text = f"Looked at {counted(report.get('seen', 0), 'order')}; {report.get('fresh', 0)} had news."
    if kind is PollKind.WALK:
        text += f" Never told of: {_named(report, 'found')}. Gone from the store: {_named(report, 'vanished')}."
        if report.get("held_count"):
            text += f" {report['held_count']} are held as gone until a person accepts it."
    return text


def _named(report: dict[str, Any], what: str) -> str:
    """The orders of a list, and how many it was cut by."""
    names = report.get(what, [])
    more = report.get(f"{what}_count", len(names)) - len(names)
    return (", ".join(names) or "none") + (f" and {more} more" if more > 0 else "")

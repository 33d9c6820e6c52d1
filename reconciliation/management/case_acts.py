"""What `manage.py cases` does besides showing: the acts of triage, on one case, one cause or all that matches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser

from reconciliation.models import Case, Cause
from reconciliation.selectors.triage import BadFilter, Filter
from reconciliation.services import acts, bulk, work
from reconciliation.services.acts import NotPossible
from reconciliation.services.work import Change, Do
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor, counted, moment

ACTS = (*(do.value for do in Do), bulk.IGNORE, bulk.REOPEN)
WHOLE = 3600.0
"""A command stays until all is done; another that finds it at work goes on after so many seconds."""


def add_options(parser: CommandParser) -> None:
    """What the acts ask for."""
    parser.add_argument("--matching", metavar="FILTER", help="All causes that match, such as 'code=no_route&age=1d'.")
    parser.add_argument("--user", default="", help="Who acts, a user of the console; claim needs one.")
    parser.add_argument("--to", default="", help="assign: who gets it.")
    parser.add_argument("--tag", default="", help="tag, untag: the tag.")
    parser.add_argument("--hours", type=float, help="snooze: for so many hours.")
    parser.add_argument("--until", default="", help="snooze: until then, such as 2026-03-01T08:00:00Z.")
    parser.add_argument("--reason", default="", help="Why, or the note; kept in the audit.")


def do(command: HubCommand, act: str, names: Sequence[str], options: dict[str, Any]) -> None:
    """One act on what is named, or on all that matches a filter. Raises `Failed`."""
    if len(options["reason"].strip()) < 3:
        raise Failed("no_reason", "Say why with --reason.")
    if (len(names) == 1) == (options["matching"] is not None):
        raise Failed("choose_one", f"Name one case or cause, or all that match: manage.py cases {act} cause_…")
    now = clock.now()
    told: dict[str, Any] = {"actor": _person(options["user"]) or actor(), "reason": options["reason"], "now": now}
    change = None if act in {bulk.IGNORE, bulk.REOPEN} else _change(Do(act), options, now)
    try:
        if options["matching"] is not None:
            _on_matching(command, act, change, options["matching"], told)
        elif names[0].startswith("case_"):
            _on_case(command, act, change, names[0], told)
        else:
            _on_cause(command, act, change, names[0], told)
    except (NotPossible, BadFilter) as error:
        raise Failed("not_possible", str(error)) from error


def _on_case(command: HubCommand, act: str, change: Change | None, name: str, told: dict[str, Any]) -> None:
    case = Case.objects.filter(public_id=name).first()
    if case is None:
        raise Failed("no_such_case", f"There is no case {name}.")
    if change is not None:
        work.work_on(about=work.OF_CASE, pk=case.pk, name=name, change=change, **told)
    elif act == bulk.IGNORE:
        acts.ignore_case(case_id=case.pk, **told)
    else:
        acts.reopen_case(case_id=case.pk, **told)
    command.answer({"act": act, "case": name}, f"Done: {act} {name}.")


def _on_cause(command: HubCommand, act: str, change: Change | None, name: str, told: dict[str, Any]) -> None:
    cause = Cause.objects.filter(public_id=name).first()
    if cause is None:
        raise Failed("no_such_cause", f"There is no cause {name}.")
    if change is None:
        _in_bulk(command, act, None, [cause.pk], name, told)
        return
    work.work_on(about=work.OF_CAUSE, pk=cause.pk, name=name, change=change, **told)
    command.answer({"act": act, "cause": name}, f"Done: {act} {name}.")


def _on_matching(command: HubCommand, act: str, change: Change | None, query: str, told: dict[str, Any]) -> None:
    chosen = Filter.parse(query)
    person_id = None if isinstance(told["actor"], str) else told["actor"].pk
    found = bulk.choose(chosen=chosen, person_id=person_id, now=told["now"])
    _in_bulk(command, act, change, found, chosen.query, told)


def _in_bulk(
    command: HubCommand, act: str, change: Change | None, causes: list[int], query: str, told: dict[str, Any]
) -> None:
    row = bulk.begin(act=act, cause_ids=causes, query=query, change=change, **told)
    row = bulk.go_on(pk=row.pk, seconds=WHOLE, now=told["now"])
    facts = {"act": act, "bulk": row.public_id, "about": row.about, "total": row.total, "left": row.left}
    left = f" {row.left} had nothing to change." if row.left else ""
    command.answer(facts, f"Done: {act} {counted(row.total, row.about)}.{left}")


def _change(what: Do, options: dict[str, Any], now: dt.datetime) -> Change:
    """What the options say."""
    if what in {Do.CLAIM, Do.ASSIGN}:
        name = options["user"] if what == Do.CLAIM else options["to"]
        person = _person(name)
        if person is None:
            wanted = "--user" if what == Do.CLAIM else "--to"
            raise Failed("no_person", f"Say with {wanted} who has it from now on.")
        return Change(do=what, owner_id=person.pk, owner_name=name)
    until = moment(options["until"]) if options["until"] else None
    if until is None and options["hours"] is not None:
        until = now + dt.timedelta(hours=options["hours"])
    return Change(do=what, tag=options["tag"], until=until)


def _person(name: str) -> Any:
    """A user of the console by name; nothing for no name. Raises `Failed` for a name that nobody has."""
    if not name:
        return None
    user = get_user_model()._default_manager.filter(username=name, is_active=True, is_staff=True).first()
    if user is None:
        raise Failed("no_such_person", f"Nobody called {name} uses the console.")
    return user

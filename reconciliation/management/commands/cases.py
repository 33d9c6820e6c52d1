"""Cases: what needs a person, by case or by cause, and one case with its history."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandParser

from integrations.selectors import connection_names
from reconciliation import selectors
from reconciliation.management import case_acts
from reconciliation.selectors import CaseView, CauseView
from retailhub.core.cli import Failed, HubCommand, counted, shown
from retailhub.core.money import plain_amount


class Command(HubCommand):
    help = (
        "What needs a person: cases, causes (cases that are mended together), or one case with its history;"
        " and what people do about them."
    )

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "words",
            nargs="*",
            metavar="CASE",
            help=f"A case's id, for all about it; or what to do with a case or cause: {', '.join(case_acts.ACTS)}.",
        )
        parser.add_argument("--code", default="", help="Only of this code, such as sku_unmapped.")
        parser.add_argument("--cause", default="", help="Only of this cause.")
        parser.add_argument("--state", choices=selectors.STATES, default="open")
        parser.add_argument("--causes", action="store_true", help="Group them by what has to be mended.")
        parser.add_argument("--limit", type=int, default=100)
        case_acts.add_options(parser)

    def work(self, **options: Any) -> None:
        if options["limit"] < 1:
            raise Failed("bad_limit", "--limit must be at least 1.")
        words = options["words"]
        if words and words[0] in case_acts.ACTS:
            case_acts.do(self, words[0], words[1:], options)
        elif len(words) > 1:
            raise Failed("choose_one", f"{words[0]} is nothing that can be done; see --help.")
        elif words:
            self._one(words[0])
        elif options["causes"]:
            self._causes(code=options["code"], state=options["state"], limit=options["limit"])
        else:
            self._many(code=options["code"], state=options["state"], cause=options["cause"], limit=options["limit"])

    def _one(self, public_id: str) -> None:
        case = selectors.case_named(public_id)
        if case is None:
            raise Failed("no_such_case", f"There is no case {public_id}.")
        if self.as_json:
            self.show({"case": _facts(case, connection_names())})
            return
        for line in _lines(case):
            self.say(line)
        self.table(("when", "what", "who", "note"), [(shown(e.at), e.what, e.actor, e.note) for e in case.events])

    def _many(self, *, code: str, state: str, cause: str, limit: int) -> None:
        found = selectors.cases(code=code, state=state, cause=cause, limit=limit)
        total = selectors.count_cases(code=code, state=state, cause=cause)
        if self.as_json:
            names = connection_names()
            self.show({"total": total, "cases": [_facts(case, names) for case in found]})
            return
        self.table(
            ("case", "code", "about", "money", "since", "seen", "sentence"),
            [
                (
                    case.public_id,
                    case.code if case.state == "open" else f"{case.code} ({case.state})",
                    case.subject,
                    _money({case.currency: case.money_at_risk} if case.money_at_risk is not None else {}),
                    shown(case.opened_at),
                    str(case.seen_count),
                    case.sentence,
                )
                for case in found
            ],
        )
        self.say(f"{len(found)} of {counted(total, 'case')}.")

    def _causes(self, *, code: str, state: str, limit: int) -> None:
        found = selectors.causes(code=code, state=state, limit=limit)
        names = connection_names()
        if self.as_json:
            self.show({"causes": [_cause_facts(cause, names) for cause in found]})
            return
        self.table(
            ("cause", "code", "at fault", "connection", "cases", "money", "first", "last"),
            [
                (
                    cause.public_id,
                    cause.code,
                    cause.key,
                    names.get(cause.connection_id or 0, ""),
                    str(cause.count),
                    _money(cause.money),
                    shown(cause.first_seen_at),
                    shown(cause.last_seen_at),
                )
                for cause in found
            ],
        )
        self.say(f"{counted(len(found), 'cause')}.")


def _money(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{currency} {plain_amount(amount, currency)}" for currency, amount in sorted(amounts.items()))


def _lines(case: CaseView) -> list[str]:
    urgent = ", urgent" if case.urgent else ""
    state = case.state if not case.closed_because else f"{case.state}: {case.closed_because}"
    found = [
        f"{case.public_id}: {case.code} ({case.owner_side}{urgent})",
        case.sentence,
        f"About {case.subject}, cause {case.cause}, {state}",
    ]
    if case.money_at_risk is not None:
        found.append(f"At risk: {_money({case.currency: case.money_at_risk})}")
    return found + [f"{name}: {value}" for name, value in sorted(case.evidence.items()) if value]


def _facts(case: CaseView, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "case": case.public_id,
        "cause": case.cause,
        "code": case.code,
        "key": case.key,
        "connection": names.get(case.connection_id or 0),
        "subject": case.subject,
        "state": case.state,
        "sentence": case.sentence,
        "owner_side": case.owner_side,
        "urgent": case.urgent,
        "currency": case.currency,
        "money_at_risk": None if case.money_at_risk is None else plain_amount(case.money_at_risk, case.currency),
        "opened_at": case.opened_at,
        "last_seen_at": case.last_seen_at,
        "seen_count": case.seen_count,
        "reopened_count": case.reopened_count,
        "closed_at": case.closed_at,
        "closed_because": case.closed_because,
        "evidence": case.evidence,
        **({"events": case.events} if case.events else {}),
    }


def _cause_facts(cause: CauseView, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "cause": cause.public_id,
        "code": cause.code,
        "key": cause.key,
        "connection": names.get(cause.connection_id or 0),
        "count": cause.count,
        "money": {currency: plain_amount(amount, currency) for currency, amount in cause.money.items()},
        "first_seen_at": cause.first_seen_at,
        "last_seen_at": cause.last_seen_at,
        "sentence": cause.sentence,
    }

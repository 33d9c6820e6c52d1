"""Replays: doing again, on somebody's word, what was parked or held."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from integrations import arrivals
from integrations import selectors as pipes
from integrations.states import Status
from orders.services import postings
from reconciliation import selectors
from reconciliation.models import CaseEvent
from retailhub.core import audit

NAMED = 1000
"""So many ids are written into the audit entry; the counts are always there."""


class NothingToReplay(LookupError):
    """What was named does not exist. ``detail`` says which."""

    code = "no_such_thing"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclass(kw_only=True)
class Plan:
    """What a replay would do. Documents of ``outbound`` are built anew with their ``orders``."""

    inbound: list[int] = field(default_factory=list)
    """Parked messages that go back to work."""
    outbound: list[int] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    """Public ids of orders that are looked at again."""
    cases: list[int] = field(default_factory=list)
    """Cases whose history is to tell of it."""
    left: dict[str, str] = field(default_factory=dict)
    """What stays as it is, and why."""

    @property
    def size(self) -> int:
        """How many orders and inbound messages are done again; documents go with their orders."""
        return len(self.orders) + len(self.inbound)

    @property
    def messages(self) -> list[str]:
        """Names of the parked messages that go on."""
        return [f"msg_i{pk}" for pk in self.inbound] + [f"msg_o{pk}" for pk in self.outbound]


def plan_messages(names: Sequence[str]) -> Plan:
    """A plan for messages by name. Raises `NothingToReplay` for a name that no message has."""
    plan, known = Plan(), dict.fromkeys(names, False)
    for direction, where in (("i", plan.inbound), ("o", plan.outbound)):
        numbers = _numbers(names, f"msg_{direction}")
        found = pipes.statuses_of(direction=direction, message_ids=list(numbers.values()))
        for name, pk in numbers.items():
            if pk not in found:
                continue
            known[name] = True
            status, subject = found[pk]
            if status != Status.PARKED:
                plan.left[name] = f"is {status.replace('_', ' ')}, and only what is parked can be replayed"
                continue
            where.append(pk)
            if direction == "o":
                plan.orders += _orders([subject])
    strange = [name for name in names if not known[name]]
    if strange:
        raise NothingToReplay(f"There is no message {', '.join(strange)}.")
    plan.orders = list(dict.fromkeys(plan.orders))
    return plan


def _numbers(names: Sequence[str], prefix: str) -> dict[str, int]:
    found = {}
    for name in names:
        digits = name.removeprefix(prefix)
        if name.startswith(prefix) and digits.isascii() and digits.isdigit() and len(digits) < 19:
            found[name] = int(digits)
    return found


def plan_cases(*, case: str = "", cause: str = "", code: str = "") -> Plan:
    """A plan for one case, the open cases of a cause, or all open ones of a code. Raises `NothingToReplay`."""
    chosen = selectors.targets(case=case, cause=cause, code=code)
    if case and not chosen:
        raise NothingToReplay(f"There is no case {case}.")
    if cause and not selectors.cause_exists(cause):
        raise NothingToReplay(f"There is no cause {cause}.")
    return plan_chosen(chosen)


def plan_chosen(chosen: Sequence[tuple[int, str]]) -> Plan:
    """A plan for these cases, each with its subject: what a list's filter matches."""
    subjects = list(dict.fromkeys(subject for _, subject in chosen))
    plan = plan_messages([s.removeprefix("message:") for s in subjects if s.startswith("message:")])
    plan.cases = [pk for pk, _ in chosen]
    parked = pipes.parked_effects(subjects=subjects)
    plan.outbound = list(dict.fromkeys([*plan.outbound, *parked]))
    plan.orders = list(dict.fromkeys([*plan.orders, *_orders(subjects)]))
    for subject in subjects:
        if not subject.startswith(("message:", "order:")):
            plan.left[subject] = "is no message and no order; mend it, and its work goes on by itself"
    return plan


def plan_orders(public_ids: Sequence[str]) -> Plan:
    """A plan for all that is open about these orders."""
    subjects = [f"order:{public_id}" for public_id in public_ids]
    return Plan(
        outbound=pipes.parked_effects(subjects=subjects),
        orders=list(public_ids),
        cases=selectors.open_case_ids(subjects),
    )


def _orders(subjects: Iterable[str]) -> list[str]:
    return [subject.removeprefix("order:") for subject in subjects if subject.startswith("order:")]


def replay(*, plan: Plan, about: str, actor: str, reason: str, now: dt.datetime) -> None:
    """Do what the plan says, in one transaction with its audit entry. ``about`` is what the person named.

    Messages that are not parked any more are left alone. Orders are decided on anew, which gives a refused
    document a new body under the same reference.
    """
    with transaction.atomic():
        postings.look_again(public_ids=plan.orders, retry=True)
        why = f"Replayed by {actor}: {reason}"
        arrivals.release(message_ids=plan.inbound, why=why)
        CaseEvent.objects.bulk_create(
            [CaseEvent(case_id=pk, at=now, what="replayed", actor=str(actor), note=reason) for pk in plan.cases]
        )
        audit.record(
            actor=actor,
            action="replay",
            subject=about[:120],
            reason=reason,
            now=now,
            after={
                "messages": plan.messages[:NAMED],
                "orders": plan.orders[:NAMED],
                "message_count": len(plan.messages),
                "order_count": len(plan.orders),
            },
        )

"""What came of the items of a replay: still on their way, well, or a surprise; and whether one is open at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from integrations import selectors as pipes
from integrations.states import Status
from orders import selectors as orders
from orders.services import previews
from reconciliation.models import Case, ReplayItem
from retailhub.core.money import plain_amount

STORE = "store"
"""The family of cases about what a store is told back."""
ON_ITS_WAY = frozenset({Status.PENDING.value, Status.IN_FLIGHT.value})


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of one item that is not on its way any more. ``effect`` is the reference it has elsewhere."""

    item: ReplayItem
    surprise: bool
    told: str
    effect: str = ""


@dataclass
class Seen:
    """What is known of many items at one moment, each read once."""

    busy: Mapping[str, set[str]]
    messages: Mapping[int, tuple[str, str]]
    opened: Mapping[str, list[Case]]
    for_store: frozenset[int]
    references: Mapping[str, Sequence[Any]]
    money: Mapping[str, tuple[str, Decimal | None]]
    follow: dict[str, str] = field(default_factory=dict)


def verdicts(items: Sequence[ReplayItem]) -> list[Verdict]:
    """Verdicts on those of these items that are over, by a fixed number of queries."""
    seen = _look(items)
    return [_verdict(item, seen) for item in items if not _on_its_way(item, seen)]


def _look(items: Sequence[ReplayItem]) -> Seen:
    messages = pipes.statuses_of(direction="i", message_ids=_message_ids(items))
    follow = {f"message:msg_i{pk}": subject for pk, (_, subject) in messages.items() if subject}
    subjects = [item.subject for item in items]
    every = [*subjects, *follow.values()]
    # before the cases: whoever finishes work writes them first, so what is not busy has told all it has to tell
    busy = previews.busy(subjects=every)
    opened: dict[str, list[Case]] = {}
    for case in Case.objects.filter(subject__in=every, state=Case.State.OPEN).order_by("pk"):
        opened.setdefault(case.subject, []).append(case)
    planned = [pk for item in items for pk in item.case_ids]
    return Seen(
        busy=busy,
        messages=messages,
        opened=opened,
        for_store=frozenset(Case.objects.filter(pk__in=planned, family=STORE).values_list("pk", flat=True)),
        references=pipes.references_by_subject(subjects=every),
        money=orders.money_of(subjects=subjects),
        follow=follow,
    )


def _message_ids(items: Sequence[ReplayItem]) -> list[int]:
    return [int(item.subject.removeprefix("message:msg_i")) for item in items if item.subject.startswith("message:")]


def _on_its_way(item: ReplayItem, seen: Seen) -> bool:
    """Whether its message, the order's look or an effect of it is not answered yet. What a store is told back is
    waited for only where the case is about that."""
    if item.subject.startswith("message:"):
        status, _ = seen.messages.get(_message_ids([item])[0], ("", ""))
        if status in ON_ITS_WAY:
            return True
    waits = seen.busy.get(seen.follow.get(item.subject, item.subject), set())
    if not waits:
        return False
    return "" in waits or previews.waits_for_sink(waits) or any(pk in seen.for_store for pk in item.case_ids)


def _verdict(item: ReplayItem, seen: Seen) -> Verdict:
    subject = seen.follow.get(item.subject, item.subject)
    opened = seen.opened.get(item.subject, [])
    if subject != item.subject:
        began = item.started_at
        opened = opened + [case for case in seen.opened.get(subject, []) if began and case.opened_at >= began]
    still = [case for case in opened if case.pk in item.case_ids]
    new = [case for case in opened if case.pk not in item.case_ids and case.pk not in item.others]
    reference = next((row for row in reversed(seen.references.get(subject, [])) if row.state), None)
    effect = reference.reference if reference else ""
    if new:
        return Verdict(item=item, surprise=True, told=new[0].sentence, effect=effect)
    if still:
        return Verdict(item=item, surprise=True, told=f"Its case is open still: {still[0].sentence}", effect=effect)
    differs = _amount(item, seen, reference)
    if differs:
        return Verdict(item=item, surprise=True, told=differs, effect=effect)
    return Verdict(item=item, surprise=False, told=_told(opened, reference), effect=effect)


def _amount(item: ReplayItem, seen: Seen, reference: Any) -> str:
    """What is wrong with the amount: the order's is not that of the plan, or the other system has another."""
    if item.amount is None:
        return ""
    planned = plain_amount(item.amount, item.currency)
    currency, total = seen.money.get(item.subject, ("", None))
    if (currency, total) != (item.currency, item.amount):
        present = plain_amount(total, currency) if total is not None else "none"
        return f"Its amount was {item.currency} {planned} when this was planned, and is {currency} {present} now."
    if not item.edit and reference is not None and reference.total is not None and reference.total != item.amount:
        there = plain_amount(reference.total, reference.currency)
        return f"The other system has {reference.currency} {there} for it, not {item.currency} {planned}."
    return ""


def _told(others: Sequence[Case], reference: Any) -> str:
    done = f"{reference.reference} is {reference.state} there." if reference else "Nothing had to be sent."
    return f"{done} Another case about it is open as before." if others else done


def not_open(items: Sequence[ReplayItem]) -> dict[int, str]:
    """Why each of these items is not open any more, by its key; what is open is not in the answer."""
    planned = [pk for item in items for pk in item.case_ids]
    opened = set(Case.objects.filter(pk__in=planned, state=Case.State.OPEN).values_list("pk", flat=True))
    bare = [item for item in items if not item.case_ids]
    parked: set[str] = set()
    if bare:
        statuses = pipes.statuses_of(direction="i", message_ids=_message_ids(bare))
        parked = {f"message:msg_i{pk}" for pk, (status, _) in statuses.items() if status == Status.PARKED}
        parked |= pipes.parked_subjects(subjects=[item.subject for item in bare])
    found = {
        item.pk: "Its case is not open any more." for item in items if item.case_ids and not opened & {*item.case_ids}
    }
    return found | {item.pk: "It is not parked any more." for item in bare if item.subject not in parked}


def names(subjects: Sequence[str]) -> dict[str, str]:
    """What people call these subjects."""
    known = orders.names_of(subjects=subjects)
    return {subject: known.get(subject, f"Message {subject.partition(':')[2]}") for subject in subjects}

"""Giving up what is parked, and taking that back."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from integrations import by_hand, inbox
from integrations import selectors as pipes
from integrations.states import STORE_OPERATIONS
from orders.services import giving_up, publications
from reconciliation.services import case_notes
from reconciliation.services.case_notes import NotDone
from retailhub.core import audit


def give_up(*, name: str, actor: Any, reason: str, now: dt.datetime) -> None:
    """Give a parked message (``msg_o12``) up; its case closes and says why. Raises `NotDone`, `NotGivenUp` or
    `NotPublished`."""
    direction, number = split(name)
    with transaction.atomic():
        if direction == "i":
            subject = f"message:{name}"
            case_notes.note(subject=subject, what="given up", actor=actor, text=reason, now=now)
            if not by_hand.give_up_arrival(message_id=number):
                raise NotDone(f"{name} is not parked.", code="not_parked")
            inbox.close_cases([number], f"Given up by {case_notes.name_of(actor)}: {reason}")
            audit.record(actor=actor, action="give_up", subject=subject, reason=reason, now=now)
            return
        row = pipes.effect_named(number)
        if row is None:
            raise NotDone(f"There is no message {name}.", code="no_such_message")
        case_notes.note(subject=row.subject, what="given up", actor=actor, text=reason, now=now)
        if row.operation in STORE_OPERATIONS:
            act = publications.Act(actor=actor, reason=reason, now=now)
            publications.withdraw(subject=row.subject, message_id=number, act=act)
            return
        giving_up.give_up(message_id=number, actor=actor, reason=reason, now=now)


def take_back(*, subject: str, actor: Any, reason: str, now: dt.datetime) -> None:
    """Let an order (``order:ord_…``) or an inbound message (``message:msg_i12``) that was given up go on. Raises
    `NotDone` or `NotGivenUp`."""
    with transaction.atomic():
        if not subject.startswith("message:"):
            giving_up.take_back(subject=subject, actor=actor, reason=reason, now=now)
            return
        direction, number = split(subject.removeprefix("message:"))
        if direction != "i" or not by_hand.take_arrival_back(message_id=number):
            raise NotDone("It is not given up.", code="not_given_up")
        audit.record(actor=actor, action="take_giving_up_back", subject=subject, reason=reason, now=now)


def split(name: str) -> tuple[str, int]:
    """``msg_o12`` → ``("o", 12)``. Raises `NotDone` for anything else."""
    digits = name[5:]
    if name[:5] not in {"msg_i", "msg_o"} or not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise NotDone(f"{name} is no message such as msg_o12.", code="no_such_message")
    return name[4], int(digits)

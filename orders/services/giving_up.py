"""Orders that a person gives up: nothing more of them goes to the ERP until that is taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from integrations import outbox
from integrations import selectors as pipes
from integrations.events import MessagesReleased
from integrations.states import Status
from orders.models import GivenUp, Order
from orders.services.effects import AMEND, CANCEL, POST
from orders.services.postings import look_again
from retailhub.core import audit, bus

DECISION = "given_up"


class NotGivenUp(ValueError):
    """It cannot be given up, or taken back, now; ``detail`` says why."""

    code = "not_given_up"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def give_up(*, message_id: int, actor: Any, reason: str, now: dt.datetime) -> str:
    """Give a parked document of an order up, and the order with it; returns the order's subject. Locks the order.

    What an earlier attempt may have left in the ERP is cancelled there by the decision that follows. Raises
    `NotGivenUp`.
    """
    row = pipes.effect_named(message_id)
    if row is None or row.operation not in {POST, AMEND, CANCEL}:
        raise NotGivenUp(f"msg_o{message_id} is no document of an order for an ERP.")
    with transaction.atomic():
        order = Order.objects.select_for_update().get(public_id=row.subject.removeprefix("order:"))
        row.refresh_from_db(fields=["status"])
        if row.status != Status.PARKED:
            raise NotGivenUp(f"{row} is {row.status.replace('_', ' ')}: only what is parked is given up.")
        if GivenUp.objects.filter(order=order, taken_back_at=None).exists():
            raise NotGivenUp("The order is given up already.")
        name = actor if isinstance(actor, str) else actor.get_username()
        GivenUp.objects.create(order=order, at=now, actor_name=name, reason=reason, message_id=row.pk)
        if row.operation == CANCEL:
            outbox.cancel_unsent(message_id=row.pk)
        bus.publish(MessagesReleased("o", [row.subject], f"Given up by {name}: {reason}", now))
        audit.record(
            actor=actor,
            action="give_up",
            subject=row.subject,
            reason=reason,
            now=now,
            before={"message": str(row), "operation": row.operation, "code": row.code},
            after={"given_up": True},
        )
        look_again(public_ids=[order.public_id])
    return str(row.subject)


def take_back(*, subject: str, actor: Any, reason: str, now: dt.datetime) -> None:
    """Let an order that was given up go on: it is decided on again. Locks the order. Raises `NotGivenUp`."""
    with transaction.atomic():
        public_id = subject.removeprefix("order:")
        order = Order.objects.select_for_update().filter(public_id=public_id).first()
        name = actor if isinstance(actor, str) else actor.get_username()
        rows = GivenUp.objects.filter(order=order, taken_back_at=None)
        if order is None or not rows.update(taken_back_at=now, taken_back_by=name):
            raise NotGivenUp("The order is not given up.")
        audit.record(actor=actor, action="take_giving_up_back", subject=subject, reason=reason, now=now)
        look_again(public_ids=[public_id], retry=True)


def given_up(*, order_ids: Sequence[int]) -> set[int]:
    """Those of these orders that are given up."""
    rows = GivenUp.objects.filter(order__in=list(order_ids), taken_back_at=None)
    return set(rows.values_list("order_id", flat=True))


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Who gave an order up, when and why."""

    at: dt.datetime
    actor_name: str
    reason: str


def standing(*, subject: str) -> Standing | None:
    """Whether an order is given up now; ``None`` when it is not."""
    rows = GivenUp.objects.filter(order__public_id=subject.removeprefix("order:"), taken_back_at=None)
    row = rows.first()
    return None if row is None else Standing(at=row.at, actor_name=row.actor_name, reason=row.reason)

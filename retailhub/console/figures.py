"""The figures of Home: what each is now, from where on it is a warning, and changing that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.urls import reverse

from integrations import flow_reads
from integrations.flow_reads import Flow
from orders import selectors as orders
from reconciliation.selectors import risk
from retailhub.console.models import FigureTarget
from retailhub.core import audit
from retailhub.core.admin.words import money, span

COUNT, SECONDS, PERCENT, MONEY = "count", "seconds", "percent", "money"
Values = Mapping[str, Decimal]
"""By part: a store, a currency, or the one part without a name."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure. The lower the better: above ``warn_at`` it is a warning, above ``bad_at`` it is bad."""

    name: str
    label: str
    unit: str
    says: str
    """What it counts, as a sentence."""
    page: str
    """Name of the address where its rows are, and what follows."""
    query: str = ""
    warn_at: Decimal
    bad_at: Decimal
    live: bool = True
    """Whether it is cheap enough to be taken for each look at Home; else its last sample is shown."""
    limit: int | None = None
    """Counting stops here."""

    @property
    def url(self) -> str:
        return reverse(f"admin:{self.page}") + self.query

    def shown(self, value: Decimal, part: str = "") -> str:
        """The value for people: ``1,234``, ``3 min``, ``0.4 %``, ``12.50 EUR``."""
        if self.unit == SECONDS:
            return span(float(value)) if value == 0 or value >= 1 else "under 1 s"
        if self.unit == PERCENT:
            return f"{value:.1f} %"
        if self.unit == MONEY:
            return money(value, part)
        whole = f"{value:,.0f}"
        return f"{whole} or more" if self.limit is not None and value >= self.limit else whole


def _figure(name: str, label: str, unit: str, says: str, target: tuple[int, int], page: str, **more: Any) -> Figure:
    warn_at, bad_at = target
    return Figure(
        name=name,
        label=label,
        unit=unit,
        says=says,
        page=page,
        warn_at=Decimal(warn_at),
        bad_at=Decimal(bad_at),
        **more,
    )


OUT, CAUSES = "integrations_outboxmessage_changelist", "reconciliation_cause_changelist"
CONNECTIONS = "integrations_connection_changelist"
FIGURES: tuple[Figure, ...] = (
    _figure(
        "awaiting_posting",
        "Documents awaiting posting",
        COUNT,
        "Documents of orders that no ERP has answered yet.",
        (100, 1000),
        OUT,
        query="?status=pending",
        limit=flow_reads.CAP,
    ),
    _figure(
        "oldest_posting",
        "Oldest document awaiting posting",
        SECONDS,
        "How long the oldest of them has been waiting.",
        (300, 900),
        OUT,
        query="?status=pending",
    ),
    _figure(
        "posted_within",
        "From delivery to posted",
        SECONDS,
        "So quickly 95 of 100 orders of the last hour were posted, times in which they were held included.",
        (60, 600),
        OUT,
        query="?status=done",
        live=False,
    ),
    _figure(
        "parked",
        "Documents parked",
        COUNT,
        "Documents of orders that wait for a person.",
        (0, 20),
        OUT,
        query="?status=parked",
        limit=flow_reads.CAP,
    ),
    _figure(
        "held",
        "Orders held",
        COUNT,
        "Orders that a rule stopped before posting.",
        (0, 50),
        "orders_order_changelist",
        query="?order_state=held",
        limit=orders.CAP,
    ),
    _figure("open_cases", "Open cases", COUNT, "Cases that need a person.", (0, 100), CAUSES),
    _figure(
        "money_at_risk",
        "Money at risk",
        MONEY,
        "What the orders with an open case are worth, each order once.",
        (1000, 10_000),
        CAUSES,
        query="?sort=money",
        live=False,
    ),
    _figure(
        "refund_backlog",
        "Refunds without credit note",
        COUNT,
        "Orders refunded in their store after they were posted, whose ERP does not know of it.",
        (0, 10),
        CAUSES,
        query="?code=refund_not_posted",
    ),
    _figure(
        "webhooks_missing",
        "Changes without webhook",
        PERCENT,
        "Of a store's changes in the last 24 hours so many were found by polling alone. None was lost by that.",
        (1, 5),
        CONNECTIONS,
    ),
)
BY_NAME = {figure.name: figure for figure in FIGURES}
NOBODY = ""


@dataclass(frozen=True, kw_only=True)
class Target:
    """From where on a figure is a warning, and bad; and who said so, where somebody did."""

    warn_at: Decimal
    bad_at: Decimal
    by: str = ""
    at: dt.datetime | None = None

    def tone(self, value: Decimal) -> str:
        """good, warn or bad."""
        if value > self.bad_at:
            return "bad"
        return "warn" if value > self.warn_at else "good"


def targets() -> dict[str, Target]:
    """The target of each figure."""
    rows = {row.figure: row for row in FigureTarget.objects.all()}
    found = {}
    for figure in FIGURES:
        row = rows.get(figure.name)
        own = Target(warn_at=figure.warn_at, bad_at=figure.bad_at)
        found[figure.name] = (
            Target(warn_at=row.warn_at, bad_at=row.bad_at, by=row.changed_by, at=row.changed_at) if row else own
        )
    return found


class BadTarget(ValueError):
    """A target that cannot be; the message says why."""


def set_target(*, figure: str, warn_at: Decimal, bad_at: Decimal, actor: Any, reason: str, now: dt.datetime) -> Target:
    """Say from where on a figure is a warning, and bad. Raises `BadTarget`."""
    if figure not in BY_NAME:
        raise BadTarget(f"There is no figure {figure}; there are {', '.join(BY_NAME)}.")
    if not (warn_at.is_finite() and bad_at.is_finite() and 0 <= warn_at <= bad_at < Decimal(10) ** 20):
        raise BadTarget("What is bad cannot be less than what is a warning, nor either less than nothing.")
    with transaction.atomic():
        before = FigureTarget.objects.select_for_update().filter(pk=figure).first()
        own = BY_NAME[figure]
        was = before or own
        FigureTarget.objects.update_or_create(
            figure=figure,
            defaults={
                "warn_at": warn_at,
                "bad_at": bad_at,
                "changed_at": now,
                "changed_by": actor if isinstance(actor, str) else actor.get_username(),
            },
        )
        audit.record(
            actor=actor,
            action="set_target",
            subject=f"figure:{figure}",
            reason=reason,
            now=now,
            before={"warn_at": str(was.warn_at), "bad_at": str(was.bad_at)},
            after={"warn_at": str(warn_at), "bad_at": str(bad_at)},
        )
    return targets()[figure]


def cheap(flows: list[Flow]) -> dict[str, Values]:
    """The figures that are taken for each look at Home. ``flows`` as `flow_reads.flows` tells them."""
    waiting = flow_reads.postings(flows)
    return {
        "awaiting_posting": _one(waiting.number),
        "oldest_posting": _one(waiting.seconds),
        "parked": _one(waiting.parked),
        "held": _one(orders.count_held()),
        "open_cases": _one(risk.open_cases()),
        "refund_backlog": _one(risk.open_cases(code="refund_not_posted")),
        "webhooks_missing": flow_reads.missing_percents(),
    }


def _dear_posted() -> Values:
    seconds = flow_reads.posted_within()
    return {} if seconds is None else _one(seconds)


DEAR: Mapping[str, Callable[[], Values]] = {"posted_within": _dear_posted, "money_at_risk": risk.money_at_risk}
"""Figures that are taken each five minutes only."""


def all_now() -> dict[str, Values]:
    """Every figure as it is now."""
    return {**cheap(flow_reads.flows()), **{name: read() for name, read in DEAR.items()}}


def _one(value: float) -> Values:
    return {NOBODY: Decimal(str(round(value, 3)))}


def worst(values: Values) -> tuple[str, Decimal] | None:
    """The part that is highest, and how high; nothing where nothing was measured."""
    return max(values.items(), key=lambda pair: pair[1]) if values else None


def names(figures: Sequence[Figure] = FIGURES) -> list[str]:
    """Their names, in order."""
    return [figure.name for figure in figures]

"""Maps that cases ask for: what is posted by status, where a country's orders go, how a store calls a status, which
tax an ERP has for a rate. Each is saved by the service that keeps it; then what waited goes again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from integrations import connections
from integrations import maps as kept_maps
from orders.services import rules
from reconciliation.models import Case, Cause
from reconciliation.services import replay_runs, replays
from reconciliation.services.case_notes import NotDone


@dataclass(frozen=True)
class Gone:
    """What goes again: how many, at once or with a replay (its public id) that begins with one."""

    number: int
    replay: str = ""

    @property
    def sentence(self) -> str:
        """What people read."""
        if self.replay:
            return f"{self.number:,} orders that waited go again with replay {self.replay}, one before the others."
        return f"{self.number:,} that waited {'goes' if self.number == 1 else 'go'} again." if self.number else ""


def map_status(
    *,
    cause: Cause,
    store_id: int | None,
    payment_method: str,
    post: bool,
    actor: Any,
    reason: str,
    now: dt.datetime,
) -> Gone:
    """Say whether orders with the cause's status are posted; those that wait for it are decided on again."""
    _about(cause, "order_status_unknown")
    with transaction.atomic():
        rules.set_rule(
            store_id=store_id,
            status=cause.key,
            payment_method=payment_method,
            post=post,
            actor=actor,
            reason=reason,
            now=now,
        )
        waiting = rules.waiting(code=cause.code, key=cause.key, store_id=store_id)
        return go_again(public_ids=waiting, source=f"mapping:{cause.key}", actor=actor, reason=reason, now=now)


def map_country(
    *,
    cause: Cause,
    sink_id: int,
    region_id: int | None,
    entity_id: int | None,
    actor: Any,
    reason: str,
    now: dt.datetime,
) -> Gone:
    """Say which ERP gets the store's orders for the cause's country: by a region that is there, or a new one of that
    country for a company. Orders of the store that wait for a route are decided on again. Raises `NotDone`, and
    ``Misconfigured`` from the service."""
    _about(cause, "no_route")
    store_id = cause.connection_id or 0
    with transaction.atomic():
        kept_maps.route_country(
            store_id=store_id,
            sink_id=sink_id,
            country=cause.key,
            region_id=region_id,
            entity_id=entity_id,
            actor=actor,
            reason=reason,
            now=now,
        )
        waiting = rules.waiting(code=cause.code, store_id=store_id)
        return go_again(public_ids=waiting, source=f"mapping:{cause.key}", actor=actor, reason=reason, now=now)


def map_store_status(*, cause: Cause, status: str, actor: Any, reason: str, now: dt.datetime) -> Gone:
    """Say which status a store is to show instead of one that it lacks; what waits for it is tried again."""
    _about(cause, "unknown_status")
    present = kept_maps.kept(connection_id=cause.connection_id or 0, name="status_map")
    moments = [moment for moment, name in present.values.items() if name == cause.key]
    if not moments:
        raise NotDone(f"The status map of {present.connection} does not name {cause.key} any more.", code="not_on_map")
    changed = {**present.values, **dict.fromkeys(moments, status)}
    return _set(cause, present.connection, {"status_map": changed}, actor, reason, now)


def map_tax(*, cause: Cause, tax_id: int, actor: Any, reason: str, now: dt.datetime) -> Gone:
    """Say which of the ERP's taxes is the cause's rate; what was refused for it goes again."""
    _about(cause, "unknown_tax")
    present = kept_maps.kept(connection_id=cause.connection_id or 0, name="taxes")
    if not present.is_known:
        raise NotDone(f"{present.connection} finds taxes by itself: add the tax there, then replay.", code="no_tax_map")
    taxes = {**present.values, cause.key: tax_id}
    return _set(cause, present.connection, {"taxes": taxes}, actor, reason, now)


def _set(cause: Cause, name: str, settings: dict[str, Any], actor: Any, reason: str, now: dt.datetime) -> Gone:
    with transaction.atomic():
        connections.change(name=name, settings=settings, credentials={}, limits={}, actor=actor, reason=reason, now=now)
        subjects = Case.objects.filter(cause=cause, state=Case.State.OPEN).order_by("pk")
        orders = [each.removeprefix("order:") for each in subjects.values_list("subject", flat=True)]
        return go_again(public_ids=orders, source=f"mapping:{cause.key}", actor=actor, reason=reason, now=now)


def _about(cause: Cause, code: str) -> None:
    if cause.code != code:
        raise NotDone(f"This is about {cause.code.replace('_', ' ')}, not about {code.replace('_', ' ')}.")


def go_again(*, public_ids: Sequence[str], source: str, actor: Any, reason: str, now: dt.datetime) -> Gone:
    """Have orders decided on again: a few at once, more as a replay that begins with one. Those that another replay
    has are left to it."""
    taken = replay_runs.under_way(subjects=[f"order:{each}" for each in public_ids])
    free = [each for each in dict.fromkeys(public_ids) if f"order:{each}" not in taken]
    what = replays.plan_orders(free)
    if len(free) <= replay_runs.AT_ONCE:
        if free:
            replays.replay(plan=what, about=source, actor=actor, reason=reason, now=now)
        return Gone(len(free))
    title = f"Orders that waited for {source.partition(':')[2]}"
    run = replay_runs.plan(what=what, source=source, title=title, author=actor, reason=reason, now=now)
    replay_runs.start(run_id=run.pk, actor=actor, now=now)
    return Gone(len(free), run.public_id)

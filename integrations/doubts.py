"""Whether a store is believed when it says that orders are gone, or shows them as they were before.

An order that is gone is cancelled in the ERP, for good. An empty store, a copy, a restored one or one whose orders
lie in another storage say the same of thousands. So few at a time are believed; many are held until a person accepts
exactly those, or the store has them back. Every road to such an effect ends here:

- the walk and the refunds look name what no shelf has; the walk judges, when its round is whole (`settle`)
- a read that answers "no such order", whoever asked for it, and an order that is in the trash (`hold_back`)

Locks: a store's `StorePlace` before cases and before messages.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet

from integrations import inbox, polls
from integrations.events import StoreDoubted, StoreTrouble
from integrations.models import Connection, OrderDoubt, Poll, StorePlace
from integrations.poll_findings import Found
from integrations.polls import Round
from integrations.states import Lane, PollKind, Way
from retailhub.core import audit, bus, clock

VANISHED = "order.vanished"
"""Topic of an order that no list has any more: it is read by itself then."""
GONE, WENT_BACK = "orders_gone_at_once", "store_went_back"
FEW, SHARE = 20, 0.02
"""So many orders, or this share of what the store shows, may be gone at once without a person."""
NEWEST = 3
"""So many that are gone and are all the newest known are what a restore from a backup leaves."""
FEW_OLDER = 5
BURST = dt.timedelta(hours=1)
"""Reads that find orders gone are counted over so long."""
AT_ONCE = 1000
State, Kind = OrderDoubt.State, OrderDoubt.Kind


class NothingHeld(ValueError):
    """No order of the store waits for somebody to accept that it is gone."""


@dataclass(frozen=True)
class Told:
    """How many orders, and the lowest and highest of their ids."""

    number: int
    first: str
    last: str

    @classmethod
    def of(cls, rows: QuerySet[OrderDoubt]) -> Told:
        """Of these rows."""
        told = rows.aggregate(number=Count("pk"), first=Min("order_ref"), last=Max("order_ref"))
        return cls(told["number"], str(told["first"] or ""), str(told["last"] or ""))


def settle(found: Found) -> Round:
    """Note what a step found against what is known, in its transaction; judge it when the round is whole.

    Returns the look with its report completed.
    """
    after = found.after
    if after.kind is PollKind.REFUNDS and found.missing:
        known = _rows(after.connection_id, Kind.GONE).filter(order_ref__in=[int(ref) for ref in found.missing])
        if known.count() < len(found.missing):
            polls.walk_soon([after.connection_id])
    elif after.kind is PollKind.WALK:
        _note(after, Kind.GONE, found.missing)
        return _judge_missing(found) if after.done else after
    elif after.kind is PollKind.SWEEP:
        _note(after, Kind.OLDER, found.older)
        if after.done:
            _judge_older(after)
    elif after.kind is PollKind.HISTORY and after.done:
        _locked_place(after.connection_id)
    return after


def hold_back(*, store_id: int, hidden: Mapping[str, bool], now: dt.datetime) -> set[str]:
    """Those of these orders whose disappearance must wait for a person, in the caller's transaction.

    ``hidden``: orders that lived and are to be taken as gone, and whether for good (else they are in the trash, which
    the store itself shows: that is believed unless the store is another one).
    """
    place = _locked_place(store_id)
    is_elsewhere = bool(_elsewhere(place))
    refs = [int(ref) for ref, for_good in hidden.items() if for_good or is_elsewhere]
    known = dict(_rows(store_id, Kind.GONE).filter(order_ref__in=refs).values_list("order_ref", "state"))
    held = {ref for ref in refs if known.get(ref) == State.HELD}
    new = [ref for ref in refs if known.get(ref, State.NOTED) == State.NOTED]
    lately = _rows(store_id, Kind.GONE).filter(state=State.LET, seen_at__gt=now - BURST).count()
    too_many = is_elsewhere or lately + len(held) + len(new) > _limit(_shown_last(store_id))
    _keep(store_id, Kind.GONE, new, State.HELD if too_many else State.LET, now)
    if too_many and new:
        held.update(new)
        why = _elsewhere(place) or "The store answered for one after the other that it has no such order."
        _tell_gone(store_id, why, now)
    return {str(ref) for ref in held}


def accept(*, connection_id: int, actor: Any, reason: str, now: dt.datetime) -> Told:
    """Believe the store in what is held at this moment, and in its address. Raises `NothingHeld`.

    Each order is read once more: one that is there again stays.
    """
    with transaction.atomic():
        place = _locked_place(connection_id)
        rows = _rows(connection_id, Kind.GONE).filter(state=State.HELD)
        told = Told.of(rows)
        if not told.number:
            raise NothingHeld("No order of this store waits for somebody to accept that it is gone.")
        refs = list(rows.order_by("order_ref").values_list("order_ref", flat=True))
        rows.update(state=State.ACCEPTED)
        before = {"address": place.address, "home": place.home}
        _believe(place)
        audit.record(
            actor=actor,
            action="accept_gone",
            subject=f"connection:{place.connection.name}",
            reason=reason,
            now=now,
            before=before,
            after={
                "orders": told.number,
                "first": told.first,
                "last": told.last,
                "address": place.address,
                "home": place.home,
            },
        )
        why = f"Somebody accepted that {told.number} orders are gone, from {told.first} to {told.last}."
        bus.publish(StoreDoubted(connection_id, (), {GONE: why}, now))
        _ring(connection_id, refs)
    return told


def _judge_missing(found: Found) -> Round:
    after, now = found.after, clock.now()
    place = _locked_place(after.connection_id)
    place.seen_home = found.home[:500] or place.seen_home
    place.home = place.home or place.seen_home
    place.save()
    rows, began = _rows(after.connection_id, Kind.GONE), after.under_way_since
    rows.filter(seen_at__lt=began).exclude(state=State.LET, seen_at__gt=now - BURST).delete()
    missing = rows.filter(seen_at__gte=began)
    why = _why_held(after, place, missing)
    missing.filter(state=State.NOTED).update(state=State.HELD if why else State.LET)
    if not missing.exclude(state=State.ACCEPTED).exists():
        _believe(place)
    believed = missing.filter(state__in=[State.LET, State.ACCEPTED]).order_by("order_ref")
    _ring(after.connection_id, list(believed.values_list("order_ref", flat=True)))
    _tell_gone(after.connection_id, why, now)
    return replace(after, report={**after.report, "held_count": rows.filter(state=State.HELD).count()})


def _why_held(after: Round, place: StorePlace, missing: QuerySet[OrderDoubt]) -> str:
    """Why a person has to look first, as a sentence; empty when few are gone from a store that is still the same."""
    told = Told.of(missing.exclude(state=State.ACCEPTED))
    highest = int(after.report.get("highest_id", 0))
    older = _older(after.connection_id).count()
    if not told.number:
        return ""
    if elsewhere := _elsewhere(place):
        return elsewhere
    if not after.seen:
        return "The store shows no order at all."
    if told.number > min(_limit(after.seen), after.seen):
        return f"It still shows {after.seen}."
    if told.number >= NEWEST and int(told.first) > highest:
        return "They are the newest that it had, as after a restore from a backup."
    if older > FEW_OLDER:
        return f"It also shows older versions of {older} orders, as after a restore from a backup."
    return ""


def _judge_older(after: Round) -> None:
    """A few older ones are answers that crossed with a change; many are a store that was set back."""
    _locked_place(after.connection_id)
    rows = _rows(after.connection_id, Kind.OLDER)
    rows.filter(seen_at__lt=after.under_way_since).delete()
    told = Told.of(rows)
    if told.number > FEW_OLDER:
        evidence = {"number": str(told.number), "first": told.first, "last": told.last}
        bus.publish(StoreDoubted(after.connection_id, [StoreTrouble(WENT_BACK, "", evidence)], {}, clock.now()))
        return
    why = {WENT_BACK: "The store shows no older versions any more."}
    bus.publish(StoreDoubted(after.connection_id, (), why, clock.now()))


def _tell_gone(store_id: int, why: str, now: dt.datetime) -> None:
    """One case for all that is held; over when the store has them back."""
    told = Told.of(_rows(store_id, Kind.GONE).filter(state=State.HELD))
    if not told.number:
        bus.publish(StoreDoubted(store_id, (), {GONE: "The store has the orders back."}, now))
        return
    evidence = {"number": str(told.number), "first": told.first, "last": told.last}
    bus.publish(StoreDoubted(store_id, [StoreTrouble(GONE, why, evidence)], {}, now))


def _limit(shown: int) -> int:
    return max(FEW, int(shown * SHARE))


def _shown_last(store_id: int) -> int:
    """Orders that the last whole look at all of them saw; 0 before one."""
    looks = Poll.objects.filter(connection=store_id, kind__in=[PollKind.WALK, PollKind.HISTORY])
    return max([int(report.get("seen", 0)) for report in looks.values_list("report", flat=True)], default=0)


def _locked_place(store_id: int) -> StorePlace:
    row = Connection.objects.get(pk=store_id)
    StorePlace.objects.get_or_create(connection=row, defaults={"address": _address(row)})
    return StorePlace.objects.select_for_update(of=("self",)).select_related("connection").get(connection=row)


def _address(row: Connection) -> str:
    return str(row.settings.get("base_url", "")).rstrip("/")[:500]


def _elsewhere(place: StorePlace) -> str:
    """How the store is another one than before, as a sentence; empty when nothing says so."""
    address = _address(place.connection)
    if address != place.address:
        return f"The connection was pointed at another address: {address}, before {place.address}."
    if place.seen_home != place.home:
        return f"The store says that it is {place.seen_home}; before it was {place.home}."
    return ""


def _believe(place: StorePlace) -> None:
    place.address, place.home = _address(place.connection), place.seen_home or place.home
    place.save()


def _rows(store_id: int, kind: OrderDoubt.Kind) -> QuerySet[OrderDoubt]:
    return OrderDoubt.objects.filter(connection=store_id, kind=kind)


def _older(store_id: int) -> QuerySet[OrderDoubt]:
    return _rows(store_id, Kind.OLDER)


def _note(after: Round, kind: OrderDoubt.Kind, refs: Sequence[str]) -> None:
    """What is known of them already stays; when they were seen is new."""
    _upsert(after.connection_id, kind, [int(ref) for ref in refs], State.NOTED, clock.now(), ["seen_at"])


def _keep(
    store_id: int, kind: OrderDoubt.Kind, refs: Collection[int], state: OrderDoubt.State, now: dt.datetime
) -> None:
    _upsert(store_id, kind, refs, state, now, ["seen_at", "state"])


def _upsert(
    store_id: int,
    kind: OrderDoubt.Kind,
    refs: Collection[int],
    state: OrderDoubt.State,
    now: dt.datetime,
    fields: list[str],
) -> None:
    rows = [
        OrderDoubt(connection_id=store_id, kind=kind, order_ref=ref, state=state, seen_at=now) for ref in sorted(refs)
    ]
    unique = ["connection", "kind", "order_ref"]
    if rows:
        OrderDoubt.objects.bulk_create(rows, update_conflicts=True, unique_fields=unique, update_fields=fields)


def _ring(store_id: int, refs: Sequence[int]) -> None:
    """Have each of them read by itself: only the store's own "no such order" is taken for one."""
    for start in range(0, len(refs), AT_ONCE):
        inbox.store([_vanished(store_id, ref) for ref in refs[start : start + AT_ONCE]])


def _vanished(store_id: int, ref: int) -> inbox.NewMessage:
    return inbox.NewMessage(
        connection_id=store_id,
        topic=VANISHED,
        shard=f"store:{ref}",
        body=b'{"id":%d}' % ref,
        headers={},
        way=Way.POLL,
        lane=Lane.ORDERS,
        wake=True,
    )

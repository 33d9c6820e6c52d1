"""What a store may be told of an order: which public status, and how much money back for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from integrations.ports.documents import Charge, Order, OrderLine, OrderStatus, TaxShare
from integrations.ports.publications import RefundedPart
from integrations.ports.stores import Moment
from orders.policies import axes
from orders.states import FulfilmentState, OrderState, PaymentState
from retailhub.core.money import scale_of

IN_ORDER = tuple(Moment)
BEFORE_THE_MAP = frozenset({OrderStatus.PENDING, OrderStatus.ON_HOLD, OrderStatus.PROCESSING})
"""From these an order may step onto the map, if the map does not name them itself."""
LEFT = frozenset({FulfilmentState.SHIPPED, FulfilmentState.PARTLY_RETURNED, FulfilmentState.RETURNED})


@dataclass(frozen=True)
class Refusal:
    """Why something is not published: a stable code and one sentence."""

    code: str
    detail: str


def reached(*, order_state: str, payment_state: str, fulfilment_state: str) -> frozenset[Moment]:
    """The moments that are behind an order. None for one that is cancelled."""
    if order_state == OrderState.CANCELLED:
        return frozenset()
    found = set()
    if payment_state in {PaymentState.PAID, PaymentState.PARTLY_REFUNDED}:
        found.add(Moment.PAID)
    if order_state in {OrderState.ACCEPTED, OrderState.CLOSED}:
        found.add(Moment.ACCEPTED)
    if fulfilment_state == FulfilmentState.PARTLY_SHIPPED:
        found.add(Moment.PARTLY_SHIPPED)
    if fulfilment_state in LEFT:
        found.add(Moment.SHIPPED)
    if fulfilment_state == FulfilmentState.DELIVERED:
        found.add(Moment.DELIVERED)
    return frozenset(found)


def wanted_status(status_map: Mapping[Moment, str], moments: frozenset[Moment]) -> str:
    """The status of the last moment that the map names; empty when it names none of them."""
    named = [moment for moment in IN_ORDER if moment in moments and moment in status_map]
    return status_map[named[-1]] if named else ""


def refuse_status(status: str, *, shown: Order, status_map: Mapping[Moment, str]) -> Refusal | None:
    """Why the store is not to show ``status`` instead of what it shows: it moves forward along the map, or not."""
    if shown.source_status == status:
        return Refusal("already_shown", f"The store shows {status} already.")
    target = _place(status, status_map)
    if target is None:
        known = ", ".join(dict.fromkeys(status_map[moment] for moment in IN_ORDER if moment in status_map))
        return Refusal("status_not_on_map", f"{status} is not in the store's status_map, which has {known or 'none'}.")
    present = _place(shown.source_status, status_map)
    if present is None and shown.status is OrderStatus.COMPLETED:
        present = len(IN_ORDER)
    elif present is None and shown.status in BEFORE_THE_MAP:
        present = -1
    if present is None:
        return Refusal("status_left_alone", f"The store shows {shown.source_status}, from which no map leads on.")
    if target < present:
        return Refusal("status_goes_back", f"{status} comes before {shown.source_status}, which the store shows.")
    return None


def _place(status: str, status_map: Mapping[Moment, str]) -> int | None:
    """How far along a status is: the last moment it stands for. ``None`` where it stands for none."""
    places = [place for place, moment in enumerate(IN_ORDER) if status_map.get(moment) == status]
    return places[-1] if places else None


@dataclass(frozen=True, kw_only=True)
class AskedPart:
    """What somebody wants to give back of one line or charge: ``net`` without tax, ``tax`` over all of its rates."""

    line_ref: str
    quantity: Decimal
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A refund of ours that waits to be made or was made, under its reference; not one that is deleted again."""

    reference: str
    amount: Decimal
    parts: tuple[RefundedPart, ...] = ()


def is_shown(order: Order, reference: str) -> bool:
    """Whether the order's document tells of our refund of that reference, with which its reason ends."""
    return any(refund.reason.rstrip().endswith(mark_of(reference)) for refund in order.refunds)


def mark_of(reference: str) -> str:
    """What the reason of a refund of ours ends with: all that an order's document shows of its reference."""
    return f"[{reference}]"


def refuse_refund(
    order: Order, *, amount: Decimal, parts: Sequence[AskedPart], promised: Sequence[Promise] = ()
) -> Refusal | None:
    """Why this refund is not asked of the store. ``promised`` are ours, whether the document shows them or not: of
    what it shows it tells the amount, but never the lines."""
    digits = scale_of(order.total)
    every = [amount, *(value for part in parts for value in (part.net, part.tax))]
    if amount <= 0 or min(every) < 0 or any(part.quantity < 0 for part in parts):
        return Refusal("bad_amount", "A refund gives money back: its amounts are positive.")
    if any(scale_of(value) > digits for value in every):
        return Refusal("bad_amount", f"The store has amounts with {digits} decimals and would round this one.")
    unseen = sum((each.amount for each in promised if not is_shown(order, each.reference)), Decimal(0))
    left = order.total - axes.refunded_amount(order) - unseen
    if amount > left:
        return Refusal("refund_too_much", f"{max(left, Decimal(0))} {order.currency} of the order are left to refund.")
    given = [part for each in promised for part in each.parts]
    return _refuse_parts(order, amount, parts, given) if parts else None


@dataclass(frozen=True, kw_only=True)
class _Left:
    """What of a line or charge our refunds have left to give back."""

    quantity: Decimal
    net: Decimal
    tax: Decimal


def _left_of(line: OrderLine | Charge, given: Sequence[RefundedPart]) -> _Left:
    ours = [part for part in given if part.line_ref == line.line_ref]
    whole = line.quantity if isinstance(line, OrderLine) else Decimal(1)
    taxes = [share.amount for part in ours for share in part.taxes]
    return _Left(
        quantity=max(whole - sum((part.quantity for part in ours), Decimal(0)), Decimal(0)),
        net=max(line.total - sum((part.net for part in ours), Decimal(0)), Decimal(0)),
        tax=max(line.total_tax - sum(taxes, Decimal(0)), Decimal(0)),
    )


def _refuse_parts(
    order: Order, amount: Decimal, parts: Sequence[AskedPart], given: Sequence[RefundedPart]
) -> Refusal | None:
    known = _lines(order)
    if len({part.line_ref for part in parts}) < len(parts):
        return Refusal("bad_line", "A line is named twice.")
    for part in parts:
        line = known.get(part.line_ref)
        if line is None:
            return Refusal("bad_line", f"The order has no line {part.line_ref}; it has {', '.join(known)}.")
        left = _left_of(line, given)
        if part.quantity > left.quantity or part.net > left.net or part.tax > left.tax:
            return Refusal(
                "bad_line",
                f"Line {part.line_ref} has {left.quantity} for {left.net} and {left.tax} tax left; not more.",
            )
        if part.tax and not any(share.amount > 0 for share in line.taxes):
            return Refusal("bad_line", f"Line {part.line_ref} does not say at which rate it was taxed.")
    total = sum((part.net + part.tax for part in parts), Decimal(0))
    if total != amount:
        return Refusal("lines_disagree", f"The lines add up to {total}, not to {amount}.")
    return None


def refunded_parts(order: Order, parts: Sequence[AskedPart]) -> tuple[RefundedPart, ...]:
    """The parts with their tax divided over the line's rates, to the last digit. Parts passed `refuse_refund`."""
    known, digits = _lines(order), scale_of(order.total)
    return tuple(
        RefundedPart(
            line_ref=part.line_ref,
            quantity=part.quantity,
            net=part.net,
            taxes=_divided(part.tax, known[part.line_ref].taxes, digits),
        )
        for part in parts
    )


def _divided(tax: Decimal, shares: Sequence[TaxShare], digits: int) -> tuple[TaxShare, ...]:
    """``tax`` by the line's own shares, rounded down, the rest on the largest."""
    taxed = [share for share in shares if share.amount > 0]
    whole = sum((share.amount for share in taxed), Decimal(0))
    if tax == 0 or whole == 0:
        return ()
    unit = Decimal(1).scaleb(-digits)
    parts = {share.rate_ref: (tax * share.amount / whole) // unit * unit for share in taxed}
    largest = max(taxed, key=lambda share: share.amount).rate_ref
    parts[largest] += tax - sum(parts.values(), Decimal(0))
    return tuple(TaxShare(rate_ref=rate, amount=amount) for rate, amount in parts.items() if amount)


def _lines(order: Order) -> dict[str, OrderLine | Charge]:
    every: list[OrderLine | Charge] = [*order.lines, *order.charges]
    return {line.line_ref: line for line in every}

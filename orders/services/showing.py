"""What stores are shown without anybody asking: statuses that follow from an order's state, notes when it is posted.

Also what of a waiting message is still to be sent when its turn has come.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from integrations import connections, outbox, selectors
from integrations.events import EffectDone, EffectsAnswered, MessagesReleased
from integrations.ports import documents
from integrations.ports.documents import Order as OrderDocument
from integrations.ports.publications import NoteWish, StatusWish
from integrations.states import STORE_OPERATIONS, Lane, Outcome, Status, StoreOperation
from integrations.store_effects import Skip
from integrations.workflow import StoreFacts
from orders.models import Order
from orders.policies import publication
from orders.services import publications
from orders.services.effects import POST
from orders.services.publications import NOTE, Shown
from retailhub.core import bus

OUTCOMES = {
    "already_shown": Outcome.UNCHANGED,
    "store_not_live": Outcome.IGNORED,
    "before_live_from": Outcome.IGNORED,
}
"""Of what is not sent after all, by the refusal's code; else it is superseded."""


def follow(*, orders: Sequence[Shown], retried: Collection[str], now: dt.datetime) -> None:
    """Enqueue the public statuses that the orders' states ask for, where a store declares them.

    ``retried``: subjects whose parked messages to their stores go back to work. The caller holds the orders' locks.
    """
    wanted = {order.row.subject: status for order in orders if (status := _wanted(order))}
    subjects = sorted({*wanted, *retried})
    if not subjects:
        return
    history = outbox.history_by_subject(subjects=subjects, operations=STORE_OPERATIONS)
    effects = []
    for order in orders:
        subject = order.row.subject
        wish = StatusWish(order_ref=order.row.order_ref, status=wanted.get(subject, ""))
        statuses = [each for each in history.get(subject, []) if each.operation == StoreOperation.SET_STATUS]
        if not wish.status or _is_told(statuses, wish.status):
            continue
        if publications.replace_waiting(statuses, wish, now, subject) is None:
            effects.append(publications.status_effect(order, wish))
    outbox.enqueue(effects)
    parked = [each.id for subject in retried for each in history.get(subject, []) if each.status is Status.PARKED]
    released = outbox.unpark(parked) if parked else {}
    if released:
        bus.publish(MessagesReleased("s", sorted(set(released.values())), "it is tried again", now))


def _wanted(order: Shown) -> str:
    """The status that the order's state asks for, if the store may be shown it now; else empty."""
    if not order.store.status_map or publications.closed_to_us(order.store, order.document):
        return ""
    status = _status_by_state(order.row, order.store)
    refusal = publication.refuse_status(status, shown=order.document, status_map=order.store.status_map)
    return "" if refusal else status


def _status_by_state(row: Order, store: StoreFacts) -> str:
    moments = publication.reached(
        order_state=row.order_state, payment_state=row.payment_state, fulfilment_state=row.fulfilment_state
    )
    return publication.wanted_status(store.status_map, moments)


def _is_told(statuses: Sequence[outbox.Latest], status: str) -> bool:
    """Whether the last message says the same. Done: the store has shown it, and somebody there changed it since."""
    return bool(statuses) and documents.decode(statuses[-1].document, StatusWish).status == status


def present(held: Sequence[outbox.Held], seen: Mapping[str, OrderDocument]) -> Mapping[int, StatusWish | Skip]:
    """What of these messages to one store is to be sent now, from the orders as they are now; see `Present`."""
    public_ids = [one.subject.removeprefix("order:") for one in held]
    rows = {row.subject: row for row in Order.objects.filter(public_id__in=public_ids)}
    stores = connections.store_facts({one.connection_id for one in held})
    found: dict[int, StatusWish | Skip] = {}
    for one in held:
        row = rows.get(one.subject)
        if row is None:
            continue
        shown = seen.get(row.order_ref) or documents.decode(row.document, OrderDocument)
        decided = _present_one(one, row, shown, stores[one.connection_id])
        if decided is not None:
            found[one.id] = decided
    return found


def _present_one(one: outbox.Held, row: Order, shown: OrderDocument, store: StoreFacts) -> StatusWish | Skip | None:
    refusal = publications.closed_to_us(store, shown)
    wish = None
    if refusal is None and one.operation == StoreOperation.SET_STATUS:
        wish = documents.decode(one.document, StatusWish)
        if not wish.by_person:
            wish = StatusWish(order_ref=wish.order_ref, status=_status_by_state(row, store))
        refusal = publication.refuse_status(wish.status, shown=shown, status_map=store.status_map)
    if refusal is not None:
        return Skip(OUTCOMES.get(refusal.code, Outcome.SUPERSEDED), refusal.code)
    return wish


def note_posted(event: EffectsAnswered) -> None:
    """A private note on what an ERP calls an order, where the store wants such notes. Locks the orders."""
    done = {effect.subject: effect for effect in event.done if effect.operation == POST}
    public_ids = [subject.removeprefix("order:") for subject in done]
    if not public_ids:
        return
    found = list(Order.objects.select_for_update().filter(public_id__in=public_ids).order_by("pk"))
    stores = connections.store_facts({row.store_id for row in found})
    rows = [row for row in found if stores[row.store_id].note_when_posted]
    names = selectors.connection_names() if rows else {}
    wishes = []
    for row in rows:
        store, effect = stores[row.store_id], done[row.subject]
        document = documents.decode(row.document, OrderDocument)
        if publications.closed_to_us(store, document) is None:
            shown = Shown(row=row, store=store, document=document, trace_id=effect.trace_id)
            wishes.append((shown, _posted_note(row, effect, names)))
    outbox.enqueue(publications.reserve_facts(wishes, NOTE, StoreOperation.ADD_NOTE, Lane.SHIPMENTS))


def _posted_note(row: Order, effect: EffectDone, names: Mapping[int, str]) -> NoteWish:
    number = effect.document.number or effect.document.external_id or effect.reference
    return NoteWish(order_ref=row.order_ref, text=f"In {names[effect.connection_id]} as {number}")

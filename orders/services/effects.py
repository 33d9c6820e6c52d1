"""What the sink of an order must hold now, compared with what it holds or is about to: the effects to enqueue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from integrations import edits, identity, outbox
from integrations.connections import Route
from integrations.events import MessagesReleased
from integrations.ports import documents
from integrations.ports.documents import Order as OrderDocument
from integrations.ports.documents import OrderStatus, SalesOrder
from integrations.states import Lane, Status
from orders.events import Issue
from orders.policies import posting
from retailhub.core import bus

POST, AMEND, CANCEL = "post_order", "amend_order", "cancel_order"
WAITING = frozenset({Status.PENDING, Status.PARKED})
UNPAID = frozenset({OrderStatus.DRAFT, OrderStatus.PENDING, OrderStatus.ON_HOLD, OrderStatus.FAILED})


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an order wants of its sink: ``post``, ``cancel`` or nothing."""

    subject: str
    document: OrderDocument
    store_code: str
    store_name: str
    customer_key: str
    route: Route | None
    codes: Mapping[str, str]
    trace_id: str
    post: bool
    cancel: bool
    sink_away: bool
    """It would be posted, were the sink live."""
    retry: bool
    """Whether a parked effect is to be tried again, changed or not."""

    def sales_order(self, reference: str) -> SalesOrder:
        """The document under a reference."""
        return posting.sales_order(
            self.document,
            reference=reference,
            store=self.store_name,
            customer_key=self.customer_key,
            item_codes=self.codes,
        )


@dataclass(kw_only=True)
class Plan:
    """What came of a wish: whether the sink holds a live document, and what a person must know."""

    posted: bool = False
    overtaken: bool = False
    """A message that waited was given a new body, or was folded."""
    notices: list[Issue] = field(default_factory=list)


@dataclass
class Work:
    """What a plan adds: effects and their references."""

    effects: list[outbox.NewEffect] = field(default_factory=list)
    references: list[identity.NewReference] = field(default_factory=list)
    edits: Mapping[int, edits.Live] = field(default_factory=dict)
    """What people have changed in messages of these orders, by message."""


def plan(*, orders: Sequence[Wish], now: dt.datetime) -> dict[str, Plan]:
    """Enqueue, fold, amend or cancel, inside the transaction that holds the orders' locks."""
    subjects = [wish.subject for wish in orders]
    history = outbox.history_by_subject(subjects=subjects, operations=(POST, AMEND, CANCEL))
    ordinals = identity.highest_ordinals(subjects=subjects, document_type="order")
    work = Work(edits=edits.live(message_ids=[each.id for known in history.values() for each in known]))
    plans = {
        wish.subject: _plan_one(wish, history.get(wish.subject, []), ordinals.get(wish.subject, 0) + 1, work)
        for wish in orders
    }
    identity.reserve(work.references)
    outbox.enqueue(work.effects)
    overtaken = [subject for subject, plan in plans.items() if plan.overtaken]
    if overtaken:
        bus.publish(MessagesReleased("o", overtaken, "the order has changed since", now))
    return plans


def _plan_one(wish: Wish, history: Sequence[outbox.Latest], next_ordinal: int, work: Work) -> Plan:
    result = Plan()
    last = _without_what_is_overtaken(wish, list(history), result)
    result.posted = _is_posted(last)
    if wish.post and wish.route is not None:
        if last is None or last.operation == CANCEL:
            work.effects.append(_first_post(wish, wish.route, next_ordinal))
            work.references.append(_reference(wish, wish.route, next_ordinal))
            result.posted = False
        else:
            edit = work.edits.get(last.id)
            work.effects += _follow_edit(wish, wish.route, last, result) if edit is None else []
            if edit is not None:
                _keep_edit(wish, last, edit, result)
    elif wish.cancel and last is not None and last.operation != CANCEL:
        work.effects += _cancel(wish, last, result)
    elif last is not None and last.operation != CANCEL and last.status in WAITING and not wish.sink_away:
        # it may not be posted any more: what has not been sent is not sent, what was refused leaves nothing behind
        work.effects += _cancel(wish, last, result)
    elif result.posted and wish.document.status in UNPAID:
        status = {"status": wish.document.source_status}
        result.notices.append(Issue("unpaid_after_posting", "", status, blocking=False))
    result.notices += posting.notices(wish.document, posted=result.posted)
    head = next((effect for effect in history if effect.status is Status.PARKED), None)
    if wish.retry and head is not None:
        result.overtaken = bool(outbox.unpark([head.id])) or result.overtaken
    return result


def _without_what_is_overtaken(wish: Wish, history: list[outbox.Latest], result: Plan) -> outbox.Latest | None:
    """The newest effect that counts. Folds a cancellation that was not sent, or was refused, of an order that lives
    again, and what waits behind something the sink has refused: that itself gets the newest body."""
    while history:
        last = history[-1]
        behind_refused = len(history) > 1 and history[-2].status is Status.PARKED
        idle = (last.operation == CANCEL and wish.post) or (last.operation != CANCEL and behind_refused)
        if not idle or last.status not in WAITING or not outbox.cancel_unsent(message_id=last.id):
            return last
        result.overtaken = True
        history.pop()
    return None


def _is_posted(last: outbox.Latest | None) -> bool:
    """Whether the sink holds a live document, as far as we know: amends and refused cancels leave it standing."""
    if last is None:
        return False
    if last.operation == POST:
        return last.status is Status.DONE
    return last.operation == AMEND or last.status is not Status.DONE


def _reference(wish: Wish, route: Route, ordinal: int) -> identity.NewReference:
    return identity.NewReference(
        connection_id=route.sink_id,
        subject=wish.subject,
        document_type="order",
        ordinal=ordinal,
        reference=posting.reference_of(store_code=wish.store_code, order_ref=wish.document.order_ref, ordinal=ordinal),
    )


def _first_post(wish: Wish, route: Route, ordinal: int) -> outbox.NewEffect:
    reference = _reference(wish, route, ordinal).reference
    return _effect(wish, route.sink_id, POST, reference, documents.encode(wish.sales_order(reference)))


def _effect(wish: Wish, sink_id: int, operation: str, reference: str, document: bytes) -> outbox.NewEffect:
    return outbox.NewEffect(
        connection_id=sink_id,
        operation=operation,
        subject=wish.subject,
        reference=reference,
        document=document,
        trace_id=wish.trace_id,
        lane=Lane.ORDERS,
    )


def _follow_edit(wish: Wish, route: Route, last: outbox.Latest, result: Plan) -> list[outbox.NewEffect]:
    """Fold an edit into a message not yet sent, amend where the sink can, else tell a person the difference."""
    after = wish.sales_order(last.reference)
    document = documents.encode(after)
    # what the sink refused may be sent anew although it was on the wire: it is looked up before
    waiting = last.status is Status.PARKED or (last.status is Status.PENDING and not last.on_wire)
    if waiting and document == last.document:
        return []
    if waiting and outbox.replace_document(message_id=last.id, document=document):
        result.overtaken = True
        return []
    before = documents.decode(last.document, SalesOrder)
    if posting.material_hash(before) == posting.material_hash(after):
        return []
    if route.can_amend:
        return [_effect(wish, route.sink_id, AMEND, last.reference, document)]
    result.notices.append(Issue("edited_after_posting", "", posting.differences(before, after), blocking=False))
    return []


def _keep_edit(wish: Wish, last: outbox.Latest, edit: edits.Live, result: Plan) -> None:
    """What a person has changed is neither replaced nor amended; they are told when the order has changed since."""
    after = wish.sales_order(last.reference)
    present = edits.Basis(outbox.hash_of(documents.encode(after)), posting.material_hash(after))
    waiting = last.status is not Status.DONE
    if present.whole == edit.basis.whole or (not waiting and present.material == edit.basis.material):
        return
    edits.note_newer(message_id=last.id, newer=present)
    told = posting.differences(documents.decode(last.document, SalesOrder), after) if last.document else {}
    evidence = {**told, "edited_by": edit.actor_name, "message": f"msg_o{last.id}"}
    result.notices.append(Issue("edit_outdated", "", evidence, blocking=False))


def _cancel(wish: Wish, last: outbox.Latest, result: Plan) -> list[outbox.NewEffect]:
    folded = outbox.cancel_unsent(message_id=last.id)
    result.overtaken = folded or result.overtaken
    if folded and last.status is Status.PENDING and last.operation == POST:
        return []
    if not wish.cancel and (last.operation == AMEND or not folded):
        return []  # the document stands; or it is on the wire, and the order is looked at again when it is answered
    # also after a refusal: an attempt may have left a draft
    return [_effect(wish, last.connection_id, CANCEL, last.reference, last.document)]

"""Finding the order that somebody means: by any of the names it goes under."""

from __future__ import annotations

from dataclasses import dataclass

from integrations import selectors as pipes
from orders import selectors as orders
from orders.selectors import OrderView
from reconciliation import selectors as cases


class NotFound(LookupError):
    """No order, or more than one, goes by that name; ``detail`` says which."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True, kw_only=True)
class Found:
    """An order, or a message that belongs to none (yet)."""

    order: OrderView | None = None
    message_id: int | None = None


def find(text: str) -> Found:
    """By public id, message (``msg_i12``), case, ``store:ref``, reference in an ERP, number or store id.

    Raises `NotFound`.
    """
    if text.startswith(("msg_i", "msg_o")):
        return _by_message(text)
    if text.startswith("case_"):
        return _by_case(text)
    if text.startswith(("ord_", "order:ord_")):
        order = orders.by_subject(text)
    elif ":" in text:
        order = _by_store(*text.split(":", 1))
    else:
        order = _by_reference(text) or _by_number(text)
    if order is None:
        raise NotFound("no_such_order", f"Nothing goes by the name {text!r}.")
    return Found(order=order)


def _by_message(name: str) -> Found:
    direction, digits = name[4], name[5:]
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0
    row = pipes.delivery_named(number) if direction == "i" else pipes.effect_named(number)
    if row is None:
        raise NotFound("no_such_message", f"There is no message {name}.")
    if row.subject:
        order = orders.by_subject(row.subject)
        if order is None:
            raise NotFound("no_such_order", f"{name} is about {row.subject}, which is no order.")
        return Found(order=order, message_id=number)
    ref = row.shard.partition(":")[2]
    return Found(order=orders.of_store(store_id=row.connection_id, order_ref=ref), message_id=number)


def _by_case(public_id: str) -> Found:
    case = cases.case_named(public_id)
    if case is None:
        raise NotFound("no_such_case", f"There is no case {public_id}.")
    if not case.subject.startswith(("order:", "message:")):
        raise NotFound("no_such_order", f"{public_id} is about {case.subject}, which is no order.")
    return find(case.subject.removeprefix("message:"))


def _by_store(store: str, ref: str) -> OrderView | None:
    known = pipes.stores()
    if store not in known:
        raise NotFound("no_such_store", f"There is no store named {store!r}; known are {', '.join(known) or 'none'}.")
    order = orders.of_store(store_id=known[store], order_ref=ref)
    return order or _only(orders.called(ref, store_ids=[known[store]]), ref)


def _by_reference(text: str) -> OrderView | None:
    subjects = pipes.subjects_of_reference(text)
    found = [order for order in map(orders.by_subject, subjects) if order is not None]
    return _only(found, text)


def _by_number(text: str) -> OrderView | None:
    return _only(orders.called(text, store_ids=pipes.stores().values()), text)


def _only(found: list[OrderView], text: str) -> OrderView | None:
    if len(found) > 1:
        which = ", ".join(f"{order.store}:{order.order_ref}" for order in found)
        raise NotFound("ambiguous", f"{text!r} may be {which}; name one of them.")
    return found[0] if found else None

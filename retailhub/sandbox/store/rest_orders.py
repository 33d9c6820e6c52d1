"""The pages about orders: themselves, batches, refunds, notes, statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retailhub.sandbox.store import notes, order_reads, order_writes, params, refunds
from retailhub.sandbox.store.calls import Answer, Call, Doc, batch, listing, shown
from retailhub.sandbox.store.order_reads import one_order
from retailhub.sandbox.store.order_status import NAMES, STATUSES
from retailhub.sandbox.store.paging import PAGE, Page, limits
from retailhub.sandbox.store.php import to_int
from retailhub.sandbox.store.rest import Route

_META = {
    "type": "array",
    "items": {"type": "object", "properties": {"id": {"type": "integer"}, "key": {"type": "string"}}},
}
_ADDRESS = {"type": "object", "properties": {}}
_TEXT = {"type": "string"}
_BILLING = {"type": "object", "properties": {"email": {"type": "string", "format": "email"}}}


def _lines(**properties: Mapping[str, Any]) -> dict[str, Any]:
    inner = {"id": {"type": "integer"}, "meta_data": _META, **properties}
    return {"type": "array", "items": {"type": "object", "properties": inner}}


BODY: dict[str, dict[str, Any]] = {
    "parent_id": {"type": "integer"},
    "status": {"type": "string", "enum": STATUSES},
    "currency": _TEXT,
    "customer_id": {"type": "integer"},
    "customer_note": _TEXT,
    "billing": _BILLING,
    "shipping": _ADDRESS,
    "payment_method": _TEXT,
    "payment_method_title": _TEXT,
    "transaction_id": _TEXT,
    "meta_data": _META,
    "line_items": _lines(quantity={"type": "integer"}, variation_id={"type": "integer"}, subtotal=_TEXT, total=_TEXT),
    "shipping_lines": _lines(total=_TEXT),
    "fee_lines": _lines(total=_TEXT, tax_class=_TEXT, tax_status={"type": "string", "enum": ("taxable", "none")}),
    "coupon_lines": _lines(code=_TEXT),
    "set_paid": {"type": "boolean"},
}
"""In the order in which problems are told."""


def _dp(call: Call) -> int | None:
    return to_int(call.params["dp"]) if "dp" in call.params else None


def read(call: Call, order_id: int) -> Answer:
    return shown(call, one_order(call.store, order_id, dp=_dp(call)))


def read_list(call: Call) -> Answer:
    rows, page = order_reads.list_orders(call.store, call.params)
    more: dict[str, Any] = {"status": ["any"]} if "status" not in call.params else {}
    if rows:
        more |= {"dp": call.params.get("dp", call.store.settings.decimals), "context": "view"}
    return listing(call, rows, page, more=more)


def create(call: Call) -> Answer:
    with call.store.ledger.transaction():
        order_id = order_writes.create_order(call.store, call.posted)
    return shown(call, one_order(call.store, order_id), status=201, location=f"orders/{order_id}")


def update(call: Call, order_id: int) -> Answer:
    with call.store.ledger.transaction():
        order_writes.update_order(call.store, order_id, call.posted)
    return shown(call, one_order(call.store, order_id))


def delete(call: Call, order_id: int) -> Answer:
    return shown(call, _delete(call, order_id, force=call.force))


def _delete(call: Call, order_id: int, *, force: bool) -> Doc:
    """The answer tells the order as it was before."""
    with call.store.ledger.transaction():
        before = one_order(call.store, order_id)
        if force:
            order_writes.delete_order(call.store, order_id)
        else:
            order_writes.trash_order(call.store, order_id)
    return before


def many(call: Call) -> Answer:
    store = call.store

    def create_one(posted: Mapping[str, Any]) -> Doc:
        with store.ledger.transaction():
            order_id = order_writes.create_order(store, posted)
        return one_order(store, order_id)

    def update_one(order_id: int, posted: Mapping[str, Any]) -> Doc:
        with store.ledger.transaction():
            order_writes.update_order(store, order_id, posted)
        return one_order(store, order_id)

    def delete_one(order_id: int) -> Doc:
        return _delete(call, order_id, force=True)

    return batch(call, create=create_one, update=update_one, delete=delete_one)


def read_refund(call: Call, order_id: int, refund_id: int) -> Answer:
    return shown(call, refunds.shown(call.store, order_id, refund_id))


def read_refunds(call: Call, order_id: int) -> Answer:
    rows = refunds.of_order(call.store, order_id)
    wanted = params.read(call.params, PAGE)
    size, skip = limits(wanted)
    return listing(call, rows[skip : skip + size], Page(wanted["page"], size, len(rows)))


def read_all_refunds(call: Call) -> Answer:
    wanted = params.read(call.params, PAGE)
    rows, total = refunds.everywhere(call.store, *limits(wanted))
    return listing(call, rows, Page(wanted["page"], wanted["per_page"], total))


def create_refund(call: Call, order_id: int) -> Answer:
    """The Location of the answer has the store's own pattern in it, as recorded."""
    with call.store.ledger.transaction():
        refund_id = refunds.create(call.store, order_id, call.posted)
    place = rf"orders/(?P<order_id>[\d]+)/refunds/{refund_id}"
    return shown(call, refunds.shown(call.store, order_id, refund_id), status=201, location=place)


def delete_refund(call: Call, order_id: int, refund_id: int) -> Answer:
    with call.store.ledger.transaction():
        return shown(call, refunds.delete(call.store, order_id, refund_id, force=call.force))


def read_note(call: Call, order_id: int, note_id: int) -> Answer:
    return shown(call, notes.one_note(call.store, order_id, note_id))


def read_notes(call: Call, order_id: int) -> Answer:
    return listing(call, notes.listed(call.store, order_id, str(call.params.get("type", "any"))))


def create_note(call: Call, order_id: int) -> Answer:
    with call.store.ledger.transaction():
        note_id = notes.create(call.store, order_id, call.posted)
    place = f"orders/{order_id}/notes/{note_id}"
    return shown(call, notes.one_note(call.store, order_id, note_id), status=201, location=place)


def delete_note(call: Call, order_id: int, note_id: int) -> Answer:
    return shown(call, notes.delete(call.store, order_id, note_id, force=call.force))


def read_statuses(call: Call) -> Answer:
    return listing(call, [{"slug": slug, "name": name} for slug, name in NAMES.items()])


_REFUND: dict[str, dict[str, Any]] = {
    "amount": _TEXT,
    "reason": _TEXT,
    "api_refund": {"type": "boolean"},
    "api_restock": {"type": "boolean"},
    "line_items": {"type": "array", "items": {"type": "object"}},
}
_NOTE: dict[str, dict[str, Any]] = {"note": _TEXT, "customer_note": {"type": "boolean"}}
ROUTES: list[Route] = [
    Route(pattern="orders", pages={"GET": read_list, "POST": create}, body=BODY),
    Route(pattern="orders/batch", pages={"POST": many, "PUT": many}),
    Route(pattern="orders/statuses", pages={"GET": read_statuses}),
    Route(pattern="refunds", pages={"GET": read_all_refunds}),
    Route(pattern="orders/{order}/refunds", pages={"GET": read_refunds, "POST": create_refund}, body=_REFUND),
    Route(pattern="orders/{order}/refunds/{id}", pages={"GET": read_refund, "DELETE": delete_refund}),
    Route(
        pattern="orders/{order}/notes",
        pages={"GET": read_notes, "POST": create_note},
        body=_NOTE,
        required=("note",),
    ),
    Route(pattern="orders/{order}/notes/{id}", pages={"GET": read_note, "DELETE": delete_note}),
    Route(pattern="orders/{id}", pages={"GET": read, "PUT": update, "DELETE": delete}, body=BODY),
]

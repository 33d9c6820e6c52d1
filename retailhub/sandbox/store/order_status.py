"""What a change of status does besides: dates, stock, notes, the customer, a refund of everything.

Call inside the transaction of the change; nothing here tells the webhooks of the order itself.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from retailhub.sandbox.store import stock
from retailhub.sandbox.store.ledger import dump, load
from retailhub.sandbox.store.order_money import exact
from retailhub.sandbox.store.order_shown import UNPAID, card_of, needs_processing
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
STATUSES = (
    "auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft",
)  # fmt: skip
NAMES = {
    "pending": "Pending payment",
    "processing": "Processing",
    "on-hold": "On hold",
    "completed": "Completed",
    "cancelled": "Cancelled",
    "refunded": "Refunded",
    "failed": "Failed",
    "checkout-draft": "Draft",
}
_TAKES_STOCK = frozenset({"processing", "completed", "on-hold"})
_GIVES_STOCK = frozenset({"cancelled", "pending"})


def change_status(store: Store, order_id: int, doc: Doc, status: str, *, now: int) -> list[int]:
    """Put the order into ``status``; the products whose stock that moved. The same status does nothing."""
    before = doc["status"]
    if status == before:
        return []
    doc["status"] = status
    note_dates(store, doc, now)
    moved: list[int] = []
    if status in _TAKES_STOCK and not doc["stock_taken"]:
        moved = take_stock(store, order_id, doc, now=now)
    elif status in _GIVES_STOCK and doc["stock_taken"]:
        moved = give_stock(store, doc, now=now)
    if before not in ("checkout-draft", "auto-draft", "new") and status in NAMES:
        text = f"Order status changed from {NAMES.get(before, before)} to {NAMES[status]}."
        add_note(store, order_id, text, now=now)
    return moved


def payment_status(store: Store, doc: Doc) -> str:
    """Where a payment takes the order: cash on delivery counts as delivered."""
    return "completed" if doc["method"] == "cod" or not needs_processing(store, doc) else "processing"


def pay(store: Store, order_id: int, doc: Doc, *, now: int) -> list[int]:
    """The payment came. Only what waits for one moves; the products whose stock that moved."""
    if doc["status"] not in UNPAID:
        return []
    doc["paid"] = doc["paid"] or now
    return change_status(store, order_id, doc, payment_status(store, doc), now=now)


def note_dates(store: Store, doc: Doc, now: int) -> None:
    """``date_paid`` and ``date_completed``: once set they stay, whatever becomes of the order."""
    status = doc["status"]
    if doc["paid"] is None:
        after_payment = payment_status(store, doc)
        if status == after_payment or (status == "completed" and after_payment == "processing"):
            doc["paid"] = now
    if doc["completed"] is None and status == "completed":
        doc["completed"] = now


def take_stock(store: Store, order_id: int, doc: Doc, *, now: int) -> list[int]:
    """Take what is sold off the stock, where it is managed; which products that were."""
    moved = []
    for line in doc["lines"]:
        card = card_of(store, line)
        if card is None or not card.stock_of:
            continue
        stock.move(store, card.stock_of, -line["quantity"], now=now)
        set_reduced(store, line, line["quantity"])
        moved.append(card.stock_of)
    doc["stock_taken"] = True
    if moved:
        add_note(store, order_id, "Stock levels reduced.", now=now)
    return list(dict.fromkeys(moved))


def give_stock(store: Store, doc: Doc, *, now: int) -> list[int]:
    """Put back what was taken."""
    moved = []
    for line in doc["lines"]:
        card, taken = card_of(store, line), reduced(line)
        line["meta"] = [row for row in line["meta"] if row["key"] != "_reduced_stock"]
        if card is not None and card.stock_of and taken:
            stock.move(store, card.stock_of, taken, now=now)
            moved.append(card.stock_of)
    doc["stock_taken"] = False
    return list(dict.fromkeys(moved))


def fit_stock(store: Store, doc: Doc, *, now: int) -> list[int]:
    """After lines were changed by hand: take or put back the difference."""
    moved = []
    for line in doc["lines"]:
        card, taken = card_of(store, line), reduced(line)
        if card is None or not card.stock_of or taken == line["quantity"]:
            continue
        stock.move(store, card.stock_of, taken - line["quantity"], now=now)
        set_reduced(store, line, line["quantity"])
        moved.append(card.stock_of)
    return list(dict.fromkeys(moved))


def reduced(line: Doc) -> int:
    """How many pieces of the line were taken off the stock."""
    return next((int(row["value"]) for row in line["meta"] if row["key"] == "_reduced_stock"), 0)


def set_reduced(store: Store, line: Doc, quantity: int) -> None:
    set_item_meta(store, line, "_reduced_stock", str(quantity))


def set_item_meta(store: Store, line: Doc, key: str, value: str) -> None:
    """One value of a line's meta."""
    row = next((row for row in line["meta"] if row["key"] == key), None)
    if row is None:
        line["meta"].append({"id": store.ledger.next_id("item_meta"), "key": key, "value": value})
    else:
        row["value"] = value


def add_note(store: Store, order_id: int, text: str, *, now: int, to_customer: bool = False, tell: bool = True) -> int:
    """A note on the order; its number. It moves no date and no order webhook tells of it."""
    note_id = store.ledger.next_id("note")
    doc = dump({"text": text, "to_customer": to_customer})
    store.ledger.run("INSERT INTO note (id, order_id, created, doc) VALUES (?, ?, ?, ?)", (note_id, order_id, now, doc))
    if tell:
        store.hooks.fire("action.woocommerce_order_note_added", note_id)
    return note_id


def note_customer(store: Store, doc: Doc, *, now: int) -> bool:
    """A completed order makes its customer a paying one; whether there is such a customer."""
    row = store.ledger.one("SELECT doc FROM customer WHERE id = ?", (doc["customer_id"],))
    if row is None:
        return False
    customer = load(row["doc"]) | {"paying": True}
    store.ledger.run(
        "UPDATE customer SET doc = ?, modified = ? WHERE id = ?", (dump(customer), now, doc["customer_id"])
    )
    return True


def refund_rest(store: Store, order_id: int, doc: Doc, *, now: int) -> None:
    """Status ``refunded`` without a refund: the store makes one of all that is left, without lines."""
    left = Decimal(doc["totals"]["total"]) - refunded(doc)
    if left <= 0:
        return
    refund_id = store.new_post_id()
    content = {
        "created": now,
        "amount": exact(left),
        "reason": "Order fully refunded.",
        "refunded_by": 1,
        "refunded_payment": False,
        "with_tax": doc["with_tax"],
        "meta": [{"id": store.ledger.next_id("meta"), "key": "_refund_type", "value": "full"}],
        "lines": [],
        "shipping_lines": [],
        "fees": [],
        "taxes": [],
    }
    keep_refund(store, refund_id, order_id, doc, content)


def keep_refund(store: Store, refund_id: int, order_id: int, doc: Doc, content: Doc) -> None:
    """Write a refund down, with the order and in its own row."""
    tax = sum((Decimal(row["total_tax"]) for row in _refunded_rows(content)), Decimal(0))
    doc["refunds"].append(
        {"id": refund_id, "reason": content["reason"], "amount": content["amount"], "tax": exact(-tax)}
    )
    store.ledger.run(
        "INSERT INTO refund (id, order_id, created, doc) VALUES (?, ?, ?, ?)",
        (refund_id, order_id, content["created"], dump(content)),
    )


def _refunded_rows(content: Doc) -> list[Doc]:
    return [*content["lines"], *content["shipping_lines"], *content["fees"]]


def refunded(doc: Doc) -> Decimal:
    """The sum of an order's refunds."""
    return sum((Decimal(row["amount"]) for row in doc["refunds"]), Decimal(0))

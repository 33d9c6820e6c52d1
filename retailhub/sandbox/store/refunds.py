"""Refunds of orders: made, shown, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from retailhub.sandbox.store import order_keep, order_status, stock
from retailhub.sandbox.store.errors import RestError, invalid_id, no_trash
from retailhub.sandbox.store.ledger import load
from retailhub.sandbox.store.order_docs import set_meta
from retailhub.sandbox.store.order_money import exact, rounded
from retailhub.sandbox.store.order_shown import card_of, refund_shown, view_of
from retailhub.sandbox.store.php import to_bool, to_int, to_number, to_text
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
REFUNDING_GATEWAYS = frozenset({"stripe", "paypal"})


def create(store: Store, order_id: int, posted: Mapping[str, Any]) -> int:
    """POST orders/{id}/refunds; its number. Raises `RestError`. Call inside a transaction.

    With ``api_refund``, the default, the order's gateway is asked, and most cannot.
    """
    doc = order_keep.read(store, order_id)
    if doc is None:
        raise invalid_id("shop_order")
    now, unit = store.clock.now(), store.settings.unit
    lines = _lines(store, doc, posted.get("line_items") or ())
    given = posted.get("amount")
    if given in (None, ""):
        amount = sum((_gross(row) for rows in lines.values() for row in rows), Decimal(0))
    else:
        amount = to_number(given)
    amount = rounded(amount, unit)
    left = Decimal(doc["totals"]["total"]) - order_status.refunded(doc)
    if amount < 0 or amount > left:
        raise _failed("Invalid refund amount.")
    by_gateway = to_bool(posted.get("api_refund", True))
    if by_gateway and doc["method"] not in REFUNDING_GATEWAYS:
        raise _failed("The payment gateway for this order does not support automatic refunds.")
    refund_id = store.new_post_id()
    content = {
        "created": now,
        "amount": exact(amount),
        "reason": to_text(posted.get("reason")),
        "refunded_by": 1,
        "refunded_payment": by_gateway,
        "with_tax": doc["with_tax"],
        "meta": [{"id": store.ledger.next_id("meta"), "key": "_refund_type", "value": _kind(amount, left)}],
        **lines,
        "taxes": _taxes(store, doc, lines),
    }
    set_meta(store, content["meta"], posted.get("meta_data") or (), counter="meta")
    restock = to_bool(posted.get("api_restock", True))
    moved = _restock(store, doc, lines["lines"], now=now) if restock else []
    order_status.keep_refund(store, refund_id, order_id, doc, content)
    _close(store, order_id, doc, moved, now=now, whole=amount == left)
    return refund_id


def _close(store: Store, order_id: int, doc: Doc, moved: list[int], *, now: int, whole: bool) -> None:
    """Stock is told before the order; what is refunded wholly has that status."""
    if whole:
        order_status.change_status(store, order_id, doc, "refunded", now=now)
    doc["modified"] = now
    order_keep.update(store, order_id, doc)
    stock.tell(store, moved)
    store.hooks.fire("order.updated", order_id)


def _kind(amount: Decimal, left: Decimal) -> str:
    return "full" if amount == left else "partial"


def _failed(message: str) -> RestError:
    return RestError(500, "woocommerce_rest_cannot_create_order_refund", message, bare=500)


def _lines(store: Store, doc: Doc, posted: Sequence[Mapping[str, Any]]) -> dict[str, list[Doc]]:
    """The refund's lines, negative, by kind; each points at the line it takes back."""
    found: dict[str, list[Doc]] = {"lines": [], "shipping_lines": [], "fees": []}
    for given in posted:
        for kind, rows in found.items():
            original = next((row for row in doc[kind] if row["id"] == to_int(given.get("id"))), None)
            if original is None:
                continue
            total = exact(-to_number(given.get("refund_total", 0)))
            taxes: list[list[Any]] = [
                [to_int(tax.get("id")), exact(-to_number(tax.get("refund_total", 0)))]
                for tax in given.get("refund_tax") or ()
            ]
            sums = exact(sum((Decimal(tax[1]) for tax in taxes), Decimal(0)))
            row = {**original, "id": store.ledger.next_id("item"), "total": total, "total_tax": sums}
            row["taxes"] = [[*tax, tax[1]] for tax in taxes] if kind == "lines" else taxes
            if kind == "lines":
                row |= {"quantity": -to_int(given.get("quantity", 0)), "subtotal": total, "subtotal_tax": sums}
            ident = store.ledger.next_id("item_meta")
            row["meta"] = [{"id": ident, "key": "_refunded_item_id", "value": str(original["id"])}]
            rows.append(row)
    return found


def _gross(row: Doc) -> Decimal:
    return -(Decimal(row["total"]) + Decimal(row["total_tax"]))


def _taxes(store: Store, doc: Doc, lines: Mapping[str, list[Doc]]) -> list[Doc]:
    """A refund's tax lines, as the order's are, negative."""
    rows = []
    for known in doc["taxes"]:
        cart = _share(known["rate_id"], [*lines["lines"], *lines["fees"]])
        shipping = _share(known["rate_id"], lines["shipping_lines"])
        if cart or shipping:
            rows.append({**known, "id": store.ledger.next_id("item"), "cart": exact(cart), "shipping": exact(shipping)})
    return rows


def _share(rate_id: int, rows: Sequence[Doc]) -> Decimal:
    return sum((Decimal(tax[1]) for row in rows for tax in row["taxes"] if tax[0] == rate_id), Decimal(0))


def _restock(store: Store, doc: Doc, lines: Sequence[Doc], *, now: int) -> list[int]:
    """Put back what came back, no more than was taken; which products that were."""
    moved = []
    for line in lines:
        original = next(row for row in doc["lines"] if str(row["id"]) == line["meta"][0]["value"])
        card, back = card_of(store, original), -line["quantity"]
        taken = order_status.reduced(original)
        if card is None or not card.stock_of or not back or not taken:
            continue
        stock.move(store, card.stock_of, min(back, taken), now=now)
        order_status.set_reduced(store, original, taken - min(back, taken))
        before = next((row["value"] for row in original["meta"] if row["key"] == "_restock_refunded_items"), "0")
        order_status.set_item_meta(store, original, "_restock_refunded_items", str(int(before) + back))
        moved.append(card.stock_of)
    return list(dict.fromkeys(moved))


def shown(store: Store, order_id: int, refund_id: int) -> Doc:
    """GET orders/{id}/refunds/{refund}. Raises `RestError`."""
    _check_order(store, order_id)
    row = store.ledger.one("SELECT * FROM refund WHERE id = ? AND order_id = ?", (refund_id, order_id))
    if row is None:
        raise RestError(404, "woocommerce_rest_invalid_order_refund_id", "Invalid order refund ID.")
    return refund_shown(view_of(store), row["id"], order_id, load(row["doc"]))


def of_order(store: Store, order_id: int) -> list[Doc]:
    """GET orders/{id}/refunds, the newest first. Raises `RestError`."""
    _check_order(store, order_id)
    rows = store.ledger.rows("SELECT * FROM refund WHERE order_id = ? ORDER BY created DESC, id DESC", (order_id,))
    view = view_of(store)
    return [refund_shown(view, row["id"], order_id, load(row["doc"])) for row in rows]


def everywhere(store: Store, size: int, skip: int) -> tuple[list[Doc], int]:
    """GET refunds: of all orders, the newest first, and how many there are."""
    view = view_of(store)
    rows = store.ledger.rows("SELECT * FROM refund ORDER BY created DESC, id DESC LIMIT ? OFFSET ?", (size, skip))
    found = [refund_shown(view, row["id"], row["order_id"], load(row["doc"]), parent=True) for row in rows]
    return found, int(store.ledger.value("SELECT count(*) FROM refund"))


def _check_order(store: Store, order_id: int) -> None:
    if store.ledger.one("SELECT 1 FROM orders WHERE id = ?", (order_id,)) is None:
        raise invalid_id("shop_order")


def delete(store: Store, order_id: int, refund_id: int, *, force: bool) -> Doc:
    """DELETE: the order's date stays and no webhook hears of it. Raises `RestError`. Inside a transaction."""
    body = shown(store, order_id, refund_id)
    if not force:
        raise no_trash("Order refunds")
    doc = order_keep.read(store, order_id)
    if doc is not None:
        doc["refunds"] = [row for row in doc["refunds"] if row["id"] != refund_id]
        order_keep.update(store, order_id, doc)
    store.ledger.run("DELETE FROM refund WHERE id = ?", (refund_id,))
    return body

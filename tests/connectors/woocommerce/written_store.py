"""What a store does with writes to its orders, as recorded: statuses, meta, notes, refunds, batches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.connectors.woocommerce.rest_store import Answer, as_json, body_of, moment_of, recorded
from tests.support import recordings
from tests.support.recorded_store import Call

ORDER_STATUSES = [entry["slug"] for entry in json.loads(recordings.answer("reports_orders_totals").body)]


class Ledger:
    """Notes and refunds by order, and how many writes were done. ``orders`` are those of the store."""

    def __init__(self, orders: dict[str, bytes]) -> None:
        self.orders = orders
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.refunds: dict[str, list[dict[str, Any]]] = {}
        self.known = list(ORDER_STATUSES)
        self.forgets_refund_meta = False
        self.seconds = 0

    def answer(self, call: Call, parts: list[str]) -> Answer | None:
        """The answer to a call below ``orders``, or ``None`` for a read of an order or a list."""
        if call.method == "GET" and len(parts) < 3:
            return None
        if parts[1] == "batch":
            return self._batch(json.loads(call.body)["update"])
        order_ref = parts[1]
        if order_ref not in self.orders:
            return recorded("err_404_order")
        if len(parts) == 2:
            return self._put(order_ref, json.loads(call.body))
        kept = self.notes if parts[2] == "notes" else self.refunds
        if call.method == "GET":
            page = int(dict(call.pairs).get("page", "1"))
            newest = list(reversed(kept.get(order_ref, [])))[(page - 1) * 100 : page * 100]
            return as_json(200, json.dumps(newest).encode())
        make: Callable[[str, dict[str, Any]], Answer] = self._note if parts[2] == "notes" else self._refund
        return make(order_ref, json.loads(call.body))

    def order(self, order_ref: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.orders[order_ref])
        return found

    def change(self, order_ref: str, fields: dict[str, Any]) -> bytes:
        """Every write moves the date, even one that changes nothing; a known meta key is overwritten."""
        order = self.order(order_ref)
        for meta in fields.pop("meta_data", []):
            order["meta_data"] = [kept for kept in order["meta_data"] if kept["key"] != meta["key"]] + [meta]
        self.seconds += 1
        order |= fields | {"date_modified_gmt": moment_of(86_400 + self.seconds)}
        self.orders[order_ref] = json.dumps(order).encode()
        return self.orders[order_ref]

    def _put(self, order_ref: str, fields: dict[str, Any]) -> Answer:
        if fields.get("status", "pending") not in self.known:
            return recorded("err_400_invalid_param")
        return as_json(200, self.change(order_ref, fields))

    def _batch(self, changes: list[dict[str, Any]]) -> Answer:
        if len(changes) > 100:
            return recorded("products_batch_101")
        entries = []
        for change in changes:
            order_ref = str(change.pop("id"))
            if order_ref not in self.orders:
                error = body_of("orders_batch")["update"][1]["error"]
                entries.append(json.dumps({"id": int(order_ref), "error": error}).encode())
                continue
            if change.get("status", "pending") not in self.known:
                change["status"] = "pending"
            entries.append(self.change(order_ref, change))
        return as_json(200, b'{"update":[' + b",".join(entries) + b"]}")

    def _note(self, order_ref: str, fields: dict[str, Any]) -> Answer:
        note = body_of("order_note_post") | {"id": 900 + len(self.notes.get(order_ref, [])), **fields}
        self.notes.setdefault(order_ref, []).append(note)
        return as_json(201, json.dumps(note).encode())

    def _refund(self, order_ref: str, fields: dict[str, Any]) -> Answer:
        if float(fields["amount"]) > float(self.order(order_ref)["total"]):
            return recorded("refund_post_too_much")
        if fields.get("api_refund") is not False:
            return recorded("refund_post_by_gateway")
        made = body_of("refund_post_partial") | {key: fields[key] for key in ("amount", "reason")}
        made["id"] = 700 + len(self.refunds.get(order_ref, []))
        if not self.forgets_refund_meta:
            made["meta_data"] = [*made["meta_data"], *fields["meta_data"]]
        self.refunds.setdefault(order_ref, []).append(made)
        self.change(order_ref, {})
        return as_json(201, json.dumps(made).encode())

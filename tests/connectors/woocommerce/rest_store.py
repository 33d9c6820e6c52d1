"""A store that also keeps lists by date, webhooks and what is written to it: recorded bodies, changed in place.

Only as much as the connector's tests ask. Its answers are recorded ones wherever one was recorded.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from tests.support import recordings
from tests.support.recorded_store import Call, RecordedStore

API = "/wp-json/wc/v3"
Answer = tuple[int, dict[str, str], bytes]
LIST_STATUSES = {
    *("any", "trash", "auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded"),
    *("failed", "checkout-draft"),
}


class RestStore(RecordedStore):
    """``orders`` as in `RecordedStore`; ``statuses`` are those its lists accept."""

    def __init__(self, orders: dict[str, bytes] | None = None) -> None:
        super().__init__(orders)
        self.statuses = set(LIST_STATUSES)
        self.webhooks: dict[int, dict[str, Any]] = {}
        self.list_headers: dict[str, str] = {}
        self.asks_for_keys = True
        self.answers: dict[str, Callable[[Call, list[str]], Answer | None]] = {"webhooks": self._webhooks}
        """By the first part of the path below the API; ``None`` leaves the call to the recorded store."""

    def paths(self) -> list[str]:
        """Method and path of each call, without the API's prefix."""
        return [f"{call.method} {call.path.removeprefix(API)}" for call in self.calls]

    def _refuse(self, call: Call) -> Answer | None:
        return super()._refuse(call) if self.asks_for_keys else None

    def _proper(self, call: Call) -> Answer:
        parts = call.path.removeprefix(f"{API}/").split("/")
        special = self.answers.get(parts[0])
        answer = special(call, parts) if special else None
        return super()._proper(call) if answer is None else answer

    def _list(self, params: dict[str, str]) -> Answer:
        if params.get("status", "any") not in self.statuses:
            return recorded("orders_list_status_bad")
        size, page = int(params.get("per_page", "10")), int(params.get("page", "1"))
        if not 1 <= size <= 100:
            return recorded("orders_list_per_page_0")
        chosen = [(json.loads(body), body) for body in self.orders.values()]
        chosen = [(order, body) for order, body in chosen if is_listed(order, params)]
        key = {"modified": "date_modified_gmt", "date": "date_created_gmt", "id": "id"}[params.get("orderby", "date")]
        chosen.sort(key=lambda pair: (pair[0][key], pair[0]["id"]), reverse=params.get("order", "desc") == "desc")
        shown = chosen[(page - 1) * size : page * size]
        bodies = [body for _, body in shown]
        if "_fields" in params:
            fields = params["_fields"].split(",")
            bodies = [json.dumps({name: order[name] for name in fields}).encode() for order, _ in shown]
        headers = {"X-WP-Total": str(len(chosen) if shown or page == 1 else 0)} | self.list_headers
        return as_json(200, b"[" + b",".join(bodies) + b"]", headers)

    def _webhooks(self, call: Call, parts: list[str]) -> Answer:
        if call.method == "POST":
            hook = {**body_of("webhook_post"), **json.loads(call.body), "id": len(self.webhooks) + 1}
            self.webhooks[hook["id"]] = hook
            return as_json(201, without_secret(hook))
        if len(parts) == 1:
            page = int(dict(call.pairs).get("page", "1"))
            hooks = list(reversed(self.webhooks.values()))[(page - 1) * 100 : page * 100]
            return as_json(200, b"[" + b",".join(without_secret(hook) for hook in hooks) + b"]")
        found = self.webhooks.get(int(parts[1]))
        if found is None:
            gone = {"code": "woocommerce_rest_shop_webhook_invalid_id", "message": "Invalid ID.", "data": {}}
            return as_json(400 if call.method == "PUT" else 404, json.dumps(gone).encode())
        if call.method == "DELETE":
            if dict(call.pairs).get("force") != "true":
                return recorded("webhook_delete_noforce")
            del self.webhooks[found["id"]]
        elif call.method == "PUT":
            found |= json.loads(call.body)
        return as_json(200, without_secret(found))


def is_listed(order: dict[str, Any], params: dict[str, str]) -> bool:
    """Whether the store shows this order in a list with these parameters (naive GMT only)."""
    status = params.get("status", "any")
    if status == "any":
        if order["status"] in {"trash", "checkout-draft", "auto-draft"}:
            return False
    elif order["status"] != status:
        return False
    if "include" in params and str(order["id"]) not in params["include"].split(","):
        return False
    for name, value in params.items():
        field = "date_modified_gmt" if name.startswith("modified_") else "date_created_gmt"
        if name.removeprefix("modified_") not in {"after", "before"}:
            continue
        moment, stands = dt.datetime.fromisoformat(value), dt.datetime.fromisoformat(order[field])
        if moment.tzinfo is not None or params.get("dates_are_gmt") != "true":
            raise AssertionError(f"{name} does not mean the same on every store: {params}")
        if not (stands > moment if name.endswith("after") else stands < moment):
            return False
    return True


def order_body(order_ref: int, **changed: Any) -> bytes:
    """A recorded order under another id, as compact bytes with the keys in their recorded order."""
    order = json.loads(recordings.answer("order_get").body)
    return json.dumps({**order, "id": order_ref, "number": str(order_ref), **changed}).encode()


def moment_of(second: int) -> str:
    """A time of the recorded day as the store writes it."""
    start = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    return (start + dt.timedelta(seconds=second)).replace(tzinfo=None).isoformat()


def body_of(name: str) -> dict[str, Any]:
    """A recorded answer's object."""
    found: dict[str, Any] = json.loads(recordings.answer(name).body)
    return found


def without_secret(hook: dict[str, Any]) -> bytes:
    return json.dumps({key: value for key, value in hook.items() if key != "secret"}).encode()


def recorded(name: str) -> Answer:
    """A recorded answer with the headers that matter."""
    answer = recordings.answer(name)
    return as_json(answer.status, answer.body)


def as_json(status: int, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    return status, {"Content-Type": "application/json; charset=UTF-8"} | (headers or {}), body

"""The look-alike ERP's business API, version 1, free of HTTP: endpoint and JSON in, status and JSON out.

    GET  /api/v1/ping
    GET  /api/v1/products?after=&limit=  or  ?codes=a,b
    POST /api/v1/customers               {"customers": [{"key", …}]}        added or overwritten by key
    POST /api/v1/sales-orders            {"orders": [{…}]}                  drafts; never the same one twice
    POST /api/v1/sales-orders/confirm    {"ids": [...]}
    POST /api/v1/sales-orders/cancel     {"ids": [...]}
    PUT  /api/v1/sales-orders/{id}       {"decimals", "lines", "ship_to", …} drafts, confirmed; not shipped
    POST /api/v1/sales-orders/search     {"references": [...]}              may lag
    GET  /api/v1/sales-orders?ids=1,2    GET /api/v1/sales-orders/{id}      never lag
    GET  /api/v1/sales-orders/changes?since=&after=&limit=                  may lag

Calls on many answer ``{"items": [{"document": …} | {"error": {"code", "message", …}}]}`` in the order asked.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from retailhub.sandbox.erp.documents import Draft, RefusedError, read_content, read_draft, read_rest
from retailhub.sandbox.erp.ledger import Ledger, per_item
from retailhub.sandbox.erp.manners import Temper

MOST_PER_CALL = 500
_ORDERS = "/api/v1/sales-orders"
_ROUTES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (method, re.compile(path), name)
    for method, path, name in (
        ("GET", "/api/v1/ping", "ping"),
        ("GET", "/api/v1/products", "products"),
        ("POST", "/api/v1/customers", "customers"),
        ("POST", _ORDERS, "create"),
        ("POST", f"{_ORDERS}/confirm", "confirm"),
        ("POST", f"{_ORDERS}/cancel", "cancel"),
        ("POST", f"{_ORDERS}/search", "search"),
        ("GET", f"{_ORDERS}/changes", "changes"),
        ("GET", _ORDERS, "read_many"),
        ("GET", f"{_ORDERS}/(?P<id>[0-9]+)", "read"),
        ("PUT", f"{_ORDERS}/(?P<id>[0-9]+)", "amend"),
    )
)


@dataclass(frozen=True)
class Request:
    """One call: the endpoint's name, what path and query say, and the body as JSON (``None`` without one)."""

    endpoint: str
    arguments: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    status: int
    payload: Any


class BatchRefusedError(Exception):
    """A whole create call is refused because of one item, which is named only when it came alone."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        super().__init__()
        unnamed = {"code": "batch_refused", "message": "One of the orders cannot be taken, so none was."}
        self.error = items[0]["error"] if len(items) == 1 else unnamed


def route(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The endpoint's name and the arguments in its path; ``None`` when there is no such endpoint."""
    for known_method, pattern, name in _ROUTES:
        if method == known_method and (match := pattern.fullmatch(path)):
            return name, match.groupdict()
    return None


def read_json(raw: bytes) -> Any:
    """The body with exact numbers. Raises ``ValueError``."""
    return json.loads(raw, parse_float=Decimal, parse_constant=_no_constant) if raw else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


class Api:
    """Answers calls from the ledger, as the manners in force allow."""

    def __init__(self, ledger: Ledger, temper: Temper) -> None:
        self._ledger = ledger
        self._temper = temper
        self.calls: Counter[str] = Counter()

    def answer(self, request: Request) -> Reply:
        """Do what is asked; when this returns, it is committed."""
        act: Callable[[Request], Any] = getattr(self, f"_{request.endpoint}")
        try:
            return Reply(200, act(request))
        except RefusedError as refused:
            return Reply(404 if request.endpoint == "read" else 422, {"error": refused.as_json()})
        except BatchRefusedError as refused:
            return Reply(422, {"error": refused.error})

    def _ping(self, _request: Request) -> Any:
        return {"company": "Look-alike Ltd", "time": dt.datetime.now(dt.UTC).isoformat()}

    def _products(self, request: Request) -> Any:
        codes = request.arguments.get("codes")
        if codes is not None:
            return {"products": self._ledger.products_by_code(codes.split(",")), "next": None}
        limit = _limit(request)
        page = self._ledger.products(after=request.arguments.get("after", ""), limit=limit)
        return {"products": page, "next": page[-1]["code"] if len(page) == limit else None}

    def _customers(self, request: Request) -> Any:
        customers = _list(request, "customers")
        keyed = [(str(customer["key"]), json.dumps(customer)) for customer in customers if _has_key(customer)]
        if len(keyed) != len(customers):
            raise RefusedError("invalid_customer", "Each customer needs a key.", field="key")
        self._ledger.put_customers(keyed)
        return {"items": [{"key": key} for key, _ in keyed]}

    def _create(self, request: Request) -> Any:
        orders = _list(request, "orders")
        with self._ledger.transaction():
            items = per_item(orders, self._create_one)
            if self._temper.manners.all_or_nothing and any("error" in item for item in items):
                raise BatchRefusedError(items)
        return {"items": items}

    def _create_one(self, raw: Any) -> dict[str, Any]:
        draft = read_draft(raw)
        self._check(draft)
        document = self._ledger.insert(draft)
        if self._temper.take_double():
            self._ledger.insert(draft)
        return document

    def _check(self, draft: Draft) -> None:
        manners = self._temper.manners
        if draft.placed_on.isoformat() < manners.closed_before:
            raise RefusedError(
                "period_closed",
                f"The books before {manners.closed_before} are closed.",
                placed_on=draft.placed_on.isoformat(),
                closed_before=manners.closed_before,
            )
        if draft.customer not in self._ledger.known_customers([draft.customer]):
            raise RefusedError("unknown_customer", "There is no such customer.", customer=draft.customer)
        self._check_items(draft.content.item_codes)

    def _check_items(self, codes: tuple[str, ...]) -> None:
        forgotten = self._temper.manners.unknown_items
        for code in codes:
            if code in forgotten or not self._ledger.has_item(code):
                raise RefusedError("unknown_item", f"There is no item {code}.", item_code=code)

    def _confirm(self, request: Request) -> Any:
        ids = _list(request, "ids")
        with self._ledger.transaction():
            return {"items": per_item(map(str, ids), self._ledger.confirm)}

    def _cancel(self, request: Request) -> Any:
        ids = _list(request, "ids")
        with self._ledger.transaction():
            return {"items": per_item(map(str, ids), self._ledger.cancel)}

    def _amend(self, request: Request) -> Any:
        order = request.body if isinstance(request.body, dict) else {}
        content = read_content(order)
        with self._ledger.transaction():
            self._check_items(content.item_codes)
            return {"document": self._ledger.amend(request.arguments["id"], content, read_rest(order))}

    def _search(self, request: Request) -> Any:
        references = [str(reference) for reference in _list(request, "references")]
        return {"documents": self._ledger.search(references, visible_until=self._visible_until())}

    def _read_many(self, request: Request) -> Any:
        ids = request.arguments.get("ids", "").split(",")
        if len(ids) > MOST_PER_CALL:
            raise RefusedError("too_many", f"At most {MOST_PER_CALL} orders can be read at once.")
        return {"documents": self._ledger.by_ids(ids)}

    def _read(self, request: Request) -> Any:
        return {"document": self._ledger.get(request.arguments["id"])}

    def _changes(self, request: Request) -> Any:
        limit = _limit(request)
        page = self._ledger.changes(
            since=_since(request),
            after=_whole(request, "after", 0),
            limit=limit,
            visible_until=self._visible_until(),
        )
        return {"documents": page, "next": page[-1]["change_number"] if len(page) == limit else None}

    def _visible_until(self) -> float:
        return time.time() - self._temper.manners.search_lag_seconds


def _list(request: Request, name: str) -> list[Any]:
    items = request.body.get(name) if isinstance(request.body, dict) else None
    if not isinstance(items, list):
        raise RefusedError("invalid_call", f"The body needs a list named {name}.", field=name)
    if len(items) > MOST_PER_CALL:
        raise RefusedError("too_many", f"At most {MOST_PER_CALL} items can be given at once.")
    return items


def _has_key(customer: Any) -> bool:
    return isinstance(customer, dict) and bool(customer.get("key"))


def _limit(request: Request) -> int:
    return max(1, min(_whole(request, "limit", 200), MOST_PER_CALL))


def _whole(request: Request, name: str, default: int) -> int:
    text = request.arguments.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise RefusedError("invalid_call", f"{name} is a whole number.", field=name)
    return int(text)


def _since(request: Request) -> float:
    text = request.arguments.get("since", "")
    if not text:
        return 0.0
    try:
        return dt.datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise RefusedError("invalid_call", "since is an ISO 8601 time.", field="since") from error

"""What a page of the REST API gets and gives, and what most of them share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from retailhub.sandbox.store import paging
from retailhub.sandbox.store.errors import RestError
from retailhub.sandbox.store.order_shown import cut_fields
from retailhub.sandbox.store.paging import Page
from retailhub.sandbox.store.params import listed
from retailhub.sandbox.store.php import Params, encode, read_query
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
MOST_IN_BATCH = 100


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request. ``origin`` is scheme and host as the caller named them; ``headers`` have small names."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    origin: str
    secure: bool

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple(parse_qsl(self.query, keep_blank_values=True))


class Answer(msgspec.Struct, kw_only=True):
    """An HTTP answer."""

    status: int
    body: bytes
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request that reached its page. ``posted`` is all that was sent, body before query."""

    store: Store
    method: str
    address: str
    params: Params
    posted: Mapping[str, Any]

    @property
    def force(self) -> bool:
        """Whether to delete for good."""
        return str(self.posted.get("force", "")).lower() in {"true", "1"}


def read_body(request: Request) -> dict[str, Any]:
    """What the body says: JSON where it is called that, a form otherwise. Raises `RestError`."""
    if not request.body:
        return {}
    if "json" not in request.headers.get("content-type", ""):
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return read_query(pairs)
    try:
        content = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        data = {"json_error_code": 4, "json_error_message": "Syntax error"}
        raise RestError(400, "rest_invalid_json", "Invalid JSON body passed.", data=data) from error
    return content if isinstance(content, dict) else {}


def shown(call: Call, row: Doc, *, status: int = 200, location: str = "") -> Answer:
    """One resource, or the fields of it that were asked for."""
    if call.params.get("_fields"):
        row = cut_fields(row, listed(call.params["_fields"]))
    headers = {"Location": f"{call.store.api}/{location}"} if location else {}
    return Answer(status=status, body=encode(row), headers=headers)


def listing(call: Call, rows: Sequence[Doc], page: Page | None = None, *, more: Params | None = None) -> Answer:
    """A list. ``more`` are parameters that the store adds to those it repeats in its links."""
    if page is None:
        return Answer(status=200, body=encode(rows))
    params = {**call.params, **(more or {})}
    return Answer(status=200, body=encode(rows), headers=paging.headers(page, address=call.address, params=params))


def batch(
    call: Call,
    *,
    create: Callable[[Mapping[str, Any]], Doc],
    update: Callable[[int, Mapping[str, Any]], Doc],
    delete: Callable[[int], Doc],
) -> Answer:
    """POST .../batch: everything by itself, nothing checked beforehand, always 200 but for too many."""
    posted = {name: call.posted.get(name) or [] for name in ("create", "update", "delete")}
    if sum(len(rows) for rows in posted.values()) > MOST_IN_BATCH:
        text = f"Unable to accept more than {MOST_IN_BATCH} items for this request."
        raise RestError(413, "woocommerce_rest_request_entity_too_large", text)
    found: dict[str, list[Doc]] = {}
    for row in posted["create"]:
        found.setdefault("create", []).append(_each(partial(create, row), 0))
    for row in posted["update"]:
        ident = row.get("id")
        number = ident if isinstance(ident, int) else 0
        found.setdefault("update", []).append(_each(partial(update, number, row), ident))
    for ident in posted["delete"]:
        found.setdefault("delete", []).append(_each(partial(delete, int(ident)), ident))
    return Answer(status=200, body=encode(found or []))


def _each(do: Callable[[], Doc], ident: Any) -> Doc:
    try:
        return do()
    except RestError as error:
        return {"id": ident, "error": error.body()}

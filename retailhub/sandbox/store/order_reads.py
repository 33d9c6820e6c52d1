"""GET of orders: one, and lists with the filters the store knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retailhub.sandbox.store import order_keep
from retailhub.sandbox.store.errors import BadParam, invalid_id, invalid_params
from retailhub.sandbox.store.ledger import Row, load
from retailhub.sandbox.store.order_shown import View, cut_fields, order_shown, view_of
from retailhub.sandbox.store.order_status import STATUSES
from retailhub.sandbox.store.paging import PAGE, Page, limits
from retailhub.sandbox.store.params import listed, read
from retailhub.sandbox.store.php import Params, fold
from retailhub.sandbox.store.store import Store

Doc = dict[str, Any]
_IDS = {"type": "array", "items": {"type": "integer"}}
DATES: dict[str, dict[str, Any]] = {
    "after": {"type": "string"},
    "before": {"type": "string"},
    "modified_after": {"type": "string"},
    "modified_before": {"type": "string"},
    "dates_are_gmt": {"type": "boolean", "default": False},
}
LIST: dict[str, dict[str, Any]] = {
    **PAGE,
    **DATES,
    "search": {"type": "string"},
    "exclude": _IDS,
    "include": _IDS,
    "order": {"type": "string", "enum": ("asc", "desc"), "default": "desc"},
    "orderby": {
        "type": "string",
        "enum": ("date", "id", "include", "title", "slug", "modified"),
        "default": "date",
    },
    "status": {
        "type": "array",
        "items": {"type": "string", "enum": ("any", "trash", *STATUSES)},
        "default": ["any"],
    },
    "customer": {"type": "integer"},
    "product": {"type": "integer"},
    "dp": {"type": "integer"},
}
_HIDDEN = "status NOT IN ('trash', 'checkout-draft', 'auto-draft')"
_COLUMNS = {"date": "created", "modified": "modified", "id": "id", "title": "created", "slug": "created"}
_SEARCHED = ("first_name", "last_name", "company", "email", "address_1", "city", "postcode", "phone")


def one_order(store: Store, order_id: int, *, dp: int | None = None) -> Doc:
    """GET orders/{id}. Raises `RestError`."""
    doc = order_keep.read(store, order_id)
    if doc is None:
        raise invalid_id("shop_order")
    return order_shown(view_of(store, dp=dp), order_id, doc)


def list_orders(store: Store, params: Params) -> tuple[list[Doc], Page]:
    """GET orders. Raises `RestError`. ``status=any`` leaves out trash and drafts, whatever else is asked for."""
    wanted = read(params, LIST)
    where, values = conditions(store, wanted, params)
    size, skip = limits(wanted)
    source = "orders INDEXED BY orders_walk" if wanted["orderby"] == "id" else "orders"
    query = f"SELECT id, status FROM {source} WHERE {where} ORDER BY {_ordering(wanted)} LIMIT ? OFFSET ?"  # noqa: S608 - our own words
    found = store.ledger.rows(query, (*values, size, skip))
    total = count(store, where, values) if found else 0
    view = view_of(store, dp=wanted.get("dp"), in_list=True)
    return _shown(view, found, params), Page(wanted["page"], size, total)


def _shown(view: View, found: list[Row], params: Params) -> list[Doc]:
    """The orders of these rows. Which they are was found in indexes alone; only now they are read."""
    fields = listed(params["_fields"]) if params.get("_fields") else None
    if fields is not None and set(fields) <= {"id", "status"}:
        return [{name: row[name] for name in ("id", "status") if name in fields} for row in found]
    ids = [row["id"] for row in found]
    query = f"SELECT id, doc FROM orders WHERE id IN ({_marks(ids)})"  # noqa: S608 - our own words
    docs = {row["id"]: row["doc"] for row in view.store.ledger.rows(query, ids)}
    rows = [order_shown(view, ident, load(docs[ident])) for ident in ids if ident in docs]
    return rows if fields is None else [cut_fields(row, fields) for row in rows]


def count(store: Store, where: str, values: list[Any]) -> int:
    """How many orders there are; of nothing but statuses without looking at each."""
    if where == _HIDDEN:
        grouped = "SELECT status, count(*) AS n FROM orders GROUP BY status"
        return int(store.ledger.value(f"SELECT coalesce(sum(n), 0) FROM ({grouped}) WHERE {where}"))  # noqa: S608
    return int(store.ledger.value(f"SELECT count(*) FROM orders WHERE {where}", values))  # noqa: S608


def _ordering(wanted: Mapping[str, Any]) -> str:
    turn = "ASC" if wanted["order"] == "asc" else "DESC"
    if wanted["orderby"] == "include" and wanted.get("include"):
        ranks = " ".join(f"WHEN {ident} THEN {rank}" for rank, ident in enumerate(wanted["include"]))
        return f"CASE id {ranks} END ASC"
    column = _COLUMNS.get(wanted["orderby"], "created")
    return f"id {turn}" if column == "id" else f"{column} {turn}, id {turn}"


def conditions(store: Store, wanted: Mapping[str, Any], params: Params) -> tuple[str, list[Any]]:
    """The WHERE clause of a list and its values. Raises `RestError`."""
    parts: list[str] = []
    values: list[Any] = []
    statuses = wanted["status"] or ["any"]
    if "any" in statuses:
        parts.append(_HIDDEN)
    else:
        parts.append(f"status IN ({_marks(statuses)})")
        values += statuses
    for name, word in (("include", "IN"), ("exclude", "NOT IN")):
        if wanted.get(name):
            parts.append(f"id {word} ({_marks(wanted[name])})")
            values += wanted[name]
    if wanted.get("customer"):
        parts.append("customer_id = ?")
        values.append(wanted["customer"])
    if wanted.get("product"):
        parts.append("id IN (SELECT order_id FROM order_product WHERE product_id = ?)")
        values.append(wanted["product"])
    if wanted.get("search"):
        found = _search(store, wanted["search"])
        parts.append(f"id IN ({_marks(found)})")
        values += found
    more, moments = date_conditions(store, wanted, params)
    return " AND ".join([*parts, *more]), [*values, *moments]


def date_conditions(store: Store, wanted: Mapping[str, Any], params: Params) -> tuple[list[str], list[Any]]:
    """``modified_after`` and its like: strictly later, strictly earlier. Raises `RestError`."""
    parts: list[str] = []
    values: list[Any] = []
    problems: dict[str, BadParam] = {}
    for name, column, sign in (
        ("after", "created", ">"), ("before", "created", "<"),
        ("modified_after", "modified", ">"), ("modified_before", "modified", "<"),
    ):  # fmt: skip
        if params.get(name) is None:
            continue
        try:
            values.append(store.clock.read_filter(str(params[name]), gmt=wanted["dates_are_gmt"]))
        except BadParam as problem:
            problems[name] = problem
        parts.append(f"{column} {sign} ?")
    if problems:
        raise invalid_params(problems)
    return parts, values


def _search(store: Store, text: str) -> list[int]:
    """Orders whose number, addresses or line names have the text in them. Looks at all of them."""
    if text.isdigit():
        return [row["id"] for row in store.ledger.rows("SELECT id FROM orders WHERE id = ?", (int(text),))]
    needle, found = fold(text), []
    for row in store.ledger.db.execute("SELECT id, doc FROM orders"):
        doc = load(row["doc"])
        words = [doc[part].get(name, "") for part in ("billing", "shipping") for name in _SEARCHED]
        words += [line["name"] for line in doc["lines"]]
        if any(needle in fold(word) for word in words):
            found.append(int(row["id"]))
    return found


def _marks(values: list[Any]) -> str:
    return ",".join("?" * len(values))

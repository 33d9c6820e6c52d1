"""One method an endpoint of the look-alike ERP. The API is described in ``retailhub/sandbox/erp/api.py``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

import msgspec

from integrations.connectors.answers import in_doubt
from integrations.connectors.http import Answer, Effect, HttpClient
from integrations.connectors.lookalike_erp import mapping
from integrations.connectors.lookalike_erp.config import Credentials, Settings
from integrations.connectors.lookalike_erp.schemas import (
    Customer,
    Document,
    DocumentAnswer,
    DocumentsAnswer,
    Item,
    ItemsAnswer,
    KeysAnswer,
    Order,
    PingAnswer,
    ProductsAnswer,
    Refusal,
)
from integrations.ports.context import CallContext
from integrations.ports.errors import Unknown

T = TypeVar("T")

_ORDERS = "/api/v1/sales-orders"
_REFUSED = 422
_ENCODER = msgspec.json.Encoder()
_PAGE = 200


class Client:
    """Calls with the connection's key. Every method raises `ConnectorError` only."""

    def __init__(self, settings: Settings, credentials: Credentials, context: Callable[[], CallContext]) -> None:
        self._http = HttpClient(
            base_url=settings.base_url,
            context=context,
            headers={"Authorization": f"Bearer {credentials.api_key}"},
            allow_private=settings.allow_private,
        )

    def close(self) -> None:
        """Close the pooled sockets."""
        self._http.close()

    def ping(self) -> PingAnswer:
        """The company's name."""
        return self._get("/api/v1/ping", PingAnswer)

    def products(self, *, after: str) -> ProductsAnswer:
        """A page of products with codes after ``after``."""
        return self._get("/api/v1/products", ProductsAnswer, ("after", after), ("limit", str(_PAGE)))

    def put_customers(self, customers: Sequence[Customer]) -> None:
        """Add or overwrite by key: safe to repeat."""
        answer = self._write("POST", "/api/v1/customers", {"customers": customers}, KeysAnswer)
        if len(answer.items) != len(customers):
            raise _out_of_step(len(customers), len(answer.items))

    def create(self, orders: Sequence[Order]) -> list[Item]:
        """Drafts, one for each order, whatever exists already."""
        answer = self._write("POST", _ORDERS, {"orders": orders}, ItemsAnswer)
        told = [item.document.reference if item.document else None for item in answer.items]
        if len(told) != len(orders) or any(
            reference not in (None, order.reference) for reference, order in zip(told, orders, strict=True)
        ):
            raise _out_of_step(len(orders), len(told))
        return list(answer.items)

    def confirm(self, ids: Sequence[str]) -> list[Item]:
        """Make drafts final."""
        return self._by_ids(f"{_ORDERS}/confirm", ids)

    def cancel(self, ids: Sequence[str]) -> list[Item]:
        """Cancel drafts and confirmed orders."""
        return self._by_ids(f"{_ORDERS}/cancel", ids)

    def amend(self, document_id: str, order: Order) -> Document:
        """Replace lines and addresses."""
        return self._write("PUT", f"{_ORDERS}/{document_id}", order, DocumentAnswer).document

    def search(self, references: Sequence[str]) -> tuple[Document, ...]:
        """All documents under these references that the search shows already."""
        body = _ENCODER.encode({"references": references})
        answer = self._http.call("POST", f"{_ORDERS}/search", effect=Effect.READ, body=body)
        return self._parsed(answer, DocumentsAnswer).documents

    def read(self, ids: Sequence[str]) -> tuple[Document, ...]:
        """The documents with these ids; those that do not exist are left out. Never lags."""
        return self._get(_ORDERS, DocumentsAnswer, ("ids", ",".join(ids))).documents

    def changes(self, *, since: dt.datetime | None, after: int) -> DocumentsAnswer:
        """A page of documents changed at or after ``since``, following change number ``after``."""
        params = [("after", str(after)), ("limit", str(_PAGE))]
        if since is not None:
            params.append(("since", since.isoformat()))
        return self._get(f"{_ORDERS}/changes", DocumentsAnswer, *params)

    def _get(self, path: str, kind: type[T], *params: tuple[str, str]) -> T:
        return self._parsed(self._http.call("GET", path, effect=Effect.READ, params=params), kind)

    def _by_ids(self, path: str, ids: Sequence[str]) -> list[Item]:
        answer = self._write("POST", path, {"ids": ids}, ItemsAnswer)
        told = [item.document.id if item.document else None for item in answer.items]
        if len(told) != len(ids) or any(found not in (None, asked) for found, asked in zip(told, ids, strict=True)):
            raise _out_of_step(len(ids), len(told))
        return list(answer.items)

    def _write(self, method: str, path: str, body: object, kind: type[T]) -> T:
        answer = self._http.call(
            method, path, effect=Effect.WRITE, body=_ENCODER.encode(body), handle=frozenset({_REFUSED})
        )
        if answer.status == _REFUSED:
            raise mapping.rejected(answer.json(Refusal).error)
        return self._parsed(answer, kind)

    def _parsed(self, answer: Answer, kind: type[T]) -> T:
        if answer.body.startswith(b'{"error"'):
            _refuse_error_body(answer)
        return answer.json(kind)


def _refuse_error_body(answer: Answer) -> NoReturn:
    raise in_doubt(
        answer.effect,
        f"{answer.host} answered with status {answer.status} and an error inside.",
        code="error_in_answer",
        evidence=answer.evidence(),
    )


def _out_of_step(asked: int, told: int) -> Unknown:
    return Unknown(
        "The ERP's answers do not belong to the items asked about.",
        code="bad_answer",
        evidence={"asked": str(asked), "answered": str(told)},
    )

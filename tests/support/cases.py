"""Order 903, which the ERP refuses: what people do with its case, and an ERP that has some documents."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integrations import asking
from integrations import selectors as pipes
from integrations.models import Connection, OutboxMessage
from integrations.ports import documents
from integrations.ports.documents import DocumentState, ExternalDocument, SalesOrder
from reconciliation.models import Case
from tests.support.world import Sink, order_body

REASON = "the merchant called"
REFUSED = "WC-eu-903"


def refused(code: str = "period_closed") -> Case:
    return Case.objects.get(code=code)


def parked() -> OutboxMessage:
    return OutboxMessage.objects.get(reference=REFUSED, status="parked")


def url(case: Case, act: str) -> str:
    return reverse("admin:reconciliation_case_act", args=[case.pk, act])


def do(client: Client, case: Case, act: str, **values: Any) -> Any:
    return client.post(url(case, act), {"reason": REASON, **values})


def sent() -> SalesOrder:
    """The document that went out last for 903."""
    (body,) = [each for each in pipes.bodies_of(message_id=message().pk) if each.revision == message().revision]
    return documents.decode(bytes(body.body), SalesOrder)


def message() -> OutboxMessage:
    return OutboxMessage.objects.get(reference=REFUSED, operation="post_order")


def raw_form(client: Client, case: Case) -> dict[str, Any]:
    form = client.get(url(case, "edit")).context["form"]
    return {name: field.initial or "" for name, field in form.fields.items() if name != "reason"}


class Answering(Sink):
    """An ERP that has some documents, by id and by reference."""

    follows_ids = True

    def __init__(self, *held: ExternalDocument) -> None:
        super().__init__()
        self.held = held

    def find(self, references: Any) -> dict[str, list[ExternalDocument]]:
        return {each: [one for one in self.held if one.reference == each] for each in references}

    def read_document(self, external_id: str) -> ExternalDocument | None:
        return next((one for one in self.held if one.external_id == external_id), None)


def held(**changes: Any) -> ExternalDocument:
    document = sent()
    facts: dict[str, Any] = {
        "reference": REFUSED,
        "external_id": "77",
        "state": DocumentState.CONFIRMED,
        "currency": document.currency,
        "total": document.total,
        "line_count": len(document.lines),
        "number": "SO-77",
    }
    return ExternalDocument(**{**facts, **changes})


def erp_has(monkeypatch: pytest.MonkeyPatch, *documents_there: ExternalDocument) -> None:
    class Lines:
        def connector(self, _row: Connection, _context: Any) -> Sink:
            return Answering(*documents_there)

    @contextlib.contextmanager
    def lines() -> Iterator[Any]:
        yield Lines()

    monkeypatch.setattr(asking, "open_lines", lines)


def changed_order(*, number: int = 903, note: str = "", status: str = "processing") -> bytes:
    order = json.loads(order_body(number))
    return json.dumps(
        {**order, "customer_note": note, "status": status, "date_modified_gmt": "2031-01-01T00:00:00"}
    ).encode()

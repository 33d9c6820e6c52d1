"""The look-alike ERP's capabilities: it takes sales orders and names its products."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import ClassVar

from integrations.connectors.lookalike_erp import mapping
from integrations.connectors.lookalike_erp.client import Client
from integrations.connectors.lookalike_erp.config import parse_credentials, parse_settings
from integrations.connectors.lookalike_erp.ensure import Round
from integrations.ports.capabilities import Ask, Check, Health, Result
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import ExternalDocument, Product
from integrations.ports.errors import AuthRejected, ConnectorError, Transient


class Connector:
    """`OrderSink`, `ProductSource` and `Testable` for one connection, used by one thread at a time."""

    kind: ClassVar[str] = "lookalike_erp"
    batch_size = 50
    can_amend = True
    follows_ids = True

    def __init__(self, info: ConnectionInfo, context: CallContext) -> None:
        self.context = context
        self._client = Client(parse_settings(info.settings), parse_credentials(info.credentials), lambda: self.context)

    def close(self) -> None:
        """Close the pooled sockets."""
        self._client.close()

    def ensure_many(self, asks: Sequence[Ask]) -> list[Result]:
        """See `OrderSink.ensure_many`. Crash points: ``lookalike_erp.found``, ``.created``, ``.confirmed``.

        A second ask for a reference that is already in the call waits for the next one, as `Transient`.
        """
        first: dict[str, Ask] = {}
        for ask in asks:
            first.setdefault(ask.reference, ask)
        results: dict[str, Result] = {}
        unique = list(first.values())
        for start in range(0, len(unique), self.batch_size):
            part = unique[start : start + self.batch_size]
            results |= Round(self._client, self.context.crashpoint, part).run()
        return [results[ask.reference] if ask is first[ask.reference] else _asked_twice(ask.reference) for ask in asks]

    def find(self, references: Sequence[str]) -> dict[str, list[ExternalDocument]]:
        """See `OrderSink.find`. A new document may be missing for as long as the ERP's search lags."""
        found: dict[str, list[ExternalDocument]] = {reference: [] for reference in references}
        wanted = list(found)
        for start in range(0, len(wanted), self.batch_size):
            for document in self._client.search(wanted[start : start + self.batch_size]):
                if document.reference in found:
                    found[document.reference].append(mapping.external_document(document))
        return found

    def read_document(self, external_id: str) -> ExternalDocument | None:
        """See `DocumentReader.read_document`."""
        found = self._client.read([external_id]) if "," not in external_id else ()
        return next((mapping.external_document(document) for document in found if document.id == external_id), None)

    def walk(self, since: dt.datetime | None) -> Iterator[ExternalDocument]:
        """See `OrderSink.walk`. A document changed during the walk is told again, in its newer state."""
        after: int | None = 0
        while after is not None:
            page = self._client.changes(since=since, after=after)
            yield from map(mapping.external_document, page.documents)
            after = page.next

    def walk_products(self, since: dt.datetime | None) -> Iterator[Product]:
        """See `ProductSource.walk_products`. The ERP cannot tell changes only, so ``since`` is not used."""
        after: str | None = ""
        while after is not None:
            page = self._client.products(after=after)
            yield from map(mapping.product, page.products)
            after = page.next

    def check(self) -> list[Check]:
        """Is it there, does it take the key, has it products?"""
        try:
            company = self._client.ping().company
        except AuthRejected as error:
            return [_reached(), _failed("credentials", error, "Enter a valid API key.")]
        except Transient as error:
            return [_failed("reachability", error, "See whether the ERP runs and can be reached from here.")]
        except ConnectorError as error:
            return [_failed("settings", error, "Correct the base URL.")]
        return [
            _reached(),
            Check("credentials", Health.OK, f"{company} takes the API key."),
            self._check_products(),
        ]

    def _check_products(self) -> Check:
        try:
            page = self._client.products(after="")
        except ConnectorError as error:
            return _failed("products", error, "Give the key the right to read products.")
        if not page.products:
            return Check("products", Health.FAILED, "The ERP has no products.", "Add the products that are sold.")
        return Check("products", Health.OK, "Products can be read.")


def _asked_twice(reference: str) -> Transient:
    return Transient(f"{reference} is being dealt with in the same call.", code="asked_twice")


def _reached() -> Check:
    return Check("reachability", Health.OK, "The ERP answers.")


def _failed(name: str, error: ConnectorError, fix: str) -> Check:
    return Check(name, Health.FAILED, error.detail, fix)

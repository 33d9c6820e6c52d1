"""Tryton as a sink of orders and a source of product codes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from integrations.connectors.tryton import mapping, schemas
from integrations.connectors.tryton.catalogue import Catalogue
from integrations.connectors.tryton.client import Client
from integrations.connectors.tryton.config import parse_credentials, parse_settings
from integrations.connectors.tryton.sales import SALE, Batch
from integrations.ports.capabilities import (
    Ask,
    Check,
    Health,
    OrderSink,
    ProductSource,
    Result,
    Testable,
)
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import ExternalDocument, Product
from integrations.ports.errors import ConnectorError


class Connector(OrderSink, ProductSource, Testable):
    """One Tryton company, through one web shop. Belongs to one thread; keeps its session between batches."""

    kind: ClassVar[str] = "tryton"
    batch_size = 50
    can_amend = False
    follows_ids = False

    def __init__(self, info: ConnectionInfo, context: CallContext) -> None:
        self.context = context
        self._settings = parse_settings(info.settings)
        credentials = parse_credentials(info.credentials)
        self._client = Client(self._settings, credentials, context=lambda: self.context)
        self._catalogue = Catalogue(self._client, self._settings)

    def close(self) -> None:
        """Close the sockets. The connector may be used again."""
        self._client.close()

    def ensure_many(self, asks: Sequence[Ask]) -> list[Result]:
        """See `OrderSink.ensure_many`. Batches are all or nothing in Tryton: a bad order is singled out."""
        batch = Batch(
            asks,
            client=self._client,
            catalogue=self._catalogue,
            settings=self._settings,
            today=self._today(),
            crashpoint=lambda name: self.context.crashpoint(name),
        )
        return batch.run()

    def find(self, references: Sequence[str]) -> dict[str, list[ExternalDocument]]:
        """See `OrderSink.find`."""
        found: dict[str, list[ExternalDocument]] = {reference: [] for reference in references}
        for row in self._sales([("web_id", "in", list(found))]):
            found[row.web_id].append(self._document(row))
        return found

    def read_document(self, external_id: str) -> ExternalDocument | None:
        """See `DocumentReader.read_document`. Only sales of our web shop: others carry no reference."""
        named: list[Any] = ["OR", ("number", "=", external_id)]
        if external_id.isascii() and external_id.isdigit() and len(external_id) < 10:
            named.append(("id", "=", int(external_id)))
        return next(map(self._document, self._sales([named])), None)

    def walk(self, since: dt.datetime | None) -> Iterator[ExternalDocument]:
        """See `OrderSink.walk`. In the order of creation."""
        return map(self._document, self._sales(self._changed(since)))

    def walk_products(self, since: dt.datetime | None) -> Iterator[Product]:
        """See `ProductSource.walk_products`; with ``since`` also those that are not sold any more."""
        domain: list[Any] = [("salable", "=", True), ("code", "!=", None), ("code", "!=", "")]
        if since is not None:
            local = mapping.to_local(since, self._settings.server_time_zone)
            changed = ["OR", ("last_modified_at", ">=", local), ("template.last_modified_at", ">=", local)]
            domain = [("active", "in", [True, False]), ("code", "!=", None), ("code", "!=", ""), changed]
        rows = self._client.walk("product.product", domain, schemas.PRODUCT_FIELDS, schemas.ProductRow)
        return map(mapping.product, rows)

    def check(self) -> list[Check]:
        """See `Testable.check`: login first, then shop, warehouse, taxes and the three service products."""
        try:
            self._client.preferences()
        except ConnectorError as error:
            checks = [_failed("login", error, "Check url, user and password.")]
            return [*checks, *(_skipped(name) for name in ("company", "products"))]
        checks = [Check("login", Health.OK, "Tryton answers and takes the user.")]
        for name, look, fix in (
            ("company", self._check_company, "Set web_shop, company and warehouse; check the user's groups."),
            ("products", self._check_products, "Create the missing service products in Tryton."),
        ):
            try:
                checks.append(look())
            except ConnectorError as error:
                checks.append(_failed(name, error, fix))
        return checks

    def _check_company(self) -> Check:
        self._catalogue.forget()
        facts = self._catalogue.facts(self._today())
        rates = sorted({tax.rate * 100 for tax in facts.taxes})
        shown = ", ".join(f"{rate.normalize():f}" for rate in rates)
        return Check("company", Health.OK, f"The web shop is there; taxes in percent: {shown or 'none'}.")

    def _check_products(self) -> Check:
        settings = self._settings
        codes = [settings.shipping_item, settings.fee_item, settings.rounding_item]
        found = self._catalogue.products(codes)
        missing = [code for code in codes if code not in found]
        if missing:
            sentence = f"Tryton lacks the products {', '.join(missing)}."
            return Check("products", Health.FAILED, sentence, "Create them as services that can be sold.")
        return Check("products", Health.OK, "Shipping, fees and rounding have their products.")

    def _sales(self, domain: list[Any]) -> Iterator[schemas.SaleRow]:
        shop = self._catalogue.facts(self._today()).shop
        ours = [("web_shop", "=", shop), ("web_id", "!=", None)]
        return self._client.walk(SALE, [*ours, *domain], schemas.SALE_FIELDS, schemas.SaleRow)

    def _changed(self, since: dt.datetime | None) -> list[Any]:
        if since is None:
            return []
        return [("last_modified_at", ">=", mapping.to_local(since, self._settings.server_time_zone))]

    def _document(self, row: schemas.SaleRow) -> ExternalDocument:
        return mapping.external_document(row, self._settings.server_time_zone)

    def _today(self) -> dt.date:
        return mapping.to_local(self.context.now(), self._settings.server_time_zone).date()


def _failed(name: str, error: ConnectorError, fix: str) -> Check:
    return Check(name, Health.FAILED, error.detail, fix)


def _skipped(name: str) -> Check:
    return Check(name, Health.SKIPPED, "Not looked at, because the login failed.")

"""What a connector remembers of a Tryton company between batches: its shop, taxes, currencies, products."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from integrations.connectors.tryton import schemas
from integrations.connectors.tryton.amounts import Tax
from integrations.connectors.tryton.client import Client
from integrations.connectors.tryton.config import Settings
from integrations.connectors.tryton.lines import Facts
from integrations.ports.errors import Misconfigured


class Catalogue:
    """Looks up once and remembers what was found; what was not found is asked for again."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._facts: Facts | None = None
        self._products: dict[str, schemas.ProductRow] = {}
        self._subdivisions: dict[str, int] = {}

    def forget(self) -> None:
        """Ask anew next time: something was refused that a change in Tryton may have mended."""
        self._facts = None
        self._products.clear()

    def facts(self, today: dt.date) -> Facts:
        """Raises `Misconfigured` when the shop, the company or the warehouse is not there."""
        if self._facts is None:
            self._facts = self._read_facts(today)
        return self._facts

    def products(self, codes: Iterable[str]) -> Mapping[str, schemas.ProductRow]:
        """Active products by code, at least those of ``codes`` that Tryton has."""
        missing = sorted(set(codes) - self._products.keys())
        if missing:
            found = self._client.search_read(
                "product.product", [("code", "in", missing)], schemas.PRODUCT_FIELDS, schemas.ProductRow
            )
            self._products |= {row.code: row for row in found if row.code}
        return self._products

    def subdivisions(self, codes: Iterable[str]) -> Mapping[str, int]:
        """Ids of subdivisions (states, provinces) by ISO 3166-2 code, those that Tryton has."""
        missing = sorted(set(codes) - self._subdivisions.keys())
        if missing:
            found = self._client.search_read("country.subdivision", [("code", "in", missing)], ["code"], schemas.Coded)
            self._subdivisions |= {row.code: row.id for row in found if row.code}
        return self._subdivisions

    def _read_facts(self, today: dt.date) -> Facts:
        company = self._client.preferences().get("company")
        if not isinstance(company, int):
            raise Misconfigured("The Tryton user has no company; set company.", evidence={"field": "company"})
        shop = self._read_shop()
        if shop.company != company:
            raise Misconfigured(
                "The web shop belongs to another company than the user's.", evidence={"field": "company"}
            )
        currencies = self._client.search_read("currency.currency", [], ["code", "rounding"], schemas.CurrencyRow)
        countries = self._client.search_read("country.country", [], ["code"], schemas.Coded)
        return Facts(
            company=company,
            shop=shop.id,
            warehouse=self._read_warehouse(shop),
            currencies={row.code: row for row in currencies if row.code},
            countries={row.code: row.id for row in countries if row.code},
            taxes=self._read_taxes(company, today),
            rounds_tax_per_line=self._rounds_tax_per_line(),
            has_shipment_cost=self._client.has_field("sale.sale", "shipment_cost_method"),
        )

    def _read_shop(self) -> schemas.ShopRow:
        if not self._client.has_field("sale.sale", "web_shop"):
            raise Misconfigured("Tryton's module web_shop is not active, without which sales can double.")
        name = self._settings.web_shop
        shops = self._client.search_read("web.shop", [("name", "=", name)], ["company", "warehouses"], schemas.ShopRow)
        if not shops:
            raise Misconfigured(f"Tryton has no web shop named {name!r}.", evidence={"field": "web_shop"})
        return shops[0]

    def _read_warehouse(self, shop: schemas.ShopRow) -> int:
        code = self._settings.warehouse
        domain: list[tuple[str, str, object]] = [("type", "=", "warehouse")]
        if code is not None:
            domain.append(("code", "=", code))
        elif shop.warehouses:
            domain.append(("id", "in", shop.warehouses))
        found = self._client.search_read("stock.location", domain, ["code"], schemas.Coded)
        if len(found) != 1:
            raise Misconfigured(
                f"{len(found)} warehouses of Tryton fit; set warehouse to the code of one.",
                evidence={"field": "warehouse"},
            )
        return found[0].id

    def _read_taxes(self, company: int, today: dt.date) -> tuple[Tax, ...]:
        domain = [
            ("company", "=", company),
            ("parent", "=", None),
            ("type", "=", "percentage"),
            ["OR", ("group", "=", None), ("group.kind", "in", ["sale", "both"])],
        ]
        rows = self._client.search_read("account.tax", domain, schemas.TAX_FIELDS, schemas.TaxRow)
        return tuple(
            Tax(row.id, row.rate, row.sequence, row.update_unit_price)
            for row in rows
            if not row.childs and (row.start_date or today) <= today <= (row.end_date or today)
        )

    def _rounds_tax_per_line(self) -> bool:
        (row,) = self._client.read("account.configuration", [1], ["tax_rounding"], schemas.TaxConfigurationRow)
        return row.tax_rounding == "line"

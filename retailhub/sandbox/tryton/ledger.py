"""The sandbox ERP's own word on what it holds: straight from Tryton's tables, in one consistent read."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import psycopg2.extensions

QUERY = """
SELECT sale.web_id, shop.name, sale.state, currency.code, sale.number,
       sale.total_amount_cache, sale.untaxed_amount_cache,
       (SELECT count(*) FROM sale_line line WHERE line.sale = sale.id),
       (SELECT count(DISTINCT move.shipment) FROM stock_move move JOIN sale_line line
            ON move.origin = 'sale.line,' || line.id WHERE line.sale = sale.id
            AND move.shipment LIKE 'stock.shipment.out,%%'),
       (SELECT count(DISTINCT invoiced.invoice) FROM account_invoice_line invoiced JOIN sale_line line
            ON invoiced.origin = 'sale.line,' || line.id WHERE line.sale = sale.id)
FROM sale_sale sale
JOIN currency_currency currency ON currency.id = sale.currency
JOIN web_shop shop ON shop.id = sale.web_shop
ORDER BY sale.id
"""


@dataclass(frozen=True)
class LedgerSale:
    """One sale of a web shop. ``total`` and ``untaxed`` are stored at confirmation, ``None`` before."""

    web_id: str
    web_shop: str
    state: str
    currency: str
    number: str | None
    total: Decimal | None
    untaxed: Decimal | None
    lines: int
    shipments: int
    invoices: int


def read_sales(connection: psycopg2.extensions.connection) -> list[LedgerSale]:
    """Every sale that came from a web shop, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(QUERY)
        return [LedgerSale(*row) for row in cursor.fetchall()]

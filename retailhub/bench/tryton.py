"""Orders per second into a real Tryton through the connector, against driving the same server directly.

Both sides make the same sales of new customers, 50 in a batch, on one connection: the same lines, the rounding line
among them that brings Tryton's total to the order's. The direct side knows every id beforehand and makes only the
calls without which there is no processed sale: create the parties, read their addresses, create the sales, quote,
confirm. It looks nothing up, compares nothing and reads nothing back.
"""

from __future__ import annotations

import base64
import datetime as dt
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import psutil
import requests

from integrations.connectors.tryton.connector import Connector
from integrations.ports.capabilities import Ask, Ensured
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import (
    Address,
    Customer,
    SalesLine,
    SalesLineKind,
    SalesOrder,
    SalesTax,
)
from retailhub.sandbox.services import Services
from retailhub.sandbox.supervisor import Supervisor
from retailhub.sandbox.tryton.data import KnownData
from retailhub.sandbox.tryton.server import TrytonServer

GOODS = ("SKU-1", "SKU-2", "SKU-3")
RATE = Decimal("0.19")
"""Of the one tax that all lines bear."""
SECONDS = 300
"""For one call; a batch of 50 takes Tryton about ten on a slow machine."""


@dataclass
class Side:
    """One way to post, and what each batch cost: orders a second, and CPU milliseconds an order."""

    post: Callable[[Sequence[SalesOrder]], None]
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def run(self, orders: Sequence[SalesOrder], server: psutil.Process) -> None:
        """Post and note; the CPU is that of Tryton and of this process, without PostgreSQL."""
        cpu, begun = _cpu(server), time.monotonic()
        self.post(orders)
        self.rates.append(len(orders) / (time.monotonic() - begun))
        self.cpu.append((_cpu(server) - cpu) * 1000 / len(orders))


def _cpu(server: psutil.Process) -> float:
    times = server.cpu_times()
    return float(times.user + times.system) + time.process_time()


def measure(
    *, supervisor: Supervisor, database_url: str, pairs: int = 3, batch: int = 50, database: str = "tryton_bench"
) -> dict[str, Any]:
    """Both sides in pairs, the first of each alternating; medians of the rates and of the ratios pair by pair.

    On a machine with other work ``cpu_ratio`` (the direct side's CPU for an order over ours) is the steadier one.
    """
    known = KnownData(goods=GOODS)
    server = TrytonServer(supervisor=supervisor, database_url=database_url, known=known, database=database)
    with server:
        info = ConnectionInfo("bench", "tryton", server.settings(), server.credentials())
        connector = Connector(info, CallContext(deadline_seconds=SECONDS))
        sides = (Side(lambda orders: ensure(connector, orders)), Side(Direct(server).post))
        for number, side in enumerate(sides):
            side.post(documents(f"warm-{number}", 3))
        process = psutil.Process(server.process_id)
        for pair in range(pairs):
            for number in (0, 1) if pair % 2 == 0 else (1, 0):
                sides[number].run(documents(f"{pair}-{number}", batch), process)
        connector.close()
        _check_ledger(server, 6 + 2 * pairs * batch)
    return _summary(*sides) | {"batch": batch, "pairs": pairs}


def _summary(ours: Side, direct: Side) -> dict[str, Any]:
    ratios = [mine / theirs for mine, theirs in zip(ours.rates, direct.rates, strict=True)]
    cpu_ratios = [theirs / mine for mine, theirs in zip(ours.cpu, direct.cpu, strict=True)]
    return {
        "orders_per_second": round(statistics.median(ours.rates), 2),
        "direct_orders_per_second": round(statistics.median(direct.rates), 2),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "cpu_ms_per_order": round(statistics.median(ours.cpu), 1),
        "direct_cpu_ms_per_order": round(statistics.median(direct.cpu), 1),
        "cpu_ratio": round(statistics.median(cpu_ratios), 3),
    }


def measure_in(services: Services) -> dict[str, Any]:
    """`measure` on services that run already."""
    return measure(supervisor=services.supervisor, database_url=services.database_url)


def ensure(connector: Connector, orders: Sequence[SalesOrder]) -> None:
    """Through the connector; every order must be done."""
    for result in connector.ensure_many([Ask(order.reference, order) for order in orders]):
        if not isinstance(result, Ensured):
            raise result


def _check_ledger(server: TrytonServer, expected: int) -> None:
    rows = server.sales()
    order = _document("any")
    wanted = ("processing", 1, 1, order.total, len(order.lines) + 1)
    whole = [row for row in rows if (row.state, row.shipments, row.invoices, row.total, row.lines) == wanted]
    if not len(whole) == len(rows) == expected:
        raise AssertionError(f"{len(whole)} of {expected} sales are being processed at {order.total}")


class Direct:
    """The least that makes processed sales, on one kept connection."""

    def __init__(self, server: TrytonServer) -> None:
        self._session = requests.Session()
        self._url = f"{server.url}/rpc/"
        user = server.credentials()["user"]
        arguments = [user, {"password": server.credentials()["password"]}, "en"]
        number, key, *_ = self._call("common.db.login", arguments)
        token = base64.b64encode(f"{user}:{number}:{key}".encode()).decode()
        self._session.headers["Authorization"] = f"Session {token}"
        self._context = self._call("model.res.user.get_preferences", [True, {}])
        self._products = {row["code"]: row for row in self._rows("product.product", ["code", "sale_uom"])}
        self._country = self._rows("country.country", ["code"], [["code", "=", "PT"]])[0]["id"]
        self._tax = self._rows("account.tax", ["rate"], [["name", "=", "19 %"]])[0]["id"]
        self._shop = self._rows("web.shop", ["name"])[0]["id"]
        self._warehouse = self._rows("stock.location", ["code"], [["type", "=", "warehouse"]])[0]["id"]

    def post(self, orders: Sequence[SalesOrder]) -> None:
        """Five calls for all of them."""
        parties = self._model("party.party", "create", [self._party(order) for order in orders])
        rows = self._model("party.party", "read", parties, ["addresses"])
        addresses = {row["id"]: row["addresses"][0] for row in rows}
        values = [self._sale(order, party, addresses[party]) for order, party in zip(orders, parties, strict=True)]
        sales = self._model("sale.sale", "create", values)
        self._model("sale.sale", "quote", sales)
        self._model("sale.sale", "confirm", sales)

    def _party(self, order: SalesOrder) -> dict[str, Any]:
        place = order.billing
        address = {"street": place.street_1, "city": place.city, "postal_code": place.postcode}
        contacts = [{"type": "email", "value": place.email}, {"type": "phone", "value": place.phone}]
        return {
            "code": order.customer_key,
            "name": order.customer.name,
            "addresses": [["create", [{**address, "country": self._country}]]],
            "contact_mechanisms": [["create", contacts]],
        }

    def _sale(self, order: SalesOrder, party: int, address: int) -> dict[str, Any]:
        day = order.placed_on
        return {
            "party": party,
            "invoice_address": address,
            "shipment_address": address,
            "warehouse": self._warehouse,
            "web_shop": self._shop,
            "web_id": order.reference,
            "reference": order.number,
            "sale_date": {"__class__": "date", "year": day.year, "month": day.month, "day": day.day},
            "lines": [["create", [*map(self._line, order.lines), self._rounding(order)]]],
        }

    def _rounding(self, order: SalesOrder) -> dict[str, Any]:
        """Tryton taxes the sum of the lines where the store taxed each."""
        net = sum((line.net for line in order.lines), Decimal(0))
        charged = net + (net * RATE).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        line = SalesLine(
            kind=SalesLineKind.ROUNDING,
            item_code="ROUNDING",
            name="Rounding",
            quantity=Decimal(1),
            net=order.total - charged,
            taxes=(),
        )
        return {**self._line(line), "taxes": []}

    def _line(self, line: SalesLine) -> dict[str, Any]:
        product = self._products[line.item_code or "SHIPPING"]
        price = {"__class__": "Decimal", "decimal": str(line.net / line.quantity)}
        return {
            "type": "line",
            "product": product["id"],
            "unit": product["sale_uom"],
            "quantity": float(line.quantity),
            "unit_price": price,
            "description": line.name,
            "taxes": [["add", [self._tax]]],
        }

    def _rows(self, model: str, fields: list[str], domain: Sequence[Any] = ()) -> Any:
        return self._model(model, "search_read", list(domain), 0, None, None, fields)

    def _model(self, model: str, method: str, *arguments: Any) -> Any:
        return self._call(f"model.{model}.{method}", [*arguments, self._context])

    def _call(self, method: str, parameters: Sequence[Any]) -> Any:
        body = {"id": 1, "method": method, "params": parameters}
        reply = self._session.post(self._url, json=body, timeout=SECONDS).json()
        if "error" in reply:
            raise AssertionError(f"{method}: {reply['error']}")
        return reply["result"]


def documents(name: str, count: int) -> list[SalesOrder]:
    """Orders of three goods and shipping, each of a customer of its own."""
    return [_document(f"WC-bench-{name}-{number}") for number in range(count)]


def _document(reference: str) -> SalesOrder:
    place = Address(
        first_name="Ana",
        last_name="Silva",
        street_1="Rua Augusta 1",
        city="Lisboa",
        postcode="1100-048",
        country="PT",
        email="ana@example.com",
        phone="+351 213 456 789",
    )
    lines = (*(_goods(code) for code in GOODS), _charge("4.90", "0.93"))
    taxes = sum((tax.amount for line in lines for tax in line.taxes), Decimal(0))
    return SalesOrder(
        reference=reference,
        store="bench",
        number=reference,
        placed_on=dt.datetime.now(dt.UTC).date(),
        currency="EUR",
        total=sum((line.net for line in lines), Decimal(0)) + taxes,
        total_tax=taxes,
        customer_key=f"cus_{reference}",
        customer=Customer(email=place.email, name="Ana Silva", phone=place.phone),
        billing=place,
        shipping=place,
        lines=lines,
    )


def _goods(code: str) -> SalesLine:
    tax = SalesTax(percent=Decimal(19), amount=Decimal("3.38"))
    net = Decimal("17.80")
    return SalesLine(kind=SalesLineKind.GOODS, item_code=code, name=code, quantity=Decimal(2), net=net, taxes=(tax,))


def _charge(net: str, tax: str) -> SalesLine:
    share = SalesTax(percent=Decimal(19), amount=Decimal(tax))
    return SalesLine(
        kind=SalesLineKind.SHIPPING,
        item_code="",
        name="Flat rate",
        quantity=Decimal(1),
        net=Decimal(net),
        taxes=(share,),
    )

"""A running look-alike ERP, a connector that talks to it, and orders to post."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from integrations.connectors.lookalike_erp.connector import Connector
from integrations.ports.capabilities import Ask, Ensured, Result, Target
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import (
    Address,
    Customer,
    SalesLine,
    SalesLineKind,
    SalesOrder,
    SalesTax,
)
from integrations.ports.errors import ConnectorError
from retailhub.sandbox.erp.control import Control, LedgerDocument, Place, argv, read_place
from retailhub.sandbox.supervisor import Command, StateDirectory, Supervisor

ITEMS = ("MUG", "TEE", "CAP")


@contextmanager
def running_erp(path: Path, *, ledger: str = "ledger.db") -> Iterator[Place]:
    """The real server process on a ledger under ``path``, gone at the end."""
    state = StateDirectory(path)
    state.hold()
    ready_file = path / "ready"
    ready_file.unlink(missing_ok=True)
    supervisor = Supervisor(state)
    command = argv(ledger=path / ledger, ready_file=ready_file)
    try:
        supervisor.start(Command(name="erp", argv=command, ready=ready_file.exists))
        yield read_place(ready_file)
    finally:
        supervisor.stop_all()
        state.release()


class Desk:
    """One ERP and one connector of it, with references of its own so that tests can share the ERP."""

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.name = name
        self.control = Control(place.control_url)
        self.context = CallContext(deadline_seconds=5)
        self.connector = self.new_connector()

    def new_connector(self, *, api_key: str | None = None, base_url: str | None = None) -> Connector:
        """A connector with empty pools, like that of a freshly started worker."""
        info = ConnectionInfo(
            name="erp",
            kind="lookalike_erp",
            settings={"base_url": base_url or self.place.base_url, "allow_private": True},
            credentials={"api_key": self.place.api_key if api_key is None else api_key},
        )
        return Connector(info, self.context)

    def reference(self, number: int) -> str:
        return f"WC-{self.name}-{number}"

    def asks(self, count: int, *, start: int = 1) -> list[Ask]:
        """Asks to confirm orders with different amounts."""
        return [self.ask(number) for number in range(start, start + count)]

    def ask(self, number: int, **changes: object) -> Ask:
        reference = self.reference(number)
        return Ask(reference=reference, document=order(reference, number, **changes))

    def documents(self) -> list[LedgerDocument]:
        """What the ERP's own books have of this desk."""
        own = f"WC-{self.name}-"
        return [found for found in self.control.walk_books() if found.reference.startswith(own)]

    def states(self) -> list[str]:
        return [document.state for document in self.documents()]

    def ensure_within(self, asks: Sequence[Ask], *, tries: int) -> list[Result]:
        """Ask again for what is not ensured yet, as the engine does, at most ``tries`` times."""
        results: dict[str, Result] = {}
        left = list(asks)
        for _ in range(tries):
            told = self.connector.ensure_many(left)
            results |= {ask.reference: result for ask, result in zip(left, told, strict=True)}
            left = [ask for ask in left if not isinstance(results[ask.reference], Ensured)]
            if not left:
                break
        return [results[ask.reference] for ask in asks]

    def assert_posted_once(self, asks: Iterable[Ask]) -> None:
        """Each ask has one document, confirmed, with the shop's amount to the cent; nothing else is there."""
        expected = {ask.reference: ask.document.total for ask in asks}
        documents = self.documents()
        assert sorted(document.reference for document in documents) == sorted(expected)
        assert {document.state for document in documents} == {"confirmed"}
        assert {document.reference: document.total for document in documents} == expected


def order(reference: str, number: int, **changes: object) -> SalesOrder:
    """Two goods lines and shipping at 20 % tax; the amount depends on ``number``."""
    price = Decimal(number) + Decimal("0.99")
    lines = (
        goods("MUG", quantity=2, net=2 * price),
        goods("TEE", quantity=1, net=Decimal("10.00")),
        SalesLine(
            kind=SalesLineKind.SHIPPING,
            item_code="",
            name="Parcel",
            quantity=Decimal(1),
            net=Decimal("4.90"),
            taxes=(SalesTax(percent=Decimal(20), amount=Decimal("0.98")),),
        ),
    )
    tax = sum((share.amount for line in lines for share in line.taxes), Decimal())
    values: dict[str, object] = {
        "reference": reference,
        "store": "eu",
        "number": str(number),
        "placed_on": dt.date(2026, 3, 1),
        "currency": "EUR",
        "total": sum((line.net for line in lines), Decimal()) + tax,
        "total_tax": tax,
        "customer_key": f"cus_{number % 7}",
        "customer": Customer(email=f"c{number}@example.com", name="Ada Example"),
        "billing": Address(first_name="Ada", last_name="Example", city="Graz", country="AT"),
        "shipping": Address(first_name="Ada", last_name="Example", city="Wien", country="AT"),
        "lines": lines,
    }
    return SalesOrder(**(values | changes))  # type: ignore[arg-type]


def goods(item_code: str, *, quantity: int, net: Decimal) -> SalesLine:
    """A goods line at 20 % tax, rounded to the cent."""
    tax = (net / 5).quantize(Decimal("0.01"))
    return SalesLine(
        kind=SalesLineKind.GOODS,
        item_code=item_code,
        name=f"The {item_code}",
        quantity=Decimal(quantity),
        net=net,
        taxes=(SalesTax(percent=Decimal(20), amount=tax),),
    )


def with_target(ask: Ask, target: Target) -> Ask:
    return replace(ask, target=target)


def said(results: Sequence[Result]) -> list[str]:
    """Each result in a word: how it came about, or the error's class and code."""
    return [
        f"{type(result).__name__} {result.code}" if isinstance(result, ConnectorError) else result.how.value
        for result in results
    ]

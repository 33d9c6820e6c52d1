"""One batch of sales on its way: looked for, created, compared, quoted, confirmed, read back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from integrations.connectors.tryton import mapping, schemas
from integrations.connectors.tryton.catalogue import Catalogue
from integrations.connectors.tryton.client import Client, WarningFault
from integrations.connectors.tryton.config import Settings
from integrations.connectors.tryton.customers import Customers
from integrations.connectors.tryton.lines import Facts, PlannedLine, check_amounts, item_codes, plan_lines
from integrations.connectors.tryton.splitting import drive
from integrations.ports.capabilities import Ask, Ensured, How, Result, Target
from integrations.ports.errors import ConnectorError, Rejected, Transient, Unknown

SALE = "sale.sale"
FINISHED = {"processing", "done"}
TRYTON_BUSY = "503"
"""Tryton's status when a database lock is not to be had. Processing is safe to ask for again."""
WARNINGS_PER_SALE = 5
"""Questions answered for one call, for each of its sales; Tryton asks them one at a time."""


@dataclass(eq=False)
class Item:
    """One ask and how far it is. ``sale`` is as last read; ``state`` is as last read or reached."""

    ask: Ask
    how: How = How.CREATED
    lines: tuple[PlannedLine, ...] = ()
    sale: schemas.SaleRow | None = None
    state: str = ""
    result: Result | None = None

    def seen(self, row: schemas.SaleRow) -> None:
        self.sale, self.state = row, row.state

    def fail(self, error: ConnectorError) -> None:
        self.result = error


class Batch:
    """Used once. Each step is a transaction of its own in Tryton, so each starts from what is found."""

    def __init__(
        self,
        asks: Sequence[Ask],
        *,
        client: Client,
        catalogue: Catalogue,
        settings: Settings,
        today: dt.date,
        crashpoint: Callable[[str], None],
    ) -> None:
        self.items = [Item(ask) for ask in asks]
        self._client = client
        self._catalogue = catalogue
        self._settings = settings
        self._today = today
        self._crashpoint = crashpoint

    def run(self) -> list[Result]:
        """One result for each ask, in their order."""
        try:
            self._run()
        except ConnectorError as error:
            stop: ConnectorError = error
        else:
            stop = Transient("The sale changed in Tryton again and again.", code="concurrent_change")
        results = [stop if item.result is None else item.result for item in self.items]
        if any(isinstance(result, ConnectorError) for result in results):
            self._catalogue.forget()
        return results

    def _run(self) -> None:
        facts = self._catalogue.facts(self._today)
        self._look_up(facts, self.items)
        for item in self.items:
            if item.sale is not None:
                item.how = How.ADOPTED if item.state in FINISHED else How.RESUMED
        self._crashpoint("tryton.after_lookup")
        self._cancel(self._open(Target.CANCELLED))
        self._create(facts, [item for item in self._open() if item.sale is None])
        self._crashpoint("tryton.after_create")
        self._compare()
        self._press_all("quote", from_state="draft", to_state="quotation")
        self._crashpoint("tryton.after_quote")
        self._press_all("confirm", from_state="quotation", to_state="confirmed")
        self._crashpoint("tryton.after_confirm")
        self._read_again(self._open())
        # Tryton answers a confirmation also when what follows from it failed: processing anew tells why.
        if self._press_all("process", from_state="confirmed", to_state="processing"):
            self._read_again(self._open())
        self._conclude()

    def _open(self, target: Target = Target.CONFIRMED) -> list[Item]:
        return [item for item in self.items if item.result is None and item.ask.target is target]

    def _look_up(self, facts: Facts, items: list[Item]) -> list[Item]:
        """Note the sales that Tryton has under the references; answer the items without one."""
        if not items:
            return []
        references = [item.ask.reference for item in items]
        domain = [("web_shop", "=", facts.shop), ("web_id", "in", references)]
        rows = self._client.search_read(SALE, domain, schemas.SALE_FIELDS, schemas.SaleRow)
        found = {row.web_id: row for row in rows}
        for item in items:
            if item.ask.reference in found:
                item.seen(found[item.ask.reference])
        return [item for item in items if item.sale is None]

    def _read_again(self, items: list[Item]) -> None:
        ids = [item.sale.id for item in items if item.sale is not None]
        if not ids:
            return
        rows = self._client.search_read(SALE, [("id", "in", ids)], schemas.SALE_FIELDS, schemas.SaleRow)
        found = {row.id: row for row in rows}
        for item in items:
            if item.sale is not None and item.sale.id in found:
                item.seen(found[item.sale.id])

    def _create(self, facts: Facts, items: list[Item]) -> None:
        planned = self._plan(facts, items)
        if not planned:
            return
        customers = Customers(self._client, self._catalogue, facts)
        values = {}
        for item, placed in zip(planned, customers.ensure([i.ask.document for i in planned]), strict=True):
            if isinstance(placed, ConnectorError):
                item.fail(placed)
                continue
            values[item] = mapping.sale_values(
                item.ask.document,
                item.lines,
                facts,
                party=placed.party,
                invoice_address=placed.invoice_address,
                shipment_address=placed.shipment_address,
            )

        def create(some: list[Item]) -> None:
            self._client.create(SALE, [values[item] for item in some])

        def found_meanwhile(some: list[Item]) -> list[Item]:
            left = self._look_up(facts, some)
            for item in some:
                if item.sale is not None:
                    item.how = How.RESUMED
            return left

        drive(list(values), create, found_meanwhile, Item.fail)
        self._look_up(facts, [item for item in values if item.result is None and item.sale is None])

    def _plan(self, facts: Facts, items: list[Item]) -> list[Item]:
        codes = {code for item in items for code in item_codes(item.ask.document, self._settings)}
        products = self._catalogue.products(codes) if codes else {}
        for item in items:
            try:
                item.lines = plan_lines(item.ask.document, facts=facts, products=products, settings=self._settings)
            except ConnectorError as error:
                item.fail(error)
        return [item for item in items if item.result is None]

    def _compare(self) -> None:
        """Before anything is confirmed: a sale of another amount stays a draft."""
        for item in self._open():
            if item.sale is None:
                continue
            try:
                check_amounts(item.ask.document, item.sale)
            except Rejected as error:
                item.fail(error)

    def _press_all(self, button: str, *, from_state: str, to_state: str, target: Target = Target.CONFIRMED) -> bool:
        """Press a button of all open sales in a state. Answers whether there was one."""

        def press(some: list[Item]) -> None:
            try:
                self._press(button, some)
            except Unknown as error:
                if button != "process" or error.evidence.get("status") != TRYTON_BUSY:
                    raise
                for item in some:
                    item.fail(Transient("Tryton is processing this sale already.", code="concurrent_change"))
            for item in some:
                item.state = to_state

        def unmoved(some: list[Item]) -> list[Item]:
            self._read_again(some)
            return [item for item in some if item.state == from_state]

        ready = [item for item in self._open(target) if item.state == from_state]
        drive(ready, press, unmoved, Item.fail)
        return bool(ready)

    def _press(self, button: str, items: list[Item]) -> None:
        """Press a button, answering the questions that the settings call harmless."""
        ids = [item.sale.id for item in items if item.sale is not None]
        for _question in range(WARNINGS_PER_SALE * len(items)):
            try:
                self._client.press(SALE, button, ids)
            except WarningFault as warning:
                if warning.name.rpartition(".")[2] not in self._settings.skip_warnings:
                    raise
                self._client.skip_warning(warning.name)
            else:
                return
        self._client.press(SALE, button, ids)

    def _cancel(self, items: list[Item]) -> None:
        """Bring about the cancellations; what is being shipped and invoiced is too late for it."""
        if not items:
            return
        before = {item: item.state for item in items}
        self._press_all("draft", from_state="confirmed", to_state="draft", target=Target.CANCELLED)
        for state in ("draft", "quotation"):
            self._press_all("cancel", from_state=state, to_state="cancelled", target=Target.CANCELLED)
        self._read_again(self._open(Target.CANCELLED))
        for item in self._open(Target.CANCELLED):
            self._conclude_cancelled(item, before[item])

    def _conclude_cancelled(self, item: Item, was: str) -> None:
        if item.sale is None:
            item.fail(
                Rejected(
                    "Tryton has no sale under this reference to cancel.",
                    code="nothing_to_cancel",
                    evidence={"reference": item.ask.reference},
                )
            )
        elif item.state == "cancelled":
            document = mapping.external_document(item.sale, self._settings.server_time_zone)
            item.result = Ensured(document, How.ADOPTED if was == "cancelled" else How.CANCELLED)
        elif item.state in FINISHED:
            item.fail(
                Rejected(
                    "Tryton ships and invoices this sale already; cancel its shipment and invoice there.",
                    code="too_late_to_cancel",
                    evidence={"state": item.state, "number": item.sale.number or ""},
                )
            )

    def _conclude(self) -> None:
        """Done is only what is being shipped and invoiced, at the order's amount."""
        self._compare()
        for item in self._open():
            if item.sale is None:
                continue
            if item.state in FINISHED:
                document = mapping.external_document(item.sale, self._settings.server_time_zone)
                item.result = Ensured(document, item.how)
            elif item.state == "cancelled":
                item.fail(
                    Rejected(
                        "Somebody cancelled this sale in Tryton.",
                        code="document_cancelled",
                        evidence={"number": item.sale.number or ""},
                    )
                )

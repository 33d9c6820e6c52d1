"""The connector against a real Tryton 8.2: nothing lost, nothing twice, cents equal; read from Tryton's tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec
import pytest

from integrations.connectors.tryton.connector import Connector
from integrations.ports.capabilities import Ask, Ensured, Health, How, Result, Target
from integrations.ports.context import CallContext, ConnectionInfo
from integrations.ports.documents import DocumentState, SalesOrder
from integrations.ports.errors import AuthRejected, ConnectorError, Rejected
from retailhub.sandbox.tryton.ledger import LedgerSale
from retailhub.sandbox.tryton.server import TrytonServer
from tests.connectors.tryton.build import asks, goods, order, simple

pytestmark = pytest.mark.tryton

Connect = Callable[..., Connector]
Reference = Callable[[], str]


class Killed(BaseException):
    """Stands for the end of a worker at a named point."""


def ledger(tryton: TrytonServer, wanted: Sequence[Ask]) -> list[LedgerSale]:
    """The ERP's own rows for these asks, in their order."""
    found = {sale.web_id: sale for sale in tryton.sales()}
    return [found[ask.reference] for ask in wanted if ask.reference in found]


def hows(results: Sequence[Result]) -> list[How]:
    return [result.how for result in results if isinstance(result, Ensured)]


def codes(results: Sequence[Result]) -> list[str]:
    return [result.code if isinstance(result, ConnectorError) else "" for result in results]


def assert_posted_once(tryton: TrytonServer, wanted: Sequence[Ask]) -> None:
    """One sale each, being processed, with one shipment, one invoice and the order's total."""
    rows = [sale for sale in tryton.sales() if sale.web_id in {ask.reference for ask in wanted}]
    assert sorted(row.web_id for row in rows) == sorted(ask.reference for ask in wanted)
    totals = {ask.reference: ask.document.total for ask in wanted}
    assert {row.web_id: row.total for row in rows} == totals
    assert {(row.state, row.shipments, row.invoices) for row in rows} == {("processing", 1, 1)}


def killed_at(name: str) -> CallContext:
    def crashpoint(reached: str) -> None:
        if reached == name:
            raise Killed

    return CallContext(deadline_seconds=120, crashpoint=crashpoint)


def test_fifty_orders_are_confirmed_and_a_repeat_changes_nothing(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    connector = connect()
    wanted = asks(*(simple(reference(), code=f"SKU-{1 + n % 40}") for n in range(50)))
    results = connector.ensure_many(wanted)
    assert hows(results) == [How.CREATED] * 50
    assert_posted_once(tryton, wanted)
    before = tryton.sales()
    assert hows(connector.ensure_many(wanted)) == [How.ADOPTED] * 50
    assert tryton.sales() == before


def test_the_answer_is_what_tryton_holds(tryton: TrytonServer, connect: Connect, reference: Reference) -> None:
    (wanted,) = asks(simple(reference()))
    (result,) = connect().ensure_many([wanted])
    (row,) = ledger(tryton, [wanted])
    assert isinstance(result, Ensured)
    assert result.document.reference == wanted.reference
    assert result.document.state is DocumentState.CONFIRMED
    assert (result.document.total, result.document.currency) == (Decimal("29.63"), "EUR")
    assert (result.document.number, result.document.line_count) == (row.number, row.lines)
    assert result.document.modified_at is not None
    assert abs(result.document.modified_at - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("point", "state"), [("after_create", "draft"), ("after_quote", "quotation"), ("after_confirm", "processing")]
)
def test_what_a_killed_worker_left_is_completed_not_doubled(
    tryton: TrytonServer, connect: Connect, reference: Reference, point: str, state: str
) -> None:
    wanted = asks(*(simple(reference()) for _ in range(3)))
    with pytest.raises(Killed):
        connect(killed_at(f"tryton.{point}")).ensure_many(wanted)
    assert {row.state for row in ledger(tryton, wanted)} == {state}
    results = connect().ensure_many(wanted)
    assert set(hows(results)) == {How.ADOPTED if state == "processing" else How.RESUMED}
    assert_posted_once(tryton, wanted)


def test_orders_that_cannot_be_posted_are_named_and_the_others_posted(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    bad = [
        simple(reference(), code="NO-SUCH"),
        order(reference(), [goods("SKU-1", "1", "10.00", "33")]),
        msgspec.structs.replace(simple(reference()), currency="XXX"),
        msgspec.structs.replace(simple(reference()), total=Decimal("30.63")),
    ]
    good = [simple(reference()) for _ in range(4)]
    mixed = asks(*(document for pair in zip(good, bad, strict=True) for document in pair))
    results = connect().ensure_many(mixed)
    assert codes(results[0::2]) == [""] * 4
    assert codes(results[1::2]) == ["unknown_item", "unknown_tax", "unknown_currency", "amount_differs"]
    assert_posted_once(tryton, mixed[0::2])
    assert ledger(tryton, mixed[1::2]) == []


def test_an_order_that_only_tryton_refuses_stands_alone(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    documents = [simple(reference()) for _ in range(7)]
    documents[4] = order(documents[4].reference, [goods("SKU-1", "1.5", "15.00")])
    wanted = asks(*documents)
    results = connect().ensure_many(wanted)
    assert codes(results) == ["", "", "", "", "erp_refused", "", ""]
    assert "Quantity" in results[4].evidence["erp_text"] if isinstance(results[4], Rejected) else False
    assert_posted_once(tryton, [ask for ask in wanted if ask is not wanted[4]])
    assert ledger(tryton, [wanted[4]]) == []


def test_a_draft_of_another_amount_is_left_unconfirmed(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    name = reference()
    with pytest.raises(Killed):
        connect(killed_at("tryton.after_create")).ensure_many(asks(simple(name)))
    edited = order(name, [goods("SKU-1", "2", "25.00", "19"), goods("SKU-2", "1", "1.00", "19")])
    (result,) = connect().ensure_many(asks(edited))
    assert isinstance(result, Rejected)
    assert result.code == "amount_differs"
    assert (result.evidence["order_total"], result.evidence["erp_total"]) == ("30.94", "29.63")
    assert [row.state for row in ledger(tryton, asks(edited))] == ["draft"]


def test_one_customer_with_many_orders_is_one_party_with_each_address_once(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    customer = f"cus_{reference()}"
    connector = connect()
    first = [simple(reference(), customer=customer) for _ in range(3)]
    elsewhere = msgspec.structs.replace(first[0].shipping, street_1="Av. Liberdade 2")
    first[2] = msgspec.structs.replace(first[2], shipping=elsewhere)
    again = msgspec.structs.replace(simple(reference(), customer=customer), billing=elsewhere)
    assert set(codes(connector.ensure_many(asks(*first)))) == {""}
    assert codes(connector.ensure_many(asks(again))) == [""]
    counted = tryton.query(
        "SELECT count(DISTINCT p.id), count(a.id) FROM party_party p"
        " JOIN party_address a ON a.party = p.id WHERE p.code = %s",
        customer,
    )
    assert counted == [(1, 2)]


def test_a_session_that_ended_and_a_server_that_restarted_are_gone_through(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    connector = connect()
    assert codes(connector.ensure_many(asks(simple(reference())))) == [""]
    tryton.execute("DELETE FROM ir_session")
    assert codes(connector.ensure_many(asks(simple(reference())))) == [""]
    tryton.restart()
    last = asks(simple(reference()))
    assert codes(connector.ensure_many(last)) == [""]
    assert_posted_once(tryton, last)


def test_a_wrong_password_is_refused_credentials(tryton: TrytonServer, reference: Reference) -> None:
    info = ConnectionInfo("erp", "tryton", tryton.settings(), {"user": "nobody", "password": "wrong"})
    connector = Connector(info, CallContext())
    (result,) = connector.ensure_many(asks(simple(reference())))
    assert isinstance(result, AuthRejected)
    assert [check.health for check in connector.check()] == [Health.FAILED, Health.SKIPPED, Health.SKIPPED]
    connector.close()


def test_drafts_are_cancelled_and_what_is_being_shipped_is_too_late(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    draft, quotation, shipped, never = (simple(reference()) for _ in range(4))
    for document, point in ((draft, "after_create"), (quotation, "after_quote")):
        with pytest.raises(Killed):
            connect(killed_at(f"tryton.{point}")).ensure_many(asks(document))
    connector = connect()
    assert codes(connector.ensure_many(asks(shipped))) == [""]
    cancelled = asks(draft, quotation, shipped, never, target=Target.CANCELLED)
    results = connector.ensure_many(cancelled)
    assert hows(results) == [How.CANCELLED] * 2
    assert codes(results) == ["", "", "too_late_to_cancel", "nothing_to_cancel"]
    states = [row.state for row in ledger(tryton, cancelled)]
    assert states == ["cancelled", "cancelled", "processing"]
    assert hows(connector.ensure_many(cancelled[:2])) == [How.ADOPTED] * 2
    assert codes(connector.ensure_many(asks(draft))) == ["document_cancelled"]


def test_a_sale_that_tryton_cannot_process_tells_why_and_goes_on_after_the_repair(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    connector = connect()
    wanted = asks(*(simple(reference()) for _ in range(3)))
    column = "account_configuration_default_account"
    ((default,),) = tryton.query(f"SELECT default_account_receivable FROM {column}")  # noqa: S608 - a constant
    tryton.execute(f"UPDATE {column} SET default_account_receivable = NULL")  # noqa: S608
    try:
        results = connector.ensure_many(wanted)
    finally:
        tryton.execute(f"UPDATE {column} SET default_account_receivable = %s", default)  # noqa: S608
    assert codes(results) == ["erp_refused"] * 3
    texts = [error.evidence["erp_text"] for error in results if isinstance(error, Rejected)]
    assert ["receivable" in text for text in texts] == [True] * 3, texts
    found = connector.find([ask.reference for ask in wanted])
    assert {document.state for (document,) in found.values()} == {DocumentState.INCOMPLETE}
    assert hows(connector.ensure_many(wanted)) == [How.RESUMED] * 3
    assert_posted_once(tryton, wanted)


def test_walking_and_finding_show_every_sale_of_ours_once(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    connector = connect()
    before = dt.datetime.now(dt.UTC)
    wanted = asks(*(simple(reference()) for _ in range(3)))
    connector.ensure_many(wanted)
    walked = [document.reference for document in connector.walk(before - dt.timedelta(seconds=2))]
    assert [name for name in walked if name in {ask.reference for ask in wanted}] == [ask.reference for ask in wanted]
    assert list(connector.walk(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))) == []
    everything = [document.reference for document in connector.walk(None)]
    assert everything == [sale.web_id for sale in tryton.sales()]
    (sale,) = connector.find([wanted[0].reference])[wanted[0].reference]
    assert connector.read_document(sale.external_id) == sale
    assert connector.read_document(sale.number) == sale
    assert connector.read_document("no such number") is None
    absent = reference()
    found = connector.find([wanted[0].reference, absent])
    assert [document.total for document in found[wanted[0].reference]] == [wanted[0].document.total]
    assert found[absent] == []


def test_products_are_walked_with_their_codes(tryton: TrytonServer, connect: Connect) -> None:
    connector = connect()
    found = {product.sku for product in connector.walk_products(None)}
    assert found == {*tryton.known.goods, *tryton.known.services}
    assert list(connector.walk_products(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))) == []


def test_a_check_finds_everything_in_place_and_names_what_is_not(connect: Connect) -> None:
    assert {check.health for check in connect().check()} == {Health.OK}
    wrong = connect(web_shop="elsewhere", rounding_item="NO-SUCH").check()
    assert [(check.name, check.health) for check in wrong] == [
        ("login", Health.OK),
        ("company", Health.FAILED),
        ("products", Health.FAILED),
    ]


def document_of(line_count: int, reference: str) -> SalesOrder:
    """Odd amounts at every known rate, so that roundings of every kind meet."""
    percents = ["19", "7", "23", "6", "5", "9.975", "20", "0"]
    lines = [
        goods(f"SKU-{1 + n}", str(1 + n % 7), str(Decimal(n * 137 + 31) / 100), percents[n % len(percents)])
        for n in range(line_count)
    ]
    return order(reference, lines)


def test_tryton_computes_what_was_predicted_for_every_rate_and_rounding(
    tryton: TrytonServer, connect: Connect, reference: Reference
) -> None:
    wanted = asks(*(document_of(count, reference()) for count in range(1, 30, 2)))
    results = connect(rounding_limit="0.20").ensure_many(wanted)
    assert set(codes(results)) == {""}
    assert_posted_once(tryton, wanted)
    rounded = [
        row for row, ask in zip(ledger(tryton, wanted), wanted, strict=True) if row.lines > len(ask.document.lines)
    ]
    assert 0 < len(rounded) < len(wanted)

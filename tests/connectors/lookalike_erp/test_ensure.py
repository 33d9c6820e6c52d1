"""Sales orders reach their target state in the look-alike ERP, once and with the right amount."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from integrations.connectors.lookalike_erp.connector import Connector
from integrations.ports.capabilities import DocumentReader, Ensured, Health, OrderSink, ProductSource, Target, Testable
from integrations.ports.context import ConnectionInfo
from integrations.ports.documents import Address, DocumentState, SalesLine, SalesLineKind, SalesTax
from integrations.ports.errors import Misconfigured, Rejected
from tests.connectors.lookalike_erp.support import Desk, goods, order, said, with_target


class WorkerKilled(BaseException):
    """Stands for SIGKILL at a crash point."""


def test_the_connector_has_the_capabilities_of_an_erp(desk: Desk) -> None:
    assert isinstance(desk.connector, OrderSink)
    assert isinstance(desk.connector, ProductSource)
    assert isinstance(desk.connector, Testable)


def test_a_batch_is_created_confirmed_and_read_back_in_five_calls(desk: Desk) -> None:
    asks = desk.asks(50)
    before = desk.control.books().calls

    results = desk.connector.ensure_many(asks)

    after = desk.control.books().calls
    assert said(results) == ["created"] * 50
    desk.assert_posted_once(asks)
    made = {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}
    assert made == {"search": 1, "customers": 1, "create": 1, "confirm": 1, "read_many": 1}
    first = results[0]
    assert isinstance(first, Ensured)
    assert first.document.state is DocumentState.CONFIRMED
    assert first.document.number.startswith("SO-")
    assert first.document.total == asks[0].document.total


def test_a_document_is_read_by_its_id_and_followed_by_it_whatever_reference_it_carries(desk: Desk) -> None:
    (by_hand,) = desk.asks(1)
    (made,) = desk.connector.ensure_many([by_hand])
    assert isinstance(made, Ensured)
    external_id, before = made.document.external_id, len(desk.control.books().documents)
    assert isinstance(desk.connector, DocumentReader)
    assert desk.connector.read_document(external_id) == made.document
    assert desk.connector.read_document("no-such-id") is None
    assert desk.connector.read_document(f"{external_id},x") is None

    ours = replace(
        by_hand,
        reference="WC-eu-77",
        document=msgspec.structs.replace(by_hand.document, reference="WC-eu-77"),
        known_id=external_id,
    )
    (result,) = desk.connector.ensure_many([ours])
    assert isinstance(result, Ensured)
    assert (result.document.external_id, result.how.value) == (external_id, "adopted")
    assert len(desk.control.books().documents) == before


def test_asking_again_adopts_what_is_there(desk: Desk) -> None:
    asks = desk.asks(3)
    desk.connector.ensure_many(asks)

    assert said(desk.connector.ensure_many(asks)) == ["adopted"] * 3
    desk.assert_posted_once(asks)


@pytest.mark.parametrize(
    ("point", "left", "how"),
    [
        ("lookalike_erp.found", [], "created"),
        ("lookalike_erp.created", ["draft", "draft"], "resumed"),
        ("lookalike_erp.confirmed", ["confirmed", "confirmed"], "adopted"),
    ],
)
def test_what_a_killed_worker_left_is_completed_and_not_doubled(
    desk: Desk, point: str, left: list[str], how: str
) -> None:
    asks = desk.asks(2)

    def die_at(name: str) -> None:
        if name == point:
            raise WorkerKilled

    desk.connector.context = replace(desk.context, crashpoint=die_at)
    with pytest.raises(WorkerKilled):
        desk.connector.ensure_many(asks)
    assert desk.states() == left

    assert said(desk.new_connector().ensure_many(asks)) == [how] * 2
    desk.assert_posted_once(asks)


def test_an_amount_that_the_erp_sees_otherwise_is_rejected_and_left_a_draft(desk: Desk) -> None:
    good = desk.ask(1)
    bad = desk.ask(2, total=Decimal("1.00"))

    results = desk.connector.ensure_many([good, bad])

    assert said(results) == ["created", "Rejected amount_differs"]
    assert desk.states() == ["confirmed", "draft"]
    error = results[1]
    assert isinstance(error, Rejected)
    assert error.evidence["expected_total"] == "1.00"
    assert error.evidence["found_total"] == str(order("x", 2).total)
    assert said(desk.connector.ensure_many([bad])) == ["Rejected amount_differs"]
    assert desk.states() == ["confirmed", "draft"]


def test_yen_with_two_decimals_and_unrounded_tax_shares_agree_to_the_last_digit(desk: Desk) -> None:
    line = goods("MUG", quantity=3, net=Decimal("1010.10"))
    share = SalesTax(percent=Decimal(20), amount=Decimal("202.0202"))
    third = msgspec.structs.replace(line, taxes=(share,))
    rounding = SalesLine(
        kind=SalesLineKind.ROUNDING,
        item_code="",
        name="Rounding",
        quantity=Decimal(1),
        net=Decimal("-0.1202"),
    )
    ask = desk.ask(1, currency="JPY", lines=(third, rounding), total=Decimal("1212.00"))

    assert said(desk.connector.ensure_many([ask])) == ["created"]
    assert [document.total for document in desk.documents()] == [Decimal("1212.00")]


def test_a_changed_order_is_amended_in_place(desk: Desk) -> None:
    asks = desk.asks(2)
    desk.connector.ensure_many(asks)
    lines = (goods("CAP", quantity=1, net=Decimal("30.00")),)
    edited = desk.ask(1, lines=lines, total=Decimal("36.00"))

    results = desk.connector.ensure_many([edited, asks[1]])

    assert said(results) == ["amended", "adopted"]
    desk.assert_posted_once([edited, asks[1]])


def test_an_edit_that_keeps_the_total_is_still_seen(desk: Desk) -> None:
    ask = desk.ask(1)
    desk.connector.ensure_many([ask])
    swapped = (goods("CAP", quantity=2, net=ask.document.lines[0].net), *ask.document.lines[1:])

    assert said(desk.connector.ensure_many([desk.ask(1, lines=swapped)])) == ["amended"]
    assert [line["item_code"] for line in desk.documents()[0].lines] == ["CAP", "TEE", ""]

    moved = Address(first_name="Ada", last_name="Example", city="Linz", country="AT")
    assert said(desk.connector.ensure_many([desk.ask(1, lines=swapped, shipping=moved)])) == ["amended"]


def test_a_draft_that_holds_something_older_is_amended_before_it_is_confirmed(desk: Desk) -> None:
    ask = desk.ask(1)
    desk.control.behave(drop_before_commit=1.0, endpoints=["confirm"], times=1)
    assert said(desk.connector.ensure_many([ask])) == ["Unknown connection_lost"]
    edited = desk.ask(1, lines=(goods("CAP", quantity=1, net=Decimal("30.00")),), total=Decimal("36.00"))

    assert said(desk.connector.ensure_many([edited])) == ["resumed"]
    desk.assert_posted_once([edited])


def test_a_shipped_order_is_neither_amended_nor_cancelled(desk: Desk) -> None:
    ask = desk.ask(1)
    desk.connector.ensure_many([ask])
    desk.control.ship([ask.reference])
    edited = desk.ask(1, lines=(goods("CAP", quantity=1, net=Decimal("30.00")),), total=Decimal("36.00"))

    amended = desk.connector.ensure_many([edited])
    cancelled = desk.connector.ensure_many([with_target(ask, Target.CANCELLED)])

    assert said(amended) == ["Rejected already_shipped"]
    assert isinstance(amended[0], Rejected)
    assert amended[0].evidence["expected_total"] == "36.00"
    assert amended[0].evidence["found_total"] == str(ask.document.total)
    assert said(cancelled) == ["Rejected already_shipped"]
    desk.assert_posted_once([ask])


def test_cancelling_takes_drafts_and_confirmed_ones_and_can_be_asked_twice(desk: Desk) -> None:
    confirmed, draft, absent = desk.asks(3)
    desk.control.behave(drop_before_commit=1.0, endpoints=["confirm"], times=1)
    desk.connector.ensure_many([draft])
    desk.connector.ensure_many([confirmed])
    cancels = [with_target(ask, Target.CANCELLED) for ask in (confirmed, draft, absent)]

    assert said(desk.connector.ensure_many(cancels)) == [
        "cancelled",
        "cancelled",
        "Rejected nothing_to_cancel",
    ]
    assert said(desk.connector.ensure_many(cancels[:2])) == ["adopted", "adopted"]
    assert desk.states() == ["cancelled", "cancelled"]


def test_a_cancelled_document_is_not_brought_back_under_the_same_reference(desk: Desk) -> None:
    ask = desk.ask(1)
    desk.connector.ensure_many([ask])
    desk.connector.ensure_many([with_target(ask, Target.CANCELLED)])

    assert said(desk.connector.ensure_many([ask])) == ["Rejected document_cancelled"]
    assert desk.states() == ["cancelled"]


def test_two_live_documents_under_one_reference_are_left_to_a_person(desk: Desk) -> None:
    asks = desk.asks(2)
    desk.control.behave(double_next=1)
    assert said(desk.connector.ensure_many(asks)) == ["created", "created"]

    results = desk.connector.ensure_many(asks)

    assert said(results) == ["Rejected duplicate_in_erp", "adopted"]
    assert isinstance(results[0], Rejected)
    doubled = [document.document_id for document in desk.documents() if document.reference == asks[0].reference]
    assert results[0].evidence["external_ids"] == ", ".join(doubled)
    assert said(desk.connector.ensure_many([with_target(asks[0], Target.CANCELLED)])) == ["Rejected duplicate_in_erp"]


def test_one_reference_asked_twice_in_a_call_is_created_once(desk: Desk) -> None:
    ask = desk.ask(1)

    assert said(desk.connector.ensure_many([ask, replace(ask)])) == ["created", "Transient asked_twice"]
    desk.assert_posted_once([ask])


def test_more_asks_than_a_batch_are_split_into_batches(desk: Desk) -> None:
    asks = desk.asks(120)
    before = desk.control.books().calls.get("create", 0)

    assert said(desk.connector.ensure_many(asks)) == ["created"] * 120
    assert desk.control.books().calls["create"] - before == 3
    desk.assert_posted_once(asks)


def test_find_and_walk_tell_every_document_in_our_words(desk: Desk) -> None:
    asks = desk.asks(3)
    begin = desk.context.now()
    desk.connector.ensure_many(asks)
    desk.connector.ensure_many([with_target(asks[2], Target.CANCELLED)])

    found = desk.connector.find([ask.reference for ask in asks] + ["WC-none-1"])
    walked = {document.reference: document for document in desk.connector.walk(begin)}

    assert found["WC-none-1"] == []
    assert {reference: documents[0] for reference, documents in found.items() if documents} == walked
    assert [walked[ask.reference].state.value for ask in asks] == ["confirmed", "confirmed", "cancelled"]
    assert [walked[ask.reference].line_count for ask in asks] == [3, 3, 3]
    last = max(document.modified_at for document in walked.values() if document.modified_at)
    assert {document.reference for document in desk.connector.walk(last)} == {asks[2].reference}


def test_walk_goes_through_all_pages(desk: Desk) -> None:
    asks = desk.asks(250)
    begin = desk.context.now()
    desk.connector.ensure_many(asks)

    assert len({document.reference for document in desk.connector.walk(begin)}) == 250


def test_products_are_told_by_code(desk: Desk) -> None:
    desk.control.add_products([f"P{number:04d}" for number in range(450)])

    codes = [product.sku for product in desk.connector.walk_products(None)]

    assert {"MUG", "TEE", "CAP", "P0000", "P0449"} <= set(codes)
    assert len(codes) == len(set(codes)) >= 453


def test_a_connection_test_names_what_is_wrong(desk: Desk) -> None:
    def health(connector: Connector) -> dict[str, Health]:
        return {check.name: check.health for check in connector.check()}

    assert health(desk.connector) == dict.fromkeys(("reachability", "credentials", "products"), Health.OK)
    assert health(desk.new_connector(api_key="wrong")) == {
        "reachability": Health.OK,
        "credentials": Health.FAILED,
    }
    wrong_path = desk.new_connector(base_url=f"{desk.place.base_url}/erp")
    assert health(wrong_path) == {"settings": Health.FAILED}
    desk.control.behave(down=True)
    assert health(desk.connector) == {"reachability": Health.FAILED}


@pytest.mark.parametrize(
    ("settings", "credentials", "name"),
    [
        ({}, {"api_key": "k"}, "base_url"),
        ({"base_url": "erp.example.com"}, {"api_key": "k"}, "base_url"),
        ({"base_url": 7}, {"api_key": "k"}, "base_url"),
        ({"base_url": "https://erp.example.com", "allow_private": "yes"}, {"api_key": "k"}, "allow_private"),
        ({"base_url": "https://erp.example.com", "speed": 1}, {"api_key": "k"}, "speed"),
        ({"base_url": "https://erp.example.com"}, {}, "api_key"),
        ({"base_url": "https://erp.example.com"}, {"api_key": ""}, "api_key"),
        ({"base_url": "https://erp.example.com"}, {"api_key": "geheim\n"}, "api_key"),
    ],
)
def test_a_wrong_setting_is_named(
    desk: Desk, settings: dict[str, object], credentials: dict[str, object], name: str
) -> None:
    info = ConnectionInfo(name="erp", kind="lookalike_erp", settings=settings, credentials=credentials)

    with pytest.raises(Misconfigured, match=rf"\b{name}\b") as raised:
        Connector(info, desk.context)

    assert "geheim" not in raised.value.detail

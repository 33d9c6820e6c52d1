"""Writes to orders: checked before they go, answered one by one, and never done twice."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from integrations.connectors.woocommerce.connector import Connector
from integrations.connectors.woocommerce.refunds import REFERENCE
from integrations.ports.context import CallContext
from integrations.ports.errors import Rejected, Transient, Unknown
from integrations.ports.stores import RefundAsk, RefundLine, StoreWriter, Written
from tests.connectors.woocommerce.conftest import connector_of
from tests.connectors.woocommerce.rest_store import RestStore, recorded
from tests.connectors.woocommerce.written_store import Ledger
from tests.support.recorded_store import Manner

TRACKING = {"_tracking_number": "00340434161094021501", "_tracking_provider": "dhl"}


def ask(order_ref: str = "148", amount: str = "10.60", **changed: Any) -> RefundAsk:
    fields = {"reference": "WC-eu-148-R1", "reason": "1 Becher zerbrochen", **changed}
    return RefundAsk(order_ref=order_ref, amount=Decimal(amount), **fields)


def posts(shop: RestStore) -> list[str]:
    return [path for path in shop.paths() if not path.startswith("GET")]


def test_the_connector_writes(connector: Connector) -> None:
    assert isinstance(connector, StoreWriter)


def test_meta_is_set_and_set_again_without_a_double(ledger: Ledger, connector: Connector) -> None:
    connector.set_meta("148", TRACKING)

    written = connector.set_meta("148", TRACKING | {"_tracking_provider": "dpd"})

    assert written.order is not None
    assert written.modified_at == written.order.modified_at
    kept = [(meta["key"], meta["value"]) for meta in ledger.order("148")["meta_data"] if "tracking" in meta["key"]]
    assert kept == [("_tracking_number", "00340434161094021501"), ("_tracking_provider", "dpd")]


def test_meta_of_an_order_that_is_gone_is_refused(ledger: Ledger, connector: Connector) -> None:
    with pytest.raises(Rejected) as caught:
        connector.set_meta("999999", TRACKING)

    assert caught.value.code == "order_gone"


def test_meta_without_a_key_is_not_sent(shop: RestStore, ledger: Ledger, connector: Connector) -> None:
    for values in ({}, {"": "x"}):
        with pytest.raises(Rejected) as caught:
            connector.set_meta("148", values)
        assert caught.value.code == "value_not_allowed"
    assert shop.calls == []


def note(connector: Connector, text: str = "Sent with DHL 0034…") -> Written:
    return connector.add_note("148", reference="WC-eu-148-N1", text=text, to_customer=True)


def test_a_note_ends_with_its_reference_and_is_made_once(shop: RestStore, ledger: Ledger, connector: Connector) -> None:
    assert note(connector) == note(connector) == Written("148", None)

    (made,) = ledger.notes["148"]
    assert (made["note"], made["customer_note"]) == ("Sent with DHL 0034… [WC-eu-148-N1]", True)
    assert posts(shop) == ["POST /orders/148/notes"]


def test_notes_of_other_references_are_not_adopted(ledger: Ledger, connector: Connector) -> None:
    connector.add_note("148", reference="WC-eu-148-N11", text="a", to_customer=False)
    connector.add_note("148", reference="C-eu-148-N1", text="a", to_customer=False)

    note(connector)

    assert len(ledger.notes["148"]) == 3


@pytest.mark.parametrize("reference", ["", "a b", "a]", "é"])
def test_a_reference_that_could_not_be_found_again_is_not_used(
    shop: RestStore, ledger: Ledger, connector: Connector, reference: str
) -> None:
    with pytest.raises(Rejected):
        connector.add_note("148", reference=reference, text="a", to_customer=False)
    with pytest.raises(Rejected):
        connector.refund(ask(reference=reference))

    assert shop.calls == []


def test_a_refund_is_made_with_its_lines_and_nothing_is_asked_of_the_gateway(
    shop: RestStore, ledger: Ledger, connector: Connector
) -> None:
    line = RefundLine(line_ref="1", quantity=Decimal(1), amount=Decimal("8.91"), taxes={"1": Decimal("1.69")})

    written = connector.refund(ask(lines=(line,), restock=True))

    (call,) = [call for call in shop.calls if call.method == "POST"]
    assert json.loads(call.body) == {
        "amount": "10.60",
        "reason": "1 Becher zerbrochen [WC-eu-148-R1]",
        "api_refund": False,
        "api_restock": True,
        "meta_data": [{"key": REFERENCE, "value": "WC-eu-148-R1"}],
        "line_items": [{"id": 1, "quantity": 1, "refund_total": 8.91, "refund_tax": [{"id": 1, "refund_total": 1.69}]}],
    }
    assert b'"refund_total":8.91,' in call.body
    assert written.modified_at == dt.datetime(2026, 11, 24, 0, 0, 1, tzinfo=dt.UTC)
    assert len(ledger.refunds["148"]) == 1


@pytest.mark.parametrize("forgets_meta", [False, True], ids=["whole", "broken off before its meta"])
def test_a_refund_that_is_there_already_is_adopted(
    shop: RestStore, ledger: Ledger, connector: Connector, forgets_meta: Any
) -> None:
    ledger.forgets_refund_meta = forgets_meta
    first = connector.refund(ask())

    again = connector.refund(ask())

    assert first == again
    assert len(ledger.refunds["148"]) == 1
    assert posts(shop) == ["POST /orders/148/refunds"]


def test_a_second_refund_of_an_order_has_its_own_reference(ledger: Ledger, connector: Connector) -> None:
    connector.refund(ask())
    connector.refund(ask(reference="WC-eu-148-R2"))

    assert [refund.reference for refund in connector.refunds("148")] == ["WC-eu-148-R2", "WC-eu-148-R1"]


def test_another_amount_under_the_reference_is_refused(ledger: Ledger, connector: Connector) -> None:
    connector.refund(ask())

    with pytest.raises(Rejected) as caught:
        connector.refund(ask(amount="10.61"))

    assert caught.value.code == "amount_differs"
    assert (caught.value.evidence["found"], caught.value.evidence["asked"]) == ("10.60", "10.61")
    assert len(ledger.refunds["148"]) == 1


@pytest.mark.parametrize("kind", ["note", "refund"])
@pytest.mark.parametrize("lost", ["timeout", "err_500_fatal", "err_502_php_down", "err_200_with_php_notice"])
def test_after_unknown_the_same_ask_adopts_what_is_there(shop: RestStore, ledger: Ledger, kind: str, lost: str) -> None:
    """The store did it; only its answer was lost."""
    connector = connector_of(shop, CallContext(deadline_seconds=1.0))
    act: Callable[[], Written] = (lambda: note(connector)) if kind == "note" else (lambda: connector.refund(ask()))
    given_up = threading.Event()

    def lose_answers(call: Any, parts: list[str]) -> Any:
        answer = ledger.answer(call, parts)
        if call.method != "POST":
            return answer
        if lost == "timeout":
            given_up.wait(30)
            return answer
        return recorded(lost)

    shop.answers["orders"] = lose_answers
    with pytest.raises(Unknown) as caught:
        act()
    given_up.set()
    assert (caught.value.code == "timed_out") is (lost == "timeout")
    shop.answers["orders"] = ledger.answer
    connector.context = CallContext()

    assert act().order_ref == "148"

    assert len({"note": ledger.notes, "refund": ledger.refunds}[kind]["148"]) == 1
    assert len(posts(shop)) == 1


@pytest.mark.parametrize("point", ["note_looked_up", "note_created", "refund_looked_up", "refund_created"])
def test_a_worker_that_dies_between_the_steps_leaves_one(shop: RestStore, ledger: Ledger, point: str) -> None:
    class DiedError(BaseException):
        pass

    def die(name: str) -> None:
        if name == f"woocommerce.{point}":
            raise DiedError

    dying, living = connector_of(shop, CallContext(crashpoint=die)), connector_of(shop)
    is_note = point.startswith("note")
    with pytest.raises(DiedError):
        note(dying) if is_note else dying.refund(ask())

    note(living) if is_note else living.refund(ask())

    assert len((ledger.notes if is_note else ledger.refunds)["148"]) == 1


def test_a_look_up_is_not_believed_from_a_cache(shop: RestStore, ledger: Ledger, connector: Connector) -> None:
    shop.manner = Manner(200, {"Age": "60"}, b"[]")

    acts: list[Callable[[], Written]] = [lambda: note(connector), lambda: connector.refund(ask())]
    for act in acts:
        with pytest.raises(Transient) as caught:
            act()
        assert caught.value.code == "answer_from_cache"
    assert posts(shop) == []


def test_too_much_is_a_definite_no_although_the_store_says_500(ledger: Ledger, connector: Connector) -> None:
    with pytest.raises(Rejected) as caught:
        connector.refund(ask(amount="9999"))

    assert caught.value.code == "refund_refused"
    assert "Invalid refund amount." in caught.value.detail
    assert ledger.refunds == {}


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_a_refund_of_nothing_is_not_sent(shop: RestStore, ledger: Ledger, connector: Connector, amount: str) -> None:
    with pytest.raises(Rejected) as caught:
        connector.refund(ask(amount=amount))

    assert caught.value.code == "value_not_allowed"
    assert shop.calls == []


def test_notes_and_refunds_of_an_order_that_is_gone_are_refused(ledger: Ledger, connector: Connector) -> None:
    acts: list[Callable[[], Written]] = [
        lambda: connector.add_note("999", reference="r", text="a", to_customer=False),
        lambda: connector.refund(ask("999")),
    ]
    for act in acts:
        with pytest.raises(Rejected) as caught:
            act()
        assert caught.value.code == "order_gone"


def test_a_refund_is_done_even_when_its_order_cannot_be_read_afterwards(
    shop: RestStore, ledger: Ledger, connector: Connector
) -> None:
    def hide(call: Any, parts: list[str]) -> Any:
        if call.method == "GET" and len(parts) == 2:
            return recorded("err_502_php_down")
        return ledger.answer(call, parts)

    shop.answers["orders"] = hide

    assert connector.refund(ask()) == Written("148", None)


def test_recorded_refunds_have_their_lines_in_positive_amounts(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner(200, {}, b"[" + json.dumps(refund_body()).encode() + b"]")

    (refund,) = connector.refunds("336")

    assert (refund.refund_ref, refund.order_ref, refund.amount) == ("337", "336", Decimal("54.61"))
    assert (refund.reason, refund.reference) == ("alles zurück", "")
    assert [
        (line.kind.value, line.of_line_ref, str(line.quantity), str(line.total), str(line.total_tax))
        for line in refund.lines
    ] == [
        ("goods", "851", "2", "21.00", "3.99"),
        ("goods", "852", "1", "19.99", "3.80"),
        ("shipping", "853", "0", "4.90", "0.93"),
    ]
    assert sum(line.total + line.total_tax for line in refund.lines) == refund.amount
    assert refund.lines[0].taxes[0].amount == Decimal("3.99")


def refund_body() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(recorded("refund_post_full_lines")[2])
    return found


def test_recorded_notes_are_read(shop: RestStore, connector: Connector) -> None:
    shop.manner = Manner.recorded("order_notes_list")

    notes = connector.notes("148")

    assert [item.text for item in notes[:2]] == ["ERP: booked", "Sent with DHL 0034…"]
    assert [item.to_customer for item in notes[:2]] == [False, True]


def test_more_than_a_hundred_refunds_are_read(ledger: Ledger, connector: Connector) -> None:
    ledger.refunds["148"] = [refund_body() | {"id": number} for number in range(1, 151)]

    assert len(connector.refunds("148")) == 150

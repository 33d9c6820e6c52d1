"""What is decided without a call: when a target counts as reached, and how a batch is taken apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest

from integrations.connectors.lookalike_erp.ensure import Step, decide, in_parts, reached
from integrations.connectors.lookalike_erp.schemas import Document, State
from integrations.ports.capabilities import Ask, Ensured, How, Target
from integrations.ports.errors import AuthRejected, ConnectorError, Rejected, Transient, Unknown
from tests.connectors.lookalike_erp.support import order

ASK = Ask(reference="WC-eu-1", document=order("WC-eu-1", 1))


def document(state: State, *, total: Decimal = ASK.document.total, document_id: str = "7") -> Document:
    return Document(
        id=document_id,
        reference="WC-eu-1",
        state=state,
        number="",
        currency="EUR",
        total=total,
        line_count=3,
        lines=(),
        changed_at=dt.datetime(2026, 3, 1, tzinfo=dt.UTC),
    )


@pytest.mark.parametrize("found", [None, document(State.DRAFT), document(State.CANCELLED)])
def test_a_document_that_is_not_read_back_in_its_target_state_is_not_ensured(found: Document | None) -> None:
    result = reached(Step(ASK, document(State.DRAFT), How.CREATED), found)

    assert isinstance(result, Unknown)
    assert (result.code, result.evidence["external_id"]) == ("target_not_reached", "7")


def test_an_amount_that_changed_until_it_was_read_back_is_rejected() -> None:
    result = reached(Step(ASK, document(State.DRAFT), How.CREATED), document(State.CONFIRMED, total=Decimal(1)))

    assert isinstance(result, Rejected)
    assert result.code == "amount_differs"


def test_the_amount_of_a_cancelled_document_does_not_matter() -> None:
    step = Step(Ask("WC-eu-1", ASK.document, Target.CANCELLED), document(State.CONFIRMED), How.CANCELLED)

    assert isinstance(reached(step, document(State.CANCELLED, total=Decimal(1))), Ensured)


def test_a_live_document_beside_a_cancelled_one_is_gone_on_from() -> None:
    decision = decide(ASK, [document(State.CANCELLED, document_id="1"), document(State.DRAFT, document_id="2")])

    assert isinstance(decision, Step)
    assert (decision.document.id, decision.how) == ("2", How.RESUMED)


def refusing(
    bad: set[int], calls: list[list[int]], after: dict[int, ConnectorError]
) -> Callable[[list[int]], list[str]]:
    def send(items: list[int]) -> list[str]:
        calls.append(items)
        if len(calls) in after:
            raise after[len(calls)]
        if bad & set(items):
            raise Rejected("no", code="batch_refused")
        return [f"ok {item}" for item in items]

    return send


@pytest.mark.parametrize("error", [Transient("away"), AuthRejected("revoked")])
def test_a_batch_being_taken_apart_stops_when_the_other_system_is_gone(error: ConnectorError) -> None:
    calls: list[list[int]] = []
    results = in_parts([1, 2, 3, 4], refusing({4}, calls, {2: error}))

    assert results == [error] * 4
    assert calls == [[1, 2, 3, 4], [1, 2]]


def test_a_doubt_in_one_part_of_a_batch_does_not_stop_the_others() -> None:
    calls: list[list[int]] = []
    doubt = Unknown("gone")
    results = in_parts([1, 2, 3, 4], refusing({4}, calls, {2: doubt}))

    assert results[:3] == [doubt, doubt, "ok 3"]
    assert isinstance(results[3], Rejected)
    assert calls == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]]


def test_nothing_is_sent_for_no_items() -> None:
    calls: list[list[int]] = []

    assert in_parts([], refusing(set(), calls, {})) == []
    assert calls == []

"""The state tables are complete, and the documents made from them are theirs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pytest

from integrations.states import LEGAL_PAIRS, Outcome, Status
from orders.states import MACHINES, FulfilmentState, OrderState, PaymentState
from retailhub.console import documents
from retailhub.core.states import Machine, MoveNotAllowed

STATES: dict[str, type[StrEnum]] = {"order": OrderState, "payment": PaymentState, "fulfilment": FulfilmentState}
ALL = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)


def reachable(machine: Machine) -> set[str]:
    found, new = {machine.initial}, [machine.initial]
    while new:
        after = machine.moves[new.pop()] - found
        found |= after
        new += sorted(after)
    return found


def test_each_axis_has_a_machine() -> None:
    assert set(MACHINES) == set(STATES)


@ALL
def test_every_state_has_a_line_in_its_table_and_no_line_names_another(machine: Machine) -> None:
    assert set(machine.moves) == set(STATES[machine.name])
    assert set().union(*machine.moves.values()) <= set(machine.moves)


@ALL
def test_every_state_can_be_reached_and_none_leads_to_itself(machine: Machine) -> None:
    assert reachable(machine) == set(machine.moves)
    assert [state for state, after in machine.moves.items() if state in after] == []


@ALL
def test_a_move_outside_the_table_is_refused_and_staying_is_not(machine: Machine) -> None:
    for before in machine.moves:
        for after in machine.moves:
            allowed = before == after or after in machine.moves[before]
            assert machine.allows(before, after) is allowed
            if allowed:
                machine.check(before, after)
            else:
                with pytest.raises(MoveNotAllowed, match=f"{after} may not follow {before}"):
                    machine.check(before, after)


@ALL
def test_the_diagram_shows_each_move_once(machine: Machine) -> None:
    moves = [line.split(" --> ") for line in machine.diagram().splitlines() if " --> " in line]
    assert moves[0] == ["    [*]", machine.initial]
    drawn = [(before.strip(), after) for before, after in moves[1:]]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == {(before, after) for before, found in machine.moves.items() for after in found}


def test_every_status_has_its_outcomes_and_every_outcome_a_status() -> None:
    assert set(LEGAL_PAIRS) == set(Status)
    assert set().union(*LEGAL_PAIRS.values()) == set(Outcome)
    assert all(LEGAL_PAIRS.values())


def test_every_state_is_explained() -> None:
    meant = {name: set(documents.MEANINGS[name]) for name in documents.MEANINGS}
    axes = {name: {state.value for state in states} for name, states in STATES.items()}
    assert meant == {**axes, "status": set(Status), "outcome": set(Outcome)}


def test_the_generated_documents_are_up_to_date() -> None:
    present = {f"states/{path.name}" for path in (documents.DOCS / "states").iterdir()} | {
        "runbooks/README.md",
        "operating/roles.md",
    }
    on_disk = {name: (documents.DOCS / name).read_text(encoding="utf-8") for name in present}
    assert on_disk == documents.texts(), "run: python -m retailhub.console.doc_files"


def test_writing_removes_the_document_of_a_machine_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "states").mkdir()
    (tmp_path / "states" / "gone.md").write_text("")
    documents.write(tmp_path)
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.md")}
    assert written == set(documents.texts())

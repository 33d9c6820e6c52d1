"""A runbook for every case code, and a code for every runbook."""

from __future__ import annotations

import re

import pytest

from reconciliation.codes import CODES, FALLBACK
from reconciliation.services.overdue import TOLD_AS, UNAVAILABLE
from tests.docs import raised_codes
from tests.docs.raised_codes import ROOT

FOLDER = ROOT / "docs" / "runbooks"
SECTIONS = [
    "What happened",
    "How to see it",
    "What to do",
    "Who can do it",
    "How you know it is mended",
    "When to call an engineer",
]
REPORTED = "Reported codes"
TOLD_BY = {
    "Rejected": {"rejected"},
    "Misconfigured": {"misconfigured"},
    "AuthRejected": {"credentials_rejected"},
    "Transient": {"other_system_unavailable"},
    "RateLimited": {"rate_limited"},
    "Unknown": {"result_unknown"},
    # a read is repeated, a write is unknown
    "in_doubt": {"other_system_unavailable", "result_unknown"},
}
"""Which runbook explains a code without a line of its own, by the error it comes with."""
NOTES = {
    "stale_answer": "a message waits to read its order again; overdue work tells of it",
    "gone_before_it_was_seen": "a message is done: the store deleted an order that we never knew",
    "own_echo": "a message is done: it tells what we had written to the store ourselves",
    "no_flow_for_": "a message is done: it speaks of something that no flow is for yet",
    "connector_error": "the base of all connector errors, which nobody raises",
}
"""Codes that are no case's: they stand on messages."""


def text_of(code: str) -> str:
    return (FOLDER / f"{code}.md").read_text(encoding="utf-8")


def sections_of(code: str) -> dict[str, str]:
    """Heading → text below it."""
    parts = re.split(r"^## (.+)\n", text_of(code), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


def reported_in(code: str) -> set[str]:
    """The codes that a runbook says are told as its own."""
    return set(re.findall(r"^\| `([a-z_]+)` \|", sections_of(code).get(REPORTED, ""), flags=re.MULTILINE))


def test_every_code_has_a_runbook_and_every_runbook_a_code() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} - {"README"} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_runbook_says_what_its_code_says_and_answers_every_question(code: str) -> None:
    line, found = CODES[code], sections_of(code)
    assert text_of(code).startswith(f"# {code}\n\n> {line.sentence}\n")
    assert f"Owner side: {line.side.value}{', urgent' if line.urgent else ''}.\n" in text_of(code)
    assert [name for name in found if name != REPORTED] == SECTIONS
    assert all(found.values())
    assert f"`manage.py cases --code {code}`" in found["How to see it"]
    steps = re.findall(r"^(\d+)\. ", found["What to do"], flags=re.MULTILINE)
    assert [int(step) for step in steps] == list(range(1, len(steps) + 1))
    assert len(steps) >= 3


@pytest.mark.parametrize("code", CODES)
def test_a_runbook_is_short(code: str) -> None:
    lines = text_of(code).split(f"\n## {REPORTED}\n")[0].splitlines()
    assert 15 <= len(lines) <= 30


def test_every_raised_code_is_a_case_of_its_own_or_is_explained_where_it_is_told() -> None:
    lost = {
        f"{code} ({kind})"
        for code, kind in raised_codes.by_connectors()
        if code not in {*CODES, *NOTES}
        and kind in TOLD_BY
        and not any(code in reported_in(book) for book in TOLD_BY[kind])
    }
    assert lost == set()


def test_every_code_that_the_engine_or_a_service_gives_has_a_line() -> None:
    given = raised_codes.by_services()
    assert {"sku_unmapped", "worker_died", "delivery_names_no_order", "internal_error"} <= given
    assert given - {*CODES, *NOTES} == set()


def test_no_code_is_raised_in_a_way_that_these_tests_do_not_see() -> None:
    kinds = {kind for _, kind in raised_codes.by_connectors()}
    assert kinds <= set(TOLD_BY), "name in TOLD_BY where a code of the new kind is explained"
    assert {code for code, _ in raised_codes.by_connectors()} >= {
        "unknown_item",
        "amount_differs",
        "body_empty",
        "key_not_seen",
        "timed_out",
        "credentials_rejected",
    }


def test_no_runbook_explains_a_code_that_nobody_raises() -> None:
    raised = {code for code, _ in raised_codes.by_connectors()}
    explained = {code for book in CODES for code in reported_in(book)}
    assert explained - raised == set()


def test_a_note_is_still_given_and_is_no_case() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in raised_codes.sources())
    assert {note for note in NOTES if f'"{note}' not in text} == set()
    assert NOTES.keys() & CODES.keys() == set()


def test_every_fallback_leads_to_a_code() -> None:
    assert {*FALLBACK.values(), *TOLD_AS.values(), UNAVAILABLE} <= set(CODES)
    assert {code for code, told in TOLD_AS.items() if told == "credentials_rejected"} == (
        {"credentials_rejected"} | reported_in("credentials_rejected")
    )

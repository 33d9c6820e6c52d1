"""The audit from the command line: list, export, verify; and the case of a broken chain."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from reconciliation.models import Case
from reconciliation.services import audits
from reconciliation.tasks import check_audit, seal_audit
from retailhub import wiring
from retailhub.console.management.commands import audit as command_module
from retailhub.core import audit, clock
from retailhub.core.models import AuditChain, AuditEntry
from tests.commands.conftest import command as run
from tests.support.audited import tamper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def wired() -> None:
    wiring.connect()


def acts(count: int, *, actor: str = "olga") -> None:
    for number in range(count):
        audit.record(
            actor=actor, action="map_sku", subject=f"sku:S-{number}", reason="new item", now=clock.now(), after={"n": 1}
        )


def open_cases() -> list[Case]:
    return list(Case.objects.filter(code="audit_broken", state=Case.State.OPEN))


def test_verify_says_that_the_audit_holds_and_where_it_ends() -> None:
    acts(3)
    seal_audit()
    acts(1)
    found = run("audit", "verify")
    head = str(AuditChain.objects.get())
    assert found.status == 0
    assert found.out.splitlines()[0].startswith("The audit holds: 3 sealed rows read in ")
    assert "1 row not sealed yet." in found.out
    assert found.out.splitlines()[1] == f"It ends at {head}"
    told = run("audit", "verify", "--json").json
    assert (told["holds"], told["rows"], told["unsealed"], told["head"]) == (True, 3, 1, head)
    assert open_cases() == []


def test_verify_names_the_first_broken_row_and_ends_with_status_1() -> None:
    acts(4)
    seal_audit()
    tamper("UPDATE core_auditentry SET actor_name = 'nobody' WHERE sealed_seq = 3")
    row = AuditEntry.objects.get(sealed_seq=3)
    found = run("audit", "verify")
    assert found.status == 1
    assert f"  place 3, row {row.pk}: changed. The row says something else than when it was sealed." in found.out
    told = run("audit", "verify", "--json")
    assert told.status == 1
    assert told.json["holds"] is False
    assert told.json["breaks"] == [
        {
            "kind": "changed",
            "place": 3,
            "entry": row.pk,
            "detail": "The row says something else than when it was sealed.",
        }
    ]


def test_a_broken_audit_is_one_urgent_case_until_it_holds_again() -> None:
    acts(4)
    seal_audit()
    before = bytes(AuditEntry.objects.get(sealed_seq=2).seal_hash or b"").hex()
    tamper("UPDATE core_auditentry SET reason = 'other' WHERE sealed_seq = 2")
    check_audit()
    run("audit", "verify")
    (case,) = open_cases()
    assert (case.subject, case.owner_side, case.seen_count) == ("audit:chain", "us", 1)
    assert case.sentence == (
        "The audit does not hold, first at place 2 (changed): The row says something else than when it was sealed."
    )
    assert (AuditChain.objects.get().check_report or {})["broken"] == 1
    tamper("UPDATE core_auditentry SET reason = 'new item' WHERE sealed_seq = 2")
    assert bytes(AuditEntry.objects.get(sealed_seq=2).seal_hash or b"").hex() == before
    assert run("audit", "verify").status == 0
    case.refresh_from_db()
    assert (case.state, case.closed_because) == (Case.State.CLOSED, audits.HOLDS)


def test_a_chain_that_cannot_be_added_to_is_a_case_and_resuming_it_mends_that() -> None:
    acts(2)
    seal_audit()
    tamper("UPDATE core_auditchain SET head_seq = 1")
    acts(1)
    assert audits.seal(now=clock.now()) == 0
    assert audits.seal(now=clock.now()) == 0
    (case,) = open_cases()
    assert (case.evidence["kind"], case.seen_count) == ("head", 1)
    assert run("audit", "resume", "--reason", " ").status == 1
    assert run("audit", "resume", "--reason", "the restore of Monday", "--json").json["head"].startswith("2:")
    assert audits.seal(now=clock.now()) == 2
    assert run("audit", "verify").status == 0
    assert open_cases() == []


def test_an_end_that_was_kept_elsewhere_is_compared_and_is_no_case() -> None:
    acts(2)
    seal_audit()
    kept = str(AuditChain.objects.get())
    acts(2)
    seal_audit()
    assert run("audit", "verify", "--expect", kept).status == 0
    wrong = f"{kept[:-1]}{'0' if kept[-1] != '0' else '1'}"
    found = run("audit", "verify", "--expect", wrong, "--json")
    assert (found.status, found.json["breaks"][0]["kind"]) == (1, "expected")
    assert run("audit", "verify", "--expect", f"9{kept}", "--json").json["breaks"][0]["kind"] == "truncated"
    assert open_cases() == []


@pytest.mark.parametrize("text", ["", "x", "12", "12:ab", "x:" + "0" * 64, "1:" + "g" * 64, "\u0661:" + "0" * 64])
def test_what_is_no_end_of_a_chain_is_refused_in_one_sentence(text: str) -> None:
    found = run("audit", "verify", "--expect", text, "--json")
    assert (found.status, found.json["error"]["code"]) == (1, "not_an_end")


def test_a_long_check_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    acts(2)
    seal_audit()
    run("audit", "verify", "--json")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(command_module, "SILENT_SECONDS", -1.0)
    run("audit", "verify", "--json")
    assert "2 of 2 rows read" in capsys.readouterr().err


def test_list_shows_the_newest_first_and_filters() -> None:
    acts(3)
    acts(1, actor="command line (root)")
    told = run("audit", "list", "--limit", "2", "--json").json["acts"]
    assert [(each["actor"], each["subject"]) for each in told] == [
        ("command line (root)", "sku:S-0"),
        ("olga", "sku:S-2"),
    ]
    assert len(run("audit", "list", "--actor", "olga", "--json").json["acts"]) == 3
    assert len(run("audit", "list", "--subject", "sku:S-0", "--action", "map_sku", "--json").json["acts"]) == 2
    assert run("audit", "list", "--since", "2999-01-01T00:00:00Z", "--json").json["acts"] == []
    assert "not sealed yet" in run("audit", "list").out
    assert run("audit", "list", "--limit", "0").status == 1
    assert run("audit", "list", "--until", "yesterday").status == 1


def chained(lines: list[dict[str, Any]]) -> bool:
    """What somebody outside does with an export, by the documents alone."""
    previous = bytes(32)
    for seal in sorted((line["seal"] for line in lines if line["seal"]), key=lambda seal: seal_place(seal["bytes"])):
        own = hashlib.sha256(previous + seal["bytes"].encode("ascii")).digest()
        if (seal["previous"], seal["hash"]) != (previous.hex(), own.hex()):
            return False
        previous = own
    return True


def seal_place(data: str) -> int:
    return int(data.split(",")[1])


def test_an_export_holds_all_that_is_needed_to_compute_the_chain_elsewhere_and_is_an_act_itself() -> None:
    acts(5)
    seal_audit()
    lines = run("audit", "export", "--reason", "the yearly review").lines
    assert len(lines) == 6
    assert (lines[-1]["action"], lines[-1]["reason"], lines[-1]["seal"]) == ("export_audit", "the yearly review", None)
    assert chained(lines)
    lines[2]["seal"]["bytes"] = lines[2]["seal"]["bytes"].replace("new item", "old item")
    assert not chained(lines)
    assert [line["subject"] for line in run("audit", "export", "--reason", "x", "--subject", "sku:S-3").lines] == [
        "sku:S-3"
    ]
    assert run("audit", "export", "--reason", " ").status == 1

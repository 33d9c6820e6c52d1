"""The audit's chain: every kind of tampering is named with its place."""

from __future__ import annotations

import datetime as dt

import pytest
from django.conf import settings

from retailhub.core import audit_chain, audit_check, clock
from retailhub.core.audit_check import Expected
from retailhub.core.models import AuditChain, AuditEntry
from tests.support.audited import act, found, sealed, tamper

pytestmark = pytest.mark.django_db


def test_a_chain_that_nobody_touched_holds() -> None:
    rows = sealed(30, rounds=3)
    check = audit_check.verify()
    assert (check.holds, check.rows, check.unsealed, check.broken) == (True, 30, 0, 0)
    assert check.head == f"30:{bytes(rows[-1].seal_hash or b'').hex()}" == str(AuditChain.objects.get())
    assert [row.sealed_seq for row in rows] == list(range(1, 31))


def test_an_empty_audit_holds_before_and_after_the_first_sealing() -> None:
    assert audit_check.verify().holds
    assert audit_chain.seal().rows == 0
    assert audit_check.verify().head == f"0:{'00' * 32}"


def test_what_is_not_sealed_yet_is_counted_and_breaks_nothing() -> None:
    sealed(3)
    act(4)
    check = audit_check.verify()
    assert (check.holds, check.rows, check.unsealed) == (True, 3, 1)


@pytest.mark.parametrize(
    "change",
    [
        "reason = 'another reason'",
        "actor_name = 'somebody else'",
        "role = 'owner'",
        "action = 'unmask'",
        "subject = 'sku:S-9999'",
        "at = at - interval '1 second'",
        "before = NULL",
        "before = before || '{\"weight\": 1.100}'",
        'after = after || \'{"item_code": "X"}\'',
        "sealed_at = sealed_at - interval '1 second'",
        "sealed_after = NULL",
    ],
)
def test_a_changed_row_is_named(change: str) -> None:
    rows = sealed(10, rounds=2)
    tamper(" ".join(("UPDATE core_auditentry SET", change, "WHERE sealed_seq = 7")))
    check = audit_check.verify()
    assert found(check) == [("changed", 7)]
    assert check.breaks[0].entry == rows[6].pk


def test_a_changed_row_that_was_sealed_anew_without_the_key_is_named() -> None:
    rows = sealed(10)
    tamper("UPDATE core_auditentry SET reason = 'another' WHERE sealed_seq = 4")
    row = audit_check._page(3)[0]
    assert row.sealed_at is not None
    own = audit_chain.digest(
        bytes(row.previous or b""), audit_chain.canonical(row, seq=4, sealed_at=row.sealed_at, sealed_after=None)
    )
    tamper("UPDATE core_auditentry SET seal_hash = %s WHERE sealed_seq = 4", own)
    tamper("UPDATE core_auditentry SET seal_previous = %s WHERE sealed_seq = 5", own)
    check = audit_check.verify()
    assert found(check)[0] == ("inserted", 4)
    assert check.breaks[0].entry == rows[3].pk


def test_a_removed_row_is_named_by_its_place() -> None:
    sealed(10)
    tamper("DELETE FROM core_auditentry WHERE sealed_seq IN (4, 5)")
    check = audit_check.verify()
    assert found(check) == [("removed", 4)]
    assert "2 sealed rows" in check.breaks[0].detail


def test_a_removed_row_is_found_although_the_rest_moved_up() -> None:
    sealed(10)
    tamper("DELETE FROM core_auditentry WHERE sealed_seq = 4")
    tamper("UPDATE core_auditentry SET sealed_seq = -sealed_seq WHERE sealed_seq > 4")
    tamper("UPDATE core_auditentry SET sealed_seq = -sealed_seq - 1 WHERE sealed_seq < 0")
    assert found(audit_check.verify())[0] == ("reordered", 4)


def test_an_inserted_row_is_named() -> None:
    sealed(10)
    tamper("UPDATE core_auditentry SET sealed_seq = -sealed_seq WHERE sealed_seq >= 6")
    tamper("UPDATE core_auditentry SET sealed_seq = 1 - sealed_seq WHERE sealed_seq < 0")
    tamper(
        """
        INSERT INTO core_auditentry (at, actor_name, action, subject, reason, sealed_seq, sealed_at, seal_version,
                                     seal_key, seal_previous, seal_hash, seal_mac)
        SELECT at, actor_name, action, 'sku:forged', reason, 6, sealed_at, seal_version, seal_key, seal_hash,
               sha256('x'), sha256('y') FROM core_auditentry WHERE sealed_seq = 5
        """
    )
    check = audit_check.verify()
    assert found(check)[0] == ("inserted", 6)
    assert check.breaks[0].entry == AuditEntry.objects.get(subject="sku:forged").pk


@pytest.mark.parametrize("place", ["-3", "0"])
def test_a_row_before_the_first_place_is_named(place: str) -> None:
    sealed(3)
    tamper("UPDATE core_auditentry SET sealed_seq = %s WHERE sealed_seq = 1", place)
    assert found(audit_check.verify())[:2] == [("inserted", int(place)), ("removed", 1)]


def test_rows_that_changed_places_are_named() -> None:
    sealed(10)
    tamper("UPDATE core_auditentry SET sealed_seq = -1 WHERE sealed_seq = 3")
    tamper("UPDATE core_auditentry SET sealed_seq = 3 WHERE sealed_seq = 4")
    tamper("UPDATE core_auditentry SET sealed_seq = 4 WHERE sealed_seq = -1")
    assert found(audit_check.verify())[:2] == [("reordered", 3), ("reordered", 4)]


def test_a_tail_that_was_cut_off_is_named() -> None:
    sealed(10)
    tamper("DELETE FROM core_auditentry WHERE sealed_seq > 7")
    check = audit_check.verify()
    assert found(check) == [("truncated", 8)]
    assert "3 of them" in check.breaks[0].detail


def test_what_is_sealed_after_a_cut_goes_on_from_the_true_end() -> None:
    sealed(10)
    tamper("DELETE FROM core_auditentry WHERE sealed_seq > 7")
    act(11)
    audit_chain.seal()
    assert AuditEntry.objects.latest("id").sealed_seq == 11
    assert found(audit_check.verify()) == [("removed", 8)]


def test_a_tail_cut_off_together_with_the_end_put_back_shows_against_an_end_kept_elsewhere() -> None:
    sealed(5)
    old = AuditChain.objects.values().get()
    sealed(5)
    kept = Expected.parse(str(AuditChain.objects.get()))
    tamper("DELETE FROM core_auditentry WHERE sealed_seq > 5")
    tamper(
        "UPDATE core_auditchain SET head_seq = %s, head_hash = %s, looked_at = %s, mac = %s",
        *(old[name] for name in ("head_seq", "head_hash", "looked_at", "mac")),
    )
    assert audit_check.verify().holds
    assert found(audit_check.verify(expected=kept)) == [("truncated", 6)]


def test_a_chain_rewritten_with_the_key_shows_against_an_end_kept_elsewhere() -> None:
    sealed(5)
    kept = Expected.parse(str(AuditChain.objects.get()))
    sealed(2)
    assert audit_check.verify(expected=kept).holds
    tamper("DELETE FROM core_auditentry")
    tamper("DELETE FROM core_auditchain")
    sealed(7)
    assert audit_check.verify().holds
    assert found(audit_check.verify(expected=kept)) == [("expected", 5)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE core_auditchain SET (head_seq, head_hash) ="
        " (SELECT sealed_seq, seal_hash FROM core_auditentry WHERE sealed_seq = 8)",
        "UPDATE core_auditchain SET looked_at = looked_at - interval '1 day'",
        "DELETE FROM core_auditchain",
        "UPDATE core_auditchain SET key = ''",
    ],
)
def test_an_end_that_somebody_else_wrote_is_named_and_nothing_is_sealed_onto_it(change: str) -> None:
    sealed(10)
    tamper(change)
    assert [kind for kind, _ in found(audit_check.verify())] == ["head"]
    act(11)
    with pytest.raises(audit_chain.HeadNotOurs):
        audit_chain.seal()
    assert AuditEntry.objects.filter(sealed_seq=None).count() == 1

    end = audit_chain.resume(actor="olga", reason="looked into", now=clock.now())
    assert end.startswith("10:")
    assert audit_chain.seal().rows == 2
    assert audit_check.verify().holds
    assert AuditEntry.objects.get(action="resume_audit").after == {"end": end}


def test_a_row_put_into_the_past_is_named_although_it_was_sealed() -> None:
    sealed(3)
    yesterday = clock.now() - dt.timedelta(days=1)
    tamper(
        "INSERT INTO core_auditentry (at, actor_name, action, subject, reason) VALUES (%s, 'ada', 'replay', 'x', 'y')",
        yesterday,
    )
    audit_chain.seal()
    assert found(audit_check.verify()) == [("late", 4)]


def test_a_row_put_into_a_quiet_time_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    real = clock.now()
    monkeypatch.setattr(clock, "now", lambda: real - dt.timedelta(days=3))
    sealed(3)
    monkeypatch.setattr(clock, "now", lambda: real)
    audit_chain.seal()  # finds nothing, and knows until when it has looked
    act(4, at=real - dt.timedelta(days=1))
    audit_chain.seal()
    assert found(audit_check.verify()) == [("late", 4)]


def test_rows_that_waited_for_a_sealer_that_stood_still_are_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    real = clock.now()
    monkeypatch.setattr(clock, "now", lambda: real - dt.timedelta(days=3))
    sealed(3)
    monkeypatch.setattr(audit_chain, "BATCH", 2)
    monkeypatch.setattr(clock, "now", lambda: real)
    for hours in range(0, 60, 10):
        act(hours, at=real - dt.timedelta(hours=hours))
    assert audit_chain.seal().rows == 6
    assert audit_check.verify().holds


def test_a_row_of_a_time_to_come_is_named() -> None:
    sealed(2)
    act(3, at=clock.now() + dt.timedelta(hours=1))
    audit_chain.seal()
    assert found(audit_check.verify()) == [("late", 3)]


def test_a_key_that_is_gone_is_named_once_and_one_that_stays_beside_a_new_one_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = settings.ENCRYPTION_KEYS
    sealed(5)
    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", ["new:" + "B" * 43 + "=", *old])
    sealed(5)
    assert audit_check.verify().holds
    assert set(AuditEntry.objects.filter(sealed_seq__gt=5).values_list("seal_key", flat=True)) == {"new"}
    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", ["new:" + "B" * 43 + "="])
    assert found(audit_check.verify()) == [("key_missing", 1)]
    monkeypatch.setattr(settings, "ENCRYPTION_KEYS", ["other:" + "C" * 43 + "="])
    with pytest.raises(audit_chain.KeyMissing):
        audit_chain.seal()


def test_many_breaks_are_counted_and_the_first_are_told() -> None:
    sealed(60)
    tamper("UPDATE core_auditentry SET reason = '' WHERE sealed_seq > 10")
    check = audit_check.verify()
    assert (check.broken, len(check.breaks), found(check)[0]) == (50, audit_check.NAMED, ("changed", 11))


def test_pages_and_batches_have_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_chain, "BATCH", 3)
    monkeypatch.setattr(audit_check, "PAGE", 4)
    monkeypatch.setattr(audit_check, "PAGE_OF", audit_check.PAGE_OF.replace("2000", "4"))
    sealed(12)
    told: list[tuple[int, int]] = []
    check = audit_check.verify(progress=lambda done, total: told.append((done, total)))
    assert (check.holds, check.rows) == (True, 12)
    assert told == [(4, 12), (8, 12), (12, 12), (12, 12)]
    assert AuditEntry.objects.values("sealed_at").distinct().count() == 1

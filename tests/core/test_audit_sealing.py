"""Audit rows are only added, sealed in order of commit, and read quickly."""

from __future__ import annotations

import datetime as dt
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import Error, connection, transaction

from retailhub.core import audit, audit_chain, audit_check, audit_read, clock
from retailhub.core.models import AuditEntry
from tests.support.audited import act, sealed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE core_auditentry SET reason = 'x'",
        "UPDATE core_auditentry SET sealed_seq = NULL",
        "UPDATE core_auditentry SET sealed_seq = sealed_seq + 100",
        "UPDATE core_auditentry SET seal_hash = NULL",
        "DELETE FROM core_auditentry",
        "INSERT INTO core_auditentry (at, actor_name, action, subject, reason, sealed_seq)"
        " VALUES (now(), '', '', '', '', 9)",
    ],
)
def test_the_database_refuses_every_change_of_a_sealed_row(sql: str) -> None:
    sealed(2)
    with pytest.raises(Error, match="audit rows are only ever added"), transaction.atomic(), connection.cursor() as c:
        c.execute(sql)
    assert audit_check.verify().holds


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE core_auditentry SET reason = 'x'",
        "UPDATE core_auditentry SET sealed_seq = 1, reason = 'x'",
        "UPDATE core_auditentry SET sealed_at = now()",
        "DELETE FROM core_auditentry",
    ],
)
def test_the_database_refuses_every_change_of_a_row_before_it_is_sealed(sql: str) -> None:
    act(1)
    with pytest.raises(Error, match="audit rows are only ever added"), transaction.atomic(), connection.cursor() as c:
        c.execute(sql)


def test_the_database_refuses_to_empty_the_audit() -> None:
    with connection.cursor() as cursor:
        # switched off for the tests that empty all tables; as the migration made it, it stands
        cursor.execute("ALTER TABLE core_auditentry ENABLE TRIGGER audit_not_emptied")
        with pytest.raises(Error, match="TRUNCATE is refused"), transaction.atomic():
            cursor.execute("TRUNCATE core_auditentry")


def test_the_roles_of_that_time_are_written_down_with_the_act() -> None:
    user = User.objects.create_user("olga", is_superuser=True)
    user.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in ("viewer", "operator")))
    entry = audit.record(actor=user, action="replay", subject="x", reason="why", now=clock.now())
    assert (entry.actor_name, entry.role) == ("olga", "superuser, operator, viewer")
    assert audit.record(actor="cron", action="x", subject="x", reason="why", now=clock.now()).role == ""


def test_a_filter_chooses_acts_and_nothing_else() -> None:
    first, second = act(1, at=clock.now() - dt.timedelta(hours=2)), act(2)
    since = clock.now() - dt.timedelta(hours=1)
    assert audit_read.newest(audit_read.Chosen(), limit=9) == [second, first]
    assert audit_read.newest(audit_read.Chosen(since=since), limit=9) == [second]
    assert audit_read.newest(audit_read.Chosen(until=since), limit=9) == [first]
    assert audit_read.newest(audit_read.Chosen(subject="sku:S-1", actor_name="test"), limit=9) == [first]
    assert audit_read.newest(audit_read.Chosen(action="unmask"), limit=9) == []


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_committed_late_is_sealed_after_those_with_higher_ids() -> None:
    written, sealed_others = threading.Event(), threading.Event()

    def late() -> None:
        with transaction.atomic():
            act(1)
            written.set()
            assert sealed_others.wait(10)
        connection.close()

    thread = _started(late)
    assert written.wait(10)
    high = act(2)
    assert audit_chain.seal().rows == 1
    sealed_others.set()
    thread.join(10)
    assert audit_chain.seal().rows == 1
    low = AuditEntry.objects.get(subject="sku:S-1")
    assert low.pk < high.pk
    assert (AuditEntry.objects.get(pk=high.pk).sealed_seq, low.sealed_seq) == (1, 2)
    assert audit_check.verify().holds


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_make_one_chain_while_acts_go_on() -> None:
    go_on = threading.Event()
    go_on.set()

    def each(work: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            while go_on.is_set():
                work()
            connection.close()

        return run

    threads = [_started(each(audit_chain.seal)) for _ in range(2)]
    for number in range(150):
        act(number)
    go_on.clear()
    for thread in threads:
        thread.join(10)
    audit_chain.seal()
    check = audit_check.verify()
    assert (check.holds, check.rows, check.unsealed) == (True, 150, 0)


def _started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.long
def test_a_hundred_thousand_rows_are_read_in_seconds_and_little_memory() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO core_auditentry (at, actor_name, action, subject, reason, before, after)
            SELECT rh_now(), 'olga', 'map_sku', 'sku:S-' || n, 'the shop renamed it',
                   jsonb_build_object('item_code', n), jsonb_build_object('item_code', n + 1, 'connection', 7)
            FROM generate_series(1, 100000) n
            """
        )
    assert audit_chain.seal().rows == 100_000
    check = audit_check.verify()
    assert (check.holds, check.rows) == (True, 100_000)
    assert check.seconds < 20
    tracemalloc.start()
    try:
        audit_check.verify()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024

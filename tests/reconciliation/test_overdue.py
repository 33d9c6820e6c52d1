"""Work that waits for longer than it should is a case until it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings
from django.db import connection

from integrations import connections, inbox, leases, outbox, polls
from integrations.models import Connection, ConnectionState, InboxMessage, OutboxMessage
from integrations.polls import Round
from integrations.ports.errors import AuthRejected, RateLimited, Transient
from integrations.states import Mode, PollKind
from reconciliation.models import Case
from reconciliation.services import overdue
from reconciliation.tasks import watch_overdue
from retailhub.core import clock

pytestmark = pytest.mark.django_db

LATE = settings.STUCK_AFTER_SECONDS + 60


def connect(name: str, kind: str = "lookalike_erp", mode: str = Mode.LIVE) -> Connection:
    row = Connection.objects.create(name=name, kind=kind, mode=mode)
    ConnectionState.objects.create(connection=row)
    return row


def shift(seconds: float) -> None:
    """The clock of this session, moved by so many seconds from the wall's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('retailhub.clock_offset', %s, false)", [f"{seconds} seconds"])


def send(row: Connection, subject: str = "order:ord_1", reference: str = "WC-eu-1") -> int:
    effect = outbox.NewEffect(
        connection_id=row.pk,
        operation="post_order",
        subject=subject,
        reference=reference,
        document=b"{}",
        trace_id="trace",
    )
    return outbox.enqueue([effect])[0]


def arrive(row: Connection) -> int:
    message = inbox.NewMessage(connection_id=row.pk, topic="order.updated", shard="store:1", body=b"{}", headers={})
    return inbox.store([message])[0][0]


def watch() -> dict[str, str]:
    """Open cases by code after a look, with their subjects."""
    overdue.watch(now=clock.now())
    return dict(Case.objects.filter(family="overdue", state=Case.State.OPEN).values_list("code", "subject"))


def test_work_due_for_longer_than_the_limit_is_a_case_of_its_connection_and_closes_when_it_is_done() -> None:
    erp = connect("erp")
    message = send(erp)
    assert watch() == {}

    shift(LATE)
    assert watch() == {"work_overdue": f"connection:{erp.pk}"}
    assert watch() == {"work_overdue": f"connection:{erp.pk}"}
    case = Case.objects.get()
    assert case.evidence["outbound_messages"] == "1"
    assert int(case.evidence["outbound_oldest_seconds"]) >= LATE

    OutboxMessage.objects.filter(pk=message).update(status="done", outcome="applied")
    assert watch() == {}
    case.refresh_from_db()
    assert (case.state, case.closed_because) == (Case.State.CLOSED, overdue.OVER)


def test_inbound_work_nobody_takes_up_is_a_case_too_and_one_case_tells_of_both_ways() -> None:
    shop = connect("eu", kind="woocommerce", mode=Mode.SHADOW)
    arrive(shop)
    shift(LATE)
    assert watch() == {"work_overdue": f"connection:{shop.pk}"}
    assert Case.objects.get().evidence["inbound_messages"] == "1"


def test_work_whose_worker_died_and_that_nobody_takes_back_is_overdue() -> None:
    erp = connect("erp")
    send(erp)
    assert len(outbox.claim(connection_id=erp.pk, fence=leases.next_fence(), limit=1, lease_seconds=10)) == 1
    shift(settings.STUCK_AFTER_SECONDS)
    assert watch() == {}
    shift(LATE)
    assert watch() == {"work_overdue": f"connection:{erp.pk}"}


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.SHADOW])
def test_outbound_work_of_a_connection_that_is_not_live_waits_rightly(mode: Mode) -> None:
    send(connect("erp", mode=mode))
    shift(LATE)
    assert watch() == {}


def test_work_of_a_paused_connection_waits_rightly_until_the_pause_ends() -> None:
    erp = connect("erp")
    send(erp)
    connections.pause(name="erp", until=clock.after(LATE + 30), actor="test", reason="stocktaking", now=clock.now())
    shift(LATE)
    assert watch() == {}
    shift(LATE + 60)
    assert watch() == {"work_overdue": f"connection:{erp.pk}"}


def test_work_behind_a_parked_message_has_that_messages_case_already() -> None:
    erp = connect("erp")
    first = send(erp)
    OutboxMessage.objects.filter(pk=first).update(status="parked", outcome="rejected", code="unknown_item")
    second = send(erp)
    shift(LATE)
    assert watch() == {}
    OutboxMessage.objects.filter(pk=first).update(status="done", outcome="applied", code="")
    assert watch() == {"work_overdue": f"connection:{erp.pk}"}
    assert OutboxMessage.objects.get(pk=second).status == "pending"


def test_a_system_that_lets_nothing_through_is_a_case_until_it_answers() -> None:
    erp = connect("erp")
    message = send(erp)
    shift(LATE)
    connections.note_trouble(connection_id=erp.pk, error=Transient("no answer"), retry_at=clock.after(120))
    OutboxMessage.objects.filter(pk=message).update(due_at=clock.after(30), attempts=7)
    assert watch() == {"other_system_unavailable": f"connection:{erp.pk}"}
    connections.note_success(connection_id=erp.pk)
    assert watch() == {}


def test_a_system_that_told_us_to_wait_for_long_is_named_so() -> None:
    erp = connect("erp")
    send(erp)
    shift(LATE)
    connections.note_trouble(
        connection_id=erp.pk, error=RateLimited("429", retry_at=clock.after(900)), retry_at=clock.after(900)
    )
    assert watch() == {"rate_limited": f"connection:{erp.pk}"}


def test_a_connection_whose_credentials_are_refused_has_one_case_and_not_two() -> None:
    erp = connect("erp")
    send(erp)
    shift(LATE)
    connections.note_trouble(connection_id=erp.pk, error=AuthRejected("401"), retry_at=clock.after(60))
    assert watch() == {}
    assert Case.objects.get().code == "credentials_rejected"


@pytest.mark.parametrize("code", ["key_lacks_rights", "key_not_seen", "blocked_before_store", "login_page"])
def test_every_kind_of_refusal_is_a_case_at_once_and_over_with_the_first_success(code: str) -> None:
    erp = connect("erp")
    send(erp)
    connections.note_trouble(connection_id=erp.pk, error=AuthRejected("no", code=code), retry_at=clock.after(60))
    assert Case.objects.get(state="open").code == "credentials_rejected"
    shift(LATE)
    watch()
    assert Case.objects.filter(state="open", code="credentials_rejected").count() == 1
    connections.note_success(connection_id=erp.pk)
    watch()
    assert not Case.objects.filter(state="open", code="credentials_rejected").exists()


def test_orders_that_a_store_does_not_let_us_read_are_told_by_what_it_said() -> None:
    shop = connect("eu", kind="woocommerce")
    message = arrive(shop)
    InboxMessage.objects.filter(pk=message).update(code="timed_out", attempts=5, due_at=clock.after(LATE + 60))
    shift(LATE)
    assert watch() == {"other_system_unavailable": f"connection:{shop.pk}"}
    assert Case.objects.get().evidence["last_failure"] == "timed_out"
    InboxMessage.objects.filter(pk=message).update(status="done", outcome="applied", code="")
    assert watch() == {}


def test_a_store_that_answers_with_old_states_for_long_makes_its_work_overdue() -> None:
    shop = connect("eu", kind="woocommerce")
    InboxMessage.objects.filter(pk=arrive(shop)).update(code="stale_answer", due_at=clock.after(LATE + 60))
    shift(LATE)
    assert watch() == {"work_overdue": f"connection:{shop.pk}"}


def test_a_short_failure_is_no_case() -> None:
    erp = connect("erp")
    send(erp)
    connections.note_success(connection_id=erp.pk)
    connections.note_trouble(connection_id=erp.pk, error=Transient("no answer", code="timed_out"))
    shift(settings.STUCK_AFTER_SECONDS - 60)
    assert watch() == {}


def test_two_schedules_ring_and_one_looks() -> None:
    send(connect("erp"))
    shift(LATE)
    watch_overdue()
    Case.objects.all().delete()
    watch_overdue()
    assert Case.objects.count() == 0
    assert InboxMessage.objects.count() == 0


def look(store: Connection) -> Round:
    polls.ensure(connection_id=store.pk, kinds=[PollKind.CHANGED])
    found = polls.claim(connection_id=store.pk)
    assert found is not None
    return found.begun(clock.now())


def test_a_store_that_nobody_looks_at_is_a_case_until_somebody_does() -> None:
    store = connect("eu", "woocommerce")
    polls.ensure(connection_id=store.pk, kinds=[PollKind.CHANGED, PollKind.WALK])
    assert watch() == {}
    shift(LATE)
    assert watch() == {"work_overdue": f"connection:{store.pk}"}
    assert Case.objects.get().evidence["looks_messages"] == "1"
    polls.save(replace(look(store), done=True))
    assert watch() == {}


def test_a_slow_look_that_never_gets_its_turn_is_a_case_until_it_does() -> None:
    store = connect("eu", "woocommerce")
    every = polls.periods()[PollKind.WALK]
    polls.ensure(connection_id=store.pk, kinds=[PollKind.CHANGED, PollKind.WALK])
    for late in (every - 60, every + 60):
        shift(every + late)
        polls.save(replace(look(store), done=True))
        assert watch() == ({} if late < every else {"work_overdue": f"connection:{store.pk}"})
    walk = look(store)
    assert walk.kind is PollKind.WALK
    polls.save(walk)
    assert watch() == {}


def test_looks_that_fail_each_time_are_a_case_until_one_succeeds() -> None:
    store = connect("eu", "woocommerce")
    polls.fail(look(store), code="timed_out", detail="too slow", due_in=1)
    assert watch() == {}
    shift(LATE)
    polls.fail(look(store), code="timed_out", detail="too slow", due_in=1)
    assert watch() == {"other_system_unavailable": f"connection:{store.pk}"}
    shift(LATE + 5)
    polls.save(replace(look(store), done=True))
    assert watch() == {}

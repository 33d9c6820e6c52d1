"""Effects exactly once in an ERP that is not idempotent and has bad manners, with workers that die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from integrations.models import OutboxMessage
from integrations.ports import documents
from orders.models import Order
from reconciliation.models import Case
from tests.support.hub import ROOT, Hub, pending
from tests.support.lives import order_body, skus


def place_orders(hub: Hub, count: int) -> None:
    # the workers look at the store too: it has what it told of, and nothing else
    hub.store.orders = {str(number): order_body(number) for number in range(1, count + 1)}
    for body in hub.store.orders.values():
        assert hub.deliver(body) == 200


def assert_each_posted_once(hub: Hub, count: int) -> None:
    books = hub.books.books()
    assert books.doubles() == {}
    live = {d.reference: d for d in books.documents if d.state == "confirmed"}
    assert set(live) == {f"WC-eu-{number}" for number in range(1, count + 1)}
    assert not [d for d in books.documents if d.state == "draft"]
    for order in Order.objects.all():
        document = documents.decode(order.document, documents.Order)
        assert live[f"WC-eu-{order.order_ref}"].total == document.total
    assert not Case.objects.filter(state="open").exists()


def commit_then_drop(hub: Hub, count: int) -> None:
    hub.connect()
    hub.know(skus())
    hub.books.behave(commit_then_drop=0.2, seed=11)
    place_orders(hub, count)
    hub.drain_singly()
    assert hub.books.books().faults["commit_then_drop"] >= count // 10
    hub.books.be_good()
    assert_each_posted_once(hub, count)


def test_commit_then_drop_on_a_fifth_of_the_calls_doubles_and_loses_nothing(hub: Hub) -> None:
    commit_then_drop(hub, 40)


@pytest.mark.long
def test_commit_then_drop_on_three_hundred_posts_doubles_and_loses_nothing(hub: Hub) -> None:
    commit_then_drop(hub, 300)


@pytest.mark.parametrize(
    "manner",
    ["drop_before_commit", "commit_then_drop", "error_body", "login_page", "truncated", "rate_limited", "unavailable"],
)
def test_bad_manners_double_and_lose_nothing(hub: Hub, manner: str) -> None:
    hub.connect()
    hub.know(skus())
    hub.books.behave(**{manner: 0.4}, seed=5, times=12)
    place_orders(hub, 8)
    hub.drain_singly()
    assert sum(hub.books.books().faults.values()) >= 3
    hub.books.be_good()
    assert_each_posted_once(hub, 8)


def test_a_search_that_lags_behind_what_is_stored_makes_no_double(hub: Hub) -> None:
    hub.connect(settle_seconds=2)
    hub.know(skus())
    hub.books.behave(search_lag_seconds=1.0, commit_then_drop=1.0, endpoints=("create",), times=1)
    place_orders(hub, 5)
    ends = time.monotonic() + 30
    while (pending() or not OutboxMessage.objects.exists()) and time.monotonic() < ends:
        hub.drain(rounds=1)
        hub.shift(0)  # the ERP's lag is real time, and so must ours be
        time.sleep(0.1)
    hub.books.be_good()
    assert_each_posted_once(hub, 5)


def pump_process(**environment: str) -> subprocess.Popen[bytes]:
    """A real pump on this test's database, with no Redis anywhere."""
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={quote(database['HOST'], safe='/')}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "drain", "--watch"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "RETAILHUB_SECRET_KEY": settings.SECRET_KEY,
            "RETAILHUB_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
            "RETAILHUB_LEASE_SECONDS": "4",
            "RETAILHUB_CALL_DEADLINE_SECONDS": "2",
            **environment,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for_death(process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    assert process.wait(seconds) == -signal.SIGKILL


@pytest.mark.parametrize(
    "point",
    ["outbox.claimed", "lookalike_erp.found", "lookalike_erp.created", "lookalike_erp.confirmed", "outbox.called"],
)
def test_work_of_a_worker_killed_at_a_crash_point_is_completed_not_doubled(hub: Hub, point: str) -> None:
    hub.connect()
    hub.know(skus())
    place_orders(hub, 6)
    wait_for_death(pump_process(CRASH_AT=f"{point}:1"))
    assert OutboxMessage.objects.filter(status="in_flight").exists()
    hub.shift(120)
    hub.drain(rounds=20)
    assert_each_posted_once(hub, 6)


def killed_again_and_again(hub: Hub, count: int, every: int) -> None:
    hub.connect()
    hub.know(skus())
    place_orders(hub, count)
    done = 0
    ends = time.monotonic() + 30 + count
    while done < count and time.monotonic() < ends:
        process = pump_process()
        target = min(done + every, count)
        while done < target and time.monotonic() < ends:
            time.sleep(0.02)
            done = OutboxMessage.objects.filter(status="done").count()
        process.kill()
        process.wait()
    hub.shift(120)
    hub.drain(rounds=20)
    assert pending() == 0
    assert_each_posted_once(hub, count)


def test_a_worker_killed_again_and_again_without_redis_loses_and_doubles_nothing(hub: Hub) -> None:
    killed_again_and_again(hub, 120, 40)


@pytest.mark.long
def test_a_worker_killed_after_every_hundred_completions_without_redis_loses_and_doubles_nothing(hub: Hub) -> None:
    killed_again_and_again(hub, 1000, 100)


def test_a_frozen_worker_whose_lease_was_taken_writes_nothing_when_it_wakes(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.books.behave(late=1.0, late_seconds=1.0, endpoints=("create",), times=1)
    place_orders(hub, 3)
    process = pump_process()
    try:
        ends = time.monotonic() + 30
        while not OutboxMessage.objects.filter(status="in_flight").exists() and time.monotonic() < ends:
            time.sleep(0.02)
        process.send_signal(signal.SIGSTOP)
        hub.books.be_good()
        hub.shift(30)
        hub.drain(rounds=20)
        process.send_signal(signal.SIGCONT)
        time.sleep(2.5)
    finally:
        process.kill()
        process.wait()
    assert_each_posted_once(hub, 3)
    assert OutboxMessage.objects.filter(status="done").count() == 3


def test_no_call_is_made_inside_a_transaction(hub: Hub) -> None:
    from django.db import transaction  # noqa: PLC0415

    from integrations import connections  # noqa: PLC0415
    from integrations.calls import Recorder, context_for, lines  # noqa: PLC0415
    from retailhub.core.guard import CallInsideTransaction  # noqa: PLC0415

    hub.connect()
    row = connections.named("erp")
    with lines() as kept, transaction.atomic():
        sink = kept.connector(row, context_for(Recorder(row.pk, 1), correlation_id="0" * 32))
        with pytest.raises(CallInsideTransaction):
            sink.find(["WC-eu-1"])


def test_money_is_the_shops_to_the_cent(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    place_orders(hub, 1)
    hub.drain()
    (document,) = hub.books.books().documents
    assert document.total == Decimal("17.61")


def test_a_draft_left_by_a_limited_confirm_is_found_by_its_id_though_the_search_lags(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.books.behave(rate_limited=1.0, endpoints=("confirm",), times=1, search_lag_seconds=600.0)
    place_orders(hub, 1)
    hub.drain()
    hub.books.be_good()
    assert_each_posted_once(hub, 1)


def test_an_order_that_stops_being_payable_before_it_is_sent_is_not_sent(hub: Hub) -> None:
    from integrations import connections  # noqa: PLC0415
    from retailhub.core import clock  # noqa: PLC0415

    hub.connect()
    hub.know(skus())
    connections.pause(name="erp", until=None, actor="test", reason="closed", now=clock.now())
    statuses = ("on-hold", "failed", "refunded", "pending")
    for number, _ in enumerate(statuses, 1):
        hub.deliver(order_body(number))
    hub.deliver(order_body(9, sku="MUG-01"))
    hub.drain(rounds=2)
    assert OutboxMessage.objects.filter(status="pending").count() == 5
    for number, status in enumerate(statuses, 1):
        hub.deliver(order_body(number, status=status, seconds=5))
    hub.drain(rounds=2)
    connections.resume(name="erp", actor="test", reason="open", now=clock.now())
    hub.drain()
    assert [d.reference for d in hub.books.books().documents] == ["WC-eu-9"]
    hub.deliver(order_body(1, seconds=9))
    hub.drain()
    assert {d.reference for d in hub.books.books().documents if d.live} == {"WC-eu-9", "WC-eu-1-O2"}


def test_a_refused_cancellation_is_dropped_when_the_order_lives_again(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    hub.drain()
    hub.books.ship(["WC-eu-1"])
    hub.deliver(order_body(1, seconds=2, status="cancelled"))
    hub.drain()
    assert Case.objects.get(state="open").code in {"already_shipped", "too_late_to_cancel", "rejected"}
    hub.deliver(order_body(1, seconds=4))
    hub.drain()
    documents = hub.books.books().documents
    assert [(d.reference, d.state) for d in documents] == [("WC-eu-1", "confirmed")]
    assert not Case.objects.filter(state="open").exists()
    assert pending() == 0


def test_a_fault_of_ours_stays_with_its_message(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from integrations.connectors.lookalike_erp.connector import Connector  # noqa: PLC0415

    hub.connect()
    hub.know(skus())
    place_orders(hub, 3)
    real = Connector.ensure_many

    def faulty(self: Connector, asks: list[object]) -> object:
        if any(getattr(ask, "reference", "") == "WC-eu-2" for ask in asks):
            raise ZeroDivisionError
        return real(self, asks)  # type: ignore[arg-type]

    monkeypatch.setattr(Connector, "ensure_many", faulty)
    hub.drain()
    message = OutboxMessage.objects.get(reference="WC-eu-2")
    assert (message.status, message.outcome, message.on_wire) == ("parked", "internal", True)
    assert OutboxMessage.objects.filter(status="done").count() == 2
    assert Case.objects.get(state="open").code == "internal_error"


def test_an_erp_that_is_away_for_long_gets_everything_when_it_is_back(hub: Hub) -> None:
    hub.connect()
    hub.know(skus())
    hub.books.behave(down=True)
    place_orders(hub, 2)
    for step in range(60):
        hub.drain(rounds=1)
        hub.shift(400.0 * (step + 1))
    assert OutboxMessage.objects.filter(status="pending").count() == 2
    hub.books.be_good()
    hub.shift(400.0 * 62)
    hub.drain(rounds=3)
    hub.shift(0)
    assert_each_posted_once(hub, 2)

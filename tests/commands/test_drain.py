from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from integrations import arrivals
from integrations.calls import Lines
from integrations.models import InboxMessage, OutboxMessage, Poll
from integrations.states import PollKind
from retailhub.core import clock
from tests.commands.conftest import Run, deliver_order
from tests.support.hub import Hub, pending
from tests.support.publishing import publish
from tests.support.recorded_store import newest_orders


def test_drain_brings_a_delivery_to_the_erp_and_says_how_much_it_worked(shop: Hub, run: Run) -> None:
    deliver_order(shop, newest_orders()["160"])
    written = run("drain", "--json")
    assert written.json == {"worked": 2, "stopped": False, "pending": 0, "in_flight": 0, "parked": 0}
    (document,) = shop.books.books().documents
    assert (document.reference, document.state, str(document.total)) == ("WC-eu-160", "confirmed", "53.18")
    assert run("drain").out == "Worked 0 messages; 0 wait for later, 0 are parked.\n"


def test_drain_for_one_erp_leaves_the_inbox_alone(shop: Hub, run: Run) -> None:
    deliver_order(shop)
    assert run("drain", "--connection", "erp", "--json").json["worked"] == 0
    assert pending() == 1


def test_drain_for_one_store_writes_to_it_and_looks_at_it_and_leaves_the_rest_alone(shop: Hub, run: Run) -> None:
    ref = deliver_order(shop)
    run("drain")
    shop.store.calls.clear()
    deliver_order(shop, id=149)
    publish(ref, "note", "hello")
    written = run("drain", "--connection", "eu", "--json")
    assert (written.status, written.json["worked"]) == (0, 1)
    assert written.json["looks"] > 0
    assert [call.path for call in shop.store.calls if call.path.endswith(f"/{ref}/notes")]
    assert OutboxMessage.objects.get(operation="add_note").attempts == 1
    assert not InboxMessage.objects.filter(shard="store:149").exclude(status="pending").exists()
    looked = Poll.objects.filter(connection=shop.eu, kind__in=(PollKind.CHANGED, PollKind.TRASH))
    assert not looked.filter(due_at__lte=clock.now()).exists()


def test_drain_for_one_store_that_is_off_makes_no_call(shop: Hub, run: Run) -> None:
    run("connection", "mode", "eu", "off", "--reason", "closed")
    shop.store.calls.clear()
    assert run("drain", "--connection", "eu", "--json").json["looks"] == 0
    assert run("drain", "--connection", "eu").out == (
        "Worked 0 messages and made 0 steps of looks; 0 wait for later, 0 are parked.\n"
    )
    assert shop.store.calls == []


def test_drain_refuses_what_it_cannot_do(shop: Hub, run: Run) -> None:
    for words, code in {
        ("--connection", "nobody"): "misconfigured",
        ("--connection", "erp", "--watch"): "bad_choice",
        ("--seconds", "0"): "bad_limit",
    }.items():
        written = run("drain", *words, "--json")
        assert (written.status, written.json["error"]["code"]) == (1, code)


def test_a_signal_ends_drain_after_the_batch_in_hand(shop: Hub, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):
        deliver_order(shop, newest_orders()["160"], id=1000 + number)
    works = arrivals.work

    def work_and_be_told_to_stop(*, lines: Lines, limit: int) -> int:
        found = works(lines=lines, limit=limit)
        before = set(threading.enumerate())
        os.kill(os.getpid(), signal.SIGTERM)
        for thread in set(threading.enumerate()) - before:
            thread.join()
        return found

    monkeypatch.setattr("integrations.arrivals.work", work_and_be_told_to_stop)
    written = run("drain", "--json")
    assert written.status == 0
    assert written.json["stopped"] is True
    assert written.json["in_flight"] == 0
    # one batch of fifty came in and went out; the other ten wait
    assert written.json["worked"] == 100
    assert written.json["pending"] == 10
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_watch_works_what_comes_until_it_is_told_to_stop(shop: Hub, run: Run) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def deliver_and_stop() -> None:
        ends = time.monotonic() + 30
        while time.monotonic() < ends and not shop.books.books().documents:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    deliver_order(shop, newest_orders()["160"])
    teller = threading.Thread(target=deliver_and_stop)
    teller.start()
    written = run("drain", "--watch", "--seconds", "40", "--json")
    teller.join()
    assert written.json["stopped"] is True
    assert written.json["worked"] >= 2
    # the watch looks at the store too, so that more may have come: what was in hand is finished
    assert written.json["in_flight"] == 0
    assert {document.state for document in shop.books.books().documents} == {"confirmed"}
    assert signal.getsignal(signal.SIGTERM) is before

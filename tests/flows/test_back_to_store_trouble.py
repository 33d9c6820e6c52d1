"""Writing back to stores through lost answers, dead workers, refused keys, limits and slowness: once, and held."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from integrations import connections, delivery, store_delivery
from integrations.calls import lines
from integrations.connectors.woocommerce.connector import Connector
from integrations.models import OutboxMessage
from integrations.ports.errors import Unknown
from integrations.ports.stores import Written
from orders.models import EligibilityRule, Order
from reconciliation.models import Case
from retailhub.core import clock
from retailhub.sandbox.store.control import running_store
from tests.commands.conftest import command
from tests.support.hub import ROOT, pending
from tests.support.publishing import (
    deliver_as_it_is,
    notes,
    open_cases,
    outbound,
    posted,
    publish,
    refunds,
    set_up,
    shown,
)
from tests.support.shop import Shop, connect_another, known_skus, running_shop

WRITES = ("POST", "PUT")


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    """A look-alike store with webhooks of ours, live, with a map of statuses."""
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        shop.hook_up()
        set_up(shop, status_map={"accepted": "processing", "shipped": "completed"})
        yield shop


def tracked(shop: Shop, ref: str) -> list[str]:
    return [each.value for each in shown(shop, ref).attributes if each.key == "_tracking_number"]


WORDS = {
    "note": ("note", "hello", "--customer"),
    "refund": ("refund", "1.00"),
    "tracking": ("tracking", "1Z", "--carrier", "ups"),
    "status": ("status", "completed"),
}
ONCE: dict[str, Callable[[Shop, str], bool]] = {
    "note": lambda shop, ref: notes(shop, ref) == [(f"hello [WC-eu-{ref}-N1]", True)],
    "refund": lambda shop, ref: [each.amount for each in refunds(shop, ref)] == [Decimal("1.00")],
    "tracking": lambda shop, ref: tracked(shop, ref) == ['"1Z"'],
    "status": lambda shop, ref: (
        [text for text, _ in notes(shop, ref, ours=False) if "status changed" in text]
        == ["Order status changed from Processing to Completed."]
    ),
}
"""Whether what was asked for is there, and there once."""


def assert_done_once(shop: Shop, ref: str, what: str) -> None:
    (message,) = OutboxMessage.objects.filter(connection=shop.eu)
    assert message.status == "done", f"{message.code}: {message.detail}, due {message.due_at}"
    assert message.outcome in {"applied", "unchanged"}
    assert ONCE[what](shop, ref)
    assert open_cases() == []
    shop.tell()
    shop.drain()
    assert shop.untrue() == {}
    assert pending() == 0


@pytest.mark.parametrize("manner", ["commit_then_drop", "drop", "truncated", "notice", "gateway_down"])
@pytest.mark.parametrize("what", list(WORDS))
def test_an_answer_that_is_lost_or_broken_makes_no_second_one(shop: Shop, what: str, manner: str) -> None:
    (ref,) = posted(shop)
    shop.control.behave(**{manner: 1.0}, times=2, methods=WRITES, paths=("orders",))
    publish(ref, *WORDS[what])
    shop.drain()
    assert shop.control.books().faults[manner] >= (1 if what == "status" else 2 if manner == "drop" else 1)
    assert OutboxMessage.objects.filter(connection=shop.eu, attempts__gt=1).exists()
    assert_done_once(shop, ref, what)


def test_lost_answers_on_every_second_write_of_many_orders_double_and_lose_nothing(shop: Shop) -> None:
    refs = posted(shop, 6)
    shop.control.behave(commit_then_drop=0.5, seed=3, methods=WRITES, paths=("orders",))
    for ref in refs:
        for words in WORDS.values():
            publish(ref, *words)
    shop.drain()
    assert shop.control.books().faults["commit_then_drop"] >= 6
    shop.control.be_good()
    for ref in refs:
        assert len(outbound(ref)) == 4
        assert {status for status, _ in outbound(ref)} == {"done"}
        assert all(once(shop, ref) for once in ONCE.values())
    assert open_cases() == []


def pump_process(crash_at: str) -> subprocess.Popen[bytes]:
    """A real pump on this test's database, with no Redis anywhere, that dies at a crash point.

    Its lease is the usual one: a short one would be over, and the message taken back, before a slow call is answered.
    """
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
            "CRASH_AT": f"{crash_at}:1",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("what", "point"),
    [
        ("note", "woocommerce.note_looked_up"),
        ("note", "woocommerce.note_created"),
        ("note", "outbox.called"),
        ("refund", "outbox.claimed"),
        ("refund", "woocommerce.refund_created"),
        ("refund", "outbox.called"),
        ("tracking", "woocommerce.meta_written"),
        ("status", "outbox.called"),
    ],
)
def test_what_a_worker_had_in_hand_when_it_was_killed_is_done_once(shop: Shop, what: str, point: str) -> None:
    (ref,) = posted(shop)
    publish(ref, *WORDS[what])
    process = pump_process(point)
    try:
        assert process.wait(60) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
    assert outbound(ref) == [("in_flight", "")]
    shop.shift(120)
    shop.drain(rounds=20)
    assert_done_once(shop, ref, what)


def test_a_key_that_may_only_read_holds_the_writes_with_one_case_and_the_store_is_read_on(shop: Shop) -> None:
    refs = posted(shop, 3)
    shop.control.behave(read_only=True)
    for ref in refs:
        publish(ref, *WORDS["note"])
    publish(refs[0], *WORDS["refund"])
    shop.drain(rounds=3, forward=1.0)
    calls = shop.control.books().calls
    refused = sum(count for call, count in calls.items() if call.startswith("POST") and call.endswith("401"))
    assert refused == 2  # over http a refused call is signed anew and made once more
    assert [status for ref in refs for status, _ in outbound(ref)] == ["pending"] * 4
    case = Case.objects.get(code="credentials_rejected")
    assert (case.state, case.evidence["reported_code"]) == ("open", "key_lacks_rights")

    new = posted(shop)[0]
    shop.look()
    assert Order.objects.get(order_ref=new).order_state == "accepted"
    case.refresh_from_db()
    assert (case.state, case.seen_count, open_cases()) == ("open", 1, ["credentials_rejected"])

    shop.control.be_good()
    shop.drain()
    assert all(ONCE["note"](shop, ref) for ref in refs)
    assert ONCE["refund"](shop, refs[0])
    assert open_cases() == []


@pytest.mark.parametrize(("manner", "waits"), [("rate_limited", 40), ("maintenance", 40)])
def test_a_store_that_says_when_is_left_alone_until_then(shop: Shop, manner: str, waits: int) -> None:
    refs = posted(shop, 3)
    shop.control.behave(
        **{manner: 1.0},
        methods=WRITES,
        paths=("orders",),
        retry_after_seconds=waits,
        maintenance_seconds=waits,
    )
    for ref in refs:
        publish(ref, *WORDS["note"])
    shop.drain(rounds=3, forward=5.0)
    assert shop.control.books().faults[manner] == 1
    assert [status for ref in refs for status, _ in outbound(ref)] == ["pending"] * 3
    assert (open_cases(), OutboxMessage.objects.filter(status="parked").count()) == ([], 0)
    shop.control.be_good()
    shop.drain()
    assert all(ONCE["note"](shop, ref) for ref in refs)


@pytest.mark.parametrize(("code", "seconds"), [("timed_out", 60.0), ("connection_lost", 10.0)])
def test_nothing_is_asked_again_while_the_store_may_still_be_at_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, code: str, seconds: float
) -> None:
    def lose(*_arguments: object, **_more: object) -> Written:
        raise Unknown("No answer came.", code=code)

    (ref,) = posted(shop)
    publish(ref, *WORDS["refund"])
    monkeypatch.setattr(Connector, "refund", lose)
    before = clock.now()
    with lines() as kept:
        assert delivery.work(connection_id=shop.eu.pk, lines=kept) == 1
    message = OutboxMessage.objects.get(connection=shop.eu)
    assert (message.status, message.on_wire, message.code) == ("pending", True, code)
    assert seconds <= (message.due_at - before).total_seconds() < seconds + 2


def test_a_slow_store_keeps_a_worker_for_a_while_only_and_what_is_left_is_not_counted_as_tried(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = posted(shop, 4)
    for ref in refs:
        publish(ref, *WORDS["note"])
    monkeypatch.setattr(store_delivery, "CLAIM_SECONDS", 0.05)
    shop.control.behave(answer_seconds=0.1)
    with lines() as kept:
        assert delivery.work(connection_id=shop.eu.pk, lines=kept) == 4
    rows = OutboxMessage.objects.filter(connection=shop.eu).order_by("pk")
    assert sorted(rows.values_list("status", "attempts")) == [("done", 1), *[("pending", 0)] * 3]
    shop.control.be_good()
    shop.drain()
    assert all(ONCE["note"](shop, ref) for ref in refs)


def test_a_store_that_does_not_answer_holds_its_own_work_and_nobody_elses(shop: Shop, tmp_path: Path) -> None:
    with running_store(tmp_path, name="second", queue_seconds="never") as (place, control):
        connect_another(shop, place, "uk")
        (ref,) = posted(shop)
        (other,) = control.place_orders(1, way="rest", lives={"paid_at_once": 1}, now=True)
        deliver_as_it_is(shop, str(other), name="uk")
        shop.control.behave(answer_seconds=30.0, paths=("orders",))
        publish(ref, *WORDS["note"])
        process = pump_process("never")
        try:
            wait_until(lambda: f"WC-uk-{other}" in {each.reference for each in shop.books.books().documents})
            command("publish", f"uk:{other}", "note", "hello", "--reason", "told")
            wait_until(lambda: OutboxMessage.objects.filter(connection__name="uk", status="done").exists())
        finally:
            process.kill()
            process.wait()
        assert outbound(ref) in ([("in_flight", "")], [("pending", "")])
        assert [text for text, _ in notes(shop, str(other), name="uk")] == [f"hello [WC-uk-{other}-N1]"]


def wait_until(met: Callable[[], bool], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.parametrize("mode", ["shadow", "off"])
def test_nothing_is_written_to_a_store_that_is_not_live(shop: Shop, mode: str) -> None:
    (ref,) = posted(shop)
    publish(ref, "note", "waits")
    connections.set_mode(name="eu", mode=mode, live_from=None, actor="test", reason="no", now=clock.now())
    for words in (("note", "x"), ("refund", "1.00"), ("status", "completed"), ("tracking", "1", "--carrier", "c")):
        told = publish(ref, *words)
        assert (told.status, told.json["error"]["code"]) == (1, "store_not_live")
        assert mode in told.json["error"]["detail"]
    shop.drain(rounds=3)
    assert (notes(shop, ref), outbound(ref)) == ([], [("pending", "")])


def test_orders_from_before_the_store_went_live_are_left_as_they_are(shop: Shop) -> None:
    EligibilityRule.objects.filter(status="on_hold").update(post=True)
    (ref,) = posted(shop)
    publish(ref, "note", "too late")
    now = clock.now()
    connections.set_mode(name="eu", mode="live", live_from=now, actor="test", reason="from now on", now=now)
    (old,) = [str(each) for each in shop.control.place_orders(1, way="rest", lives={"transfer": 1})]
    shop.control.backdate(int(old), 3600)
    shop.look()
    shop.drain()
    assert publish(ref, "status", "completed").json["error"]["code"] == "before_live_from"
    assert outbound(ref) == [("done", "ignored")]
    assert (notes(shop, ref), outbound(old)) == ([], [])
    assert shown(shop, old).source_status == "on-hold"

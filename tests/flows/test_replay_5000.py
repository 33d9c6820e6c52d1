"""A fix replayed over many cases: a wrong one has one effect, the right one closes all, and none is doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection, connections

from integrations import pump
from integrations.models import OutboxMessage
from inventory.models import SkuMapping
from inventory.services import mappings
from orders.models import Order
from reconciliation.models import Case, Cause, ReplayItem, ReplayRun
from reconciliation.services import replay_runs, replays
from reconciliation.services.replay_runs import NotNow
from retailhub.core import clock
from tests.support.hub import ROOT, Hub
from tests.support.lives import order_body, skus

SHORT, LONG = 510, 5000
SUPERVISORS = ("sunita", "sven")


def held(hub: Hub, count: int) -> Cause:
    """So many orders wait for one SKU."""
    hub.connect()
    hub.know(skus())
    for number in range(1, count + 1):
        assert hub.deliver(order_body(number, sku="NEW-1")) == 200
    hub.drain()
    assert Order.objects.filter(order_state="held").count() == count
    assert hub.books.books().documents == ()
    return Cause.objects.get()


def map_to(hub: Hub, item_code: str) -> None:
    mappings.map_sku(
        connection_id=hub.erp.pk, sku="NEW-1", item_code=item_code, actor="olga", reason="new item", now=clock.now()
    )


def approved(run: ReplayRun) -> None:
    replay_runs.approve(run_id=run.pk, actor="sunita", reason="looks right", now=clock.now())


def drain(hub: Hub) -> None:
    """To rest, however long that takes."""
    for _ in range(60):
        hub.drain()
        if not ReplayRun.objects.filter(state__in=ReplayRun.ACTIVE).exists():
            return


def test_a_wrong_mapping_has_one_effect_and_the_right_one_closes_all_and_doubles_none(hub: Hub) -> None:
    wrong_then_right(hub, SHORT)


@pytest.mark.long
def test_a_wrong_mapping_over_five_thousand_cases_has_one_effect_and_the_right_one_closes_all(hub: Hub) -> None:
    wrong_then_right(hub, LONG)


def wrong_then_right(hub: Hub, count: int) -> None:
    held(hub, count)
    map_to(hub, "TYPO-1")
    run = ReplayRun.objects.get()
    assert (run.state, run.item_count, run.approval_needed, run.author_name) == (
        "awaiting_approval",
        count,
        True,
        "olga",
    )
    drain(hub)
    assert OutboxMessage.objects.count() == 0

    approved(run)
    drain(hub)
    run.refresh_from_db()
    assert run.state == "stopped"
    assert "The ERP does not know the item TYPO-1." in run.why
    assert f"{count - 1:,} stay as they were." in run.why
    # one order was sent, was refused, and nothing else was touched
    assert list(OutboxMessage.objects.values_list("status", "code", "attempts")) == [("parked", "unknown_item", 1)]
    assert hub.books.books().documents == ()
    assert Order.objects.filter(order_state="held").count() == count - 1
    assert Counter(ReplayItem.objects.values_list("state", flat=True)) == {"surprise": 1, "waiting": count - 1}
    assert Case.objects.filter(state="open", code="sku_unmapped").count() == count - 1

    hub.books.add_products(["ERP-1"])
    map_to(hub, "ERP-1")
    replay_runs.go_on(run_id=run.pk, actor="olga", reason="mapped to the right item", now=clock.now())
    drain(hub)
    run.refresh_from_db()
    assert run.state == "done", run.why
    posted_once(hub, count)


def posted_once(hub: Hub, count: int) -> None:
    books = hub.books.books()
    assert {d.reference for d in books.documents if d.state == "confirmed"} == {
        f"WC-eu-{n}" for n in range(1, count + 1)
    }
    assert len(books.documents) == count
    assert books.doubles() == {}
    assert not Case.objects.filter(state="open").exists()
    assert not Order.objects.filter(order_state="held").exists()
    assert not ReplayItem.objects.filter(state__in=ReplayItem.OPEN).exists()


def known_as(hub: Hub, item_code: str) -> None:
    """The SKU is called so from now on, and nobody is told."""
    values = {"item_code": item_code, "source": "operator", "changed_at": clock.now()}
    SkuMapping.objects.update_or_create(connection=hub.erp, sku="NEW-1", defaults=values)


def replays_the_cause(author: str, barrier: threading.Barrier, refused: list[str]) -> None:
    """One supervisor, in a thread with a connection of its own: the plan, its start, and a pump."""
    try:
        cause = Cause.objects.get(code="sku_unmapped")
        barrier.wait(10)
        source = f"cause:{cause.public_id}"
        what, now = replays.plan_cases(cause=cause.public_id), clock.now()
        try:
            run = replay_runs.plan(what=what, source=source, title="SKU NEW-1", author=author, reason="mapped", now=now)
            barrier.wait(10)
            replay_runs.start(run_id=run.pk, actor=author, now=now)
        except NotNow as error:
            refused.append(error.detail)
        pump.drain(seconds=60)
    finally:
        connections["default"].close()


def two_at_once() -> list[str]:
    barrier, refused = threading.Barrier(2), list[str]()
    threads = [threading.Thread(target=replays_the_cause, args=(name, barrier, refused)) for name in SUPERVISORS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    return refused


def test_two_supervisors_replaying_a_cause_at_once_post_each_order_once(hub: Hub) -> None:
    held(hub, 60)
    hub.books.add_products(["ERP-1"])
    known_as(hub, "ERP-1")
    (refused,) = two_at_once()
    assert "All of it is being replayed by" in refused
    drain(hub)
    posted_once(hub, 60)
    assert sorted(ReplayRun.objects.values_list("state", flat=True)) == ["done", "planned"]
    assert Counter(ReplayItem.objects.values_list("state", flat=True)) == {"done": 60, "planned": 60}
    assert set(OutboxMessage.objects.filter(operation="post_order").values_list("attempts", flat=True)) == {1}


def test_two_supervisors_replaying_a_wrong_fix_at_once_have_one_effect_together(hub: Hub) -> None:
    held(hub, 60)
    known_as(hub, "TYPO-1")
    assert len(two_at_once()) == 1
    drain(hub)
    assert list(OutboxMessage.objects.values_list("status", "code", "attempts")) == [("parked", "unknown_item", 1)]
    assert hub.books.books().documents == ()
    assert Order.objects.filter(order_state="held").count() == 59

    hub.books.add_products(["ERP-1"])
    known_as(hub, "ERP-1")
    stopped = ReplayRun.objects.get(state="stopped")
    with pytest.raises(NotNow, match="It has stopped: go on with it, or cancel it"):
        replay_runs.start(
            run_id=ReplayRun.objects.exclude(pk=stopped.pk).get().pk, actor=SUPERVISORS[1], now=clock.now()
        )
    replay_runs.go_on(run_id=stopped.pk, actor="olga", reason="mapped to the right item", now=clock.now())
    drain(hub)
    posted_once(hub, 60)


@pytest.mark.parametrize("point", ["replay.begun:2", "replay.judged:4", "replay.begun:3", "outbox.called:3"])
def test_a_replay_whose_worker_is_killed_is_finished_by_another_and_doubles_nothing(hub: Hub, point: str) -> None:
    held(hub, 60)
    hub.books.add_products(["ERP-1"])
    known_as(hub, "ERP-1")
    cause = Cause.objects.get()
    run = replay_runs.plan(
        what=replays.plan_cases(cause=cause.public_id),
        source=f"cause:{cause.public_id}",
        title="SKU NEW-1",
        author="olga",
        reason="mapped",
        now=clock.now(),
    )
    replay_runs.start(run_id=run.pk, actor="olga", now=clock.now())
    assert one_drain(CRASH_AT=point) == -signal.SIGKILL
    run.refresh_from_db()
    assert run.state in ReplayRun.ACTIVE
    hub.shift(120)
    drain(hub)
    run.refresh_from_db()
    assert run.state == "done", run.why
    posted_once(hub, 60)


def one_drain(**environment: str) -> int:
    """A worker of its own on this test's database; how it ended."""
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={quote(database['HOST'], safe='/')}"
    ours = {
        "DATABASE_URL": url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "RETAILHUB_SECRET_KEY": settings.SECRET_KEY,
        "RETAILHUB_ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
    }
    process = subprocess.run(
        [sys.executable, "manage.py", "drain"],
        cwd=ROOT,
        env={**os.environ, **ours, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return process.returncode

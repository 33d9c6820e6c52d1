"""A store that is slow, drips, refuses or answers nonsense holds up its own work and nobody else's."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from integrations import pump, retry
from integrations.models import Connection, InboxMessage
from orders.models import Order
from reconciliation.models import Case
from reconciliation.services import overdue
from retailhub.core import clock
from retailhub.sandbox.store.control import Control, running_store
from tests.support.shop import Shop, connect_another, known_skus, running_shop

BAD: dict[str, tuple[dict[str, float], str]] = {
    "slow": ({"answer_seconds": 5.0}, "other_system_unavailable"),
    "dripping": ({"bytes_per_second": 1}, "other_system_unavailable"),
    "too many requests": ({"rate_limited": 1.0, "retry_after_seconds": 2}, "rate_limited"),
    "an HTML page": ({"error_page": 1.0}, "other_system_unavailable"),
    "a login page": ({"login_page": 1.0}, "credentials_rejected"),
}


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(retry, "AUTH_PAUSE_SECONDS", 2.0)
    settings.POLL_SECONDS = 1
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        yield shop


def wait_for(true: Callable[[], bool], seconds: float) -> float:
    """Seconds until it was true. Fails when it is not in time."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.1)
    return time.monotonic() - began


def open_cases() -> dict[str, str]:
    overdue.watch(now=clock.now())
    return {each.subject: each.code for each in Case.objects.filter(state="open", subject__startswith="connection:")}


def pumping(stop: threading.Event) -> None:
    try:
        pump.Watch(stop=stop).run()
    finally:
        connection.close()


@contextlib.contextmanager
def working() -> Iterator[None]:
    """A pump for a whole process runs meanwhile."""
    stop = threading.Event()
    watch = threading.Thread(target=pumping, args=(stop,))
    watch.start()
    try:
        yield
    finally:
        stop.set()
        watch.join(60)


def place(control: Control, count: int, *, silent: bool = False) -> list[str]:
    """Orders that are ready to be posted; told of at once unless silent."""
    placed = control.place_orders(count, lives={"completed": 1}, now=True, silent=silent)
    if not silent:
        control.run_queue()
    return [str(ref) for ref in placed]


def are_posted(store: Connection, refs: list[str]) -> bool:
    return Order.objects.filter(store=store, order_ref__in=refs, order_state="closed").count() == len(refs)


def seconds_to_post(store: Connection, control: Control) -> float:
    """From a delivery until its order is in the ERP."""
    refs = place(control, 1)
    return wait_for(lambda: are_posted(store, refs), 30)


def refused(control: Control) -> list[str]:
    return [each.outcome for each in control.books().deliveries if each.outcome != "taken"]


@pytest.mark.parametrize("manner", BAD)
def test_a_bad_store_holds_its_own_work_only_and_is_a_case_until_it_is_good(
    shop: Shop, tmp_path: Path, settings: Any, manner: str
) -> None:
    settings.CALL_DEADLINE_SECONDS = settings.STUCK_AFTER_SECONDS = 1
    manners, code = BAD[manner]
    with running_store(tmp_path, name="uk", queue_seconds="never", currency="GBP") as (place_of_uk, control):
        uk = connect_another(shop, place_of_uk, "uk")
        shop.hook_up()
        shop.hook_up("uk")
        shop.control.behave(**manners)
        with working():
            unheard, silent = place(shop.control, 2, silent=True), place(control, 2, silent=True)
            heard, told = place(shop.control, 1), place(control, 2)
            wait_for(lambda: are_posted(uk, [*silent, *told]), 15)
            assert seconds_to_post(uk, control) < 5
            # what it delivers is whole: nothing has to be asked for, so it is worked too
            wait_for(lambda: are_posted(shop.eu, heard), 15)
            assert not Order.objects.filter(store=shop.eu, order_ref__in=unheard).exists()
            wait_for(lambda: open_cases() == {f"connection:{shop.eu.pk}": code}, 20)
            shop.control.be_good()
            wait_for(lambda: are_posted(shop.eu, unheard), 40)
            wait_for(lambda: open_cases() == {}, 20)
        assert refused(shop.control) == refused(control) == []
        assert shop.misposted() == {}
        shop.control = control
        assert shop.misposted("uk") == {}


def test_a_store_that_answers_in_five_seconds_is_worked_and_delays_no_order_of_another(
    shop: Shop, tmp_path: Path, settings: Any
) -> None:
    assert (settings.CALL_DEADLINE_SECONDS, settings.STUCK_AFTER_SECONDS) == (30, 300)
    with running_store(tmp_path, name="uk", queue_seconds="never", currency="GBP") as (place_of_uk, control):
        uk = connect_another(shop, place_of_uk, "uk")
        shop.hook_up()
        shop.hook_up("uk")
        with working():
            gone = place(shop.control, 1)
            wait_for(lambda: are_posted(shop.eu, gone), 15)
            usual = max(seconds_to_post(uk, control) for _ in range(3))

            shop.control.behave(answer_seconds=5.0)
            unheard = place(shop.control, 1, silent=True)
            heard = place(shop.control, 1)
            # where it went must be asked for: workers wait for the slow answer too, not looks alone
            shop.control.trash(int(gone[0]))
            shop.control.run_queue()
            wait_for(lambda: messages_of(shop.eu, "in_flight"), 10)
            slow = max(seconds_to_post(uk, control) for _ in range(4))

            assert slow < usual + 2.5
            assert messages_of(shop.eu, "pending", "in_flight")
            assert not messages_of(uk, "pending", "in_flight")
            wait_for(lambda: are_posted(shop.eu, [*unheard, *heard]), 30)
            wait_for(lambda: Order.objects.get(store=shop.eu, order_ref=gone[0]).status == "trashed", 30)
            assert open_cases() == {}
        assert refused(shop.control) == refused(control) == []


def messages_of(store: Connection, *statuses: str) -> bool:
    return InboxMessage.objects.filter(connection=store, status__in=statuses).exists()

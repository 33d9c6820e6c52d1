"""A store that is slow, drips, refuses or answers nonsense holds up its own work and nobody else's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from integrations import pump, retry
from orders.models import Order
from reconciliation.models import Case
from reconciliation.services import overdue
from retailhub.core import clock
from retailhub.sandbox.store.control import running_store
from tests.support.shop import Shop, connect_another, known_skus, running_shop

BAD: dict[str, tuple[dict[str, float], str]] = {
    "slow": ({"answer_seconds": 5.0}, "other_system_unavailable"),
    "dripping": ({"bytes_per_second": 1}, "other_system_unavailable"),
    "too many requests": ({"rate_limited": 1.0, "retry_after_seconds": 2}, "rate_limited"),
    "an HTML page": ({"error_page": 1.0}, "other_system_unavailable"),
    "a login page": ({"login_page": 1.0}, "credentials_rejected"),
}


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(retry, "AUTH_PAUSE_SECONDS", 4.0)
    for name, value in {"CALL_DEADLINE_SECONDS": 2, "STUCK_AFTER_SECONDS": 6, "POLL_SECONDS": 1}.items():
        setattr(settings, name, value)
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


@pytest.mark.parametrize("manner", BAD)
def test_a_bad_store_holds_its_own_work_only_and_is_a_case_until_it_is_good(
    shop: Shop, tmp_path: Path, manner: str
) -> None:
    manners, code = BAD[manner]
    with running_store(tmp_path, name="uk", queue_seconds="never", currency="GBP") as (place, control):
        uk = connect_another(shop, place, "uk")
        shop.control.behave(**manners)
        stop = threading.Event()
        watch = threading.Thread(target=pumping, args=(stop,))
        watch.start()
        try:
            shop.control.place_orders(4, lives={"completed": 1}, now=True, silent=True)
            control.place_orders(4, lives={"completed": 1}, now=True, silent=True)
            posted = wait_for(lambda: Order.objects.filter(store=uk, order_state="closed").count() == 4, 15)
            assert posted < 15
            assert Order.objects.filter(store=shop.eu).count() == 0
            wait_for(lambda: open_cases() == {f"connection:{shop.eu.pk}": code}, 20)
            shop.control.be_good()
            wait_for(lambda: Order.objects.filter(store=shop.eu, order_state="closed").count() == 4, 40)
            wait_for(lambda: open_cases() == {}, 20)
        finally:
            stop.set()
            watch.join(60)
        assert shop.misposted() == {}

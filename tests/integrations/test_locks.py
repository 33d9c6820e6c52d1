"""Two transactions that want the same rows: one waits for the other, and never each for the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from integrations import leases, outbox, sweep
from integrations.connectors.woocommerce import webhooks as woocommerce
from integrations.models import OutboxMessage
from integrations.states import Outcome, Status
from orders.models import Customer, CustomerIdentity, Order
from orders.services import customers
from reconciliation.models import Case
from retailhub.core import clock
from tests.support.hub import Hub
from tests.support.lives import order_body, skus

WAITERS = "SELECT count(*) FROM pg_locks WHERE NOT granted"


class Beside:
    """Something done in a thread with a database connection of its own, which gives up a lock after seconds."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.result: Any = None
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '10s'")
            self.result = self.work()
        except OperationalError as error:
            self.error = error
        finally:
            connections["default"].close()

    def wait_until_it_waits_for_a_lock(self) -> None:
        ends = time.monotonic() + 10
        while time.monotonic() < ends and self.thread.is_alive():
            with connection.cursor() as cursor:
                cursor.execute(WAITERS)
                if cursor.fetchone() != (0,):
                    return
            time.sleep(0.01)
        raise AssertionError("it did not come to wait for a lock")

    def end(self) -> Any:
        self.thread.join(20)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.result


def effect_in_a_dead_workers_hands(hub: Hub, *, deaths: int) -> OutboxMessage:
    """An order's post whose worker is gone, after it has died with it so often."""
    hub.connect()
    hub.know(skus())
    hub.deliver(order_body(1))
    hub.drain(rounds=1)
    OutboxMessage.objects.update(
        status="in_flight",
        outcome="",
        finished_at=None,
        deaths=deaths,
        fence=leases.next_fence(),
        lease_until="2020-01-01T00:00:00Z",
    )
    return OutboxMessage.objects.get()


@pytest.mark.parametrize("deaths", [0, 2])
def test_taking_work_back_locks_no_message_that_an_import_may_want_while_it_waits_for_its_order(
    hub: Hub, deaths: int
) -> None:
    message = effect_in_a_dead_workers_hands(hub, deaths=deaths)
    with transaction.atomic():
        # as an import does: the order first, what it has in the outbox after
        order = Order.objects.select_for_update().get()
        beside = Beside(sweep.take_back_leases)
        if deaths == 2:
            beside.wait_until_it_waits_for_a_lock()
        else:
            beside.end()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
        assert outbox.history_by_subject(subjects=[order.subject], operations=["post_order"])[order.subject][0].id == (
            message.pk
        )
    assert beside.end() == 1
    message.refresh_from_db()
    quarantined = (Status.PARKED, Outcome.QUARANTINED) if deaths == 2 else (Status.PENDING, Outcome.NONE)
    assert (message.status, message.outcome) == quarantined
    assert (message.deaths, message.on_wire) == (deaths + 1, True)
    assert [case.code for case in Case.objects.filter(state="open")] == ["worker_died"] * (deaths == 2)


def test_what_its_worker_finished_after_all_is_not_quarantined(hub: Hub) -> None:
    message = effect_in_a_dead_workers_hands(hub, deaths=2)
    with transaction.atomic():
        Order.objects.select_for_update().get()
        beside = Beside(sweep.take_back_leases)
        beside.wait_until_it_waits_for_a_lock()
        finish = outbox.Finish(id=message.pk, status=Status.DONE, outcome=Outcome.APPLIED, result="created")
        assert outbox.finish([finish], fence=message.fence or 0) == {message.pk}
    assert beside.end() == 0
    message.refresh_from_db()
    assert (message.status, message.deaths) == (Status.DONE, 0)
    assert not Case.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_order_waits_for_another_of_the_same_guest_and_gets_the_same_customer() -> None:
    def resolve(number: int, email: str) -> Customer | None:
        body = woocommerce.decode(order_body(number, email=email), "order.updated")
        assert isinstance(body, woocommerce.OrderBody)
        with transaction.atomic():
            return customers.resolve(documents={number: body.order}, store_of={number: "eu"}, now=clock.now())[number]

    with transaction.atomic():
        first = resolve(1, "guest@example.com")
        beside = Beside(lambda: resolve(2, " Guest@Example.COM"))
        beside.wait_until_it_waits_for_a_lock()
    assert first is not None
    assert beside.end() == first
    assert Customer.objects.count() == 1
    assert CustomerIdentity.objects.filter(kind="email").count() == 1

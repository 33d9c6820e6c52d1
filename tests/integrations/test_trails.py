"""One id from a delivery to the ERP call it ends in: on every log line, on the wire, and in what is stored."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import structlog
from django.db import DatabaseError

from integrations import arrivals, calls, leases, outbox, selectors, sweep
from integrations.connectors.wire import WireAdapter
from integrations.models import ExchangeRecord, InboxMessage, OutboxMessage
from orders.services import imports
from retailhub.core.observability.logs import about
from tests.support.hub import Hub
from tests.support.lives import order_body, skus


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The correlation ids of the calls that are made, as they go over the wire."""
    found: list[str] = []
    real = WireAdapter.send

    def send(self: WireAdapter, request: Any, **more: Any) -> Any:
        found.append(request.headers.get("X-Correlation-Id", ""))
        return real(self, request, **more)

    monkeypatch.setattr(WireAdapter, "send", send)
    return found


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What was logged, as it is handed to the formatter."""
    return [record.msg for record in caplog.records if isinstance(record.msg, dict)]


def traces(line: dict[str, Any]) -> set[str]:
    return {line["trace_id"]} if "trace_id" in line else set(line.get("trace_ids", ()))


@pytest.fixture
def ready(hub: Hub, caplog: pytest.LogCaptureFixture) -> Hub:
    hub.connect()
    hub.know(skus())
    caplog.set_level("INFO")
    caplog.clear()
    return hub


def test_every_log_line_and_call_from_delivery_to_posted_document_carries_one_id(
    ready: Hub, caplog: pytest.LogCaptureFixture, sent: list[str]
) -> None:
    ready.deliver(order_body(1))
    ready.deliver(order_body(1))
    ready.drain()
    trace_id = InboxMessage.objects.get().trace_id
    told = lines(caplog)
    assert [line["event"] for line in told][:3] == ["delivery_stored", "delivery_stored", "arrivals_claimed"]
    assert {line["event"] for line in told} >= {"call_made", "effects_answered"}
    assert [traces(line) for line in told] == [{trace_id}] * len(told)
    assert {each.trace_id for each in OutboxMessage.objects.all()} == {trace_id}
    assert set(sent) == {trace_id}
    calls_to_erp = ExchangeRecord.objects.filter(connection_id=ready.erp.pk)
    assert set(calls_to_erp.values_list("correlation_id", flat=True)) == {trace_id}
    assert OutboxMessage.objects.get().status == "done"


def test_a_read_from_the_store_carries_the_id_of_the_delivery_that_rang_for_it(
    ready: Hub, caplog: pytest.LogCaptureFixture, sent: list[str]
) -> None:
    ready.store.set_order("1", order_body(1))
    ready.deliver(b'{"id":1}', topic="order.restored")
    with calls.lines() as kept:
        arrivals.work(lines=kept, limit=50)
    trace_id = InboxMessage.objects.get().trace_id
    (call,) = [line for line in lines(caplog) if line["event"] == "call_made"]
    assert (traces(call), call["path"]) == ({trace_id}, "/wp-json/wc/v3/orders/1")
    assert sent == [trace_id]


def test_the_call_of_a_batch_is_found_from_the_attempts_of_each_of_its_orders(
    ready: Hub, caplog: pytest.LogCaptureFixture, sent: list[str]
) -> None:
    for number in (1, 2, 3):
        ready.deliver(order_body(number))
    ready.drain()
    messages = OutboxMessage.objects.order_by("id")
    everybody = {message.trace_id for message in messages}
    assert (len(messages), len(everybody), len(set(sent))) == (3, 3, 1)
    (batch,) = set(sent)
    assert batch not in everybody
    for message in messages:
        (attempt,) = selectors.attempts_of(direction="o", message_ids=[message.pk])
        told = selectors.calls_under(
            fences=[attempt.fence], names=[message.reference], kin="WC-", since=message.created_at
        )
        assert {call.correlation_id for call in told} == {batch}
        assert {call.correlation_id for call in selectors.exchanges_of(fences=[attempt.fence])} == {batch}
    logged = [line for line in lines(caplog) if line.get("correlation_id") == batch]
    assert {line["event"] for line in logged} == {"call_made", "effects_answered"}
    assert [traces(line) for line in logged] == [everybody] * len(logged)


def test_a_line_about_one_order_of_a_batch_names_that_order_alone(
    ready: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = imports.apply

    def faulty(*, looks: Any, **more: Any) -> Any:
        if any(look.order_ref == "2" for look in looks):
            raise ZeroDivisionError
        return real(looks=looks, **more)

    monkeypatch.setattr(imports, "apply", faulty)
    for number in (1, 2):
        ready.deliver(order_body(number))
    ready.drain(rounds=1)
    bad = InboxMessage.objects.get(shard="store:2").trace_id
    by_event = {line["event"]: line for line in lines(caplog)}
    assert traces(by_event["import_failed"]) == {bad}
    assert traces(by_event["batch_failed"]) == set(InboxMessage.objects.values_list("trace_id", flat=True))


def test_a_line_about_work_taken_back_from_a_dead_worker_names_it(ready: Hub, caplog: pytest.LogCaptureFixture) -> None:
    ready.deliver(order_body(1))
    ready.drain(rounds=1)
    OutboxMessage.objects.update(status="pending", outcome="", finished_at=None)
    (held,) = outbox.claim(connection_id=ready.erp.pk, fence=leases.next_fence(), limit=1, lease_seconds=1)
    ready.shift(10)
    sweep.take_back_leases()
    assert traces(lines(caplog)[-1]) == {held.trace_id}
    assert lines(caplog)[-1]["event"] == "leases_taken_back"


def test_what_was_in_hand_is_named_again_after_what_was_done_in_between() -> None:
    seen = structlog.contextvars.get_contextvars
    with about(["a", "b", "a"]):
        assert seen() == {"trace_ids": ["a", "b"]}
        with contextlib.suppress(DatabaseError), about(["a"]):
            assert seen() == {"trace_id": "a"}
            raise DatabaseError
        assert seen() == {"trace_ids": ["a", "b"]}
    assert seen() == {}

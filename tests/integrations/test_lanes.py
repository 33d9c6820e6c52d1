"""Looks at stores by the pumps: what is quiet waits, what is urgent does not."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from integrations import inbox, leases, polling
from integrations.calls import Lines
from integrations.states import Lane
from tests.support.hub import Hub
from tests.support.lives import order_body


def test_what_an_urgent_message_waits_for_is_as_urgent(hub: Hub) -> None:
    hub.connect()
    quiet = [
        inbox.NewMessage(
            connection_id=hub.eu.pk,
            topic="order.polled",
            shard=f"store:{number}",
            body=order_body(number),
            headers={},
            lane=Lane.CATALOGUE,
        )
        for number in range(1, 6)
    ]
    inbox.store(quiet)
    assert hub.deliver(order_body(3, seconds=5)) == 200
    assert [each.shard for each in inbox.claim(fence=leases.next_fence(), limit=1, lease_seconds=60)] == ["store:1"]
    assert polling.hurry(connection_id=hub.eu.pk) == 1
    taken = inbox.claim(fence=leases.next_fence(), limit=1, lease_seconds=60)
    assert [each.shard for each in taken] == ["store:3", "store:3"]


BUSY, CALM = 1, 2


def looked_at(monkeypatch: pytest.MonkeyPatch, busy: Callable[[], int]) -> list[int]:
    """Steps of two stores, as they are made from now on: one of much work, one that has three steps to make."""
    steps: list[int] = []

    def work(*, lines: Lines, store_id: int) -> int:
        assert isinstance(lines, Lines)
        steps.append(store_id)
        return busy() if store_id == BUSY else int(steps.count(CALM) <= 3)

    monkeypatch.setattr(polling, "store_ids", lambda: [BUSY, CALM])
    monkeypatch.setattr(polling, "work", work)
    return steps


def test_a_store_with_much_to_read_leaves_the_others_their_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([1] * 50)
    steps = looked_at(monkeypatch, lambda: next(left, 0))
    assert polling.drain(seconds=60) == 53
    assert steps.count(CALM) == 4
    assert CALM not in steps[8:]


def test_a_store_whose_one_step_outlasts_the_turn_is_not_always_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> int:
        time.sleep(0.002)
        return 1

    steps = looked_at(monkeypatch, slow)
    for _ in range(40):
        polling.drain(seconds=0.001)
    assert CALM in steps

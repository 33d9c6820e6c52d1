"""Looks at stores by the pumps: what is quiet waits, what is urgent does not."""

from __future__ import annotations

from integrations import inbox, leases, polling
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

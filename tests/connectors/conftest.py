"""Fixtures of the connectors' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.connectors.peer import (
    Behaviour,
    Peer,
)


@pytest.fixture
def start() -> Iterator[Callable[[Behaviour], Peer]]:
    peers: list[Peer] = []

    def start_peer(behaviour: Behaviour) -> Peer:
        peers.append(Peer(behaviour))
        return peers[-1]

    yield start_peer
    for peer in peers:
        peer.close()


Start = Callable[[Behaviour], Peer]

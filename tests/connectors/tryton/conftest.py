"""A real Tryton for the tests marked ``tryton``: set up once a session on the tests' own PostgreSQL."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator

import pytest

from integrations.connectors.tryton.connector import Connector
from integrations.ports.context import CallContext, ConnectionInfo
from retailhub.sandbox import postgres
from retailhub.sandbox.supervisor import StateDirectory, Supervisor
from retailhub.sandbox.tryton.data import KnownData
from retailhub.sandbox.tryton.server import TrytonServer

GOODS = tuple(f"SKU-{number}" for number in range(1, 41))
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tryton: needs the real Tryton, which is set up the first time")


@pytest.fixture(scope="session")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    """The server, with the goods ``SKU-1`` to ``SKU-40``."""
    state = StateDirectory(tmp_path_factory.mktemp("tryton"))
    state.hold()
    supervisor = Supervisor(state)
    url = os.environ["DATABASE_URL"]
    server = TrytonServer(
        supervisor=supervisor,
        database_url=url,
        known=KnownData(goods=GOODS),
        database=f"tryton_{os.getpid()}",
    )
    try:
        yield server.start()
    finally:
        supervisor.stop_all()
        state.release()
        postgres.drop_database(url, name=server.database)


@pytest.fixture
def connect(tryton: TrytonServer) -> Iterator[Callable[..., Connector]]:
    """Makes connectors to the server; each is closed at the end."""
    made: list[Connector] = []

    def make(context: CallContext | None = None, **changes: object) -> Connector:
        info = ConnectionInfo(
            name="erp",
            kind="tryton",
            settings={**tryton.settings(), **changes},
            credentials=tryton.credentials(),
        )
        made.append(Connector(info, context or CallContext(deadline_seconds=120)))
        return made[-1]

    yield make
    for connector in made:
        connector.close()


@pytest.fixture
def reference() -> Callable[[], str]:
    """References that no other test of the server's life has used."""
    start = time.time_ns()
    return lambda: f"WC-eu-{start}-{next(_numbers)}"

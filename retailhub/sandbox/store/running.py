"""A running store: its ports, its queue, its pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from retailhub.sandbox.store.auth import Gate, Key
from retailhub.sandbox.store.control_pages import ControlPages
from retailhub.sandbox.store.manners import Manners, Temper
from retailhub.sandbox.store.people import People
from retailhub.sandbox.store.queue import Queue
from retailhub.sandbox.store.rest import Rest
from retailhub.sandbox.store.routes import ROUTES
from retailhub.sandbox.store.seeding import seed_catalogue
from retailhub.sandbox.store.server import HOST, ApiHandler, ControlHandler, Server
from retailhub.sandbox.store.settings import StoreSettings
from retailhub.sandbox.store.store import Store


class RunningStore:
    """All ports are open after construction: ``port`` (http), ``tls_port`` (0 without TLS), ``control_port``."""

    def __init__(
        self,
        ledger: Path,
        settings: StoreSettings,
        keys: Sequence[Key],
        *,
        port: int = 0,
        control_port: int = 0,
        tls: tuple[Path, Path] | None = None,
        empty: bool = False,
    ) -> None:
        self._servers: list[Server] = []
        self.temper = Temper()
        api = Server(port, type("HttpApi", (ApiHandler,), {"secure": False}))
        self.port = api.port
        if not settings.site:
            settings = msgspec.structs.replace(settings, site=f"http://{HOST}:{self.port}")
        self.store = Store(ledger, settings)
        if not empty:
            seed_catalogue(self.store)
        self.gate = Gate(keys)
        self.rest = Rest(self.store, self.gate, ROUTES)
        self.queue = Queue(self.store, self.rest.build)
        self.people = People(self.store, self.queue.pending)
        shared: dict[str, object] = {"rest": self.rest, "temper": self.temper, "cache": {}}
        self._serve(api, shared)
        self.tls_port = 0
        if tls is not None:
            secure = Server(0, type("HttpsApi", (ApiHandler,), {"secure": True}), tls)
            self.tls_port = secure.port
            self._serve(secure, shared)
        pages = ControlPages(self)
        control = Server(control_port, type("Control", (ControlHandler,), {"page": staticmethod(pages.answer)}))
        self.control_port = control.port
        self._serve(control, {})
        self.queue.start()

    def _serve(self, server: Server, attributes: dict[str, object]) -> None:
        for name, value in attributes.items():
            setattr(server.RequestHandlerClass, name, value)
        self._servers.append(server)
        server.start()

    def adopt(self, manners: Manners) -> None:
        """Take new manners."""
        self.temper.adopt(manners)
        self.gate.read_only = manners.read_only

    def close(self) -> None:
        """Cut all connections, send people home, end the queue, close the books."""
        for server in self._servers:
            server.cut()
        self.people.close()
        self.queue.close()
        self.store.close()

"""A real Tryton behind a RetailHub under test, and a proxy that loses its answers."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from integrations import connections
from integrations.models import SalesRoute
from inventory.flows.import_catalogue import import_catalogue
from retailhub.core import clock
from retailhub.sandbox import postgres
from retailhub.sandbox.supervisor import StateDirectory, Supervisor
from retailhub.sandbox.tryton.data import KnownData
from retailhub.sandbox.tryton.ledger import LedgerSale
from retailhub.sandbox.tryton.server import TrytonServer
from tests.support.hub import Hub

SHOPS = tuple(f"shop-{number}" for number in range(1, 31))
"""A reference is unique within its web shop, so tests that each have one share a server and a database."""
WRITES = ("create", "quote", "confirm", "process")
"""Methods of Tryton that change something, as far as orders need them."""
_unused = itertools.count()


@dataclass(frozen=True)
class Shop:
    """A web shop of a real Tryton that no other test sells through."""

    server: TrytonServer
    name: str

    def sales(self) -> list[LedgerSale]:
        """What Tryton's tables hold of it, oldest first."""
        return [sale for sale in self.server.sales() if sale.web_shop == self.name]

    def states(self) -> Counter[str]:
        """How many of its sales are in which of Tryton's states."""
        return Counter(sale.state for sale in self.sales())


@contextlib.contextmanager
def running_tryton(folder: Path, *, goods: tuple[str, ...]) -> Iterator[TrytonServer]:
    """A server on a database of its own beside the tests', restored from the cached dump; gone at the end."""
    state = StateDirectory(folder)
    state.hold()
    supervisor = Supervisor(state)
    url = os.environ["DATABASE_URL"]
    known = KnownData(goods=goods, web_shops=SHOPS)
    server = TrytonServer(supervisor=supervisor, database_url=url, known=known, database=f"tryton_flows_{os.getpid()}")
    try:
        yield server.start()
    finally:
        supervisor.stop_all()
        state.release()
        postgres.drop_database(url, name=server.database)


def unused_shop(server: TrytonServer) -> Shop:
    """The next web shop of this process's server; raises ``IndexError`` when all were given away."""
    return Shop(server, SHOPS[next(_unused)])


def connect(hub: Hub, shop: Shop, *, url: str | None = None) -> None:
    """Connect ``eu`` and send its orders to Tryton; ``url`` is where Tryton is reached, if not at itself."""
    hub.connect()
    settings = shop.server.settings(web_shop=shop.name)
    hub.erp = connections.add(
        name="tryton",
        kind="tryton",
        settings=settings | {"url": url or shop.server.url},
        credentials=shop.server.credentials(),
        mode="live",
        live_from=None,
        actor="test",
        now=clock.now(),
        settle_seconds=1,
    )
    SalesRoute.objects.update(sink=hub.erp)
    import_catalogue(connection_name="tryton")


class ForgetfulProxy:
    """Between RetailHub and Tryton: hands every call on, and may hang up instead of handing the answer back.

    By then Tryton has answered, so its transaction is over: what it was asked to do is done. Only writes lose
    their answers, each with the probability ``share``; ``lost`` counts them by method.
    """

    def __init__(self, server: TrytonServer, *, share: float, seed: int) -> None:
        self.share = share
        self.lost: Counter[str] = Counter()
        self._target = urlsplit(server.url)
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        self._proxy = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._proxy.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._proxy.server_address[1]}{self._target.path}"
        self._thread = threading.Thread(target=self._proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> ForgetfulProxy:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()
        self._thread.join()

    def line(self) -> http.client.HTTPConnection:
        """A connection to Tryton."""
        return http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=60)

    def loses(self, body: bytes) -> bool:
        """Whether the answer to this call gets lost."""
        method = str(json.loads(body)["method"])
        with self._lock:
            lost = method.rpartition(".")[2] in WRITES and self._rng.random() < self.share
            self.lost[method] += lost
        return lost


def _handler(proxy: ForgetfulProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            self.tryton = proxy.line()

        def finish(self) -> None:
            self.tryton.close()
            super().finish()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            self.tryton.request("POST", self.path, body, headers)
            answer = self.tryton.getresponse()
            content = answer.read()
            if proxy.loses(body):
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Encoding", "Retry-After"):
                if value := answer.getheader(name):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    return Handler

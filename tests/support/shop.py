"""A RetailHub with a look-alike store before it: webhooks come over real HTTP, polls go out over it.

with running_shop(tmp_path) as shop:
    shop.control.place_orders(20)
    shop.tell()       # the store's queue runs: deliveries arrive
    shop.look()       # every brisk look goes round once
    shop.settle()     # what came in is worked, into the look-alike ERP
"""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.db import connection
from django.test import override_settings

from integrations import connections, polling, webhooks
from integrations.calls import Recorder, context_for, lines
from integrations.models import Connection
from integrations.ports import versions
from integrations.ports.capabilities import Gone
from integrations.ports.documents import OrderStatus
from integrations.states import PollKind
from orders.models import Order
from retailhub.core import clock, ids
from retailhub.sandbox.erp.control import Control as ErpControl
from retailhub.sandbox.store.control import Control, Place, running_store
from retailhub.sandbox.store.lifelike.catalogue import HALF_CENT, KNOWN
from tests.support.hub import LONG_AGO, Hub, install_eligibility, route, running_erp

TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored")
BRISK = (PollKind.CHANGED, PollKind.TRASH)


class Door:
    """The intake on a port of its own. ``answer`` other than 0: every delivery is answered so and not taken in."""

    def __init__(self) -> None:
        self.answer = 0
        self._server = make_server("127.0.0.1", 0, self._call, server_class=_Server, handler_class=_Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def _call(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if self.answer:
            start(f"{self.answer} Shut", [("Content-Length", "0")])
            return [b""]
        try:
            return list(webhooks.intake(environ, start))
        finally:
            connection.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


class Shop(Hub):
    """A `Hub` whose store is the look-alike one, connected as ``eu``."""

    def __init__(self, place: Place, control: Control, erp: Any, books: ErpControl, door: Door) -> None:
        # of the store a hub uses the address and the key only
        super().__init__(place, erp, books)  # type: ignore[arg-type]
        self.shop, self.control, self.door = place, control, door

    def tell(self) -> int:
        """Let the store deliver what waits; returns how many deliveries that were."""
        return self.control.run_queue()

    def hook_up(self, name: str = "eu", topics: Iterable[str] = TOPICS) -> None:
        """Make the store's webhooks to our intake."""
        with self.connector(name) as connector:
            for topic in topics:
                url = f"{self.door.url}/webhooks/woocommerce/{name}/"
                connector.create_webhook(topic=topic, delivery_url=url, secret=self.secret, name=topic)

    @contextlib.contextmanager
    def connector(self, name: str = "eu") -> Iterator[Any]:
        """The store's connector, as a worker has it."""
        row = Connection.objects.get(name=name)
        with lines() as kept:
            yield kept.connector(row, context_for(Recorder(row.pk, 0), correlation_id=ids.new_trace_id()))

    def look(self, *kinds: PollKind) -> None:
        """Let these looks go round once, else the brisk ones."""
        with override_settings(HISTORY_PAUSE_MS=0):
            for kind in kinds or BRISK:
                polling.look_now(connection_id=self.eu.pk, kind=kind)
            polling.drain(seconds=120)

    def settle(self) -> None:
        """Work all that came in."""
        self.drain()

    def untrue(self, name: str = "eu") -> dict[str, str]:
        """Orders of the store's books that we know otherwise than the store has them now, and how."""
        store = Connection.objects.get(name=name)
        rows = {row.order_ref: row for row in Order.objects.filter(store=store)}
        wrong: dict[str, str] = {}
        with self.connector(name) as connector:
            for placed in self.control.walk_placed():
                ref, row = str(placed.id), rows.get(str(placed.id))
                now = connector.read_order(ref)
                if isinstance(now, Gone):
                    # what was gone before anybody could see it leaves nothing behind
                    if row is not None and row.status != OrderStatus.DELETED:
                        wrong[ref] = f"gone, but {row.status}"
                elif row is None:
                    wrong[ref] = "unknown"
                elif bytes(row.version_hash or b"") != versions.content_hash(now):
                    wrong[ref] = f"{row.status} at {row.version_at}, not {now.source_status} at {now.modified_at}"
        return wrong

    def misposted(self, name: str = "eu") -> dict[str, str]:
        """Orders whose documents in the ERP are not what the store's books say should be there."""
        live: dict[str, list[Any]] = {}
        for document in self.books.books().documents:
            store, order_ref = document.reference.split("-")[1:3]
            if document.live and store == name:
                live.setdefault(order_ref, []).append(document)
        wrong: dict[str, str] = {}
        for placed in self.control.walk_placed():
            found = live.pop(str(placed.id), [])
            wanted = placed.status in {"processing", "completed"} and placed.expect in {"posted", ""}
            if len(found) != (1 if wanted else 0) and placed.expect != "either":
                wrong[str(placed.id)] = f"{placed.status} ({placed.expect}) has {len(found)} documents"
            elif wanted and found[0].total != placed.total:
                wrong[str(placed.id)] = f"{found[0].total} instead of {placed.total}"
        return wrong | dict.fromkeys(live, "nobody placed it")


@contextlib.contextmanager
def running_shop(folder: Path, **options: Any) -> Iterator[Shop]:
    """A store whose queue runs only when told, an ERP that knows its catalogue, and our intake between them."""
    options = {"queue_seconds": "never", **options}
    with running_store(folder, **options) as (place, control), running_erp(folder) as (erp, books):
        door = Door()
        try:
            yield Shop(place, control, erp, books, door)
        finally:
            door.close()


def known_skus() -> set[str]:
    """What the ERP of a made-up store sells."""
    return {product.sku for product in (*KNOWN, *HALF_CENT)}


def connect_another(shop: Shop, place: Place, name: str, **settings: Any) -> Connection:
    """A second store, routed to the same ERP."""
    row = connections.add(
        name=name,
        kind="woocommerce",
        settings={"base_url": place.url, "store_code": name, "allow_private": True, **settings},
        credentials={
            "consumer_key": place.key,
            "consumer_secret": place.secret,
            "webhook_secrets": [shop.secret],
        },
        mode="live",
        live_from=LONG_AGO,
        actor="test",
        now=clock.now(),
    )
    route(row, shop.erp)
    webhooks.forget_secrets()
    install_eligibility()
    return row

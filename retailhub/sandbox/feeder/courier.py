"""The store's senders: threads that post deliveries and book what became of them, once each."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

from retailhub.sandbox.feeder.deliveries import (
    WEBHOOK_IDS,
    Delivery,
    headers_of,
    ping_headers,
    request_bytes,
)
from retailhub.sandbox.feeder.ledger import Ledger, Record
from retailhub.sandbox.feeder.sending import NoAnswer, Sender
from retailhub.sandbox.feeder.settings import FeederSettings


class Courier:
    """Takes deliveries through ``put`` and never has more than ``in_flight`` of them waiting."""

    def __init__(self, settings: FeederSettings, ledger: Ledger, *, source: str, second: Callable[[], int]) -> None:
        self._settings = settings
        self._ledger = ledger
        self._source = source
        self._second = second
        self._stop = threading.Event()
        self._queue: queue.Queue[tuple[Delivery, Record] | None] = queue.Queue(settings.in_flight)
        self._threads = [
            threading.Thread(target=self._work, name=f"sender-{n}", daemon=True) for n in range(settings.senders)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Ends the threads after what they are sending; what still waits is not sent."""
        self._stop.set()
        for thread in self._threads:
            while thread.is_alive():
                with contextlib.suppress(queue.Full):
                    self._queue.put_nowait(None)
                thread.join(0.05)

    def put(self, delivery: Delivery, record: Record, *, stop: threading.Event) -> bool:
        """Hands over one delivery, waiting while too much is in flight. False when stopped meanwhile."""
        while not stop.is_set():
            try:
                self._queue.put((delivery, record), timeout=0.25)
            except queue.Full:
                continue
            return True
        return False

    def drain(self, *, stop: threading.Event) -> None:
        """Returns when all that was handed over is answered, or when stopped."""
        while self._queue.unfinished_tasks and not stop.is_set():
            stop.wait(0.005)

    def ping(self) -> None:
        """What the store posts when its webhooks are created; it does not mind the answer."""
        sender = self._sender(keep_alive=False)
        for webhook_id in WEBHOOK_IDS.values():
            body = f"webhook_id={webhook_id}".encode()
            try:
                sender.post(request_bytes(self._settings.target, ping_headers(webhook_id, sender.host), body))
            except NoAnswer:
                continue

    def _sender(self, *, keep_alive: bool) -> Sender:
        return Sender(self._settings.target, keep_alive=keep_alive, timeout=self._settings.timeout)

    def _work(self) -> None:
        sender = self._sender(keep_alive=self._settings.keep_alive)
        while not self._stop.is_set():
            item = self._queue.get()
            if item is None:
                break
            delivery, record = item
            accepted = self._deliver(sender, delivery)
            self._ledger.count(record, delivery.body, accepted=accepted)
            self._queue.task_done()
        sender.close()

    def _deliver(self, sender: Sender, delivery: Delivery) -> bool:
        headers = headers_of(
            delivery,
            secret=self._settings.secret,
            source=self._source,
            host=sender.host,
            now=self._second(),
            keep_alive=self._settings.keep_alive,
        )
        try:
            status = sender.post(request_bytes(self._settings.target, headers, delivery.body))
        except NoAnswer:
            return False
        return 200 <= status < 300

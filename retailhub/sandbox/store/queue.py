"""The queue of deliveries: run now and then, one after another, each tried once.

A body is built when it is delivered: what the resource is by then, or the error that a read of it answers.
200 to 302 is success and sets the count of failures to 0; anything else adds one, and the seventh failure in
a row disables the webhook. On top of that the wire may be in trouble (`Trouble`).
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from retailhub.sandbox.store.delivering import NoAnswer, Poster, delivery_id, headers_of
from retailhub.sandbox.store.store import Store

MOST_FAILURES = 6
REFUSED_STATUS = 503
_LOG = """
INSERT INTO delivery (webhook_id, topic, arg, at, outcome, status, delivery_id, sha256, seconds)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to deliveries on their way. Chances between 0 and 1, thrown from ``seed``.

    Dropped ones the store believes delivered. Refused ones something before the receiver answers with 503.
    ``window`` is how far a shuffled one may be overtaken.
    """

    drop: float = 0.0
    refused: float = 0.0
    doubled: float = 0.0
    shuffled: float = 0.0
    late: float = 0.0
    late_seconds: float = 2.0
    window: int = 12
    seed: int = 0


class Job(msgspec.Struct, frozen=True):
    """One delivery to make."""

    id: int
    webhook_id: int
    arg: int


Builder = Callable[[str, int], bytes]
"""(topic, number) to the body of a delivery."""


class Queue:
    """Runs by itself every ``queue_seconds`` once started, unless held; ``run`` does it now."""

    def __init__(self, store: Store, build: Builder) -> None:
        self._store, self._build = store, build
        self._stop = threading.Event()
        self._held = threading.Event()
        self._claiming = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.trouble = Trouble()
        self._random = random.Random(0)  # noqa: S311 - trouble must be repeatable
        store.ledger.run("DELETE FROM job WHERE running = 1")  # under way when the store died: lost, as there

    def start(self) -> None:
        """Run by itself from now on, if the store's cron does at all."""
        if self._store.settings.queue_seconds is None:
            return
        for number in range(self._store.settings.queue_runners):
            thread = threading.Thread(target=self._work, name=f"queue-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def close(self) -> None:
        """End after what is being delivered now, or without waiting for it for long."""
        self._stop.set()
        for thread in self._threads:
            thread.join(1)

    def adopt(self, trouble: Trouble) -> None:
        """Other trouble; the dice start again from its seed."""
        with self._claiming:
            self.trouble = trouble
            self._random = random.Random(trouble.seed)  # noqa: S311 - trouble must be repeatable

    def hold(self, *, held: bool) -> None:
        """Whether it stands still instead of running by itself."""
        if held:
            self._held.set()
        else:
            self._held.clear()

    @property
    def held(self) -> bool:
        return self._held.is_set()

    def pending(self) -> int:
        """Jobs that wait or are being delivered, and deliveries that are late."""
        jobs = int(self._store.ledger.value("SELECT count(*) FROM job"))
        return jobs + int(self._store.ledger.value("SELECT count(*) FROM late"))

    def run(self) -> int:
        """Deliver all that waits, also what comes meanwhile; how many were taken from the queue."""
        done = 0
        while not self._stop.is_set() and (job := self._claim()) is not None:
            self._deliver(job)
            done += 1
        self._send_late()
        return done

    def _work(self) -> None:
        pause = self._store.settings.queue_seconds or 0.0
        while not self._stop.wait(pause):
            if not self._held.is_set():
                self.run()

    def _claim(self) -> Job | None:
        with self._claiming, self._store.ledger.transaction():
            skip = 0
            if self._chance(self.trouble.shuffled):
                skip = self._random.randrange(self.trouble.window)
            query = "SELECT id, webhook_id, arg FROM job WHERE running = 0 ORDER BY id LIMIT 1 OFFSET ?"
            row = self._store.ledger.one(query, (skip,)) or self._store.ledger.one(query, (0,))
            if row is None:
                return None
            self._store.ledger.run("UPDATE job SET running = 1 WHERE id = ?", (row["id"],))
            return Job(row["id"], row["webhook_id"], row["arg"])

    def _chance(self, share: float) -> bool:
        return share > 0 and self._random.random() < share

    def _deliver(self, job: Job) -> None:
        webhook = self._store.ledger.one("SELECT * FROM webhook WHERE id = ?", (job.webhook_id,))
        if webhook is not None:
            body = self._build(webhook["topic"], job.arg)
            with self._claiming:
                dropped, doubled = self._chance(self.trouble.drop), self._chance(self.trouble.doubled)
                refused, late = self._chance(self.trouble.refused), self._chance(self.trouble.late)
            if dropped:
                self._log(webhook, job.arg, body, outcome="dropped", status=None, seconds=0.0)
            elif refused:
                self._book(webhook, job.arg, body, status=REFUSED_STATUS, seconds=0.0)
            elif late:
                self._put_off(job, body)
            else:
                self._send(webhook, job.arg, body)
                if doubled:
                    self._send(webhook, job.arg, body, again=True)
        self._store.ledger.run("DELETE FROM job WHERE id = ?", (job.id,))

    def _put_off(self, job: Job, body: bytes) -> None:
        due = time.time() + self.trouble.late_seconds
        query = "INSERT INTO late (due, webhook_id, arg, body) VALUES (?, ?, ?, ?)"
        self._store.ledger.run(query, (due, job.webhook_id, job.arg, body))

    def _send_late(self) -> None:
        """What was held up on the way arrives, with the body it had."""
        for row in self._store.ledger.rows("SELECT * FROM late WHERE due <= ? ORDER BY due", (time.time(),)):
            if not self._store.ledger.run("DELETE FROM late WHERE id = ?", (row["id"],)):
                continue
            webhook = self._store.ledger.one("SELECT * FROM webhook WHERE id = ?", (row["webhook_id"],))
            if webhook is not None:
                self._send(webhook, row["arg"], row["body"])

    def _send(self, webhook: Any, arg: int, body: bytes, *, again: bool = False) -> None:
        poster = Poster(webhook["url"], seconds=self._store.settings.delivery_seconds)
        headers = headers_of(
            host=poster.host,
            source=f"{self._store.settings.site}/",
            topic=webhook["topic"],
            webhook_id=webhook["id"],
            secret=webhook["secret"],
            body=body,
            second=int(self._store.clock.exact()),
        )
        began, status = time.monotonic(), None
        with contextlib.suppress(NoAnswer):
            status = poster.post(headers, body)
        self._book(webhook, arg, body, status=status, seconds=time.monotonic() - began, again=again)

    def _book(
        self, webhook: Any, arg: int, body: bytes, *, status: int | None, seconds: float, again: bool = False
    ) -> None:
        taken = status is not None and 200 <= status <= 302
        with self._store.ledger.transaction():
            outcome = "again" if again else "taken" if taken else "refused"
            self._log(webhook, arg, body, outcome=outcome, status=status, seconds=seconds)
            if not again:
                self._count(webhook["id"], taken=taken)

    def _count(self, webhook_id: int, *, taken: bool) -> None:
        """Every outcome is saved, so the webhook's date moves with each delivery."""
        now, run = self._store.clock.now(), self._store.ledger.run
        failures = self._store.ledger.value("SELECT failures FROM webhook WHERE id = ?", (webhook_id,))
        status = self._store.ledger.value("SELECT status FROM webhook WHERE id = ?", (webhook_id,))
        if taken:
            run("UPDATE webhook SET failures = 0, modified = ? WHERE id = ?", (now, webhook_id))
        elif failures is not None and failures >= MOST_FAILURES:
            run("UPDATE webhook SET status = 'disabled', modified = ? WHERE id = ?", (now, webhook_id))
            self._store.ledger.next_id("disabled", count=int(status == "active"))
            self._store.hooks.changed()
        else:
            run("UPDATE webhook SET failures = failures + 1, modified = ? WHERE id = ?", (now, webhook_id))

    def _log(self, webhook: Any, arg: int, body: bytes, *, outcome: str, status: int | None, seconds: float) -> None:
        at = self._store.clock.exact()
        told = delivery_id(webhook["id"], int(at))
        row = (
            webhook["id"], webhook["topic"], arg, at, outcome, status, told,
            hashlib.sha256(body).hexdigest(), round(seconds, 6),
        )  # fmt: skip
        self._store.ledger.run(_LOG, row)

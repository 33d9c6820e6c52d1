"""Plays the lives of a store's orders against a webhook address, and answers reads meanwhile.

One thread plans: it takes the next step of one of the orders that are alive, builds the bodies and hands the
deliveries to the senders, some of them held back so that others overtake them. Nothing here is repeated
when it is refused, as in the store; settling tells each such order's last state once more at the end, as a
later change would.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import heapq
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from retailhub.sandbox.feeder.bodies import deleted_body, order_body, order_template
from retailhub.sandbox.feeder.courier import Courier
from retailhub.sandbox.feeder.deliveries import Delivery
from retailhub.sandbox.feeder.ledger import DifferentRun, Ledger, Record
from retailhub.sandbox.feeder.oauth import Gate
from retailhub.sandbox.feeder.reads import ReadServer, Store
from retailhub.sandbox.feeder.report import full_report, known_products, short_report
from retailhub.sandbox.feeder.settings import FeederSettings
from retailhub.sandbox.feeder.states import OrderState, take_step
from retailhub.sandbox.store.lifelike.catalogue import KNOWN
from retailhub.sandbox.store.lifelike.orders import OrderPlan, make_order

_CHUNK = 32
_SETTLE_PAUSE = 0.5


class _Live(msgspec.Struct):
    """An order whose life is not over."""

    plan: OrderPlan
    template: dict[str, Any]
    record: Record
    state: OrderState


def utc_now() -> dt.datetime:
    """The wall clock."""
    return dt.datetime.now(dt.UTC)


class Feeder:
    """One store. ``start`` opens the books and the reads, ``run`` plays everything, ``close`` ends it."""

    def __init__(self, settings: FeederSettings, *, clock: Callable[[], dt.datetime] = utc_now) -> None:
        self.settings = settings
        self.profile = settings.profile()
        self._clock = clock
        self._stop = threading.Event()
        self._finished = threading.Event()
        self._began: float | None = None
        self._seconds: float | None = None
        self._noise = Random(f"{settings.seed}:noise")  # noqa: S311 - made-up behaviour, nothing secret
        self._waiting: list[tuple[int, int, Delivery, Record]] = []
        self._number = 0
        self._courier: Courier | None = None
        self.ledger = Ledger(settings.ledger)
        self._store = Store(
            self.ledger, self.profile, Gate(settings.consumer_key, settings.consumer_secret), self.second
        )
        self._reads = ReadServer(
            self._store,
            {"ledger": self.report, "progress": self.progress, "products": known_products},
            host=settings.listen_host,
            port=settings.listen_port,
        )
        self.url = self._reads.url
        """Where reads are answered, without a slash at the end."""
        self.site = self._store.site = settings.site or self.url
        self._store.target = settings.target

    @property
    def finished(self) -> bool:
        """Everything was sent, and settled where that was wanted."""
        return self._finished.is_set()

    def second(self) -> int:
        """Now, in Unix seconds."""
        return int(self._clock().timestamp())

    def start(self) -> None:
        """Claims the ledger and starts answering reads. Raises DifferentRun."""
        mix = msgspec.json.encode([self.settings.mix, len(KNOWN)], order="sorted")
        digest = hashlib.sha256(mix).hexdigest()[:12]
        try:
            self.ledger.claim(f"{self.profile.code}-{self.settings.seed}-{digest}")
        except DifferentRun:
            self.close()
            raise
        self._reads.start()

    def close(self) -> None:
        """Stops sending and reading, writes the ledger."""
        self._stop.set()
        if self._courier is not None:
            self._courier.close()
        self._reads.close()
        self.ledger.close()

    def stop(self) -> None:
        """Asks ``run`` to end early. Safe from a signal handler."""
        self._stop.set()

    def progress(self) -> dict[str, Any]:
        """How far it is, in a few numbers."""
        seconds = self._seconds
        if seconds is None:
            seconds = 0.0 if self._began is None else time.monotonic() - self._began
        return short_report(self.ledger, self.settings, finished=self.finished, seconds=seconds)

    def report(self) -> dict[str, Any]:
        """The whole ledger: what was placed, what was planted, and what must come of each order."""
        return {**self.progress(), **full_report(self.ledger, self.settings)}

    def run(self) -> None:
        """Plays all orders and returns when their deliveries are answered. To be called once."""
        self._began = time.monotonic()
        self._courier = Courier(self.settings, self.ledger, source=f"{self.site}/", second=self.second)
        self._courier.start()
        if self.settings.ping:
            self._courier.ping()
        self._play()
        self._send_waiting(everything=True)
        self._courier.drain(stop=self._stop)
        if self.settings.settle != "none":
            self._settle(everybody=self.settings.settle == "all")
        self.ledger.flush()
        self._seconds = time.monotonic() - self._began
        if not self._stop.is_set():
            self._finished.set()

    def _play(self) -> None:
        live = self._resume()
        placed = first = self.ledger.how_many("1 = 1")
        while not self._stop.is_set():
            due = self._due(first, placed, len(live))
            if due:
                live += self._place(placed, due)
                placed += due
            elif not live:
                if placed >= self.settings.orders:
                    return
                self._stop.wait(0.02)
                continue
            at = self._noise.randrange(len(live))
            if self._advance(live[at]):
                live[at] = live[-1]
                live.pop()

    def _due(self, first: int, placed: int, alive: int) -> int:
        """How many orders to place now; without a rate they come in lots, to save commits."""
        left = self.settings.orders - placed
        room = max(0, min(left, self.settings.alive - alive, _CHUNK))
        if self.settings.rate is None:
            return room if alive == 0 or room in (left, _CHUNK) else 0
        passed = time.monotonic() - (self._began or 0.0)
        return max(0, min(room, first + 1 + int(passed * self.settings.rate) - placed))

    def _make_plan(self, index: int) -> OrderPlan:
        return make_order(self.settings.seed, index, profile=self.profile, mix=self.settings.mix)

    def _place(self, first: int, count: int) -> list[_Live]:
        """Brings new orders into the world: in their first state, and in the ledger."""
        live = []
        for index in range(first, first + count):
            plan = self._make_plan(index)
            template = order_template(plan, self.site)
            state = take_step(None, plan.steps[0], method=plan.method, now=self.second())
            record = _record(plan, state, order_body(plan, template, state))
            live.append(_Live(plan, template, record, state))
        self.ledger.place(row.record for row in live)
        return live

    def _resume(self) -> list[_Live]:
        """The orders that a run of this ledger which broke off left in the middle of their lives."""
        live = []
        records = self.ledger.find("done = 0")
        for record in records:
            plan = self._make_plan(record.idx)
            state = msgspec.json.decode(record.state, type=OrderState)
            live.append(_Live(plan, order_template(plan, self.site), record, state))
        if records:
            self.ledger.owe_all()
        return live

    def _advance(self, live: _Live) -> bool:
        """Takes the next step of one order and sends what it causes. True when its life is over."""
        plan, record, state = live.plan, live.record, live.state
        step, body = plan.steps[record.step], record.body
        if record.step > 0:
            apart = 0 if self._noise.random() < self.settings.behaviour.same_second else 1
            take_step(state, step, method=plan.method, now=self.second(), apart=apart)
            body = order_body(plan, live.template, state)
        self.ledger.move(
            record,
            state=msgspec.json.encode(state).decode(),
            status=state.status,
            modified=state.modified,
            body=body,
            done=record.step + 1 == len(plan.steps),
        )
        for topic in step.topics:
            told = deleted_body(plan.id) if topic == "order.deleted" else body
            self._emit(Delivery(plan.id, topic, told), record)
        return record.done

    def _emit(self, delivery: Delivery, record: Record) -> None:
        """Queues a delivery: at once, behind others, much later, more than once or never."""
        ways, noise = self.settings.behaviour, self._noise
        if noise.random() < ways.drop:
            self.ledger.drop(record)
            return
        copies = 1 + (noise.randrange(1, 3) if noise.random() < ways.doubled else 0)
        for _ in range(copies):
            chance, held = noise.random(), 0
            if chance < ways.shuffled:
                held = noise.randrange(1, ways.window + 1)
            elif chance < ways.shuffled + ways.late:
                held = noise.randrange(4, 9) * ways.window
            self._number += 1
            heapq.heappush(self._waiting, (self._number + held, self._number, delivery, record))
            self._send_waiting()

    def _send_waiting(self, *, everything: bool = False) -> None:
        while self._waiting and (everything or self._waiting[0][0] <= self._number):
            _, _, delivery, record = heapq.heappop(self._waiting)
            self._hand_over(delivery, record)

    def _hand_over(self, delivery: Delivery, record: Record) -> None:
        if self._courier is None:
            raise RuntimeError("Deliveries are sent by run().")
        self._courier.put(delivery, record, stop=self._stop)

    def _settle(self, *, everybody: bool) -> None:
        """Tells the last state of orders once more until nothing is owed, or the time is up."""
        until = time.monotonic() + self.settings.settle_seconds
        if everybody:
            self._tell_again("1 = 1")
        while self._tell_again("owed = 1") and time.monotonic() < until and not self._stop.is_set():
            if self.ledger.how_many("owed = 1"):
                self._stop.wait(_SETTLE_PAUSE)

    def _tell_again(self, where: str) -> int:
        """Delivers the present state of the orders that ``where`` names; how many those were."""
        told, last = 0, 0
        while self._courier is not None and not self._stop.is_set():
            records = self.ledger.find(
                f"{where} AND status != 'deleted' AND id > ?", (last,), tail=f"ORDER BY id LIMIT {8 * _CHUNK}"
            )
            if not records:
                break
            for record in records:
                self._hand_over(Delivery(record.id, "order.updated", record.body), record)
            self._courier.drain(stop=self._stop)
            told, last = told + len(records), records[-1].id
        return told


def _record(plan: OrderPlan, state: OrderState, body: bytes) -> Record:
    return Record(
        id=plan.id,
        idx=plan.index,
        life=plan.life.name,
        expect=plan.expect.value,
        eligible=plan.eligible,
        planted=plan.planted,
        remainder=str(plan.totals.remainder),
        currency=plan.profile.currency,
        total=str(plan.total),
        state=msgspec.json.encode(state).decode(),
        status=state.status,
        created=state.created,
        modified=state.modified,
        body=body,
    )

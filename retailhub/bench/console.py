"""Every list, search and page of the console on a big database: how long people wait, and how long queries alone take.

Through the real addresses with a logged-in person, in this process: sessions, middleware and templates included,
network and web server not. What there is to ask is read off the addresses that the product answers, so no list is left
out. The bare time is that of the same queries, one after the other, without anything of ours.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from rich.console import Console
from rich.progress import Progress

from integrations import arrivals, delivery, polling
from integrations.calls import lines
from integrations.models import Connection
from integrations.states import PollKind
from inventory.models import SkuMapping
from orders.models import Order
from reconciliation.models import Case
from reconciliation.services import totals
from retailhub.bench import console_data
from retailhub.bench.console_asks import Ask, asks
from retailhub.bench.console_data import Size
from retailhub.console.models import AuthenticatorApp
from retailhub.core import audit, clock
from retailhub.sandbox.store.control import Control
from retailhub.sandbox.supervisor import SandboxError

GOAL_MS = 150
SEED_ORDERS = 400
"""So many real ones are multiplied."""
UNKNOWN_SKUS = 3
SECONDS_EACH = 15.0
"""A question that takes longer altogether is not asked more often: it is too slow already."""
LEAST = 5
Query = tuple[str, Any]


@dataclass
class Told:
    """What came of one question, in milliseconds."""

    ask: Ask
    waited: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Of this process alone: steady where the machine is shared."""
    bare: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    slowest: str = ""

    def row(self) -> dict[str, Any]:
        p50, bare = percentile(self.waited, 50), percentile(self.bare, 50)
        return {
            "page": self.ask.name,
            "asked": len(self.waited),
            "p50_ms": round(p50, 1),
            "p99_ms": round(percentile(self.waited, 99), 1),
            "cpu_p50_ms": round(percentile(self.cpu, 50), 1),
            "cpu_p99_ms": round(percentile(self.cpu, 99), 1),
            "queries": max(self.queries),
            "bare_ms": round(bare, 1),
            "bare_p99_ms": round(percentile(self.bare, 99), 1),
            "ratio": round(p50 / bare, 1) if bare else None,
            "slowest": self.slowest,
        }


def percentile(values: Sequence[float], percent: int) -> float:
    """By nearest rank: of fewer than a hundred values the 99th is the highest."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def measure(store: Control, *, size: Size, rounds: int, folder: Path, console: Console) -> dict[str, Any]:
    """Fill the database, then ask. Everything runs and is connected."""
    console_data.check_space(folder, size)
    began = time.perf_counter()
    _seed(store)
    made = console_data.generate(size, told=lambda what: console.print(f"[dim]  {what} …[/dim]"))
    made["seconds"] = round(time.perf_counter() - began)
    rows = list(_ask_all(rounds=rounds, console=console))
    over = [row["page"] for row in rows if row["p99_ms"] > GOAL_MS]
    return {
        "orders": Order.objects.count(),
        "open_cases": Case.objects.filter(state="open").count(),
        "cases": Case.objects.count(),
        "load": [round(each, 1) for each in os.getloadavg()],
        "made": made,
        "highest_p99_ms": max(row["p99_ms"] for row in rows),
        "median_ratio": percentile([row["ratio"] for row in rows if row["ratio"]], 50),
        "over_150_ms": over,
        "pages": rows,
    }


def _seed(store: Control) -> None:
    """Some hundred orders through the whole product: read from the store, imported, posted; some are cases."""
    store.make_history(SEED_ORDERS)
    shop, erp = Connection.objects.get(name="shop"), Connection.objects.get(name="erp")
    unknown = SkuMapping.objects.order_by("sku").values_list("pk", flat=True)[:UNKNOWN_SKUS]
    SkuMapping.objects.filter(pk__in=list(unknown)).delete()  # their orders are held, each with a case
    polling.look_now(connection_id=shop.pk, kind=PollKind.HISTORY)
    with lines() as kept:
        while polling.work(lines=kept, store_id=shop.pk):
            pass
        while arrivals.work(lines=kept, limit=100) + delivery.work(connection_id=erp.pk, lines=kept):
            pass
    totals.fold()
    orders, cases = Order.objects.exclude(document="").count(), Case.objects.count()
    if not (orders and cases):
        raise SandboxError(f"The history has brought {orders} orders and {cases} cases: both are to be multiplied.")
    audit.record(actor="bench", action="replay", subject="bench:seed", reason="to have one", now=clock.now())


def person() -> Client:
    """Somebody who may see everything, logged in with a second factor."""
    user = User.objects.filter(is_superuser=True).earliest("pk")
    device, _ = AuthenticatorApp.objects.get_or_create(user=user, confirmed=True, defaults={"name": "bench"})
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    session = client.session
    session["otp_device_id"] = device.persistent_id
    session.save()
    return client


def _ask_all(*, rounds: int, console: Console) -> Iterator[dict[str, Any]]:
    client, found = person(), list(asks())
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("asking", total=len(found))
        for ask in found:
            progress.update(bar, description=ask.name[:40])
            told = Told(ask)
            _ask(client, told, rounds)
            progress.advance(bar)
            if told.waited:
                row = told.row()
                if row["p99_ms"] > GOAL_MS:
                    progress.console.print(f"[red]over {GOAL_MS} ms[/red] {row}")
                yield row


def _ask(client: Client, told: Told, rounds: int) -> None:
    made = told.ask.requests(rounds)
    _once(client, made[0])  # templates are compiled once in the life of a process
    until = time.perf_counter() + SECONDS_EACH
    for number, request in enumerate(made):
        if number >= LEAST and time.perf_counter() > until:
            return
        busy = time.process_time()
        milliseconds, asked = _once(client, request)
        told.cpu.append((time.process_time() - busy) * 1000)
        if not told.waited or milliseconds > max(told.waited):
            told.slowest = " ".join(filter(None, [request.url, str(request.data or "")]))
        told.waited.append(milliseconds)
        told.queries.append(len(asked))
        told.bare.append(_bare(asked))


def _once(client: Client, request: Any) -> tuple[float, list[Query]]:
    """Milliseconds until the page is there, and what was asked of the database."""
    with listening() as asked:
        began = time.perf_counter()
        if request.data is None:
            answer = client.get(request.url)
        else:
            answer = client.post(request.url, request.data)
            if answer.status_code == 302:  # the search: people wait for what it leads to as well
                answer = client.get(answer.headers["Location"])
        milliseconds = (time.perf_counter() - began) * 1000
    if answer.status_code != 200 and not (answer.status_code == 302 and request.may_lead_on):
        raise SandboxError(f"{request.url} answered {answer.status_code}.")
    return milliseconds, asked


@contextmanager
def listening() -> Iterator[list[Query]]:
    """Collects what is asked of the database meanwhile."""
    asked: list[Query] = []

    def listen(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        yield asked


def _bare(asked: Sequence[Query]) -> float:
    """Milliseconds of the reading queries alone, with all their rows."""
    reads = [query for query in asked if query[0].lstrip().upper().startswith(("SELECT", "WITH", "(SELECT"))]
    with connection.cursor() as cursor:
        began = time.perf_counter()
        for sql, params in reads:
            cursor.execute(sql, params)
            cursor.fetchall()
        return (time.perf_counter() - began) * 1000

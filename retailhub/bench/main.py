"""``manage.py bench``: measures the product on this machine, as ratios in one run where machines differ."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from retailhub.bench import engine, flow, intake
from retailhub.sandbox import parts
from retailhub.sandbox.erp.control import Control
from retailhub.sandbox.mischief import WIRE
from retailhub.sandbox.services import REPOSITORY, Services, default_state_dir
from retailhub.sandbox.stack import Stack
from retailhub.sandbox.store.control import Place
from retailhub.sandbox.store.lifelike.catalogue import known_products
from retailhub.sandbox.supervisor import Command, SandboxError

SECTIONS = ("intake", "engine", "flow", "history", "tryton", "console")
BY_NAME_ONLY = {"console"}
"""Takes a quarter of an hour and gigabytes: measured when it is named."""
GOALS = {
    "intake": "web_cpu_ms ≤ 0.6, ratio_to_bare_inserts ≥ 0.15",
    "engine": "ratio ≥ 5",
    "flow": "orders_per_second ≥ 100",
    "history": "ratio ≥ 0.9 at the recorded speed of a store, memory flat",
    "tryton": "ratio ≥ 0.9",
    "console": "p99 < 150 ms of every list and search",
}

NOWHERE = Place(url="http://127.0.0.1:9", tls_url="", control_url="", key="ck_nobody", secret="cs_nobody")  # noqa: S106 - no store's
QUIET = {"RETAILHUB_HISTORY_PAUSE_MS": "0", "RETAILHUB_LOG_LEVEL": "warning"}
EXTRA = {"history": QUIET, "console": QUIET}
"""Settings of a section: no pause that spares a store where its limit is sought."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py bench", description=__doc__)
    parser.add_argument("--only", choices=SECTIONS, action="append", help="measure this alone; may be repeated")
    parser.add_argument("--orders", type=int, help="orders of the flow (2000) or of the console (1000000)")
    parser.add_argument("--cases", type=int, default=100_000, help="open cases of the console, nine closed for each")
    parser.add_argument("--rounds", type=int, default=50, help="how often each question is put to the console")
    parser.add_argument("--history", type=int, default=5000, help="orders of the store's history")
    parser.add_argument("--count", type=int, default=4000, help="deliveries or messages a round")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    return parser


class Bench:
    """One run of chosen sections, each on a fresh stack."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        self.options, self.console = options, console

    def section(self, name: str) -> dict[str, Any]:
        """Measure one section."""
        self.console.print(f"[dim]measuring {name} …[/dim]")
        state = default_state_dir(f"bench-{name}")
        parts.forget(state)
        with Services(state, durable=True, postgres_options={"max_connections": "120"}) as services:
            stack = Stack(services, extra=EXTRA.get(name))
            stack.migrate()
            stack.enter_django()
            measures: dict[str, Callable[[Stack], dict[str, Any]]] = {
                "intake": self._intake,
                "engine": self._engine,
                "flow": self._flow,
                "history": self._history,
                "tryton": self._tryton,
                "console": self._console,
            }
            return measures[name](stack)

    def _intake(self, stack: Stack) -> dict[str, Any]:
        self._connect(stack, secret=intake.SECRET)
        stack.start_web()
        return intake.measure(stack, count=self.options.count)

    def _engine(self, stack: Stack) -> dict[str, Any]:
        self._connect(stack, secret="unused")  # noqa: S106 - nothing is delivered
        argv = [sys.executable, "-m", "celery", "-A", "retailhub.bench.noop", "worker", "-Q", "bench"]
        argv += ["--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle"]
        stack.services.supervisor.start(Command(name="noop", argv=argv, env=stack.environment, cwd=REPOSITORY))
        return engine.measure(count=self.options.count, folder=stack.services.state.path)

    def _flow(self, stack: Stack) -> dict[str, Any]:
        place, store = parts.start_store(stack.services, seed=7, queue_seconds=0.05, queue_runners=12)
        erp = self._connect(stack, secret=secrets.token_hex(16), place=place)
        stack.environment["RETAILHUB_PUBLIC_URL"] = stack.url
        stack.start()
        parts.wait_for_webhooks(stack.services, store)
        store.trouble(**WIRE, seed=7)
        return flow.measure(stack, store=store, erp=erp, orders=self.options.orders or 2000)

    def _history(self, stack: Stack) -> dict[str, Any]:
        from retailhub.bench import history  # noqa: PLC0415 - needs Django's settings

        place, control = parts.start_store(stack.services)
        self._connect(stack, secret="unused", place=place)  # noqa: S106 - nothing is delivered
        return history.measure(place, control, orders=self.options.history)

    def _tryton(self, stack: Stack) -> dict[str, Any]:
        from retailhub.bench import tryton  # noqa: PLC0415 - brings a second virtual environment

        return tryton.measure_in(stack.services)

    def _console(self, stack: Stack) -> dict[str, Any]:
        from retailhub.bench import console as pages  # noqa: PLC0415 - needs Django's settings
        from retailhub.bench.console_data import Size  # noqa: PLC0415

        place, control = parts.start_store(stack.services)
        self._connect(stack, secret="unused", place=place)  # noqa: S106 - nothing is delivered
        size = Size(orders=self.options.orders or 1_000_000, cases=self.options.cases)
        folder = stack.services.state.path
        return pages.measure(control, size=size, rounds=self.options.rounds, folder=folder, console=self.console)

    def _connect(self, stack: Stack, *, secret: str, place: Place = NOWHERE) -> Control:
        """A store, reachable or not, and a fresh look-alike ERP that knows what such stores sell."""
        from retailhub.sandbox import connecting  # noqa: PLC0415 - needs Django's settings

        erp, control = parts.start_erp(stack.services)
        control.add_products([row["sku"] for row in known_products()["products"]])
        connecting.connect(
            store_url=place.url,
            webhook_secret=secret,
            erp_kind="lookalike_erp",
            erp_settings={"base_url": erp.base_url, "allow_private": True},
            erp_credentials={"api_key": erp.api_key},
            live_from=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
            consumer=(place.key, place.secret),
        )
        return control


def _show(console: Console, name: str, values: dict[str, Any]) -> None:
    table = Table(title=f"{name}   (goal: {GOALS[name]})", title_justify="left", show_header=False)
    for key, value in values.items():
        table.add_row(key, json.dumps(value) if isinstance(value, dict) else str(value))
    console.print(table)


def main(argv: Sequence[str]) -> int:
    """Measure the chosen sections, or all; each in a process of its own, with fresh services and settings."""
    options = _parser().parse_args(argv)
    console = Console(stderr=options.json)
    chosen = options.only or [name for name in SECTIONS if name not in BY_NAME_ONLY]
    if len(chosen) == 1:
        results = {chosen[0]: Bench(options, console).section(chosen[0])}
        _show(console, chosen[0], results[chosen[0]])
    else:
        results = {}
        for name in chosen:
            results |= _apart(name, options)
    if options.json:
        print(json.dumps(results))  # noqa: T201 - the answer of the command line
    return 0


def _apart(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One section in a child; its table goes to the terminal, its last line is its result."""
    argv = [sys.executable, "manage.py", "bench", "--only", name, "--json"]
    argv += ["--count", str(options.count), "--history", str(options.history), "--cases", str(options.cases)]
    argv += ["--rounds", str(options.rounds), *(["--orders", str(options.orders)] if options.orders else [])]
    done = subprocess.run(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SandboxError(f"The section {name} ended with exit code {done.returncode}.")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result

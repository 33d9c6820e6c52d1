"""``manage.py demo``: the whole product, a store that feeds it and an ERP that takes its orders, on this machine."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from retailhub.sandbox import parts, progress
from retailhub.sandbox.erp.control import Control
from retailhub.sandbox.services import Services, default_state_dir
from retailhub.sandbox.stack import Stack
from retailhub.sandbox.supervisor import SandboxError
from retailhub.sandbox.tally import Held, feeder_page, tally
from retailhub.sandbox.tryton.data import KnownData
from retailhub.sandbox.tryton.server import TrytonServer

FAULTS = {
    "commit_then_drop": 0.10,
    "drop_before_commit": 0.05,
    "error_body": 0.03,
    "truncated": 0.03,
    "rate_limited": 0.03,
    "unavailable": 0.03,
    "search_lag_seconds": 1.0,
}
"""What the look-alike ERP does wrong with ``--faults``: chances for each call."""
KILL_EVERY_SECONDS = 6.0
MOST_KILLS = 6
QUIET_SECONDS = 1.5
LIVELY_RATE = 5.0
"""Orders a second for somebody who looks on: a browser opens while it is still alive."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py demo", description=__doc__)
    parser.add_argument("--orders", type=int, default=500, help="how many orders the store gets")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same orders")
    parser.add_argument("--erp", choices=("lookalike", "tryton"), default="lookalike")
    parser.add_argument("--faults", action="store_true", help="the ERP misbehaves and workers are killed")
    parser.add_argument("--exit", action="store_true", help="end when everything is posted or a case")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--port", type=int, default=0, help="of the console")
    parser.add_argument(
        "--rate", type=float, default=None, help="orders a second (default: 5; with --exit as fast as taken)"
    )
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds until --exit gives up")
    return parser


@dataclass
class Erp:
    """The ERP of a demo: how to connect to it, and its own books."""

    kind: str
    settings: dict[str, Any]
    credentials: dict[str, Any]
    books: Callable[[], list[Held]]
    control: Control | None = None


class Demo:
    """One run."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        self.options, self.console = options, console
        self.began = time.monotonic()
        self.kills = 0

    def run(self) -> int:
        """Start everything, show it, and end as asked; returns the exit status."""
        state = default_state_dir("demo")
        if not os.environ.get("DATABASE_URL"):
            parts.forget(state)
        extra = {"RETAILHUB_LEASE_SECONDS": "5"} if self.options.faults else {}
        options = {"max_connections": "100"}
        with Services(state, durable=True, postgres_options=options) as services:
            self._say("PostgreSQL and Valkey are up")
            stack = Stack(services, port=self.options.port, extra=extra)
            stack.migrate()
            self._say("The database is ready")
            os.environ.setdefault("RETAILHUB_LOG_LEVEL", "warning")  # of this process: the others have their files
            stack.enter_django()
            erp = self._erp(services)
            self._say("The ERP is up")
            feeder = self._feeder(services, stack)
            self._connect(erp, feeder)
            stack.start()
            login = stack.login()
            self.console.print(
                f"\nConsole  [b]{stack.url}/admin/[/b]   user [b]{login.name}[/b]   password [b]{login.password}[/b]"
            )
            self.console.print("" if self.options.exit else "Ctrl-C stops everything and reckons up.\n")
            if self.options.faults and erp.control is not None:
                erp.control.behave(**FAULTS, seed=self.options.seed)
            os.kill(services.supervisor.children["feeder"].pid, signal.SIGUSR1)
            began = time.monotonic()
            try:
                seconds = self._watch(services, stack, feeder)
            except KeyboardInterrupt:
                if not self.options.exit:
                    self._close(erp, feeder, time.monotonic() - began)
                self.console.print("Stopping …")
                raise
            return self._close(erp, feeder, seconds)

    def _say(self, text: str) -> None:
        self.console.print(f"[dim]{time.monotonic() - self.began:6.1f} s[/dim]  {text}")

    def _erp(self, services: Services) -> Erp:
        if self.options.erp == "tryton":
            return self._tryton(services)
        place, control = parts.start_erp(services)

        def books() -> list[Held]:
            return [Held(d.reference, d.currency, d.total) for d in control.walk_books() if d.state == "confirmed"]

        return Erp(
            kind="lookalike_erp",
            settings={"base_url": place.base_url, "allow_private": True},
            credentials={"api_key": place.api_key},
            books=books,
            control=control,
        )

    def _tryton(self, services: Services) -> Erp:
        self._say("Tryton: installing and setting up where it was not done before; the first time takes minutes")
        goods = tuple(product["sku"] for product in _catalogue()["products"])
        server = TrytonServer(
            supervisor=services.supervisor, database_url=services.database_url, known=KnownData(goods=goods)
        )
        server.start()

        def books() -> list[Held]:
            return [
                Held(sale.web_id, sale.currency, sale.total)
                for sale in server.sales()
                if sale.state in {"processing", "done"} and sale.total is not None
            ]

        return Erp(kind="tryton", settings=server.settings(), credentials=server.credentials(), books=books)

    def _feeder(self, services: Services, stack: Stack) -> str:
        self.secret = secrets.token_hex(24)
        return parts.start_feeder(
            services,
            target=stack.webhook_url,
            secret=self.secret,
            orders=self.options.orders,
            seed=self.options.seed,
            rate=self.options.rate or (None if self.options.exit else LIVELY_RATE),
        )

    def _connect(self, erp: Erp, feeder: str) -> None:
        from retailhub.sandbox import connecting  # noqa: PLC0415 - needs Django's settings

        products = feeder_page(feeder, "products")["products"]
        if erp.control is not None:
            erp.control.add_products({product["sku"]: product["name"] for product in products})
        connecting.connect(
            store_url=feeder,
            webhook_secret=self.secret,
            erp_kind=erp.kind,
            erp_settings=erp.settings,
            erp_credentials=erp.credentials,
            live_from=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
        )

    def _watch(self, services: Services, stack: Stack, feeder: str) -> float:
        """Show progress until everything has come to rest, or until Ctrl-C; returns the seconds it took."""
        began = time.monotonic()
        rng = random.Random(self.options.seed)  # noqa: S311 - which worker is killed, not a secret
        quiet_since: float | None = None
        next_kill = began + KILL_EVERY_SECONDS
        with progress.Screen(self.console) as screen:
            while True:
                services.supervisor.check()
                seen, fed = progress.pulse(), feeder_page(feeder, "progress")
                now = time.monotonic()
                screen.show(seen, fed, (quiet_since or now) - began)
                at_rest = seen.quiet and fed["finished"]
                quiet_since = (quiet_since or now) if at_rest else None
                if at_rest and self.options.exit and now - (quiet_since or now) > QUIET_SECONDS:
                    return (quiet_since or now) - began
                if self.options.exit and now - began > self.options.timeout:
                    raise SandboxError(f"The demo did not come to rest within {self.options.timeout:.0f} s.")
                if self.options.faults and not at_rest and now > next_kill and self.kills < MOST_KILLS:
                    self._kill_a_pump(services, stack, rng)
                    next_kill = now + KILL_EVERY_SECONDS
                time.sleep(0.25)

    def _kill_a_pump(self, services: Services, stack: Stack, rng: random.Random) -> None:
        number = rng.randrange(stack.pumps)
        child = services.supervisor.children[f"pump-{number}"]
        os.kill(child.pid, signal.SIGKILL)
        services.supervisor.stop(child.name)
        stack.start_pump(number)
        self.kills += 1

    def _close(self, erp: Erp, feeder: str, seconds: float) -> int:
        at_rest = progress.pulse().quiet and feeder_page(feeder, "progress")["finished"]
        result = tally(ledger=feeder_page(feeder, "ledger"), held=erp.books(), cases=progress.open_cases())
        result |= {"workers_killed": self.kills, "seconds": round(seconds, 2)}
        if self.options.json:
            print(json.dumps(result))  # noqa: T201 - the answer of the command line
        else:
            for name, value in _told(result, at_rest=at_rest).items():
                self.console.print(f"{name:18} {value}")
        if self.options.json and not at_rest:
            self.console.print("It was stopped early: what counts as lost, if anything, was still on its way.")
        agree = result["cases"] == result["planted"]
        money = all(float(amount) == 0 for amount in result["money_difference"].values())
        return 0 if agree and money and not (result["lost"] or result["duplicates"]) else 1


def _told(result: dict[str, Any], *, at_rest: bool) -> dict[str, Any]:
    """The reckoning for a person: what was stopped on its way to the ERP is not lost."""
    if at_rest:
        return result
    return {("on_the_way" if name == "lost" else name): result[name] for name in result if name != "lost_references"}


def _catalogue() -> Any:
    from retailhub.sandbox.feeder.report import known_products  # noqa: PLC0415

    return known_products()


def main(argv: Sequence[str]) -> int:
    """Run a demo."""
    options = _parser().parse_args(argv)
    return Demo(options, Console(stderr=options.json)).run()

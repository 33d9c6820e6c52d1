"""``manage.py demo``: the whole product on this machine, with a store that people shop in and an ERP."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from retailhub.sandbox import parts, progress
from retailhub.sandbox.erp.control import Control
from retailhub.sandbox.mischief import WIRE, Mischief
from retailhub.sandbox.progress import Pulse
from retailhub.sandbox.services import Services, default_state_dir
from retailhub.sandbox.stack import Stack
from retailhub.sandbox.store.control import Control as StoreControl
from retailhub.sandbox.store.control import Place as StorePlace
from retailhub.sandbox.store.lifelike.catalogue import known_products
from retailhub.sandbox.supervisor import SandboxError
from retailhub.sandbox.tally import Held, tally
from retailhub.sandbox.tryton.data import KnownData
from retailhub.sandbox.tryton.server import TrytonServer

QUIET_SECONDS = 1.5
LIVELY_RATE = 5.0
"""Orders a second for somebody who looks on: a browser opens while it is still alive."""
TROUBLED_RATE = 15.0
"""With faults and ``--exit``: all that goes wrong needs its time."""
STORE = {"queue_seconds": 0.2, "queue_runners": 4}
QUICK = {
    "RETAILHUB_POLL_SECONDS": "5",
    "RETAILHUB_POLL_OVERLAP_SECONDS": "20",
    "RETAILHUB_HISTORY_PAUSE_MS": "0",
}
"""Settings of a demo: what takes a minute in a shop takes seconds."""
QUICKER = {
    "RETAILHUB_POLL_SECONDS": "2",
    "RETAILHUB_POLL_OVERLAP_SECONDS": "4",
    "RETAILHUB_LEASE_SECONDS": "8",
    "RETAILHUB_CALL_DEADLINE_SECONDS": "5",
}
PATIENT = {"RETAILHUB_LEASE_SECONDS": "24", "RETAILHUB_CALL_DEADLINE_SECONDS": "15"}
"""A real ERP may take its time for fifty orders."""
BRISK_LOOKS = ("changed", "trash", "drafts")
ALL_LOOKS = (*BRISK_LOOKS, "webhooks", "refunds", "sweep", "walk")
"""The last look, when the store has closed; the slow ones are otherwise made every some hours."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="manage.py demo", description=__doc__)
    parser.add_argument("--orders", type=int, default=500, help="how many orders the store gets")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same orders")
    parser.add_argument("--erp", choices=("lookalike", "tryton"), default="lookalike")
    parser.add_argument(
        "--faults", action="store_true", help="the ERP, the store and its webhooks misbehave, workers are killed"
    )
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


@dataclass(frozen=True)
class Shop:
    """The store of a demo: where it is, and its own books."""

    place: StorePlace
    control: StoreControl

    def is_over(self, progress: Mapping[str, Any]) -> bool:
        """Whether nothing more happens in it and nothing is still on its way from it."""
        return bool(progress["people"]["finished"]) and progress["pending"] == 0


class Demo:
    """One run."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        self.options, self.console = options, console
        self.began = time.monotonic()
        self.closed_at: dt.datetime | None = None

    def run(self) -> int:
        """Start everything, show it, and end as asked; returns the exit status."""
        state = default_state_dir("demo")
        if not os.environ.get("DATABASE_URL"):
            parts.forget(state)
        with Services(state, durable=True, postgres_options={"max_connections": "100"}) as services:
            self._say("PostgreSQL and Valkey are up")
            stack = Stack(services, port=self.options.port, extra=self._environment())
            stack.environment["RETAILHUB_PUBLIC_URL"] = stack.url
            stack.migrate()
            self._say("The database is ready")
            os.environ.setdefault("RETAILHUB_LOG_LEVEL", "warning")  # of this process: the others have their files
            stack.enter_django()
            erp = self._erp(services)
            self._say("The ERP is up")
            shop = Shop(*parts.start_store(services, seed=self.options.seed, **STORE))
            self._connect(erp, shop)
            stack.start()
            self._greet(stack)
            parts.wait_for_webhooks(services, shop.control)
            self._say("RetailHub has made its webhooks in the store")
            mischief = Mischief(store=shop.control, erp=erp.control, stack=stack, seed=self.options.seed)
            return self._open(services, erp, shop, mischief)

    def _environment(self) -> dict[str, str]:
        return QUICK | (QUICKER if self.options.faults else {}) | (PATIENT if self.options.erp == "tryton" else {})

    def _greet(self, stack: Stack) -> None:
        login = stack.login()
        self.console.print(
            f"\nConsole  [b]{stack.url}/admin/[/b]   user [b]{login.name}[/b]   password [b]{login.password}[/b]"
        )
        self.console.print("" if self.options.exit else "Ctrl-C stops everything and reckons up.\n")

    def _open(self, services: Services, erp: Erp, shop: Shop, mischief: Mischief) -> int:
        """Let people in, and stay until the end."""
        if self.options.faults:
            mischief.begin()
        else:
            shop.control.trouble(**WIRE, seed=self.options.seed)
        shop.control.open_doors(self.options.orders, rate=self._rate())
        began = time.monotonic()
        try:
            seconds = self._watch(services, shop, mischief)
        except KeyboardInterrupt:
            if not self.options.exit:
                self._close(erp, shop, mischief, time.monotonic() - began)
            self.console.print("Stopping …")
            raise
        return self._close(erp, shop, mischief, seconds)

    def _rate(self) -> float | None:
        usual = None if self.options.exit else LIVELY_RATE
        return self.options.rate or (TROUBLED_RATE if self.options.exit and self.options.faults else usual)

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
        goods = tuple(product["sku"] for product in known_products()["products"])
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

    def _connect(self, erp: Erp, shop: Shop) -> None:
        from retailhub.sandbox import connecting  # noqa: PLC0415 - needs Django's settings

        if erp.control is not None:
            erp.control.add_products({row["sku"]: row["name"] for row in shop.control.products()["products"]})
        connecting.connect(
            store_url=shop.place.url,
            webhook_secret=secrets.token_hex(24),
            erp_kind=erp.kind,
            erp_settings=erp.settings,
            erp_credentials=erp.credentials,
            live_from=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
            consumer=(shop.place.key, shop.place.secret),
        )

    def _watch(self, services: Services, shop: Shop, mischief: Mischief) -> float:
        """Show progress until everything has come to rest, or until Ctrl-C; returns the seconds it took."""
        began = time.monotonic()
        quiet_since: float | None = None
        with progress.Screen(self.console) as screen:
            while True:
                services.supervisor.check()
                store = shop.control.progress()
                at_rest, seen = self._look(shop, store, mischief)
                now = time.monotonic()
                quiet_since = (quiet_since or now) if at_rest else None
                screen.show(seen, store, (quiet_since or now) - began)
                if at_rest and self.options.exit and now - (quiet_since or now) > QUIET_SECONDS:
                    return (quiet_since or now) - began
                if self.options.exit and now - began > self.options.timeout:
                    raise SandboxError(f"The demo did not come to rest within {self.options.timeout:.0f} s.")
                if self.options.faults and not at_rest:
                    mischief.kill_now_and_then()
                time.sleep(0.25)

    def _look(self, shop: Shop, store: Mapping[str, Any], mischief: Mischief) -> tuple[bool, Pulse]:
        """One look, and whether all has come to rest: the store, the work, and a last look at the store after it."""
        if self.options.faults and self.closed_at is None:
            mischief.go_on(store)
            if store["people"]["finished"]:
                mischief.end()
        looks = ALL_LOOKS if self.options.faults else BRISK_LOOKS
        if self.closed_at is None and shop.is_over(store):
            self.closed_at = progress.look_once_more(looks)
        seen = progress.pulse()
        return self.closed_at is not None and seen.quiet and seen.has_looked(looks, self.closed_at), seen

    def _close(self, erp: Erp, shop: Shop, mischief: Mischief, seconds: float) -> int:
        at_rest, _ = self._look(shop, shop.control.progress(), mischief)
        result = tally(
            books=shop.control.books(), held=erp.books(), cases=progress.cases(), known=progress.known_orders()
        )
        result |= {"workers_killed": mischief.kills, "seconds": round(seconds, 2)}
        if self.options.json:
            print(json.dumps(result))  # noqa: T201 - the answer of the command line
        else:
            for name, value in _told(result, at_rest=at_rest).items():
                self.console.print(f"{name:18} {value}")
        if self.options.json and not at_rest:
            self.console.print("It was stopped early: what counts as lost, if anything, was still on its way.")
        agree = result["cases"] == result["planted"]
        money = all(float(amount) == 0 for amount in result["money_difference"].values())
        wrong = any(result[name] for name in ("lost", "duplicates", "stale", "wrongly_posted"))
        return 0 if agree and money and not wrong else 1


def _told(result: dict[str, Any], *, at_rest: bool) -> dict[str, Any]:
    """The reckoning for a person: what was stopped on its way to the ERP is not lost."""
    if at_rest:
        return result
    return {("on_the_way" if name == "lost" else name): result[name] for name in result if name != "lost_references"}


def main(argv: Sequence[str]) -> int:
    """Run a demo."""
    options = _parser().parse_args(argv)
    return Demo(options, Console(stderr=options.json)).run()

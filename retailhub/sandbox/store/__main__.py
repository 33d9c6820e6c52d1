"""Starts a look-alike store and serves until SIGTERM or SIGINT.

Once all ports answer, where they are is written to the ready file (see `control.Place`) and to standard
output. A ledger that exists is gone on with.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from retailhub.sandbox.store.auth import Key
from retailhub.sandbox.store.people import Shopping
from retailhub.sandbox.store.running import RunningStore
from retailhub.sandbox.store.server import HOST
from retailhub.sandbox.store.settings import StoreSettings


def main() -> int:
    options = _parser().parse_args()
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    keys = _keys(options)
    running = RunningStore(
        options.ledger,
        settings_of(options),
        keys,
        port=options.port,
        control_port=options.control_port,
        tls=tuple(options.tls) if options.tls else None,
        empty=options.empty,
    )
    place = {
        "url": f"http://{HOST}:{running.port}",
        "tls_url": f"https://{HOST}:{running.tls_port}" if running.tls_port else "",
        "control_url": f"http://{HOST}:{running.control_port}",
        "key": keys[0].key,
        "secret": keys[0].secret,
        "keys": [[key.key, key.secret, key.rights] for key in keys],
        "pid": os.getpid(),
    }
    if options.ready_file:
        _write_whole(options.ready_file, json.dumps(place))
    sys.stdout.write(f"{place['url']} control {place['control_url']}\n")
    sys.stdout.flush()
    if options.orders:
        running.people.start(Shopping(orders=options.orders, rate=options.rate, plant=options.plant))
    stop.wait()
    running.close()
    return 0


def _seconds(text: str) -> float | None:
    return None if text == "never" else float(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retailhub.sandbox.store", description=__doc__)
    add = parser.add_argument
    add("--ledger", type=Path, required=True, help="SQLite file of the books")
    add("--ready-file", type=Path)
    add("--port", type=int, default=0, help="port of the API; 0 lets the system choose")
    add("--control-port", type=int, default=0)
    add("--tls", nargs=2, type=Path, metavar=("CERT", "KEY"), help="answer over https as well, with these files")
    add("--seed", type=int, default=7)
    add("--site", default="", help="the store's own address in bodies (default: where it listens)")
    add("--time-zone", default="Europe/Berlin")
    add("--currency", default="EUR")
    add("--decimals", type=int, default=2)
    add("--prices-include-tax", action="store_true")
    add("--round-at-subtotal", action="store_true")
    add("--country", default="", help="where the store is (default: by its currency)")
    add("--webhook-user", default="shop_manager", help="another role than this or administrator may read nothing")
    add("--queue-seconds", type=_seconds, default=1.0, help="how often webhooks go out; never: cron does not run")
    add("--queue-runners", type=int, default=1, help="queue runs at the same time; the recorded store has one")
    add("--delivery-seconds", type=float, default=60.0, help="until an unanswered delivery counts as failed")
    add("--key", default="ck_store", help="REST key with all rights")
    add("--secret", default="cs_store")
    add("--empty", action="store_true", help="without the made-up catalogue")
    add("--orders", type=int, default=0, help="how many orders people place from the start on")
    add("--rate", type=float, help="orders a second (default: as fast as their deliveries are taken)")
    add("--plant", type=float, default=0.04, help="share of orders with a planted problem")
    return parser


def settings_of(options: argparse.Namespace) -> StoreSettings:
    """The store that the command line describes."""
    return StoreSettings(
        site=options.site.rstrip("/"),
        seed=options.seed,
        time_zone=options.time_zone,
        currency=options.currency,
        decimals=options.decimals,
        prices_include_tax=options.prices_include_tax,
        round_at_subtotal=options.round_at_subtotal,
        country=options.country,
        webhook_user=options.webhook_user,
        queue_seconds=options.queue_seconds,
        queue_runners=options.queue_runners,
        delivery_seconds=options.delivery_seconds,
    )


def _keys(options: argparse.Namespace) -> list[Key]:
    """One with all rights, one that only reads, one that only writes."""
    key, secret = options.key, options.secret
    return [
        Key(key, secret),
        Key(f"{key}_read", f"{secret}_read", "read"),
        Key(f"{key}_write", f"{secret}_write", "write"),
    ]


def _write_whole(path: Path, text: str) -> None:
    """Write so that a reader sees all or nothing, and only its owner sees the key."""
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.rename(path)


if __name__ == "__main__":
    raise SystemExit(main())

"""Starts a feeder: sends everything, then goes on answering reads until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from retailhub.sandbox.feeder.ledger import DifferentRun
from retailhub.sandbox.feeder.runner import Feeder
from retailhub.sandbox.feeder.settings import Behaviour, FeederSettings
from retailhub.sandbox.store.lifelike.orders import mix_of


def _pairs(text: str) -> dict[str, float]:
    """``a=1,b=2`` as a mapping. Raises ValueError."""
    return {name.strip(): float(value) for name, value in (row.split("=") for row in text.split(","))}


def _plant(text: str) -> float | dict[str, float]:
    return _pairs(text) if "=" in text else float(text)


def _whole(text: str) -> dict[str, int]:
    return {name: int(value) for name, value in _pairs(text).items()}


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m retailhub.sandbox.feeder", description=__doc__)
    add = parser.add_argument
    add("--target", required=True, help="webhook address that takes the deliveries")
    add("--secret", required=True, help="secret of the webhooks")
    add("--orders", type=int, default=200)
    add("--seed", type=int, default=7)
    add("--store", default="eu", help="eu, uk or us: decides currency, time zone and countries")
    add("--currency", help="another currency than the store's own")
    add("--countries", type=_whole, help="other countries, as DE=60,FR=40")
    add("--plant", type=_plant, default=0.04, help="share of planted problems in all, or CODE=SHARE,...")
    add("--lives", type=_whole, help="other lives than the usual, as NAME=WEIGHT,...")
    add("--rounding", type=float, default=0.03, help="share of orders whose lines show a cent too much")
    add("--rate", type=float, help="orders a second (default: as fast as they are taken)")
    add("--senders", type=int, default=4)
    add("--in-flight", type=int, default=16)
    add("--keep-alive", action="store_true", help="keep connections, which the real store does not")
    add("--timeout", type=float, default=60.0, help="seconds until an unanswered delivery counts as refused")
    add("--drop", type=float, default=0.0, help="share of deliveries that are never sent")
    add("--doubled", type=float, default=0.08)
    add("--shuffled", type=float, default=0.2)
    add("--late", type=float, default=0.02)
    add("--same-second", type=float, default=0.03)
    add("--settle", choices=("none", "refused", "all"), default="refused")
    add("--settle-seconds", type=float, default=300.0)
    add("--no-ping", action="store_true")
    add("--consumer-key", default="ck_feeder")
    add("--consumer-secret", default="cs_feeder")
    add("--ledger", default=":memory:", help="SQLite file; a run that broke off goes on from it")
    add("--listen-host", default="127.0.0.1")
    add("--listen-port", type=int, default=0)
    add("--site", help="the store's own address in bodies (default: where it listens)")
    add("--ready-file", type=Path, help="gets {url, pid} as JSON once reads are answered")
    add("--exit", action="store_true", help="end when everything is sent instead of serving reads")
    add("--hold", action="store_true", help="wait for SIGUSR1 before the first delivery")
    return parser


def settings_of(args: argparse.Namespace) -> FeederSettings:
    """Settings from parsed arguments. Raises ValueError for names that do not exist."""
    mix = mix_of(args.plant, args.lives, rounding=args.rounding)
    behaviour = Behaviour(
        doubled=args.doubled,
        shuffled=args.shuffled,
        late=args.late,
        same_second=args.same_second,
        drop=args.drop,
    )
    return FeederSettings(
        target=args.target,
        secret=args.secret,
        orders=args.orders,
        seed=args.seed,
        store=args.store,
        currency=args.currency,
        countries=tuple(args.countries.items()) if args.countries else None,
        mix=mix,
        behaviour=behaviour,
        senders=args.senders,
        in_flight=args.in_flight,
        rate=args.rate,
        keep_alive=args.keep_alive,
        timeout=args.timeout,
        settle=args.settle,
        settle_seconds=args.settle_seconds,
        ping=not args.no_ping,
        consumer_key=args.consumer_key,
        consumer_secret=args.consumer_secret,
        ledger=args.ledger,
        listen_host=args.listen_host,
        listen_port=args.listen_port,
        site=args.site,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a feeder. Returns the exit code: 2 for settings that make no sense."""
    args = make_parser().parse_args(argv)
    done, go = threading.Event(), threading.Event()
    try:
        feeder = Feeder(settings_of(args))
        feeder.start()
    except (ValueError, DifferentRun, OSError) as error:
        print(f"feeder: {error}", file=sys.stderr)  # noqa: T201 - a command line's answer
        return 2

    def end(_number: int, _frame: object) -> None:
        feeder.stop()
        done.set()
        go.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: go.set())
    if args.ready_file is not None:
        _say_ready(args.ready_file, feeder.url)
    if args.hold:
        go.wait()
    if not done.is_set():
        _say(f"The store at {feeder.url} gets {args.orders} orders, and sends them to {args.target}.")
        feeder.run()
    if not (args.exit or done.is_set()):
        sent = feeder.progress()
        _say(
            f"{sent['placed']} orders were placed, {sent['sent']} deliveries sent and {sent['refused']} refused;"
            " reads are answered until Ctrl-C."
        )
        done.wait()
    print(json.dumps(feeder.progress()))  # noqa: T201 - a command line's answer
    feeder.close()
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - a command line's answer


def _say_ready(path: Path, url: str) -> None:
    """Writes the file at once or not at all, so that nobody reads half of it."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    draft.replace(path)


if __name__ == "__main__":
    raise SystemExit(main())

"""A run sends what its ledger says, in the recorded headers, and loses only what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from retailhub.sandbox.feeder import (
    Behaviour,
    DifferentRun,
    Feeder,
)
from tests.sandbox.feeder.support import PAYLOADS, SECRET, SITE, Sink, assert_signed


def test_a_run_delivers_what_its_ledger_says_in_the_recorded_headers(
    sink: Sink, feeders: Callable[..., Feeder]
) -> None:
    feeder = feeders(sink.url, orders=150, site=SITE, settle="all")
    feeder.run()
    report = feeder.report()
    deliveries = sink.deliveries()
    assert report["placed"] == report["done"] == len(report["orders"]) == 150
    assert report["sent"] == report["accepted"] == len(deliveries)
    assert report["finished"] is True
    assert report["refused"] == report["dropped"] == report["owed"] == 0
    recorded = json.loads((PAYLOADS / "webhooks" / "011-order-created-pending-guest-multi.headers.json").read_text())
    names = [name for name, _ in recorded["headers"]]
    for headers, body in deliveries:
        assert_signed(headers, body)
        assert list(headers) == names
        assert headers["Connection"] == "close"
        assert headers["X-WC-Webhook-Topic"].split(".") == [
            headers["X-WC-Webhook-Resource"],
            headers["X-WC-Webhook-Event"],
        ]
    ids = {headers["X-WC-Webhook-Delivery-ID"] for headers, _ in deliveries}
    assert len(ids) == len({headers["X-WC-Webhook-ID"] for headers, _ in deliveries})
    pings = [body for headers, body in sink.taken if len(headers) < 9]
    assert pings == [b"webhook_id=1", b"webhook_id=2", b"webhook_id=3", b"webhook_id=4"]
    check_consistent(report, deliveries)


def check_consistent(report: dict[str, Any], deliveries: list[tuple[dict[str, str], bytes]]) -> None:
    """The counts of a ledger agree with each other and with what arrived."""
    orders = {row["id"]: row for row in report["orders"]}
    assert report["planted"] == {code: len(ids) for code, ids in report["planted_ids"].items()}
    expected = Counter(row["expect"] for row in orders.values())
    assert len(report["ineligible"]) == expected["nothing"]
    assert sum(report["planted"].values()) == expected["case"]
    assert {row["reference"] for row in orders.values()} == {f"WC-eu-{number}" for number in orders}
    told = Counter(json.loads(body)["id"] for _, body in deliveries)
    assert told == {number: row["accepted"] for number, row in orders.items()}
    newest: dict[int, tuple[str, str, str]] = {}
    for _, body in deliveries:
        order = json.loads(body)
        if "status" in order:
            state = (order["date_modified_gmt"], order["status"], order["total"])
            newest[order["id"]] = max(newest.get(order["id"], ("", "", "")), state)
    for number, row in orders.items():
        if newest[number][0] != "":
            assert row["total"] == newest[number][2]
        assert row["eligible"] == (row["expect"] != "nothing")
        if row["expect"] in ("posted", "case"):
            assert row["status"] in ("processing", "completed")
        else:
            assert row["status"] in ("pending", "failed", "cancelled", "checkout-draft", "trash")


def test_two_runs_of_one_seed_on_one_clock_deliver_the_same_bodies(sink: Sink, feeders: Callable[..., Feeder]) -> None:
    ran = []
    for _ in range(2):
        before = len(sink.deliveries())
        feeders(sink.url, orders=60, site=SITE, ping=False, senders=1).run()
        ran.append([(headers["X-WC-Webhook-Topic"], body) for headers, body in sink.deliveries()[before:]])
    assert ran[0] == ran[1]
    assert len(ran[0]) > 120


def test_deliveries_come_doubled_and_out_of_order_and_some_never(sink: Sink, feeders: Callable[..., Feeder]) -> None:
    ways = Behaviour(doubled=0.3, shuffled=0.5, late=0.05, drop=0.1)
    feeder = feeders(sink.url, orders=120, site=SITE, senders=1, behaviour=ways, settle="none")
    feeder.run()
    bodies = [body for _, body in sink.deliveries()]
    assert any(bodies.count(body) >= 4 for body in set(bodies))
    last: dict[int, str] = {}
    backwards = 0
    for body in bodies:
        order = json.loads(body)
        moment = order.get("date_modified_gmt", "")
        backwards += moment < last.get(order["id"], "")
        last[order["id"]] = moment
    assert backwards > 0
    assert feeder.progress()["dropped"] > 10


def test_refused_deliveries_are_lost_until_settling_tells_the_last_state(
    feeders: Callable[..., Feeder],
) -> None:
    sink = Sink(lambda number: 503 if number < 150 else 200)
    try:
        feeder = feeders(sink.url, orders=80, site=SITE, ping=False, settle_seconds=20.0)
        feeder.run()
        report = feeder.report()
    finally:
        sink.close()
    assert report["refused"] == sink.refused == 150
    assert report["accepted"] == len(sink.taken) == report["sent"] - 150
    assert report["owed"] == 0
    told = {body for _, body in sink.deliveries()}
    for row in report["orders"]:
        record = feeder.ledger.get(row["id"])
        assert record is not None
        assert record.body in told or b'{"id":%d}' % row["id"] in told


def test_without_settling_the_ledger_says_what_is_owed(feeders: Callable[..., Feeder]) -> None:
    sink = Sink(lambda number: 500)
    try:
        feeder = feeders(sink.url, orders=20, settle="none")
        feeder.run()
    finally:
        sink.close()
    progress = feeder.progress()
    assert progress["accepted"] == 0
    assert progress["owed"] == progress["placed"] == 20


def test_a_target_that_is_not_there_refuses_everything(feeders: Callable[..., Feeder]) -> None:
    gone = Sink(lambda number: 200)
    gone.close()
    feeder = feeders(gone.url, orders=10, settle="none")
    feeder.run()
    assert feeder.progress()["refused"] == feeder.progress()["sent"] > 0


def test_connections_are_kept_when_wanted(sink: Sink, feeders: Callable[..., Feeder]) -> None:
    feeder = feeders(sink.url, orders=40, keep_alive=True, ping=False)
    feeder.run()
    assert feeder.progress()["accepted"] == len(sink.taken)
    assert {dict(headers)["Connection"] for headers, _ in sink.taken} == {"keep-alive"}


def test_a_run_that_broke_off_goes_on_from_its_ledger(
    sink: Sink, feeders: Callable[..., Feeder], tmp_path: Path
) -> None:
    path = str(tmp_path / "ledger.sqlite")
    whole = feeders(sink.url, orders=90, site=SITE, ping=False)
    whole.run()

    def stop_at_fifty(number: int) -> int:
        if number == 50:
            first.stop()
        return 200

    stopping = Sink(stop_at_fifty)
    first = feeders(stopping.url, orders=90, site=SITE, ping=False, ledger=path)
    first.run()
    stopping.close()
    assert 0 < first.progress()["placed"] < 90
    assert first.finished is False
    first.close()
    second = feeders(sink.url, orders=90, site=SITE, ping=False, ledger=path)
    second.run()
    names = ("id", "status", "total", "expect", "planted")
    assert [[row[name] for name in names] for row in second.report()["orders"]] == [
        [row[name] for name in names] for row in whole.report()["orders"]
    ]
    assert second.progress()["owed"] == 0
    with pytest.raises(DifferentRun):
        feeders(sink.url, seed=8, ledger=path)


def test_the_process_sends_everything_serves_its_books_and_ends_when_told(sink: Sink, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "retailhub.sandbox.feeder", "--target", sink.url, "--secret", SECRET]
    command += [
        "--orders",
        "40",
        "--seed",
        "5",
        "--store",
        "uk",
        "--plant",
        "0.5",
        "--ready-file",
        str(ready),
    ]
    command += ["--ledger", str(tmp_path / "ledger.sqlite"), "--hold"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 20
        progress: dict[str, Any] = {}
        while not progress.get("finished"):
            assert time.monotonic() < until
            assert process.poll() is None
            if ready.exists():
                url = json.loads(ready.read_text())["url"]
                if not progress:
                    assert requests.get(f"{url}/_control/progress", timeout=5).json()["placed"] == 0
                    os.kill(process.pid, signal.SIGUSR1)
                progress = requests.get(f"{url}/_control/progress", timeout=5).json()
            time.sleep(0.05)
        report = requests.get(f"{url}/_control/ledger", timeout=5).json()
        os.kill(process.pid, signal.SIGTERM)
        out, _ = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0
    assert json.loads(out)["accepted"] == len(sink.deliveries()) == report["accepted"]
    assert report["currency"] == "GBP"
    assert report["orders"][0]["reference"].startswith("WC-uk-")
    assert sum(report["planted"].values()) > 5


def test_a_wrong_setting_is_one_sentence() -> None:
    command = [sys.executable, "-m", "retailhub.sandbox.feeder", "--secret", "s", "--store", "mars"]
    run = subprocess.run([*command, "--target", "http://127.0.0.1:9/"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr == "feeder: There is no store mars; known are eu, uk, us.\n"

"""A store's whole history into the inbox, against the look-alike's own reading limit, in pairs.

The limit is one client that asks for the same pages, one after the other on a kept connection, and throws them away.
Our side is the looks of one pump: it reads, compares, stores, and commits where it goes on. Twice: with a store that
takes as long for a page of 100 orders as WooCommerce 11 took when it was recorded, and with one that answers as fast
as the look-alike can, fifty times as fast, which shows what our own work costs.
"""

from __future__ import annotations

import resource
import secrets
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import msgspec
import requests
from django.db import connection

from integrations import polling
from integrations.calls import lines
from integrations.connectors.woocommerce.signing import signed
from integrations.models import Connection, InboxMessage, Poll
from integrations.states import PollKind
from retailhub.core import clock
from retailhub.sandbox.store.control import Control, Place

PAGE = 100
RECORDED_SECONDS = 1.25
"""For `PAGE` orders, the median of seven on two busy cores."""
RECORDED_PAGES = 15
FEW, PAIRS = 20_000, 3
"""Histories longer than that are read once by each side: they are for memory."""


def measure(place: Place, control: Control, *, orders: int) -> dict[str, Any]:
    """Rates in orders a second, medians of pairs whose first side alternates; what a load costs in calls and memory."""
    control.make_history(orders)
    there = sum(1 for each in control.walk_placed() if each.status != "deleted")
    pages = -(-there // PAGE) + 2
    fast = _pairs(place, pages=None, pairs=PAIRS if there <= FEW else 1)
    report = Poll.objects.get(kind=PollKind.HISTORY).report
    if InboxMessage.objects.count() != there:
        raise AssertionError(f"{InboxMessage.objects.count()} of {there} orders are in the inbox")
    control.behave(answer_seconds=RECORDED_SECONDS)
    recorded = _pairs(place, pages=min(RECORDED_PAGES, pages - 1), pairs=PAIRS)
    return {
        "orders": there,
        "calls_per_1000_orders": round(report["calls"] / there * 1000, 1),
        "memory_mb_half": fast.memory[0],
        "memory_mb_whole": fast.memory[1],
        "recorded_speed": recorded.told(),
        "full_speed": fast.told(),
    }


@dataclass
class Rates:
    """Orders a second of both sides, pair by pair; ``memory`` of the first load at its half and at its end."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    memory: tuple[float, float] = (0.0, 0.0)

    def told(self) -> dict[str, Any]:
        ratios = [mine / limit for mine, limit in zip(self.ours, self.bare, strict=True)]
        return {
            "orders_per_second": round(statistics.median(self.ours), 1),
            "reading_limit_per_second": round(statistics.median(self.bare), 1),
            "ratio": round(statistics.median(ratios), 3),
            "ratios": [round(ratio, 3) for ratio in ratios],
        }


def _pairs(place: Place, *, pages: int | None, pairs: int) -> Rates:
    rates = Rates()
    for pair in range(pairs):
        for side in (0, 1) if pair % 2 == 0 else (1, 0):
            if side:
                rates.bare.append(_bare(place, pages))
                continue
            rate, half, whole = _load(pages)
            rates.ours.append(rate)
            rates.memory = rates.memory if rates.memory[1] else (half, whole)
    return rates


def _load(pages: int | None) -> tuple[float, float, float]:
    """Load into an empty inbox: orders a second, and the peak memory of this process at half and at the end."""
    row = Connection.objects.get(name="shop")
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE integrations_poll, integrations_inboxmessage, integrations_inboxbody")
    polling.look_now(connection_id=row.pk, kind=PollKind.HISTORY)
    Poll.objects.exclude(kind=PollKind.HISTORY).update(due_at=None)
    history, half, made = Poll.objects.filter(kind=PollKind.HISTORY), 0.0, 0
    began = time.perf_counter()
    with lines() as kept:
        while made != pages and polling.work(lines=kept, store_id=row.pk):
            made += 1
            if made % 50 == 0 and not half:
                seen, total = history.values_list("seen", "total").get()
                half = _peak_mb() if seen >= (total or 0) / 2 else 0.0
    seconds = time.perf_counter() - began
    return InboxMessage.objects.count() / seconds, half or _peak_mb(), _peak_mb()


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _bare(place: Place, pages: int | None) -> float:
    """Orders a second of somebody who only reads the pages."""
    session, last, read, asked = requests.Session(), "1970-01-01T00:00:00", 0, 0
    began = time.perf_counter()
    while asked != pages:
        found = msgspec.json.decode(_page(session, place, last))
        read, asked = read + len(found), asked + 1
        if len(found) < PAGE:
            break
        last = found[-1]["date_modified_gmt"]
    return read / (time.perf_counter() - began)


def _page(session: requests.Session, place: Place, after: str) -> bytes:
    url = f"{place.url}/wp-json/wc/v3/orders"
    pairs = [("status", "any"), ("orderby", "modified"), ("order", "asc"), ("per_page", str(PAGE)), ("page", "1")]
    pairs += [("modified_after", after), ("dates_are_gmt", "true")]
    nonce, now = secrets.token_hex(16), int(clock.now().timestamp())
    answer = session.get(
        url,
        params=signed("GET", url, pairs, key=place.key, secret=place.secret, timestamp=now, nonce=nonce),
        timeout=60,
    )
    answer.raise_for_status()
    return answer.content

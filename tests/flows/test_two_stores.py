"""Two stores of other zones, decimals and tax side by side, through the nights in which summer time ends and begins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations import polls
from integrations.models import Connection
from integrations.states import PollKind
from orders.models import Order
from retailhub.core import clock
from retailhub.sandbox.store.control import Control, running_store
from tests.support.shop import Shop, connect_another, known_skus, running_shop
from tests.support.watch import Watch, doubles, watching

MINUTE = 60
HOUR = 3600
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Shop]:
    """A store in Berlin: euros and cents, prices without tax."""
    settings.HISTORY_PAUSE_MS = 0
    # calls are dated by the machine's clock, which stays months behind
    settings.RETENTION_MONTHS = 120
    with running_shop(tmp_path, time_zone=BERLIN.key, currency="EUR", decimals=2) as shop:
        shop.connect()
        shop.know(known_skus())
        shop.hook_up()
        yield shop


def next_change(zone: ZoneInfo, after: dt.datetime, *, ends: bool) -> dt.datetime:
    """When summer time next ends or begins there, in UTC."""
    at = after.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    for _ in range(400 * 24):
        before, at = at, at + dt.timedelta(hours=1)
        moved = at.astimezone(zone).utcoffset(), before.astimezone(zone).utcoffset()
        if moved[0] is not None and moved[1] is not None and moved[0] != moved[1] and (moved[0] < moved[1]) is ends:
            return at
    raise AssertionError(f"{zone} has no summer time")


@dataclass
class Till:
    """One of the stores, and what was done in it."""

    row: Connection
    control: Control
    placed: list[int] = field(default_factory=list)
    altered: set[int] = field(default_factory=set)
    trashed: set[int] = field(default_factory=set)

    def sell(self) -> None:
        """Three orders; a third of all deliveries is lost."""
        self.placed += self.control.place_orders(3, lives={"completed": 1}, now=True)
        self.control.run_queue()

    def change(self) -> None:
        """Of the last orders one is trashed, one changed; of those before one is changed without moving its date."""
        altered, trashed, updated = self.placed[-4:-1]
        self.control.alter(altered, customer_note="Ring once.")
        self.control.trash(trashed)
        self.control.update(updated, customer_note="Ring twice.")
        self.control.run_queue()
        self.altered.add(altered)
        self.trashed.add(trashed)

    def wrong(self, shop: Shop) -> set[int]:
        """Orders that RetailHub knows otherwise than this store has them."""
        shop.control = self.control
        return {int(ref) for ref in shop.untrue(self.row.name)}

    def unknown(self) -> set[str]:
        known = Order.objects.filter(store=self.row).values_list("order_ref", flat=True)
        return {str(ref) for ref in self.placed} - set(known)


STEPS = (-270, -40, -10, 10, 40, 90)
"""Minutes from the change: both runs of an hour that comes twice, both sides of one that is left out, and the same
numbers on UTC's clock."""


def move_to(watch: Watch, moment: dt.datetime) -> None:
    watch.move(watch.at + (moment - clock.now()).total_seconds())


def live_through(shop: Shop, watch: Watch, tills: list[Till], night: dt.datetime) -> None:
    """Sell all night. Within two polls every order is known, and within the sweep's period as it is."""
    every = polls.periods()
    move_to(watch, night - dt.timedelta(hours=5))
    watch.ring()
    for minutes in STEPS:
        move_to(watch, night + dt.timedelta(minutes=minutes))
        for till in tills:
            till.sell()
        watch.run(2 * every[PollKind.CHANGED], step=MINUTE)
        assert [till.unknown() for till in tills] == [set(), set()]
        if minutes in {-10, 40}:
            for till in tills:
                till.change()
    watch.run(2 * every[PollKind.CHANGED], step=MINUTE)
    for till in tills:
        assert till.wrong(shop) <= till.altered
    watch.run(every[PollKind.SWEEP], step=2 * HOUR)
    for till in tills:
        assert till.wrong(shop) == set()


def check_money(shop: Shop, till: Till) -> None:
    """The store, RetailHub and the ERP agree on every order to the last digit, and so on the sum."""
    shop.control, name = till.control, till.row.name
    assert shop.misposted(name) == {}
    placed = {str(each.id): each for each in till.control.walk_placed()}
    rows = {row.order_ref: (row.currency, row.total) for row in Order.objects.filter(store=till.row)}
    assert rows == {ref: (each.currency, each.total) for ref, each in placed.items()}
    posted = [each for each in shop.books.books().documents if each.live and each.reference.startswith(f"WC-{name}-")]
    sold = [each for each in placed.values() if each.status == "completed"]
    assert len(posted) == len(sold) == len(till.placed) - len(till.trashed)
    assert {each.currency for each in posted} == {each.currency for each in sold}
    assert sum(each.total for each in posted) == sum(each.total for each in sold)


def digits(till: Till) -> int:
    """Decimals that its orders really use."""
    totals = [each.total.normalize().as_tuple().exponent for each in till.control.walk_placed()]
    return -min(int(exponent) for exponent in totals if isinstance(exponent, int))


@pytest.mark.parametrize(
    ("zone", "other", "decimals"),
    [
        (NEW_YORK, {"currency": "JPY", "time_zone": NEW_YORK.key, "decimals": 0, "prices_include_tax": True}, 0),
        (BERLIN, {"currency": "KWD", "time_zone": "Etc/GMT-3", "decimals": 3, "prices_include_tax": True}, 3),
    ],
    ids=["beside yen in New York", "beside dinars at UTC+3"],
)
def test_two_stores_live_through_the_nights_of_summer_time_and_nothing_is_lost_double_or_rounded(
    shop: Shop, tmp_path: Path, zone: ZoneInfo, other: dict[str, Any], decimals: int
) -> None:
    now = clock.now()
    nights = sorted(next_change(zone, now, ends=ends) for ends in (True, False))
    with running_store(tmp_path, name="more", queue_seconds="never", **other) as (place, control):
        tills = [Till(shop.eu, shop.control), Till(connect_another(shop, place, "more"), control)]
        shop.hook_up("more")
        with watching(shop, control) as watch:
            watch.run(MINUTE)
            for till in tills:
                till.control.trouble(drop=0.3, seed=3)
            for night in nights:
                live_through(shop, watch, tills, night)
            for till in tills:
                check_money(shop, till)
            assert [digits(till) for till in tills] == [2, decimals]
            assert doubles(shop) == {}
            told = {each.outcome for till in tills for each in till.control.books().deliveries}
            assert told == {"taken", "dropped"}

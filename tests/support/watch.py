"""The product's own schedule under clocks that a test moves: no look and no pump is started by hand.

    with watching(shop) as watch:
        watch.run(120)          # two minutes pass: Celery's tasks come as they would
        shop.tell()             # deliveries arrive at the moved time

Intake answers in threads with connections of their own, so the moved time is the database's, not a connection's.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db import connection

from integrations import pump, tasks
from retailhub.sandbox.store.control import Control
from tests.support.shop import Shop

STEP = 20
"""Seconds from one coming of the tasks to the next: they look for work more often, but there is a test to end."""


@dataclass
class Watch:
    """The clocks of the hub and of its stores, and the schedule. ``at`` is seconds ahead of the machine's clock."""

    shop: Shop
    stores: list[Control]
    at: float = 0.0

    def move(self, at: float) -> None:
        """Set all clocks."""
        self.at = at
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
            cursor.execute(f"ALTER DATABASE {name} SET retailhub.clock_offset = %s", [f"{at} seconds"])
        self.shop.shift(at)
        for store in self.stores:
            store.set_clock(int(at))

    def ring(self) -> None:
        """Every task comes once; what is not due by then does nothing."""
        due: list[Callable[[], object]] = [tasks.look_at_stores, tasks.drain, *pump.CHORES]
        for task in due:
            task()

    def run(self, seconds: float, *, step: float = STEP) -> None:
        """So much time passes."""
        ends = self.at + seconds
        while self.at < ends:
            self.move(min(self.at + step, ends))
            self.ring()


@contextlib.contextmanager
def watching(shop: Shop, *more: Control) -> Iterator[Watch]:
    """The schedule of a shop, and of more stores beside it; at the end the clocks are as they were."""
    watch = Watch(shop, [shop.control, *more])
    try:
        yield watch
    finally:
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
            cursor.execute(f"ALTER DATABASE {name} RESET retailhub.clock_offset")
        shop.shift(0)


def unheard(control: Control) -> set[str]:
    """Orders of which the store's own ledger knows no order webhook's delivery that was taken."""
    heard = {
        each.arg for each in control.books().deliveries if each.topic.startswith("order.") and each.outcome == "taken"
    }
    return {str(placed.id) for placed in control.walk_placed()} - {str(ref) for ref in heard}


def doubles(shop: Shop) -> dict[str, int]:
    """References that the ERP's ledger has more than once, cancelled ones too."""
    found = Counter(document.reference for document in shop.books.books().documents)
    return {reference: count for reference, count in found.items() if count > 1}

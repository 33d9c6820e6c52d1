"""Everything that webhooks can lose, in one shop, watched by the product's own schedule alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations import polls
from integrations.states import PollKind
from orders.models import Order
from reconciliation.models import Case
from tests.support.hub import stored_document
from tests.support.shop import Shop, known_skus, running_shop
from tests.support.watch import Watch, doubles, unheard, watching

DAY = 24 * 3600
MINUTE = 60
QUIET = 5 * MINUTE
"""Longer than polling's overlap: what was lost before a hole is not counted into it."""


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Shop]:
    """A shop whose webhooks RetailHub makes and looks after by itself."""
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        settings.PUBLIC_URL = shop.door.url
        settings.HISTORY_PAUSE_MS = 0
        yield shop


def hooks(shop: Shop) -> dict[str, str]:
    return {hook.topic: hook.status for hook in shop.control.books().webhooks}


def sell_while_deliveries_are_dropped(shop: Shop, watch: Watch) -> list[int]:
    """60 orders, and 30 % of what the store tells of them is never sent."""
    shop.control.trouble(drop=0.3, seed=5)
    refs: list[int] = []
    for _ in range(10):
        refs += shop.control.place_orders(6, now=True)
        shop.tell()
        watch.run(20)
    shop.control.trouble()
    return refs


def switch_off(shop: Shop) -> list[int]:
    """Orders that the store told of in vain, until it had switched off the webhooks."""
    shop.door.answer = 500
    refs = shop.control.place_orders(8, lives={"completed": 1}, now=True)
    shop.tell()
    shop.door.answer = 0
    assert (hooks(shop)["order.created"], hooks(shop)["order.updated"]) == ("disabled", "disabled")
    return refs


def sell_on(shop: Shop, watch: Watch) -> None:
    """A look begins at the newest order that it knows: what is older leaves its window when the shop sells on."""
    watch.run(2 * QUIET, step=MINUTE)
    shop.control.place_orders(1, lives={"completed": 1}, now=True)
    shop.tell()
    watch.run(QUIET, step=MINUTE)


def lose_the_rest(shop: Shop, known: list[int], refund: int) -> int:
    """Deeds in the shop that no delivery tells of; a new order, dated three days back, whose number is returned."""
    refunded, trashed, deleted, changed = known
    (backdated,) = shop.control.place_orders(1, lives={"completed": 1}, now=True)
    shop.control.backdate(backdated, 3 * DAY)
    shop.control.delete(deleted)
    shop.control.alter(changed, customer_note="Leave it with the neighbours.")
    shop.control.delete_refund(refunded, refund)
    shop.control.trash(trashed)
    shop.control.forget_queue()
    return backdated


def wrong(shop: Shop) -> set[int]:
    return {int(ref) for ref in shop.untrue()}


def states(*refs: int) -> list[tuple[str, str, str]]:
    rows = {row.order_ref: row for row in Order.objects.all()}
    return [(row.status, row.order_state, row.payment_state) for row in (rows[str(ref)] for ref in refs)]


def check_hole(missed: list[int], trashed: int) -> None:
    """The watchdog's case: from the first order of the hole to its last change, and over."""
    case = Case.objects.get(code="webhook_disabled")
    evidence = {name: case.evidence[name] for name in ("orders", "first_order", "last_order")}
    assert evidence == {
        "orders": str(len(missed) + 1),
        "first_order": str(missed[0]),
        "last_order": str(trashed),
    }
    assert case.evidence["topics"] == "order.created, order.updated"
    assert (case.state, case.reopened_count) == ("closed", 0)
    assert case.closed_at is not None
    assert case.opened_at < case.closed_at


def test_all_that_webhooks_lose_is_found_by_the_schedule_within_two_polls_or_its_sweeps(shop: Shop) -> None:
    every = polls.periods()
    with watching(shop) as watch:
        watch.run(20)
        assert set(hooks(shop).values()) == {"active"}
        sell_while_deliveries_are_dropped(shop, watch)
        assert len(unheard(shop.control)) >= 5
        watch.run(2 * every[PollKind.CHANGED])
        assert wrong(shop) == set()

        known = shop.control.place_orders(4, lives={"completed": 1}, now=True)
        refunded, trashed, deleted, changed = known
        refund = shop.control.refund(refunded, amount="5.00", api_refund=False)
        shop.tell()
        sell_on(shop, watch)
        missed = switch_off(shop)
        watch.move(watch.at + 5)
        backdated = lose_the_rest(shop, known, refund)
        began = watch.at
        assert wrong(shop) == {*missed, *known, backdated}

        for kind, periods, step, left in (
            (PollKind.CHANGED, 2, 20, {refunded, deleted, changed, backdated}),
            (PollKind.REFUNDS, 1, MINUTE, {deleted, changed, backdated}),
            (PollKind.SWEEP, 1, 20 * MINUTE, set()),  # and the walk, which goes as often
        ):
            watch.run(began + periods * every[kind] - watch.at, step=step)
            assert wrong(shop) == left, kind
        # what webhooks missed is told for a day; and the schedule itself was late all that time
        watch.run(began + DAY - watch.at, step=60 * MINUTE)
        watch.run(MINUTE)
        check_hole(missed, trashed)
        assert set(hooks(shop).values()) == {"active"}
        assert states(trashed, deleted) == [("trashed", "cancelled", "paid"), ("deleted", "cancelled", "paid")]
        assert states(refunded, changed, backdated) == 3 * [("completed", "closed", "paid")]
        assert stored_document(str(changed)).customer_note == "Leave it with the neighbours."
        assert Order.objects.count() == len(list(shop.control.walk_placed())) == 74
        assert (shop.misposted(), doubles(shop)) == ({}, {})
        assert list(Case.objects.filter(state=Case.State.OPEN).values_list("code", "subject", "sentence")) == []

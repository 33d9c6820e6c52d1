"""A fix replayed over many cases: a wrong one has one effect, the right one closes all, and none is doubled."""

from __future__ import annotations

from collections import Counter

import pytest

from integrations.models import OutboxMessage
from inventory.services import mappings
from orders.models import Order
from reconciliation.models import Case, Cause, ReplayItem, ReplayRun
from reconciliation.services import replay_runs
from retailhub.core import clock
from tests.support.hub import Hub
from tests.support.lives import order_body, skus

SHORT, LONG = 510, 5000
SUPERVISORS = ("sunita", "sven")


def held(hub: Hub, count: int) -> Cause:
    """So many orders wait for one SKU."""
    hub.connect()
    hub.know(skus())
    for number in range(1, count + 1):
        assert hub.deliver(order_body(number, sku="NEW-1")) == 200
    hub.drain()
    assert Order.objects.filter(order_state="held").count() == count
    assert hub.books.books().documents == ()
    return Cause.objects.get()


def map_to(hub: Hub, item_code: str) -> None:
    mappings.map_sku(
        connection_id=hub.erp.pk, sku="NEW-1", item_code=item_code, actor="olga", reason="new item", now=clock.now()
    )


def approved(run: ReplayRun) -> None:
    replay_runs.approve(run_id=run.pk, actor="sunita", reason="looks right", now=clock.now())


def drain(hub: Hub) -> None:
    """To rest, however long that takes."""
    for _ in range(60):
        hub.drain()
        if not ReplayRun.objects.filter(state__in=ReplayRun.ACTIVE).exists():
            return


def test_a_wrong_mapping_has_one_effect_and_the_right_one_closes_all_and_doubles_none(hub: Hub) -> None:
    wrong_then_right(hub, SHORT)


@pytest.mark.long
def test_a_wrong_mapping_over_five_thousand_cases_has_one_effect_and_the_right_one_closes_all(hub: Hub) -> None:
    wrong_then_right(hub, LONG)


def wrong_then_right(hub: Hub, count: int) -> None:
    held(hub, count)
    map_to(hub, "TYPO-1")
    run = ReplayRun.objects.get()
    assert (run.state, run.item_count, run.approval_needed, run.author_name) == (
        "awaiting_approval",
        count,
        True,
        "olga",
    )
    drain(hub)
    assert OutboxMessage.objects.count() == 0

    approved(run)
    drain(hub)
    run.refresh_from_db()
    assert run.state == "stopped"
    assert "The ERP does not know the item TYPO-1." in run.why
    assert f"{count - 1:,} stay as they were." in run.why
    # one order was sent, was refused, and nothing else was touched
    assert list(OutboxMessage.objects.values_list("status", "code", "attempts")) == [("parked", "unknown_item", 1)]
    assert hub.books.books().documents == ()
    assert Order.objects.filter(order_state="held").count() == count - 1
    assert Counter(ReplayItem.objects.values_list("state", flat=True)) == {"surprise": 1, "waiting": count - 1}
    assert Case.objects.filter(state="open", code="sku_unmapped").count() == count - 1

    hub.books.add_products(["ERP-1"])
    map_to(hub, "ERP-1")
    replay_runs.go_on(run_id=run.pk, actor="olga", reason="mapped to the right item", now=clock.now())
    drain(hub)
    run.refresh_from_db()
    assert run.state == "done", run.why
    posted_once(hub, count)


def posted_once(hub: Hub, count: int) -> None:
    books = hub.books.books()
    assert {d.reference for d in books.documents if d.state == "confirmed"} == {
        f"WC-eu-{n}" for n in range(1, count + 1)
    }
    assert len(books.documents) == count
    assert books.doubles() == {}
    assert not Case.objects.filter(state="open").exists()
    assert not Order.objects.filter(order_state="held").exists()
    assert not ReplayItem.objects.filter(state__in=ReplayItem.OPEN).exists()

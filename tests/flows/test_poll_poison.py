"""An order that its store cannot show stops nothing, has a case, and is read when it can be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations import arrivals, polling
from integrations.models import InboxMessage, Poll
from integrations.states import PollKind
from orders.models import Order
from reconciliation.models import Case
from retailhub.core import clock
from tests.support.shop import Shop, known_skus, running_shop

LISTS = (PollKind.CHANGED, PollKind.SWEEP, PollKind.HISTORY, PollKind.WALK)


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: object) -> Iterator[Shop]:
    settings.HISTORY_PAUSE_MS = 0  # type: ignore[attr-defined]
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        yield shop


def go_round(shop: Shop, kind: PollKind, *, tries: int = 40) -> None:
    """One whole round, however often a step of it has to be made again. Other looks are kept out of it."""
    polling.look_now(connection_id=shop.eu.pk, kind=kind)
    before = Poll.objects.get(connection=shop.eu, kind=kind).finished_at
    for _ in range(tries):
        Poll.objects.exclude(kind=kind).update(due_at=clock.after(3600))
        Poll.objects.filter(connection=shop.eu, kind=kind).update(due_at=clock.now())
        polling.drain(seconds=60)
        row = Poll.objects.get(connection=shop.eu, kind=kind)
        if row.began_at is None and row.finished_at != before:
            return
    raise AssertionError(f"the {kind} is still at {row.place} after {row.failures} failures: {row.code}")


def known(shop: Shop) -> set[int]:
    shop.settle()
    return {int(ref) for ref in Order.objects.values_list("order_ref", flat=True)}


@pytest.mark.parametrize("kind", LISTS)
def test_an_order_that_the_store_never_shows_is_a_case_and_the_look_finds_all_others(
    shop: Shop, kind: PollKind
) -> None:
    refs = shop.control.place_orders(9, lives={"completed": 1}, now=True, silent=True)
    shop.control.behave(broken_orders=[refs[4]])

    go_round(shop, kind)

    assert known(shop) == set(refs) - {refs[4]}
    message = InboxMessage.objects.get(shard=f"store:{refs[4]}")
    assert (message.status, message.outcome, message.topic) == ("parked", "unknown", "order.unread")
    case = Case.objects.get(code="order_not_read")
    assert (case.state, case.subject) == ("open", f"message:msg_i{message.pk}")
    assert case.evidence["order"] == str(refs[4])

    shop.control.be_good()
    arrivals.release(message_ids=[message.pk], why="the plugin is mended")
    assert known(shop) == set(refs)
    assert Case.objects.get(code="order_not_read").state == "closed"
    assert shop.untrue() == {}


def test_a_later_round_reads_an_order_that_can_be_shown_again_and_closes_its_case(shop: Shop) -> None:
    refs = shop.control.place_orders(5, lives={"completed": 1}, now=True, silent=True)
    shop.control.behave(broken_orders=[refs[2]])
    go_round(shop, PollKind.SWEEP)
    go_round(shop, PollKind.SWEEP)
    assert Case.objects.filter(code="order_not_read", state="open").count() == 1
    assert InboxMessage.objects.filter(topic="order.unread").count() == 1

    shop.control.be_good()
    shop.control.set_clock(2 * 3600)
    shop.shift(2 * 3600)
    go_round(shop, PollKind.SWEEP)

    assert Case.objects.get(code="order_not_read").state == "closed"
    assert InboxMessage.objects.get(topic="order.unread").outcome == "superseded"
    assert known(shop) == set(refs)


@pytest.mark.parametrize("is_up", [False, True])
def test_a_store_that_is_down_or_shows_no_order_at_all_makes_no_case_of_any_order(shop: Shop, is_up: bool) -> None:  # noqa: FBT001 - pytest's parameter
    refs = shop.control.place_orders(5, lives={"completed": 1}, now=True, silent=True)
    shop.control.behave(**({"broken_orders": refs} if is_up else {"fatal": 1.0}))
    polling.look_now(connection_id=shop.eu.pk, kind=PollKind.CHANGED)
    for _ in range(8):
        Poll.objects.exclude(kind=PollKind.CHANGED).update(due_at=clock.after(3600))
        Poll.objects.filter(kind=PollKind.CHANGED).update(due_at=clock.now())
        polling.drain(seconds=60)
    assert Poll.objects.get(kind=PollKind.CHANGED).failures == 8
    assert InboxMessage.objects.count() == 0

    shop.control.be_good()
    go_round(shop, PollKind.CHANGED)

    assert known(shop) == set(refs)
    assert not Case.objects.filter(code="order_not_read").exists()


@pytest.mark.parametrize("apart", [-600, 600])
def test_an_order_placed_after_an_empty_store_was_connected_is_found_whatever_its_clock_shows(
    shop: Shop, apart: int
) -> None:
    shop.control.set_clock(apart)
    shop.look(PollKind.HISTORY)
    began = Poll.objects.get(kind=PollKind.CHANGED).cursor_at
    assert began is not None
    assert began <= clock.now() + dt.timedelta(seconds=min(apart, 0) + 5)

    refs = shop.control.place_orders(2, lives={"completed": 1}, now=True, silent=True)
    shop.control.trash(refs[1], silent=True)
    shop.look(PollKind.CHANGED, PollKind.TRASH)

    assert known(shop) == set(refs)

"""Replays as rows: who may let one go, what stops one, what a step costs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from integrations.models import InboxMessage, OutboxMessage
from integrations.ports.errors import Rejected, Unknown
from integrations.states import Lane
from inventory.models import SkuMapping
from orders.models import Order
from reconciliation.models import Case, CaseEvent, Cause, ReplayItem, ReplayRun
from reconciliation.services import replay_reads, replay_runs, replay_steps, replays
from reconciliation.services.replay_runs import NotNow
from retailhub.core import clock
from tests.support.world import UNKNOWN_SKU, World, build, order_body


@pytest.fixture
def world(db: None) -> World:
    return build()


def known(world: World) -> None:
    """The SKU becomes known without anybody's being told."""
    SkuMapping.objects.create(
        connection=world.erp, sku=UNKNOWN_SKU, item_code="ITEM-1", source="catalogue", changed_at=clock.now()
    )


def planned(author: Any = "olga", **more: Any) -> ReplayRun:
    """The open cases of the cause of the unknown SKU."""
    cause = Cause.objects.get(code="sku_unmapped")
    what = replays.plan_cases(cause=cause.public_id)
    source = f"cause:{cause.public_id}"
    return replay_runs.plan(
        what=what, source=source, title="SKU", author=author, reason="mended", now=clock.now(), **more
    )


def started(author: Any = "olga") -> ReplayRun:
    return replay_runs.start(run_id=planned(author).pk, actor=author, now=clock.now())


def to_rest(world: World, run: ReplayRun) -> None:
    world.work()
    while replay_steps.step():
        world.work()
    run.refresh_from_db()


def held(world: World, count: int) -> None:
    """So many more orders wait for the SKU."""
    for number in range(2000, 2000 + count):
        world.deliver(order_body(number, sku=UNKNOWN_SKU))
    world.work()


APPROVALS = {
    "the author's name": "UPDATE reconciliation_replayrun SET approver_name = author_name, approver_id = NULL",
    "the author's id": "UPDATE reconciliation_replayrun SET approver_id = author_id, approver_name = 'somebody'",
    "nobody": "UPDATE reconciliation_replayrun SET state = 'canary_1'",
    "nobody, all at once": "UPDATE reconciliation_replayrun SET state = 'rest'",
    "no need": "UPDATE reconciliation_replayrun SET approval_needed = false, state = 'done'",
}


@pytest.mark.parametrize("by", APPROVALS)
def test_the_database_lets_no_replay_that_changes_money_go_without_another_person(world: World, by: str) -> None:
    olga = User.objects.create_user("olga")
    replay_runs.start(run_id=planned(olga, changes_money=True).pk, actor=olga, now=clock.now())
    with pytest.raises(IntegrityError, match="replay_"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(APPROVALS[by])
    assert ReplayRun.objects.get().state == "awaiting_approval"


def test_the_database_has_a_subject_in_one_replay_at_a_time(world: World) -> None:
    first, second = started(), planned_anyhow("sven")
    with pytest.raises(IntegrityError, match="replay_one_at_a_time"), transaction.atomic():
        ReplayItem.objects.filter(run=second).update(state="waiting")
    assert ReplayItem.objects.filter(run=first, state="waiting").count() == 2


def planned_anyhow(author: str) -> ReplayRun:
    """A plan that was made before another of the same began."""
    run = ReplayRun.objects.get()
    items = list(run.items.order_by("position"))
    run.pk, run.public_id, run.author_name, run.state = None, "rpl_second", author, "planned"
    run.save()
    for item in items:
        item.pk, item.run, item.state = None, run, "planned"
    ReplayItem.objects.bulk_create(items)
    return run


def test_who_starts_second_gets_what_the_first_has_not(world: World) -> None:
    early = planned("sven")
    ReplayItem.objects.filter(run=early, position=1).update(position=3)
    first = planned("olga")
    ReplayItem.objects.filter(run=first, position=2).delete()
    replay_runs.start(run_id=first.pk, actor="olga", now=clock.now())
    replay_runs.start(run_id=early.pk, actor="sven", now=clock.now())
    told = list(ReplayItem.objects.filter(run=early).order_by("position").values_list("state", "result"))
    assert told == [("waiting", ""), ("skipped", f"It is being replayed by {first.public_id} of olga.")]


def test_a_replay_whose_whole_is_in_another_does_not_start(world: World) -> None:
    late = planned("sven")
    first = started("olga")
    with pytest.raises(NotNow, match=f"is being replayed by {first.public_id} of olga") as refused:
        replay_runs.start(run_id=late.pk, actor="sven", now=clock.now())
    assert refused.value.run == first.public_id
    with pytest.raises(NotNow, match="is being replayed by"):
        planned("sven")


def test_what_is_in_a_plan_is_decided_when_it_is_made(world: World) -> None:
    run = planned()
    held(world, 3)
    known(world)
    replay_runs.start(run_id=run.pk, actor="olga", now=clock.now())
    to_rest(world, run)
    assert (run.state, ReplayItem.objects.count()) == ("done", 2)
    assert Case.objects.filter(code="sku_unmapped", state="open").count() == 3


def test_what_is_not_open_any_more_is_passed_over_and_another_is_tried_first(world: World) -> None:
    run = started()
    known(world)
    replays.replay(
        plan=replays.plan_orders([world.order(904).public_id]), about="904", actor="sven", reason="now", now=clock.now()
    )
    world.work()
    to_rest(world, run)
    assert run.why == "1 of 2 went through. 1 was not open any more."
    told = ReplayItem.objects.order_by("position").values_list("state", "stage", "result")
    assert list(told) == [
        ("skipped", "", "Its case is not open any more."),
        ("done", "canary_1", "WC-eu-905 is confirmed there."),
    ]
    assert CaseEvent.objects.filter(what="replayed", actor="olga").count() == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Rejected("No such tax.", code="unknown_tax", evidence={"percent": "19"}), "has no tax of 19 %"),
        (Rejected("Another amount.", code="amount_differs"), "computes another amount"),
        (Rejected("It says no.", code="strange"), "The other system refused: It says no."),
    ],
)
def test_another_answer_than_yes_to_the_first_leaves_the_rest_alone(world: World, answer: Rejected, told: str) -> None:
    held(world, 20)
    run = started()
    known(world)
    world.sink.refuse["WC-eu-904"] = answer
    to_rest(world, run)
    assert run.state == "stopped"
    assert told in run.why
    assert run.why.endswith("21 stay as they were.")
    assert OutboxMessage.objects.filter(reference__gte="WC-eu-904").exclude(reference="WC-eu-904").count() == 0
    assert InboxMessage.objects.filter(topic="order.retry").count() == 1


def test_an_answer_that_nobody_knows_is_waited_for(world: World) -> None:
    run = started()
    known(world)
    world.sink.refuse["WC-eu-904"] = Unknown("cut off")
    for _ in range(5):
        replay_steps.step()
        world.work()
    run.refresh_from_db()
    assert (run.state, ReplayItem.objects.filter(state="under_way").count()) == ("canary_1", 1)
    assert not OutboxMessage.objects.filter(reference="WC-eu-905").exists()


def test_a_surprise_among_the_ten_leaves_the_rest_alone(world: World) -> None:
    held(world, 30)
    run = started()
    known(world)
    world.sink.refuse["WC-eu-2003"] = Rejected("The period is closed.", code="period_closed")
    to_rest(world, run)
    assert run.state == "stopped"
    states = dict.fromkeys(ReplayItem.objects.values_list("state", flat=True), 0)
    for state in states:
        states[state] = ReplayItem.objects.filter(state=state).count()
    assert states == {"done": 10, "surprise": 1, "waiting": 21}


def test_an_amount_that_is_not_the_planned_one_is_a_surprise(world: World) -> None:
    run = started()
    known(world)
    ReplayItem.objects.filter(position=1).update(amount=1)
    to_rest(world, run)
    assert run.state == "stopped"
    assert "Its amount was EUR 1.00 when this was planned" in run.why


def test_a_cancelled_replay_tells_what_came_of_what_was_on_its_way(world: World) -> None:
    run = started()
    known(world)
    replay_steps.step()
    replay_runs.cancel(run_id=run.pk, actor="sven", reason="not now", now=clock.now())
    world.work()
    to_rest(world, run)
    assert run.state == "cancelled"
    assert run.why == "sven cancelled it before the turn of 1. not now"
    assert list(ReplayItem.objects.order_by("position").values_list("state", flat=True)) == ["done", "skipped"]


def test_going_on_may_leave_what_surprised(world: World) -> None:
    run = started()
    to_rest(world, run)
    assert run.state == "stopped"
    known(world)
    replay_runs.go_on(run_id=run.pk, actor="olga", reason="leave it", now=clock.now(), again=False)
    to_rest(world, run)
    assert run.why == "1 of 2 went through. 1 did not end well and stayed so."


def test_an_edited_document_is_sent_as_it_was_planned_and_only_after_another_has_agreed(world: World) -> None:
    message = OutboxMessage.objects.get(status="parked")
    body = message_body(message).replace('"note":"', '"note":"edited: ')
    assert "edited" in body
    world.sink.refuse.clear()
    run = replay_runs.plan(
        what=replays.plan_messages([str(message)]),
        source="messages",
        title="an edit",
        author="olga",
        reason="the amount was wrong",
        now=clock.now(),
        edits={str(message): body},
        changes_money=True,
    )
    replay_runs.start(run_id=run.pk, actor="olga", now=clock.now())
    to_rest(world, run)
    assert (run.state, message.revision) == ("awaiting_approval", 1)
    with pytest.raises(NotNow, match="you have planned it"):
        replay_runs.approve(run_id=run.pk, actor="olga", reason="mine", now=clock.now())
    replay_runs.approve(run_id=run.pk, actor="sven", reason="checked", now=clock.now())
    to_rest(world, run)
    message.refresh_from_db()
    assert (run.state, message.status, message.revision) == ("done", "done", 2)
    assert "edited" in message_body(message)


def message_body(message: OutboxMessage) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT body FROM integrations_outboxbody WHERE message_id = %s ORDER BY revision DESC LIMIT 1",
            [message.pk],
        )
        return bytes(cursor.fetchone()[0]).decode()


def test_a_broken_delivery_is_replayed_and_is_a_surprise_while_it_stays_broken(world: World) -> None:
    name = str(InboxMessage.objects.get(status="parked"))
    run = replay_runs.plan(
        what=replays.plan_messages([name]),
        source="messages",
        title="one",
        author="olga",
        reason="look",
        now=clock.now(),
    )
    replay_runs.start(run_id=run.pk, actor="olga", now=clock.now())
    to_rest(world, run)
    assert run.state == "stopped"
    assert "is not JSON" in run.why


def test_what_is_replayed_lets_new_orders_go_first(world: World) -> None:
    held(world, 20)
    started()
    known(world)
    replay_steps.step()
    world.deliver(order_body(3000))
    lanes = dict(InboxMessage.objects.filter(status="pending").values_list("topic", "lane"))
    assert lanes == {"order.retry": Lane.SHIPMENTS, "order.updated": Lane.ORDERS}


def test_no_more_than_a_window_is_on_its_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_steps, "PORTION", 4)
    monkeypatch.setattr(replay_steps, "WINDOW", 6)
    held(world, 40)
    run = started()
    known(world)
    for _ in range(2):
        replay_steps.step()
        world.work()
    begun = []
    for _ in range(4):
        replay_steps.step()
        begun.append(ReplayItem.objects.filter(state="under_way").count())
    assert begun == [4, 6, 6, 6]
    to_rest(world, run)
    assert (run.state, ReplayItem.objects.filter(state="done").count()) == ("done", 42)


def step_queries(items: int) -> int:
    replay_steps.PORTION = replay_steps.WINDOW = items
    with CaptureQueriesContext(connection) as captured:
        replay_steps.step()
    return len(captured)


def test_a_step_asks_as_many_queries_for_many_items_as_for_few(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_steps, "PORTION", 10)
    monkeypatch.setattr(replay_steps, "WINDOW", 10)
    held(world, 120)
    started()
    known(world)
    for _ in range(3):
        replay_steps.step()
        world.work()
    asked = []
    for portion in (10, 20, 40):
        asked.append(step_queries(portion))
        assert ReplayItem.objects.filter(state="under_way").count() == portion
        world.work()
    assert len(set(asked)) == 1, asked
    assert asked[0] <= 30


def test_nothing_under_way_costs_two_queries(world: World) -> None:
    planned()
    with CaptureQueriesContext(connection) as captured:
        assert replay_steps.step() == 0
    assert len(captured) == 2


def test_progress_tells_rate_and_time_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_steps, "PORTION", 5)
    monkeypatch.setattr(replay_steps, "WINDOW", 5)
    held(world, 30)
    run = started()
    known(world)
    for _ in range(4):
        replay_steps.step()
        world.work()
    run.refresh_from_db()
    seen = replay_reads.progress(run, now=clock.now())
    assert (seen.state, seen.done, seen.under_way, seen.waiting) == ("rest", 16, 5, 11)
    assert seen.rate > 0
    assert seen.seconds_left is not None
    assert seen.percent == 50
    assert Order.objects.filter(order_state="held").count() == 11

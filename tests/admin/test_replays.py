"""Replays at the console: planned from a cause, looked at, started, approved by another, cancelled, told."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import InboxMessage, OutboxMessage
from inventory.models import SkuMapping
from reconciliation.models import Case, Cause, ReplayItem, ReplayRun
from reconciliation.services import replay_runs, replay_steps, replays
from retailhub.core import clock
from retailhub.core.models import AuditEntry
from tests.support.world import EMAIL, LAST_NAME, UNKNOWN_SKU, World, order_body, person

REASON = {"reason": "the item was added"}


def act_url(run: ReplayRun, act: str) -> str:
    return reverse("admin:reconciliation_replayrun_act", args=[run.pk, act])


def page_url(run: ReplayRun) -> str:
    return reverse("admin:reconciliation_replayrun_change", args=[run.pk])


def planned(client: Client) -> ReplayRun:
    """The plan of the cause of two held orders, made at its page."""
    cause = Cause.objects.get(code="sku_unmapped")
    answer = client.post(reverse("admin:reconciliation_cause_act", args=[cause.pk, "replay"]), REASON)
    run = ReplayRun.objects.get()
    assert answer.headers["Location"] == page_url(run)
    return run


def known(world: World) -> None:
    """The SKU becomes known without anybody's being told."""
    SkuMapping.objects.create(
        connection=world.erp, sku=UNKNOWN_SKU, item_code="ITEM-1", source="catalogue", changed_at=clock.now()
    )


def go_round(world: World) -> None:
    while replay_steps.step():
        world.work()


def test_a_cause_is_planned_and_shown_before_anything_is_done(world: World) -> None:
    client, rung = person("console.replay"), InboxMessage.objects.count()
    run = planned(client)
    assert (run.state, run.item_count, run.source) == (
        "planned",
        2,
        f"cause:{Cause.objects.get(pk=run_cause()).public_id}",
    )
    known(world)
    shown = client.get(page_url(run)).content.decode()
    assert "Post order under WC-eu-904. It has never been sent." in shown
    assert "ITEM-1" in shown
    assert "Nothing has been done yet" in shown
    assert EMAIL not in shown
    assert LAST_NAME not in shown
    # what was decided for the preview was taken back
    assert InboxMessage.objects.count() == rung
    assert OutboxMessage.objects.filter(reference="WC-eu-904").count() == 0
    assert Case.objects.filter(code="sku_unmapped", state="open").count() == 2


def run_cause() -> int:
    return Cause.objects.get(code="sku_unmapped").pk


def test_the_preview_says_what_would_still_hold_an_order(world: World) -> None:
    client = person("console.replay")
    shown = client.get(page_url(planned(client))).content.decode()
    assert f"Nothing would be sent: The SKU {UNKNOWN_SKU} is not known in the ERP" in shown


def test_a_started_replay_closes_its_cases_and_each_says_which_replay_it_was(world: World) -> None:
    client = person("console.replay")
    run = planned(client)
    known(world)
    assert client.post(act_url(run, "start")).status_code == 302
    go_round(world)
    run.refresh_from_db()
    assert (run.state, run.why) == ("done", "2 of 2 went through.")
    assert list(ReplayItem.objects.order_by("position").values_list("state", "stage", "effect")) == [
        ("done", "canary_1", "WC-eu-904"),
        ("done", "canary_10", "WC-eu-905"),
    ]
    for case in Case.objects.filter(code="sku_unmapped"):
        assert case.state == "closed"
        assert run.public_id in client.get(reverse("admin:reconciliation_case_change", args=[case.pk])).content.decode()
    assert (
        run.public_id in client.get(reverse("admin:reconciliation_cause_change", args=[run_cause()])).content.decode()
    )
    actions = AuditEntry.objects.filter(subject=f"replay:{run.public_id}").order_by("pk")
    assert list(actions.values_list("action", "reason")) == [
        ("plan_replay", REASON["reason"]),
        ("start_replay", REASON["reason"]),
    ]


def test_the_list_of_results_is_downloaded_and_paged(world: World) -> None:
    client = person("console.replay")
    run = planned(client)
    answer = client.get(reverse("admin:reconciliation_replayrun_csv", args=[run.pk]))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]
    assert [row["name"] for row in rows] == ["Order 904 of eu", "Order 905 of eu"]
    assert {row["state"] for row in rows} == {"planned"}
    items = client.get(reverse("admin:reconciliation_replayitem_changelist"), {"run__id__exact": run.pk})
    assert len(items.context["cl"].result_list) == 2
    first = ReplayItem.objects.order_by("position")[0]
    assert client.get(reverse("admin:reconciliation_replayitem_change", args=[first.pk])).status_code == 200


def test_who_has_planned_it_cannot_approve_it_and_another_can(world: World, settings: Any) -> None:
    settings.REPLAY_APPROVAL_ABOVE = 1
    olga = person("console.replay", "console.approve_replay")
    sven = person("console.approve_replay", name="sven")
    run = planned(olga)
    known(world)
    olga.post(act_url(run, "start"))
    go_round(world)
    run.refresh_from_db()
    assert run.state == "awaiting_approval"
    assert OutboxMessage.objects.filter(reference="WC-eu-904").count() == 0
    assert "you have planned it" in olga.post(act_url(run, "approve"), REASON).content.decode()
    assert person("console.replay", name="nils").post(act_url(run, "approve"), REASON).status_code == 403
    assert sven.post(act_url(run, "approve"), {"reason": ""}).status_code == 200
    assert sven.post(act_url(run, "approve"), {"reason": "looked at two"}).status_code == 302
    run.refresh_from_db()
    assert (run.state, run.approver_name, run.approval_reason) == ("canary_1", "sven", "looked at two")
    go_round(world)
    run.refresh_from_db()
    assert run.state == "done"
    assert AuditEntry.objects.get(action="approve_replay").actor_name == "sven"


def test_what_is_not_approved_is_not_done(world: World, settings: Any) -> None:
    settings.REPLAY_APPROVAL_ABOVE = 1
    olga, sven = person("console.replay"), person("console.approve_replay", name="sven")
    run = planned(olga)
    olga.post(act_url(run, "start"))
    sven.post(act_url(run, "refuse"), {"reason": "wrong item"})
    run.refresh_from_db()
    assert (run.state, run.why) == ("cancelled", "sven did not approve it: wrong item")
    assert set(ReplayItem.objects.values_list("state", flat=True)) == {"skipped"}
    assert AuditEntry.objects.get(action="refuse_replay").reason == "wrong item"
    go_round(world)
    assert Case.objects.filter(code="sku_unmapped", state="open").count() == 2


def test_a_surprise_stops_it_and_it_goes_on_with_what_surprised(world: World) -> None:
    client = person("console.replay")
    run = planned(client)
    client.post(act_url(run, "start"))
    go_round(world)
    run.refresh_from_db()
    assert run.state == "stopped"
    assert run.why.startswith("Order 904 of eu did not end well: Its case is open still: The SKU UNKNOWN-1")
    assert run.why.endswith("1 stays as it was.")
    shown = client.get(page_url(run)).content.decode()
    assert "What did not end well" in shown
    known(world)
    client.post(act_url(run, "go_on"), {**REASON, "again": "on"})
    go_round(world)
    run.refresh_from_db()
    assert run.state == "done"
    assert not Case.objects.filter(code="sku_unmapped", state="open").exists()


def test_a_cancelled_replay_leaves_the_rest_and_lets_others_have_it(world: World) -> None:
    client = person("console.replay")
    run = planned(client)
    client.post(act_url(run, "start"))
    assert client.post(act_url(run, "cancel"), REASON).status_code == 302
    run.refresh_from_db()
    assert (run.state, ReplayItem.objects.filter(state="skipped").count()) == ("cancelled", 2)
    go_round(world)
    assert Case.objects.filter(code="sku_unmapped", state="open").count() == 2
    assert client.post(act_url(run, "cancel"), REASON).status_code == 409
    other = planned_by_service("sven")
    assert replay_runs.start(run_id=other.pk, actor="sven", now=clock.now()).state == "canary_1"


def planned_by_service(author: str) -> ReplayRun:
    cause = Cause.objects.get(code="sku_unmapped")
    return replay_runs.plan(
        what=replays.plan_cases(cause=cause.public_id),
        source=f"cause:{cause.public_id}",
        title="SKU",
        author=author,
        reason="again",
        now=clock.now(),
    )


def test_the_second_to_plan_a_cause_is_shown_the_first(world: World) -> None:
    client = person("console.replay")
    run = planned(client)
    client.post(act_url(run, "start"))
    url = reverse("admin:reconciliation_cause_act", args=[run_cause(), "replay"])
    told = person("console.replay", name="sven").post(url, REASON).content.decode()
    assert f"All of it is being replayed by {run.public_id} of olga." in told
    assert ReplayRun.objects.count() == 1


def test_one_message_or_case_is_replayed_at_once_without_a_plan(world: World) -> None:
    case = Case.objects.get(code="period_closed")
    world.sink.refuse.clear()
    url = reverse("admin:reconciliation_case_act", args=[case.pk, "replay"])
    assert person("console.replay").post(url, REASON).status_code == 302
    world.work()
    case.refresh_from_db()
    assert case.state == "closed"
    assert not ReplayRun.objects.exists()


def test_a_plan_is_made_from_a_code_or_from_names(world: World) -> None:
    client = person("console.replay")
    url = reverse("admin:reconciliation_replayrun_list_act", args=["plan"])
    assert "Choose a code, or name messages." in client.post(url, REASON).content.decode()
    assert client.post(url, {**REASON, "code": "sku_unmapped"}).status_code == 302
    parked = str(OutboxMessage.objects.get(status="parked"))
    assert client.post(url, {**REASON, "messages": parked}).status_code == 302
    assert "There is no message msg_o99999." in client.post(url, {**REASON, "messages": "msg_o99999"}).content.decode()
    assert list(ReplayRun.objects.order_by("pk").values_list("source", "item_count")) == [
        ("code:sku_unmapped", 2),
        ("messages", 1),
    ]


def test_a_list_of_messages_leads_to_a_plan_of_all_that_is_parked_with_a_code(world: World) -> None:
    client = person("console.replay")
    for model, code in (("outboxmessage", "period_closed"), ("inboxmessage", "body_not_json")):
        url = reverse(f"admin:integrations_{model}_list_act", args=["plan"])
        assert f"{code.replace('_', ' ')} (1)" in client.get(url).content.decode()
        answer = client.post(url, {**REASON, "code": code})
        run = ReplayRun.objects.order_by("-pk")[0]
        assert (answer.status_code, run.source, run.item_count) == (302, "messages", 1)
        assert run.public_id in answer.headers["Location"]
        assert client.get(answer.headers["Location"]).status_code == 200
    assert person(name="viewer").post(url, {**REASON, "code": code}).status_code == 403


def test_a_sku_that_many_orders_wait_for_is_mapped_with_a_replay_that_begins_with_one(world: World) -> None:
    for number in range(2000, 2020):
        world.deliver(order_body(number, sku=UNKNOWN_SKU))
    world.work()
    client, rung = person("console.map_sku"), InboxMessage.objects.filter(way="engine").count()
    url = reverse("admin:reconciliation_cause_act", args=[run_cause(), "map_sku"])
    values = {**REASON, "connection": world.erp.pk, "sku": UNKNOWN_SKU, "item_code": "ITEM-1", "sure": "on"}
    told = client.post(url, values, follow=True).content.decode()
    run = ReplayRun.objects.get()
    assert f"the 22 orders that wait for it are replayed, one before the others: {run.public_id}" in told
    assert (run.state, run.author_name, run.source) == ("canary_1", "olga", f"mapping:{UNKNOWN_SKU}")
    assert InboxMessage.objects.filter(way="engine").count() == rung
    replay_steps.step()
    assert InboxMessage.objects.filter(way="engine").count() == rung + 1
    go_round_from(world)
    assert not Case.objects.filter(code="sku_unmapped", state="open").exists()


def go_round_from(world: World) -> None:
    world.work()
    go_round(world)


def test_progress_is_told_in_parts_and_ends_by_itself(world: World) -> None:
    client = person("console.replay")
    run = planned(client)
    url = reverse("admin:reconciliation_replayrun_progress", args=[run.pk])
    assert 'data-live="no"' in client.get(url).content.decode()
    client.post(act_url(run, "start"))
    assert 'data-live="yes"' in client.get(url).content.decode()
    assert Client().get(url).status_code == 302


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.mark.parametrize("state", ["planned", "done"])
def test_the_page_of_a_large_replay_asks_as_few_queries_as_that_of_a_small_one(world: World, state: str) -> None:
    client = person("console.replay")
    small = planned_by_service("nils")
    for number in range(1000, 1060):
        world.deliver(order_body(number, sku=UNKNOWN_SKU))
    world.work()
    large = planned_by_service("sven")
    assert large.item_count == 62
    ReplayRun.objects.update(state=state)
    assert queries(client, page_url(small)) == queries(client, page_url(large))
    lists = reverse("admin:reconciliation_replayitem_changelist")
    assert queries(client, f"{lists}?run__id__exact={small.pk}") == queries(
        client, f"{lists}?run__id__exact={large.pk}"
    )

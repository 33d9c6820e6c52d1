"""What people do: a POST with permission and reason, one effect, one audit row; refused without either."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import Connection, ConnectionState, InboxMessage, OutboxMessage
from integrations.ports.errors import Rejected
from inventory.models import SkuMapping
from orders.models import Customer, CustomerReview, Order
from reconciliation.models import Case, CaseEvent, Cause
from retailhub.core.models import AuditEntry
from tests.support.world import EMAIL, STREET, UNKNOWN_SKU, World, order_body, person

REASON = {"reason": "the merchant called"}


def act_url(model: str, pk: object, act: str) -> str:
    return reverse(f"admin:{model}_act", args=[pk, act])


def entry(action: str) -> AuditEntry:
    """The one audit row of an act, checked for who and why."""
    row = AuditEntry.objects.get(action=action)
    assert row.actor is not None
    assert (row.actor_name, row.reason) == (row.actor.get_username(), REASON["reason"])
    return row


def every_act(world: World) -> list[tuple[str, object, str, str]]:
    """Model, key, act and permission of every act on one row of each kind."""
    held = Case.objects.get(subject=world.order(904).subject)
    parked = OutboxMessage.objects.get(status="parked")
    mapping = SkuMapping.objects.get()
    return [
        ("integrations_connection", world.erp.pk, "pause", "console.pause_connection"),
        ("integrations_connection", world.erp.pk, "resume", "console.resume_connection"),
        ("integrations_connection", world.erp.pk, "mode", "console.set_connection_mode"),
        ("integrations_outboxmessage", parked.pk, "replay", "console.replay"),
        ("integrations_outboxmessage", parked.pk, "unmask", "console.see_personal_data"),
        ("integrations_inboxmessage", InboxMessage.objects.get(status="parked").pk, "replay", "console.replay"),
        ("orders_order", held.subject.removeprefix("order:"), "again", "console.replay"),
        ("orders_order", held.subject.removeprefix("order:"), "unmask", "console.see_personal_data"),
        ("orders_customer", Customer.objects.order_by("pk")[0].pk, "unmask", "console.see_personal_data"),
        ("reconciliation_case", held.pk, "map_sku", "console.map_sku"),
        ("reconciliation_case", held.pk, "replay", "console.replay"),
        ("reconciliation_case", held.pk, "ignore", "console.ignore_case"),
        ("reconciliation_case", held.pk, "reopen", "console.ignore_case"),
        ("reconciliation_cause", held.cause_id, "map_sku", "console.map_sku"),
        ("reconciliation_cause", held.cause_id, "replay", "console.replay"),
        ("inventory_skumapping", mapping.pk, "map", "console.map_sku"),
    ]


def test_no_act_is_done_or_even_shown_without_its_permission(world: World) -> None:
    viewer, before = person(), AuditEntry.objects.count()
    for model, pk, act, _ in every_act(world):
        assert viewer.get(act_url(model, pk, act)).status_code == 403
        assert viewer.post(act_url(model, pk, act), REASON).status_code == 403
        page = viewer.get(reverse(f"admin:{model}_change", args=[pk])).content.decode()
        assert f"/act/{act}/" not in page
    assert viewer.get(reverse("admin:inventory_skumapping_list_act", args=["map"])).status_code == 403
    assert AuditEntry.objects.count() == before
    assert not Case.objects.exclude(state="open").exists()


def test_no_act_is_done_without_a_reason_or_by_a_get(world: World) -> None:
    boss, before = person(everything=True), AuditEntry.objects.count()
    for model, pk, act, _ in every_act(world):
        assert boss.get(act_url(model, pk, act), REASON).status_code == 200
        assert boss.post(act_url(model, pk, act), {"reason": " "}).status_code in {200, 409}
    assert AuditEntry.objects.count() == before
    assert boss.put(act_url("orders_order", world.order(904).pk, "again")).status_code == 405


def test_an_act_needs_its_token_against_forged_requests(world: World) -> None:
    boss = person(everything=True)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = boss.cookies
    assert strict.post(act_url("integrations_connection", world.erp.pk, "pause"), REASON).status_code == 403
    assert ConnectionState.objects.get(connection=world.erp).paused_at is None


def test_a_connection_is_paused_for_hours_and_resumed(world: World) -> None:
    client = person("console.pause_connection", "console.resume_connection")
    url = reverse("admin:integrations_connection_change", args=[world.erp.pk])
    answer = client.post(
        act_url("integrations_connection", world.erp.pk, "pause"), {**REASON, "until": "240"}, follow=True
    )
    assert "Nothing is sent to erp until" in answer.content.decode()
    state = ConnectionState.objects.get(connection=world.erp)
    assert state.paused_at is not None
    assert state.paused_until == state.paused_at + dt.timedelta(hours=4)
    assert entry("pause_connection").subject == "connection:erp"
    assert "paused by olga until" in client.get(url).content.decode()
    world.deliver(order_body(920))
    world.work()
    assert OutboxMessage.objects.get(reference="WC-eu-920").status == "pending"

    again = client.post(act_url("integrations_connection", world.erp.pk, "pause"), REASON)
    assert again.status_code == 409
    client.post(act_url("integrations_connection", world.erp.pk, "resume"), REASON)
    entry("resume_connection")
    world.work()
    assert OutboxMessage.objects.get(reference="WC-eu-920").status == "done"


def test_a_store_is_not_made_live_without_a_date(world: World) -> None:
    Connection.objects.filter(pk=world.eu.pk).update(live_from=None, mode="off")
    client = person("console.set_connection_mode")
    url = act_url("integrations_connection", world.eu.pk, "mode")
    refused = client.post(url, {**REASON, "mode": "live"})
    assert "cannot be live without live_from" in refused.content.decode()
    assert client.post(url, {**REASON, "mode": "live", "live_from": "2026-03-01 00:00"}).status_code == 302
    assert Connection.objects.get(pk=world.eu.pk).mode == "live"
    assert entry("set_mode").before == {"mode": "off", "live_from": None}


@pytest.mark.parametrize("where", ["case", "cause"])
def test_mapping_the_sku_of_a_case_or_cause_posts_every_order_that_waits(world: World, where: str) -> None:
    client = person("console.map_sku")
    case = Case.objects.get(subject=world.order(904).subject)
    pk = case.pk if where == "case" else case.cause_id
    form = client.get(act_url(f"reconciliation_{where}", pk, "map_sku")).content.decode()
    assert f"Every order that waits for SKU {UNKNOWN_SKU}" in form
    values = {**REASON, "connection": world.erp.pk, "sku": UNKNOWN_SKU, "item_code": "ITEM-1"}
    asked_again = client.post(act_url(f"reconciliation_{where}", pk, "map_sku"), values)
    assert "The system&#x27;s catalogue has no item ITEM-1." in asked_again.content.decode()
    assert not SkuMapping.objects.filter(sku=UNKNOWN_SKU).exists()
    values["sure"] = "on"
    assert client.post(act_url(f"reconciliation_{where}", pk, "map_sku"), values).status_code == 302
    assert entry("map_sku").after == {"item_code": "ITEM-1", "connection": world.erp.pk}
    world.work()
    for number in (904, 905):
        assert world.order(number).decision == "post"
        assert OutboxMessage.objects.get(reference=f"WC-eu-{number}").status == "done"
    assert not Case.objects.filter(code="sku_unmapped", state="open").exists()
    assert client.post(act_url("reconciliation_case", case.pk, "map_sku"), values).status_code == 409


def test_a_sku_is_mapped_only_at_a_system_that_gets_the_store_orders(world: World) -> None:
    client = person("console.map_sku")
    case = Case.objects.get(subject=world.order(904).subject)
    values = {**REASON, "connection": world.eu.pk, "sku": UNKNOWN_SKU, "item_code": "ITEM-1"}
    assert client.post(act_url("reconciliation_case", case.pk, "map_sku"), values).status_code == 200
    blank = {**REASON, "connection": world.erp.pk, "sku": UNKNOWN_SKU, "item_code": "  "}
    answer = client.post(act_url("reconciliation_case", case.pk, "map_sku"), blank)
    assert "a SKU and an item code are needed" in answer.content.decode()
    assert SkuMapping.objects.count() == 1
    parked = Case.objects.get(code="period_closed")
    assert client.post(act_url("reconciliation_case", parked.pk, "map_sku"), values).status_code == 409


def test_an_item_that_the_erp_does_not_know_is_mended_by_mapping_its_sku_again(world: World) -> None:
    (mapping,) = SkuMapping.objects.all()
    SkuMapping.objects.create(
        connection=world.erp, sku="NEW", item_code="TYPO", source="operator", changed_at=mapping.changed_at
    )
    world.sink.refuse["WC-eu-950"] = Rejected("?", code="unknown_item", evidence={"item_code": "TYPO"})
    world.deliver(order_body(950, sku="NEW"))
    world.work()
    case = Case.objects.get(code="unknown_item")
    client = person("console.map_sku")
    assert (case.cause.key, case.cause.connection_id) == ("TYPO", world.erp.pk)
    world.sink.refuse.clear()
    values = {**REASON, "connection": world.erp.pk, "sku": "NEW", "item_code": mapping.item_code}
    assert client.post(act_url("reconciliation_case", case.pk, "map_sku"), values).status_code == 302
    world.work()
    assert SkuMapping.objects.get(sku="NEW").item_code == mapping.item_code
    assert OutboxMessage.objects.get(reference="WC-eu-950").status == "done"
    assert Case.objects.get(pk=case.pk).state == "closed"


def test_a_mapping_is_made_and_changed_by_hand(world: World) -> None:
    client = person("console.map_sku")
    values = {**REASON, "connection": world.erp.pk, "sku": "BY-HAND", "item_code": "A", "sure": "on"}
    assert client.post(reverse("admin:inventory_skumapping_list_act", args=["map"]), values).status_code == 302
    row = SkuMapping.objects.get(sku="BY-HAND")
    assert (row.item_code, row.source) == ("A", "operator")
    client.post(act_url("inventory_skumapping", row.pk, "map"), {**REASON, "item_code": "B", "sure": "on"})
    row.refresh_from_db()
    assert row.item_code == "B"
    assert AuditEntry.objects.filter(action="map_sku").count() == 2


def test_a_replayed_case_is_posted_and_closes(world: World) -> None:
    world.sink.refuse.clear()
    case = Case.objects.get(code="period_closed")
    client = person("console.replay")
    form = client.get(act_url("reconciliation_case", case.pk, "replay")).content.decode()
    assert "Back to work: 1 parked message. Decided on again: 1 order." in form
    assert client.post(act_url("reconciliation_case", case.pk, "replay"), REASON).status_code == 302
    world.work()
    assert OutboxMessage.objects.get(reference="WC-eu-903").status == "done"
    assert Case.objects.get(pk=case.pk).state == "closed"
    assert entry("replay").subject == case.public_id
    assert CaseEvent.objects.get(case=case, what="replayed").note == REASON["reason"]
    assert client.post(act_url("reconciliation_case", case.pk, "replay"), REASON).status_code == 409


def test_a_replay_that_fails_again_opens_its_case_again(world: World) -> None:
    case = Case.objects.get(code="period_closed")
    person("console.replay").post(act_url("reconciliation_case", case.pk, "replay"), REASON)
    world.work()
    case.refresh_from_db()
    assert (case.state, case.reopened_count) == ("open", 1)


def test_a_replayed_cause_is_planned_first_and_sends_nothing_back(world: World) -> None:
    cause = Cause.objects.get(code="sku_unmapped")
    rung = InboxMessage.objects.filter(way="engine").count()
    assert person("console.replay").post(act_url("reconciliation_cause", cause.pk, "replay"), REASON).status_code == 302
    assert InboxMessage.objects.filter(way="engine").count() == rung
    after = entry("plan_replay").after
    assert after is not None
    assert (after["items"], after["state"], after["source"]) == (2, "planned", f"cause:{cause.public_id}")


def test_one_message_is_replayed(world: World) -> None:
    message = OutboxMessage.objects.get(status="parked")
    world.sink.refuse.clear()
    client = person("console.replay")
    url = act_url("integrations_outboxmessage", message.pk, "replay")
    assert client.post(url, REASON).status_code == 302
    assert entry("replay").subject == f"msg_o{message.pk}"
    world.work()
    message.refresh_from_db()
    assert message.status == "done"
    assert client.post(url, REASON).status_code == 409


def test_a_broken_delivery_that_is_replayed_is_still_broken(world: World) -> None:
    broken = InboxMessage.objects.get(status="parked")
    client = person("console.replay")
    assert client.post(act_url("integrations_inboxmessage", broken.pk, "replay"), REASON).status_code == 302
    broken.refresh_from_db()
    assert broken.status == "pending"
    world.work()
    broken.refresh_from_db()
    assert (broken.status, broken.code) == ("parked", "body_not_json")


def test_an_ignored_case_is_out_of_the_way_until_it_is_opened_again(world: World) -> None:
    case = Case.objects.get(subject=world.order(904).subject)
    client = person("console.ignore_case")
    client.post(act_url("reconciliation_case", case.pk, "ignore"), REASON)
    case.refresh_from_db()
    assert (case.state, case.closed_because) == ("ignored", "Ignored: the merchant called")
    assert entry("ignore_case").subject == f"case:{case.public_id}"
    assert world.order(904).order_state == "held"
    assert client.post(act_url("reconciliation_case", case.pk, "ignore"), REASON).status_code == 409
    client.post(act_url("reconciliation_case", case.pk, "reopen"), REASON)
    case.refresh_from_db()
    assert (case.state, case.closed_at) == ("open", None)
    assert list(case.events.values_list("what", "actor").order_by("id"))[1:] == [
        ("ignored", "olga"),
        ("reopened", "olga"),
    ]


def test_an_order_is_decided_on_again(world: World) -> None:
    order = world.order(904)
    rung = InboxMessage.objects.filter(way="engine").count()
    person("console.replay").post(act_url("orders_order", order.public_id, "again"), REASON)
    assert InboxMessage.objects.filter(way="engine").count() == rung + 1
    assert entry("decide_again").subject == order.subject


@pytest.mark.parametrize("model", ["orders_order", "orders_customer", "integrations_inboxmessage"])
def test_personal_data_is_shown_once_and_that_it_was_is_kept(world: World, model: str) -> None:
    rows: dict[str, Any] = {
        "orders_order": Order.objects.get(order_ref="901"),
        "orders_customer": Customer.objects.order_by("pk")[0],
        "integrations_inboxmessage": InboxMessage.objects.order_by("pk")[0],
    }
    pk = rows[model].pk
    client = person("console.see_personal_data")
    answer = client.post(act_url(model, pk, "unmask"), REASON)
    assert EMAIL in answer.content.decode()
    if model != "orders_customer":
        assert STREET in answer.content.decode()
    entry("see_personal_data")
    assert EMAIL not in client.get(reverse(f"admin:{model}_change", args=[pk])).content.decode()


def test_two_customers_are_merged_and_parted_again(world: World) -> None:
    world.deliver(order_body(950, email="first@example.com", phone="+49 30 1234567"))
    world.deliver(order_body(951, email="other@example.com", phone="+49 30 1234567"))
    world.work()
    review = CustomerReview.objects.get()
    client = person("console.merge_customers")
    client.post(act_url("orders_customerreview", review.pk, "merge"), REASON)
    assert Customer.objects.get(pk=review.customer_id).merged_into_id == review.other_id
    assert client.post(act_url("orders_customerreview", review.pk, "merge"), REASON).status_code == 409
    client.post(act_url("orders_customerreview", review.pk, "different"), REASON)
    assert Customer.objects.get(pk=review.customer_id).merged_into_id is None
    review.refresh_from_db()
    assert (review.decision, review.decided_by) == ("different", "olga")
    assert AuditEntry.objects.filter(action="customer_review").count() == 2
    assert person(name="viewer").post(act_url("orders_customerreview", review.pk, "merge"), REASON).status_code == 403

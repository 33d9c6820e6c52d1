"""What people do from a case: one effect each, refused without right or reason, closed with proof or told why not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from integrations import selectors as pipes
from integrations.models import InboxMessage, LegalEntity, OutboxMessage, SalesRoute
from integrations.ports.documents import DocumentState
from orders.models import EligibilityRule, Order
from reconciliation.models import Case, CaseEvent, ReplayRun
from reconciliation.services import replay_steps
from retailhub.core.models import AuditEntry
from tests.support.cases import REASON, REFUSED, changed_order, do, erp_has, held, message, parked, refused, url
from tests.support.world import World, build, order_body, person


@pytest.fixture
def world(db: None) -> World:
    """Order 903 is refused by the ERP, 904 and 905 wait for a SKU."""
    return build()


ACTS = {
    "edit": "console.edit_message",
    "read_order": "console.read_back",
    "read_back": "console.read_back",
    "adopt": "console.adopt_document",
    "give_up": "console.cancel_message",
    "publish": "console.publish",
}


@pytest.mark.parametrize("act", ACTS)
def test_an_act_needs_its_permission_and_a_reason(world: World, act: str) -> None:
    case, before = refused(), AuditEntry.objects.count()
    assert do(person(), case, act).status_code == 403
    assert person(ACTS[act], name="sven").post(url(case, act), {"reason": ""}).status_code == 200
    assert AuditEntry.objects.count() == before
    assert parked().revision == 1


def test_looking_up_tells_what_is_there_and_settles_only_what_agrees(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, client = refused(), person("console.read_back")
    erp_has(monkeypatch)
    do(client, case, "read_back")
    assert CaseEvent.objects.get(what="read back").note == f"erp has nothing under {REFUSED}."
    erp_has(monkeypatch, held(total=Decimal("1.00")))
    do(client, case, "read_back")
    erp_has(monkeypatch, held(state=DocumentState.DRAFT))
    do(client, case, "read_back")
    assert message().status == "parked"
    erp_has(monkeypatch, held())
    do(client, case, "read_back")
    case.refresh_from_db()
    assert (message().status, message().outcome) == ("done", "applied")
    assert (case.state, case.closed_because) == ("closed", f"{REFUSED} is confirmed in the other system.")
    assert AuditEntry.objects.filter(action="read_document_back").count() == 4
    world.work()
    assert OutboxMessage.objects.filter(subject=case.subject).count() == 1


def test_adopting_reads_and_compares_and_ends_the_case_with_proof(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, client = refused(), person("console.adopt_document")
    erp_has(monkeypatch, held(reference=""))
    assert do(client, case, "adopt", document="77").status_code == 302
    case.refresh_from_db()
    reference = pipes.references_of(subject=case.subject)[0]
    assert (reference.external_id, reference.number, reference.state) == ("77", "SO-77", "confirmed")
    assert (case.state, message().status) == ("closed", "done")
    assert CaseEvent.objects.get(case=case, what="adopted").actor == "olga"
    assert AuditEntry.objects.get(action="adopt_document").after["external_id"] == "77"  # type: ignore[index]
    assert do(client, case, "adopt", document="77").status_code == 409
    assert Order.objects.get(order_ref="903").order_state in {"accepted", "closed"}


@pytest.mark.parametrize(
    ("changes", "asked", "told"),
    [
        ({"total": Decimal("1.00")}, "77", "must agree to the cent"),
        ({"currency": "JPY"}, "77", "must agree to the cent"),
        ({"state": DocumentState.DRAFT}, "77", "must be confirmed first"),
        ({}, "78", "has no document 78"),
        ({"external_id": "id-WC-eu-901"}, "id-WC-eu-901", "another order"),
        ({"reference": "WC-eu-901"}, "77", "another order"),
    ],
)
def test_a_document_that_is_not_this_orders_is_not_adopted(
    world: World, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], asked: str, told: str
) -> None:
    erp_has(monkeypatch, held(**changes))
    answer = do(person("console.adopt_document"), refused(), "adopt", document=asked)
    assert told in answer.content.decode()
    assert message().status == "parked"
    assert not AuditEntry.objects.filter(action="adopt_document").exists()


def test_what_is_given_up_stays_so_until_it_is_taken_back(world: World) -> None:
    case, client = refused(), person("console.cancel_message")
    assert do(client, case, "give_up").status_code == 302
    case.refresh_from_db()
    assert (case.state, case.closed_because) == ("closed", f"Given up by olga: {REASON}")
    world.sink.refuse.clear()
    world.work()
    order = world.order(903)
    assert order.decision == "given_up"
    assert message().status == "cancelled"
    world.deliver(changed_order(note="newer"))
    world.work()
    live = OutboxMessage.objects.filter(subject=case.subject, operation="post_order").exclude(status="cancelled")
    assert not live.exists()
    page = client.get(reverse("admin:orders_order_change", args=[order.pk])).content.decode()
    assert "A person gave it up" in page
    assert do(client, case, "take_back").status_code == 302
    world.work()
    assert [row.status for row in live] == ["done"]
    actions = AuditEntry.objects.filter(subject=case.subject).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["give_up", "take_giving_up_back"]
    assert do(client, case, "take_back").status_code == 409


def test_a_delivery_is_given_up_and_taken_back(world: World) -> None:
    case, client = Case.objects.get(code="body_not_json"), person("console.cancel_message")
    row = InboxMessage.objects.get(pk=int(case.subject.removeprefix("message:msg_i")))
    do(client, case, "give_up")
    row.refresh_from_db()
    case.refresh_from_db()
    assert (row.status, case.state) == ("cancelled", "closed")
    do(client, case, "take_back")
    world.work()
    case.refresh_from_db()
    assert case.state == "open"


def test_an_order_is_read_again_from_its_store_once(world: World) -> None:
    case = Case.objects.get(subject=world.order(904).subject)
    assert do(person("console.read_back"), case, "read_order").status_code == 302
    row = InboxMessage.objects.get(topic="order.read")
    assert (row.shard, row.way, row.status) == ("store:904", "operator", "pending")
    assert AuditEntry.objects.get(action="read_order_again").subject == case.subject


def test_the_store_is_told_from_the_case(world: World) -> None:
    case, client = refused(), person("console.publish")
    assert do(client, case, "publish", what="note", text="We look into it.").status_code == 302
    row = OutboxMessage.objects.get(operation="add_note")
    assert row.subject == case.subject
    answer = do(client, case, "publish", what="tracking", number="", carrier="x")
    assert "Tracking needs a number" in answer.content.decode()
    assert AuditEntry.objects.get(action="publish_note").reason == REASON


def strange_orders(world: World, count: int) -> Case:
    for number in range(1000, 1000 + count):
        order = json.loads(order_body(number))
        world.deliver(json.dumps({**order, "status": "wc-lost"}).encode())
    world.work()
    return Case.objects.filter(code="order_status_unknown").order_by("pk")[0]


@pytest.mark.parametrize(("count", "runs"), [(2, 0), (11, 1)])
def test_a_status_is_mapped_and_what_waits_goes_one_first_where_there_are_many(
    world: World, count: int, runs: int
) -> None:
    case = strange_orders(world, count)
    client = person("orders.change_eligibilityrule")
    assert f"{count} open cases wait for it" in client.get(url(case, "map_status")).content.decode()
    assert do(client, case, "map_status", store=str(world.eu.pk), post="yes").status_code == 302
    rule = EligibilityRule.objects.get(status="wc-lost")
    assert (rule.store_id, rule.post, rule.payment_method) == (world.eu.pk, True, "")
    assert ReplayRun.objects.count() == runs
    world.work()
    while replay_steps.step():
        world.work()
    assert not Case.objects.filter(code="order_status_unknown", state="open").exists()
    posted = OutboxMessage.objects.filter(reference__startswith="WC-eu-10", operation="post_order")
    assert [row.status for row in posted] == ["done"] * count
    assert AuditEntry.objects.get(action="set_rule").reason == REASON
    assert do(client, case, "map_status", store="", post="yes").status_code == 409


def test_a_country_gets_a_route_and_what_waited_is_posted(world: World) -> None:
    SalesRoute.objects.all().delete()
    world.deliver(order_body(1100))
    world.work()
    case = Case.objects.get(code="no_route", state="open", subject=world.order(1100).subject)
    client, entity = person("integrations.change_salesroute"), LegalEntity.objects.get()
    refused_form = do(client, case, "map_country", sink=world.erp.pk, region="", entity="")
    assert "Choose an ERP" in refused_form.content.decode()
    assert do(client, case, "map_country", sink=world.erp.pk, region="", entity=entity.pk).status_code == 302
    assert SalesRoute.objects.get().region.countries == [case.cause.key]
    world.work()
    case.refresh_from_db()
    assert case.state == "closed"
    assert OutboxMessage.objects.get(reference="WC-eu-1100").status == "done"

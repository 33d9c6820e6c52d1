"""What people change in a document that waits: sent under its reference, by two people where it is money."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from integrations.models import MessageEdit, OutboxMessage
from integrations.ports.errors import Rejected
from orders.services import edits
from reconciliation.models import Case, CaseEvent, ReplayRun
from reconciliation.services import replay_steps
from retailhub.core import privacy
from retailhub.core.models import AuditEntry
from tests.support.cases import REASON, REFUSED, changed_order, do, message, parked, raw_form, refused, sent
from tests.support.world import EMAIL, STREET, World, build, person


@pytest.fixture
def world(db: None) -> World:
    """Order 903 is refused by the ERP, 904 and 905 wait for a SKU."""
    return build()


def test_an_edit_is_sent_under_its_reference_and_the_case_closes(world: World) -> None:
    case, client = refused(), person("console.edit_message")
    form = raw_form(client, case)
    assert EMAIL not in str(form)
    assert STREET not in str(form)
    world.sink.refuse.clear()
    answer = do(client, case, "edit", **{**form, "shipping__city": "Bath", "lines__0__item_code": "KNOWN-2"})
    assert answer.status_code == 302
    world.work()
    case.refresh_from_db()
    assert (case.state, case.closed_because) == ("closed", f"{REFUSED} is confirmed in the other system.") or (
        case.state == "closed" and "sent with an edit by olga" in case.closed_because
    )
    assert (sent().shipping.city, sent().lines[0].item_code) == ("Bath", "KNOWN-2")
    assert (sent().billing.street_1, sent().customer.email) == (STREET, EMAIL)
    assert (message().status, message().reference, message().revision) == ("done", REFUSED, 2)
    assert OutboxMessage.objects.filter(subject=case.subject).count() == 1
    entry = AuditEntry.objects.get(action="edit_message")
    assert entry.reason == REASON
    assert entry.before == {"lines.0.item_code": "KNOWN-1", "shipping.city": privacy.HIDDEN}
    assert "Bath" not in str(entry.after)
    event = CaseEvent.objects.get(case=case, what="edited")
    assert "line 1, item code: KNOWN-1 → KNOWN-2" in event.note
    assert f"shipping city: {privacy.HIDDEN} → {privacy.HIDDEN}" in event.note


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("everything", "{", "not JSON any more"),
        ("everything", '{"lines": []}', "no such document"),
        ("placed_on", "tomorrow", "no such document"),
        ("lines__0__quantity", "many", "no such document"),
    ],
)
def test_an_edit_that_is_no_such_document_is_refused(world: World, field: str, value: str, told: str) -> None:
    case, client = refused(), person("console.edit_message")
    answer = do(client, case, "edit", **{**raw_form(client, case), field: value})
    assert told in answer.content.decode()
    assert parked().revision == 1


def test_an_edit_of_nothing_or_of_the_reference_is_refused(world: World) -> None:
    with pytest.raises(edits.NotEdited, match=r"Nothing was changed"):
        edits.check(message_id=parked().pk, wanted=edits.present(parked().pk)[1])
    wanted = {**edits.present(parked().pk)[1], "reference": "WC-eu-1"}
    with pytest.raises(edits.NotEdited, match="reference cannot be changed"):
        edits.check(message_id=parked().pk, wanted=wanted)


def test_a_change_of_money_waits_for_another_person_and_must_add_up(world: World) -> None:
    case, olga = refused(), person("console.edit_message", "console.approve_replay")
    sven = person("console.approve_replay", name="sven")
    form, quantity = raw_form(olga, case), sent().lines[0].quantity
    told = json.loads(form["everything"])
    told["total"] = "1.00"
    wrong = do(olga, case, "edit", **{**form, "everything": json.dumps(told)})
    assert "add up to" in wrong.content.decode()
    assert do(olga, case, "edit", **{**form, "lines__0__quantity": "7"}).status_code == 302
    run = ReplayRun.objects.get()
    assert (run.state, run.changes_money, run.approval_needed) == ("awaiting_approval", True, True)
    assert sent().lines[0].quantity == quantity
    shown = sven.get(reverse("admin:reconciliation_replayrun_change", args=[run.pk])).content.decode()
    assert "line 1, quantity" in shown
    approve = reverse("admin:reconciliation_replayrun_act", args=[run.pk, "approve"])
    assert "you have planned it" in olga.post(approve, {"reason": REASON}).content.decode()
    world.sink.refuse.clear()
    assert sven.post(approve, {"reason": "looked at it"}).status_code == 302
    while replay_steps.step():
        world.work()
    run.refresh_from_db()
    assert run.state == "done"
    assert sent().lines[0].quantity == Decimal(7)
    assert MessageEdit.objects.get().actor_name == "olga"


def test_an_approved_edit_replaces_nothing_newer_than_itself(world: World) -> None:
    case, olga = refused(), person("console.edit_message")
    sven = person("console.approve_replay", name="sven")
    do(olga, case, "edit", **{**raw_form(olga, case), "lines__0__quantity": "7"})
    world.sink.refuse[REFUSED] = Rejected("The period is closed.", code="period_closed")
    world.deliver(changed_order(note="newer"))
    world.work()
    assert sent().note == "newer"
    run = ReplayRun.objects.get()
    sven.post(reverse("admin:reconciliation_replayrun_act", args=[run.pk, "approve"]), {"reason": "fine"})
    while replay_steps.step():
        world.work()
    run.refresh_from_db()
    assert run.state == "stopped"
    assert sent().lines[0].quantity != Decimal(7)


def edited(world: World, client: Client) -> Case:
    """903 with an edit, refused once more."""
    case = refused()
    do(client, case, "edit", **{**raw_form(client, case), "lines__0__item_code": "KNOWN-2"})
    world.work()
    assert sent().lines[0].item_code == "KNOWN-2"
    return case


def test_an_edit_that_is_refused_again_is_not_overwritten_by_the_next_look(world: World) -> None:
    case = edited(world, person("console.edit_message"))
    case.refresh_from_db()
    assert (case.state, case.reopened_count) == ("open", 1)
    assert not Case.objects.filter(code="edit_outdated").exists()
    assert parked().revision == 2


def test_an_order_that_changes_after_an_edit_leaves_it_and_a_case_tells(world: World) -> None:
    client = person("console.edit_message")
    edited(world, client)
    world.deliver(changed_order(note="ring twice"))
    world.work()
    told = Case.objects.get(code="edit_outdated")
    assert told.state == "open"
    assert "olga had edited" in told.sentence
    assert (sent().lines[0].item_code, "ring twice" in sent().note) == ("KNOWN-2", False)
    page = client.get(reverse("admin:reconciliation_case_change", args=[told.pk])).content.decode()
    assert "does not overwrite it" in page
    world.sink.refuse.clear()
    assert do(client, told, "drop_edit").status_code == 302
    world.work()
    told.refresh_from_db()
    assert told.state == "closed"
    assert (sent().lines[0].item_code, sent().note) == ("KNOWN-1", "ring twice")
    assert OutboxMessage.objects.filter(subject=told.subject).count() == 1


def test_an_edited_document_that_is_posted_is_not_amended_back(world: World) -> None:
    client = person("console.edit_message")
    world.sink.refuse.clear()
    case = refused()
    do(client, case, "edit", **{**raw_form(client, case), "shipping__city": "Bath"})
    world.work()
    world.deliver(changed_order(note="only a note"))
    world.work()
    assert [row.operation for row in OutboxMessage.objects.filter(subject=case.subject)] == ["post_order"]
    assert sent().shipping.city == "Bath"
    assert not Case.objects.filter(code="edit_outdated").exists()


def test_a_cancellation_in_the_shop_is_followed_whatever_was_edited(world: World) -> None:
    case = edited(world, person("console.edit_message"))
    world.sink.refuse.clear()
    world.deliver(changed_order(status="cancelled"))
    world.work()
    rows = OutboxMessage.objects.filter(subject=case.subject).order_by("pk")
    assert [(row.operation, row.status) for row in rows] == [("post_order", "cancelled"), ("cancel_order", "done")]

"""What people do from a case: one effect each, refused without right or reason, closed with proof or told why not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from integrations import asking
from integrations import selectors as pipes
from integrations.models import Connection, InboxMessage, LegalEntity, MessageEdit, OutboxMessage, SalesRoute
from integrations.ports import documents
from integrations.ports.documents import DocumentState, ExternalDocument, SalesOrder
from integrations.ports.errors import Rejected
from orders.models import EligibilityRule, Order
from orders.services import edits
from reconciliation.models import Case, CaseEvent, ReplayRun
from reconciliation.services import replay_steps
from retailhub.core import privacy
from retailhub.core.models import AuditEntry
from tests.support.world import EMAIL, STREET, Sink, World, build, order_body, person

REASON = "the merchant called"
REFUSED = "WC-eu-903"


@pytest.fixture
def world(db: None) -> World:
    """Order 903 is refused by the ERP, 904 and 905 wait for a SKU."""
    return build()


def refused(code: str = "period_closed") -> Case:
    return Case.objects.get(code=code)


def parked() -> OutboxMessage:
    return OutboxMessage.objects.get(reference=REFUSED, status="parked")


def url(case: Case, act: str) -> str:
    return reverse("admin:reconciliation_case_act", args=[case.pk, act])


def do(client: Client, case: Case, act: str, **values: Any) -> Any:
    return client.post(url(case, act), {"reason": REASON, **values})


def sent() -> SalesOrder:
    """The document that went out last for 903."""
    (body,) = [each for each in pipes.bodies_of(message_id=message().pk) if each.revision == message().revision]
    return documents.decode(bytes(body.body), SalesOrder)


def message() -> OutboxMessage:
    return OutboxMessage.objects.get(reference=REFUSED, operation="post_order")


def raw_form(client: Client, case: Case) -> dict[str, Any]:
    form = client.get(url(case, "edit")).context["form"]
    return {name: field.initial or "" for name, field in form.fields.items() if name != "reason"}


class Answering(Sink):
    """An ERP that has some documents, by id and by reference."""

    follows_ids = True

    def __init__(self, *held: ExternalDocument) -> None:
        super().__init__()
        self.held = held

    def find(self, references: Any) -> dict[str, list[ExternalDocument]]:
        return {each: [one for one in self.held if one.reference == each] for each in references}

    def read_document(self, external_id: str) -> ExternalDocument | None:
        return next((one for one in self.held if one.external_id == external_id), None)


def held(**changes: Any) -> ExternalDocument:
    document = sent()
    facts: dict[str, Any] = {
        "reference": REFUSED,
        "external_id": "77",
        "state": DocumentState.CONFIRMED,
        "currency": document.currency,
        "total": document.total,
        "line_count": len(document.lines),
        "number": "SO-77",
    }
    return ExternalDocument(**{**facts, **changes})


def erp_has(monkeypatch: pytest.MonkeyPatch, *documents_there: ExternalDocument) -> None:
    class Lines:
        def connector(self, _row: Connection, _context: Any) -> Sink:
            return Answering(*documents_there)

    @contextlib.contextmanager
    def lines() -> Iterator[Any]:
        yield Lines()

    monkeypatch.setattr(asking, "open_lines", lines)


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


def changed_order(*, number: int = 903, note: str = "", status: str = "processing") -> bytes:
    order = json.loads(order_body(number))
    return json.dumps(
        {**order, "customer_note": note, "status": status, "date_modified_gmt": "2031-01-01T00:00:00"}
    ).encode()


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

"""What is written back to a store is there once, and its echo is known again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from integrations import arrivals, connections
from integrations.calls import lines
from integrations.connectors.woocommerce.connector import Connector
from integrations.models import InboxMessage, OutboxMessage, Poll
from integrations.ports.stores import Written
from integrations.states import PollKind
from orders.models import EligibilityRule, Order, OrderVersion
from reconciliation.models import Case
from retailhub.core import clock
from retailhub.core.models import AuditEntry
from tests.commands.conftest import command
from tests.support.publishing import (
    audience,
    deliver_as_it_is,
    notes,
    open_cases,
    outbound,
    posted,
    publish,
    refunds,
    set_up,
    shown,
)
from tests.support.shop import Shop, known_skus, running_shop


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path) -> Iterator[Shop]:
    """A look-alike store with webhooks of ours, live, with a map of statuses."""
    with running_shop(tmp_path) as shop:
        shop.connect()
        shop.know(known_skus())
        shop.hook_up()
        set_up(shop, status_map={"accepted": "processing", "shipped": "completed"})
        yield shop


def pause(shop: Shop) -> None:
    connections.pause(name="eu", until=None, actor="test", reason="later", now=clock.now())


def resume(shop: Shop) -> None:
    connections.resume(name="eu", actor="test", reason="now", now=clock.now())
    shop.drain()


def test_notes_go_to_the_shops_people_or_to_the_customer_once_each(shop: Shop) -> None:
    (ref,) = posted(shop)
    assert publish(ref, "note", "Ask for the colour").json["reference"] == f"WC-eu-{ref}-N1"
    assert publish(ref, "note", "It leaves today", "--customer").json["reference"] == f"WC-eu-{ref}-N2"
    shop.drain()
    shop.drain()
    assert notes(shop, ref) == [
        (f"Ask for the colour [WC-eu-{ref}-N1]", False),
        (f"It leaves today [WC-eu-{ref}-N2]", True),
    ]
    assert outbound(ref, "add_note") == [("done", "applied")] * 2


def test_tracking_is_kept_in_the_stores_own_meta(shop: Shop) -> None:
    first, second = posted(shop, 2)
    publish(first, "tracking", "00340434161094021501", "--carrier", "dhl")
    shop.drain()
    set_up(shop, tracking_number_meta="_parcel", tracking_carrier_meta="_carrier", tracking_url_meta="_link")
    publish(second, "tracking", "1Z", "--carrier", "ups", "--url", "https://track.example.com/1Z")
    shop.drain()
    kept = [{each.key: each.value for each in shown(shop, ref).attributes} for ref in (first, second)]
    assert kept[0]["_tracking_number"] == '"00340434161094021501"'
    assert (kept[0]["_tracking_provider"], "_tracking_url" in kept[0]) == ('"dhl"', False)
    assert (kept[1]["_parcel"], kept[1]["_carrier"], kept[1]["_link"]) == (
        '"1Z"',
        '"ups"',
        '"https://track.example.com/1Z"',
    )


def test_a_refund_by_amount_and_one_by_lines_with_their_taxes(shop: Shop) -> None:
    (ref,) = posted(shop)
    order = shown(shop, ref)
    line = order.lines[0]
    publish(ref, "refund", "1.00")
    whole = line.total + line.total_tax
    told = f"{line.line_ref}:{line.quantity}:{line.total}:{line.total_tax}"
    assert publish(ref, "refund", str(whole), "--line", told).json["reference"] == f"WC-eu-{ref}-F2"
    shop.drain()
    by_lines, by_amount = refunds(shop, ref)
    assert (by_amount.amount, by_amount.lines, by_amount.reference) == (Decimal("1.00"), (), f"WC-eu-{ref}-F1")
    (given,) = by_lines.lines
    assert (by_lines.amount, given.of_line_ref, given.quantity) == (whole, line.line_ref, line.quantity)
    assert (given.total, given.total_tax) == (line.total, line.total_tax)
    assert Order.objects.get().payment_state == "partly_refunded"


def left_to_refund(ref: str) -> Decimal:
    """What RetailHub says is left."""
    error = publish(ref, "refund", "1000000.00").json["error"]
    assert error["code"] == "refund_too_much"
    return Decimal(error["detail"].split()[0])


def test_what_was_refunded_counts_until_the_order_shows_it_then_once_and_no_more_when_it_is_deleted(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = posted(shop)
    line = shown(shop, ref).lines[0]
    told = ("--line", f"{line.line_ref}:{line.quantity}:{line.total}:{line.total_tax}")
    whole, total = str(line.total + line.total_tax), left_to_refund(ref)

    with monkeypatch.context() as unread:
        unread.setattr(Connector, "_version", lambda _self, order_ref: Written(order_ref, None))
        assert publish(ref, "refund", whole, *told).status == 0
        assert left_to_refund(ref) == total - Decimal(whole)
        shop.drain()
    assert (outbound(ref, "refund_in_store"), "-F1]" in Order.objects.get().document) == ([("done", "applied")], False)
    assert left_to_refund(ref) == total - Decimal(whole)
    assert publish(ref, "refund", whole, *told).json["error"]["code"] in {"bad_line", "refund_too_much"}

    shop.tell()
    shop.drain()
    assert "-F1]" in Order.objects.get().document
    assert left_to_refund(ref) == total - Decimal(whole)
    assert publish(ref, "refund", "0.01", "--line", f"{line.line_ref}:0:0.01:0").json["error"]["code"] == "bad_line"

    (made,) = refunds(shop, ref)
    shop.control.delete_refund(int(ref), int(made.refund_ref))
    shop.look(PollKind.REFUNDS)
    shop.drain()
    assert "-F1]" not in Order.objects.get().document
    assert left_to_refund(ref) == total
    assert publish(ref, "refund", whole, *told).json["reference"] == f"WC-eu-{ref}-F2"


def test_what_is_asked_for_has_actor_and_reason_in_the_audit(shop: Shop) -> None:
    (ref,) = posted(shop)
    publish(ref, "note", "hello")
    publish(ref, "refund", "1.00")
    entries = AuditEntry.objects.filter(action__startswith="publish_").order_by("pk")
    assert [(entry.action, entry.reason, entry.subject) for entry in entries] == [
        ("publish_note", "asked for", Order.objects.get().subject),
        ("publish_refund", "asked for", Order.objects.get().subject),
    ]
    assert all(entry.actor_name.startswith("command line") for entry in entries)
    assert "hello" not in str([entry.after for entry in entries])


def test_our_own_writes_are_the_orders_next_versions_at_once_and_their_echo_is_nothing_new(shop: Shop) -> None:
    (ref,) = posted(shop)
    before = OrderVersion.objects.count()
    for words in (("tracking", "1Z", "--carrier", "ups"), ("refund", "1.00"), ("status", "completed")):
        publish(ref, *words)
    shop.drain()
    own = list(OrderVersion.objects.order_by("number").values_list("written_by", flat=True))[before:]
    assert own == [f"WC-eu-{ref}-T1", f"WC-eu-{ref}-F1", f"WC-eu-{ref}-P"]
    order = Order.objects.get()
    assert (order.status, order.order_state, order.payment_state) == ("completed", "closed", "partly_refunded")

    assert shop.tell() > 0
    shop.drain()
    echo = InboxMessage.objects.filter(way="webhook").order_by("pk").last()
    assert echo is not None
    assert (echo.status, echo.outcome, echo.code) == ("done", "unchanged", "own_echo")
    assert f"WC-eu-{ref}-P" in echo.detail
    shop.look()
    assert Poll.objects.get(kind=PollKind.CHANGED).report["fresh"] == 0
    shop.drain()
    assert OrderVersion.objects.count() == before + 3
    assert [m.operation for m in OutboxMessage.objects.filter(connection=shop.erp)] == ["post_order"]
    told = command("explain", f"eu:{ref}").out
    assert "made by our own write" in told
    assert "own_echo" in told
    facts = command("explain", f"eu:{ref}", "--json").json["order"]
    assert [each["reference"] for each in facts["erp_documents"]] == [f"WC-eu-{ref}"]


def test_an_echo_that_overtakes_the_answer_is_known_afterwards(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (ref,) = posted(shop)
    real = Connector.set_meta

    def told_at_once(self: Connector, order_ref: str, values: Mapping[str, str]) -> Written:
        written = real(self, order_ref, values)
        shop.tell()
        with lines() as kept:
            arrivals.work(lines=kept, limit=50)
        return written

    monkeypatch.setattr(Connector, "set_meta", told_at_once)
    publish(ref, "tracking", "1Z", "--carrier", "ups")
    shop.drain()
    newest = OrderVersion.objects.order_by("number").last()
    assert newest is not None
    assert (newest.number, newest.written_by) == (2, f"WC-eu-{ref}-T1")
    assert InboxMessage.objects.get(pk=newest.message_id).way == "webhook"


def test_somebody_elses_change_of_the_same_second_is_seen(shop: Shop) -> None:
    (ref,) = posted(shop)
    publish(ref, "tracking", "1Z", "--carrier", "ups")
    shop.drain()
    ours = Order.objects.get()
    shop.control.alter(int(ref), customer_note="Please ring twice")
    deliver_as_it_is(shop, ref)
    shop.drain()
    after = Order.objects.get()
    assert after.version_at == ours.version_at
    assert "Please ring twice" in after.document
    last = OrderVersion.objects.order_by("number").last()
    assert last is not None
    assert last.written_by == ""


def test_somebody_elses_change_that_came_in_during_our_call_is_not_overwritten(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ref,) = posted(shop, seconds_ago=60)
    real = Connector.set_meta

    def and_somebody_else(self: Connector, order_ref: str, values: Mapping[str, str]) -> Written:
        written = real(self, order_ref, values)
        shop.control.alter(int(ref), customer_note="Please ring twice")
        deliver_as_it_is(shop, ref)
        with lines() as kept:
            arrivals.work(lines=kept, limit=50)
        return written

    monkeypatch.setattr(Connector, "set_meta", and_somebody_else)
    publish(ref, "tracking", "1Z", "--carrier", "ups")
    shop.drain()
    assert "Please ring twice" in Order.objects.get().document
    assert shop.untrue() == {}


def test_a_status_follows_from_the_orders_state_once_and_never_fights_the_shop(shop: Shop) -> None:
    EligibilityRule.objects.filter(status="on_hold").update(post=True)
    (ref,) = [str(each) for each in shop.control.place_orders(1, way="rest", lives={"transfer": 1})]
    assert shown(shop, ref).source_status == "on-hold"
    shop.tell()
    shop.drain()
    shop.tell()
    shop.drain()
    assert shown(shop, ref).source_status == "processing"
    assert outbound(ref, "set_status") == [("done", "applied")]
    assert open_cases() == []

    shop.control.update(int(ref), status="on-hold")
    shop.tell()
    shop.drain()
    assert shown(shop, ref).source_status == "on-hold"
    assert outbound(ref, "set_status") == [("done", "applied")]


def test_a_store_without_a_map_is_set_no_status(shop: Shop) -> None:
    set_up(shop, status_map={})
    EligibilityRule.objects.filter(status="on_hold").update(post=True)
    (ref,) = [str(each) for each in shop.control.place_orders(1, way="rest", lives={"transfer": 1})]
    shop.tell()
    shop.drain()
    assert Order.objects.get().order_state == "accepted"
    assert outbound(ref, "set_status") == []
    assert publish(ref, "status", "completed").json["error"]["code"] == "status_not_on_map"


def test_a_waiting_status_is_replaced_by_a_newer_one(shop: Shop) -> None:
    set_up(shop, status_map={"paid": "on-hold", "shipped": "completed"})
    pause(shop)
    (ref,) = posted(shop)
    assert outbound(ref, "set_status") == [("pending", "")]
    publish(ref, "status", "completed")
    assert outbound(ref, "set_status") == [("pending", "")]
    resume(shop)
    assert outbound(ref, "set_status") == [("done", "applied")]
    changes = [text for text, _ in notes(shop, ref, ours=False) if "status changed" in text]
    assert changes == ["Order status changed from Processing to Completed."]


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [("completed", "already_shown", "unchanged"), ("cancelled", "status_left_alone", "superseded")],
)
def test_a_status_is_not_sent_when_the_store_has_moved_on_unheard(
    shop: Shop, status: str, code: str, outcome: str
) -> None:
    (ref,) = posted(shop)
    publish(ref, "status", "completed")
    shop.control.update(int(ref), status=status, silent=True)
    shop.drain()
    message = OutboxMessage.objects.get(operation="set_status")
    assert (message.status, message.outcome, message.code) == ("done", outcome, code)
    assert shown(shop, ref).source_status == status
    assert not [call for call in shop.control.books().calls if "batch" in call]


def test_a_status_that_the_store_lacks_is_never_sent_and_is_a_case_until_the_map_is_mended(shop: Shop) -> None:
    set_up(shop, status_map={"shipped": "versandt"})
    (ref,) = posted(shop)
    publish(ref, "status", "versandt")
    publish(ref, "note", "behind it")
    shop.drain()
    case = Case.objects.select_related("cause").get(state="open")
    assert (case.code, case.cause.key, case.owner_side) == ("unknown_status", "versandt", "configuration")
    assert outbound(ref, "set_status") == [("parked", "rejected")]
    assert not [call for call in shop.control.books().calls if "batch" in call]
    assert shown(shop, ref).source_status == "processing"

    set_up(shop, status_map={"shipped": "completed"})
    publish(ref, "status", "completed")
    assert open_cases() == []
    shop.drain()
    assert (open_cases(), shown(shop, ref).source_status) == ([], "completed")
    assert outbound(ref, "set_status") == [("done", "applied")]
    assert len(notes(shop, ref)) == 1


def test_a_refund_that_the_store_refuses_is_a_case_and_holds_the_order_until_it_is_withdrawn(shop: Shop) -> None:
    (ref,) = posted(shop)
    total = Order.objects.get().total
    assert total is not None
    message = publish(ref, "refund", str(total.quantize(Decimal("0.01")))).json["message"]
    publish(ref, "note", "behind it")
    shop.control.refund(int(ref), amount="1.00")
    shop.drain()
    assert open_cases() == ["refund_refused"]
    assert notes(shop, ref) == []

    assert publish(ref, "withdraw", message).json == {"withdrawn": message}
    shop.drain()
    assert len(notes(shop, ref)) == 1
    assert [each.amount for each in refunds(shop, ref)] == [Decimal("1.00")]
    assert "refund_refused" not in open_cases()
    assert publish(ref, "withdraw", message).json["error"]["code"] == "not_withdrawable"


def test_a_refund_of_another_amount_under_our_reference_is_a_case_and_not_doubled(shop: Shop) -> None:
    (ref,) = posted(shop)
    shop.control.refund(int(ref), amount="2.00", reason=f"by hand [WC-eu-{ref}-F1]")
    publish(ref, "refund", "1.00")
    shop.drain()
    assert "refund_differs" in open_cases()
    assert [each.amount for each in refunds(shop, ref)] == [Decimal("2.00")]
    case = Case.objects.get(code="refund_differs")
    assert "2.00" in case.sentence
    assert "1.00" in case.sentence


def test_what_is_parked_is_written_after_a_replay(shop: Shop) -> None:
    (ref,) = posted(shop)
    publish(ref, "note", "hello")
    shop.control.trash(int(ref))
    OutboxMessage.objects.filter(operation="add_note").update(
        status="parked", outcome="rejected", code="order_gone", finished_at=clock.now()
    )
    assert command("replay", "--code", "order_gone", "--dry-run", "--json").json["messages"] == 0
    (name,) = [str(message) for message in OutboxMessage.objects.filter(operation="add_note")]
    assert command("replay", name, "--reason", "again", "--json").json["messages"] == 1
    shop.drain()
    assert outbound(ref, "add_note") == [("done", "applied")]
    assert len(notes(shop, ref)) == 1


def test_a_private_note_says_what_the_erp_calls_an_order_where_the_store_wants_it(shop: Shop) -> None:
    (silent,) = posted(shop)
    set_up(shop, note_when_posted=True)
    refs = posted(shop, 2)
    numbers = {d.reference: d.number for d in shop.books.books().documents}
    for ref in refs:
        assert notes(shop, ref) == [(f"In erp as {numbers[f'WC-eu-{ref}']} [WC-eu-{ref}-N1]", False)]
    assert notes(shop, silent) == []
    shop.tell()
    shop.drain()
    assert audience(shop, refs) == {"private": 2, "customer": 0}
    assert [m.operation for m in OutboxMessage.objects.filter(connection=shop.erp)] == ["post_order"] * 3

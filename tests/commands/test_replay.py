from __future__ import annotations

import pytest

from integrations.models import OutboxBody, OutboxMessage
from integrations.ports.documents import Product
from inventory.models import SkuMapping
from inventory.services import mappings
from orders.models import Order
from reconciliation.models import Case
from retailhub.core import clock
from retailhub.core.models import AuditEntry
from tests.commands.conftest import Run, deliver_order
from tests.support.hub import Hub
from tests.support.recorded_store import newest_orders


@pytest.fixture
def refused(hub: Hub) -> Hub:
    """The ERP refused two orders, because an item they name is not there any more."""
    hub.connect()
    products = [Product(product_ref=sku, sku=sku, name=sku) for sku in ("MUG-01", "TS-S-ROT")]
    mappings.take_catalogue(connection_id=hub.erp.pk, products=products, now=clock.now())
    hub.books.add_products(["MUG-01"])
    for number in (1001, 1002):
        deliver_order(hub, newest_orders()["160"], id=number)
    hub.drain()
    assert list(OutboxMessage.objects.values_list("status", "code")) == [("parked", "unknown_item")] * 2
    return hub


def test_a_dry_run_says_what_would_be_done_and_does_nothing(refused: Hub, run: Run) -> None:
    told = run("replay", "--code", "unknown_item", "--dry-run", "--json").json
    assert (told["messages"], told["orders"], told["dry_run"]) == (2, 2, True)
    assert OutboxMessage.objects.filter(status="parked").count() == 2
    assert not AuditEntry.objects.filter(action="replay").exists()


@pytest.mark.parametrize("by", ["messages", "case", "cause", "code"])
def test_refused_orders_are_posted_once_when_they_are_replayed_after_the_erp_was_mended(
    refused: Hub, run: Run, by: str
) -> None:
    refused.books.add_products(["TS-S-ROT"])
    case = Case.objects.select_related("cause").filter(state="open").order_by("pk")[0]
    words = {
        "messages": [f"msg_o{pk}" for pk in OutboxMessage.objects.values_list("pk", flat=True)],
        "case": ["--case", case.public_id],
        "cause": ["--cause", case.cause.public_id],
        "code": ["--code", "unknown_item"],
    }[by]
    expected = 1 if by == "case" else 2
    told = run("replay", *words, "--reason", "item added", "--json").json
    assert (told["messages"], told["orders"], told["left"]) == (expected, expected, {})
    refused.drain()
    assert len(refused.books.books().documents) == expected
    assert refused.books.books().doubles() == {}
    assert Case.objects.filter(state="open").count() == 2 - expected
    entry = AuditEntry.objects.get(action="replay")
    assert entry.after is not None
    assert (entry.reason, entry.after["message_count"]) == ("item added", expected)
    if by != "messages":
        assert "replayed" in case.events.values_list("what", flat=True)


def test_a_replayed_order_is_sent_with_a_body_built_anew_under_the_same_reference(refused: Hub, run: Run) -> None:
    SkuMapping.objects.filter(sku="TS-S-ROT").update(item_code="MUG-01")
    run("replay", "--code", "unknown_item", "--reason", "mapped elsewhere")
    refused.drain()
    books = refused.books.books()
    assert sorted(document.reference for document in books.documents) == ["WC-eu-1001", "WC-eu-1002"]
    message = OutboxMessage.objects.order_by("pk")[0]
    assert (message.status, message.revision) == ("done", 2)
    assert OutboxBody.objects.filter(message_id=message.pk).count() == 2
    assert Case.objects.filter(state="open").count() == 0


def test_held_orders_are_decided_on_again(hub: Hub, run: Run) -> None:
    hub.connect()
    deliver_order(hub, newest_orders()["160"])
    hub.drain()
    assert Order.objects.get().order_state == "held"
    rows = [
        SkuMapping(connection=hub.erp, sku=sku, item_code=sku, source="catalogue", changed_at=clock.now())
        for sku in ("MUG-01", "TS-S-ROT")
    ]
    SkuMapping.objects.bulk_create(rows)
    hub.books.add_products(["MUG-01", "TS-S-ROT"])
    hub.drain()
    assert Order.objects.get().order_state == "held"

    told = run("replay", "--code", "sku_unmapped", "--reason", "mapped in bulk", "--json").json
    assert (told["messages"], told["orders"]) == (0, 1)
    hub.drain()
    assert Order.objects.get().order_state == "accepted"
    assert [document.state for document in hub.books.books().documents] == ["confirmed"]


def test_a_parked_delivery_is_worked_again_and_parked_again_while_its_cause_stands(shop: Hub, run: Run) -> None:
    assert shop.deliver(b"{broken") == 200
    shop.drain()
    case = Case.objects.get()
    name = case.subject.removeprefix("message:")
    assert run("replay", name, "--reason", "look again", "--json").json["message_names"] == [name]
    case.refresh_from_db()
    assert case.state == "closed"
    shop.drain()
    case.refresh_from_db()
    assert (case.state, case.reopened_count) == ("open", 1)


def test_what_is_not_parked_is_left_alone_and_said_so(shop: Hub, run: Run) -> None:
    deliver_order(shop)
    shop.drain()
    name = str(OutboxMessage.objects.get())
    told = run("replay", name, "--reason", "why not", "--json").json
    assert (told["messages"], list(told["left"])) == (0, [name])
    assert not AuditEntry.objects.filter(action="replay").exists()
    assert "There is nothing to do again." in run("replay", name, "--reason", "why not").out
    assert len(shop.books.books().documents) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "choose_one"),
        (("msg_i1", "--code", "rejected"), "choose_one"),
        (("msg_i999",), "no_such_thing"),
        (("case_1",), "no_such_thing"),
        (("--case", "case_1"), "no_such_thing"),
        (("--cause", "cause_1"), "no_such_thing"),
    ],
)
def test_replay_refuses_what_it_does_not_understand(run: Run, words: tuple[str, ...], code: str) -> None:
    written = run("replay", *words, "--reason", "x", "--json")
    assert (written.status, written.json["error"]["code"]) == (1, code)


def test_replay_asks_for_a_reason(refused: Hub, run: Run) -> None:
    assert run("replay", "--code", "unknown_item", "--json").json["error"]["code"] == "reason_missing"
    assert OutboxMessage.objects.filter(status="parked").count() == 2

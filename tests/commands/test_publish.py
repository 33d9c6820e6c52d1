from __future__ import annotations

import pytest

from integrations.models import OutboxMessage
from retailhub.core.models import AuditEntry
from tests.commands.conftest import Run, deliver_order
from tests.support.hub import Hub
from tests.support.publishing import set_up


@pytest.fixture
def ref(shop: Hub) -> str:
    """A paid order of a live store."""
    set_up(shop, status_map={"shipped": "completed"})
    ref = deliver_order(shop, status="processing")
    shop.drain()
    return ref


WAYS = {
    "add_note": (("note", "hello"), "N1"),
    "set_tracking": (("tracking", "1Z", "--carrier", "ups"), "T1"),
    "refund_in_store": (("refund", "1.00"), "F1"),
    "set_status": (("status", "completed"), "P"),
}


@pytest.mark.parametrize("operation", list(WAYS))
def test_what_is_published_is_told_with_its_message_and_reference(ref: str, run: Run, operation: str) -> None:
    words, end = WAYS[operation]
    told = run("publish", f"eu:{ref}", *words, "--reason", "asked for", "--json").json
    message = OutboxMessage.objects.get(operation=operation)
    assert told == {"message": str(message), "reference": f"WC-eu-{ref}-{end}", "operation": operation}
    assert (message.status, message.reference, message.connection.name) == ("pending", told["reference"], "eu")
    entry = AuditEntry.objects.get(subject=message.subject)
    assert (entry.reason, (entry.after or {})["message"]) == ("asked for", str(message))


def test_without_json_it_says_what_waits(ref: str, run: Run) -> None:
    said = run("publish", f"eu:{ref}", "note", "hello", "--reason", "asked for").out
    assert said == f"{OutboxMessage.objects.get(operation='add_note')} waits to be written to eu as WC-eu-{ref}-N1.\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("note", "  "), "bad_note"),
        (("note", "x" * 5001), "bad_note"),
        (("tracking", " ", "--carrier", "ups"), "bad_tracking"),
        (("tracking", "1Z", "--carrier", "ups", "--url", "javascript:1"), "bad_tracking"),
        (("refund", "ten"), "bad_amount"),
        (("refund", "NaN"), "bad_amount"),
        (("refund", "0"), "bad_amount"),
        (("refund", "100000"), "refund_too_much"),
        (("refund", "1.00", "--line", "31:1:1.00"), "bad_line"),
        (("refund", "1.00", "--line", "31:1:one:0"), "bad_amount"),
        (("refund", "1.00", "--line", "999999:1:1.00:0"), "bad_line"),
        (("status", "shipped"), "status_not_on_map"),
        (("withdraw", "msg_i1"), "no_such_message"),
        (("withdraw", "msg_o1"), "not_withdrawable"),
    ],
)
def test_what_may_not_be_published_is_refused_in_one_sentence(
    ref: str, run: Run, words: tuple[str, ...], code: str
) -> None:
    written = run("publish", f"eu:{ref}", *words, "--reason", "x", "--json")
    assert (written.status, written.json["error"]["code"]) == (1, code)
    assert not OutboxMessage.objects.filter(connection__name="eu").exists()


def test_a_reason_and_an_order_that_exists_are_needed(ref: str, run: Run) -> None:
    assert run("publish", f"eu:{ref}", "note", "x", "--reason", " ", "--json").json["error"]["code"] == "reason_missing"
    assert run("publish", "eu:424242", "note", "x", "--reason", "y", "--json").json["error"]["code"] == "no_such_order"


def test_what_waits_is_withdrawn_and_its_reference_is_not_used_again(ref: str, run: Run) -> None:
    name = run("publish", f"eu:{ref}", "note", "hello", "--reason", "asked for", "--json").json["message"]
    assert run("publish", f"eu:{ref}", "withdraw", name, "--reason", "no", "--json").json == {"withdrawn": name}
    assert OutboxMessage.objects.get(operation="add_note").status == "cancelled"
    again = run("publish", f"eu:{ref}", "note", "hello", "--reason", "after all", "--json").json
    assert again["reference"] == f"WC-eu-{ref}-N2"


def test_what_waits_to_be_refunded_is_not_promised_twice(ref: str, run: Run) -> None:
    order = OutboxMessage.objects.get(operation="post_order")
    assert order.status == "done"
    left = run("publish", f"eu:{ref}", "refund", "100000", "--reason", "x", "--json").json["error"]["detail"]
    amount = left.split()[0]
    assert run("publish", f"eu:{ref}", "refund", amount, "--reason", "x", "--json").status == 0
    assert run("publish", f"eu:{ref}", "refund", "0.01", "--reason", "x", "--json").json["error"]["code"] == (
        "refund_too_much"
    )


def test_an_order_is_found_by_the_reference_of_its_note(ref: str, run: Run) -> None:
    told = run("publish", f"eu:{ref}", "note", "hello", "--reason", "asked for", "--json").json
    assert run("explain", told["reference"], "--json").json["order"]["order_ref"] == ref

"""Any value of an order leads back to its bytes, and on to what the ERP was sent and holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations import inbox
from integrations.models import OutboxMessage
from integrations.ports import provenance
from orders import selectors as orders
from orders.selectors import OrderView
from retailhub.console.explaining import NoSuchField, explain
from retailhub.core import privacy
from retailhub.core.models import AuditEntry
from tests.support.world import EMAIL, LAST_NAME, STREET, World, order_body, person

MOST_QUERIES = 16


def order_of(world: World, number: int = 901) -> OrderView:
    found = orders.by_subject(world.order(number).subject)
    assert found is not None
    return found


def edited(world: World, number: int, at: str, **changes: Any) -> None:
    body = json.loads(order_body(number)) | {"date_modified_gmt": at, **changes}
    assert world.deliver(json.dumps(body).encode()) == 200
    world.work()


def stored(message: str) -> bytes:
    kept = inbox.fetch_body(int(message.removeprefix("msg_i")))
    assert kept is not None
    return kept[1]


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flat(member, f"{name}/{key}")
    else:
        yield name, value


def test_every_value_of_an_order_is_at_the_bytes_that_are_named(world: World) -> None:
    order = order_of(world)
    assert order.document is not None
    for name, _ in provenance.fields(order.document):
        found = explain(order, name, unmasked=True)
        assert found.message is not None
        body = stored(found.message.name)
        values = dict(flat(json.loads(body)))
        for spot in found.spots:
            if spot.offset is None or spot.length is None:
                assert spot.pointer not in values
                continue
            raw = body[spot.offset : spot.offset + spot.length]
            assert spot.text is not None
            assert spot.text.value == raw.decode()
            if spot.pointer in values:
                assert msgspec.json.decode(raw) == values[spot.pointer], name
            assert (spot.text.before + spot.text.value + spot.text.after).encode() in body
        assert found.rule


def test_an_amount_is_told_from_the_raw_bytes_to_the_document_in_the_erp(world: World) -> None:
    found = explain(order_of(world), "total")
    (spot,), (sent,), (held,) = found.spots, found.sent, found.holds
    assert (spot.pointer, found.rule) == ("/total", "copied as an exact amount, with the decimals the store sent")
    assert spot.text is not None
    assert spot.text.value == f'"{found.value}"'
    assert (found.version, found.where, found.message and found.message.way) == (
        1,
        "in the body of the message",
        "webhook",
    )
    message = OutboxMessage.objects.get(subject=world.order(901).subject)
    assert (sent.message, sent.field, sent.value, sent.status, sent.result) == (
        str(message),
        "total",
        found.value,
        "done",
        "created",
    )
    assert (held.reference, held.state, held.value) == ("WC-eu-901", "confirmed", found.value)


def test_a_value_is_told_by_the_version_that_set_it_not_by_the_newest(world: World) -> None:
    edited(world, 901, "2031-01-01T00:00:00", customer_note="ring twice")
    edited(world, 901, "2031-01-02T00:00:00", customer_note="ring twice", transaction_id="tx-9")
    order = order_of(world)
    told = {name: explain(order, name).version for name in ("total", "customer_note", "payment.transaction_ref")}
    assert told == {"total": 1, "customer_note": 2, "payment.transaction_ref": 3}
    assert explain(order, "modified_at").version == 3


def test_a_line_is_followed_by_its_id_when_others_come_before_it(world: World) -> None:
    body = json.loads(order_body(901))
    line = body["line_items"][0]
    first = line | {"id": 5_000, "name": "In front"}
    edited(world, 901, "2031-01-01T00:00:00", line_items=[first, *body["line_items"]])
    order = order_of(world)
    assert [explain(order, f"lines.{at}.name").version for at in (0, 1)] == [2, 1]
    (spot,) = explain(order, "lines.1.name").spots
    assert spot.pointer == "/line_items/0/name"  # where it stood then


def test_personal_data_stays_masked_in_the_value_the_text_around_and_what_was_sent(world: World) -> None:
    order = order_of(world)
    assert order.document is not None
    for name, _ in provenance.fields(order.document):
        text = msgspec.json.encode(explain(order, name)).decode()
        assert not [word for word in (EMAIL, LAST_NAME, STREET) if word in text], name
    found = explain(order, "billing.email")
    assert found.value == privacy.HIDDEN
    assert found.spots[0].text is not None
    assert found.spots[0].text.value == f'"{privacy.HIDDEN}"'
    assert found.sent[0].value == privacy.HIDDEN


def test_bytes_that_are_not_kept_are_said_not_to_be(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM integrations_inboxbody")
    found = explain(order_of(world), "total")
    assert (found.spots, found.version) == ([], 1)
    assert found.where.startswith("The bytes are not kept")


@pytest.mark.parametrize("name", ["colour", "lines.7.total", "lines", "lines.0", "billing", "total.x", "lines.-1.name"])
def test_a_field_that_is_not_there_is_named(world: World, name: str) -> None:
    with pytest.raises(NoSuchField, match="no field"):
        explain(order_of(world), name)


def page(client: Client, world: World, query: str = "") -> Any:
    return client.get(f"/admin/explain/{world.order(901).public_id}/{query}")


def test_the_page_of_all_values_leads_to_each_and_each_to_its_bytes(world: World) -> None:
    client = person()
    every = page(client, world).content.decode()
    assert "field=lines.0.total" in every
    text = page(client, world, "?field=lines.0.total").content.decode()
    assert "/line_items/0/total" in text
    assert "<mark>" in text
    assert page(client, world, "?field=colour").status_code == 404
    assert client.get("/admin/explain/ord_none/").status_code == 404
    for word in (EMAIL, LAST_NAME, STREET):
        assert word not in every


def test_a_value_is_shown_with_personal_data_to_who_may_and_says_why(world: World) -> None:
    url = f"/admin/explain/{world.order(901).public_id}/unmask/"
    assert person().post(url, {"field": "billing.email", "reason": "curious"}).status_code == 403
    client = person("console.see_personal_data", name="otto")
    assert EMAIL not in client.post(url, {"field": "billing.email", "reason": ""}).content.decode()
    assert not AuditEntry.objects.filter(action="see_personal_data").exists()
    text = client.post(url, {"field": "billing.email", "reason": "the customer calls"}).content.decode()
    assert EMAIL in text
    entry = AuditEntry.objects.get(action="see_personal_data")
    assert (entry.subject, entry.reason, entry.after) == (
        world.order(901).subject,
        "the customer calls",
        {"field": "billing.email"},
    )


def test_an_explanation_asks_a_fixed_number_of_queries(world: World) -> None:
    order = order_of(world)
    with CaptureQueriesContext(connection) as before:
        explain(order, "total")
    for day in range(1, 10):
        edited(world, 901, f"2031-01-0{day}T00:00:00", customer_note=f"note {day}")
    order = order_of(world)
    with CaptureQueriesContext(connection) as after:
        explain(order, "total")
    assert len(before) <= len(after) <= MOST_QUERIES

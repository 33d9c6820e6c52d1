"""One box: everything is found by its whole name, by indexes, and nothing of a person stands in an address."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import ExternalReference, InboxMessage, OutboxMessage
from orders.models import Customer, Order
from reconciliation.models import Case, Cause
from retailhub.console.search import Group, only_hit, search
from tests.support.world import EMAIL, KNOWN_SKU, LAST_NAME, UNKNOWN_SKU, World, order_body, person

FIND = "/admin/find/"
MOST_QUERIES = 11


def subjects(groups: list[Group]) -> dict[str, list[str]]:
    return {group.title: [hit.subject for hit in group.hits] for group in groups}


def send(client: Client, text: str) -> Any:
    return client.post(FIND, {"text": text})


def test_an_order_is_found_by_number_store_id_reference_and_document(world: World) -> None:
    order = world.order(901)
    document = ExternalReference.objects.get(subject=order.subject)
    for text in (
        *("901", "#901", " 901 ", "eu:901", order.public_id, order.subject),
        *("WC-eu-901", document.number, document.external_id),
    ):
        hit = only_hit(search(text))
        assert hit is not None, text
        assert hit.subject == order.subject, text
    assert search("90") == search("9011") == search("erp:901") == search("") == search(" ") == search("x" * 400) == []


def test_a_document_is_told_with_its_order(world: World) -> None:
    (group,) = search("SO-WC-eu-902")
    (hit,) = group.hits
    assert group.title == "Documents in other systems"
    assert (hit.title, hit.detail) == ("SO-WC-eu-902 in erp", "order, WC-eu-902, confirmed, Order 902 of eu")


def test_a_sku_finds_its_newest_orders_and_the_cause_it_is_at_fault_for(world: World) -> None:
    found = subjects(search(UNKNOWN_SKU))
    assert found["Newest orders with this SKU"] == [world.order(905).subject, world.order(904).subject]
    assert found["Causes with this value at fault"] == [f"cause:{Cause.objects.get(key=UNKNOWN_SKU).public_id}"]


def test_a_customer_is_found_by_whole_address_and_whole_name_and_shown_masked(world: World) -> None:
    customer = Customer.objects.get()
    for text in (EMAIL, EMAIL.upper(), f"Ada {LAST_NAME}", f"ada {LAST_NAME.lower()}"):
        groups = search(text)
        found = subjects(groups)
        assert f"customer:{customer.public_id}" in next(iter(found.values())), text
        assert len(found["Their newest orders"]) == Order.objects.count() == 5
        assert not re.search(f"{EMAIL}|{LAST_NAME}", str(groups))
    assert search("lovelace@example.com") == search(LAST_NAME) == []
    (group,) = search(customer.public_id)
    assert group.hits[0].detail == "A•••, a•••@example.com"


def test_who_was_merged_is_found_as_whom_they_were_merged_into(world: World) -> None:
    world.deliver(order_body(950, email="other@example.com"))
    world.work()
    other = Customer.objects.get(email="other@example.com")
    ada = Customer.objects.get(email=EMAIL)
    Customer.objects.filter(pk=other.pk).update(merged_into=ada)
    assert subjects(search("other@example.com"))["Customer with this e-mail address"] == [f"customer:{ada.public_id}"]


def test_messages_cases_and_causes_are_found_by_id(world: World) -> None:
    names = [str(row) for row in (InboxMessage.objects.all()[0], OutboxMessage.objects.all()[0])]
    case, cause = Case.objects.all()[0], Cause.objects.all()[0]
    wanted = [
        *((name, f"message:{name}") for name in names),
        (case.public_id, f"case:{case.public_id}"),
        (cause.public_id, f"cause:{cause.public_id}"),
    ]
    for text, subject in wanted:
        hit = only_hit(search(text))
        assert hit is not None, text
        assert hit.subject == subject
    for text in (
        "msg_i999999",
        "msg_x1",
        "msg_",
        "msg_i٣",
        "msg_i9999999999999999999",
        "case_none",
        "rpl_none",
        "ord_",
    ):
        assert search(text) == [], text


def test_one_thing_found_is_gone_to_at_once(world: World) -> None:
    order, client = world.order(901), person()
    answer = send(client, "SO-WC-eu-901")
    assert (answer.status_code, answer["Location"]) == (
        302,
        reverse("admin:orders_order_change", args=[order.public_id]),
    )


def test_several_are_shown_and_nothing_that_was_typed_stands_in_an_address(world: World) -> None:
    client = person()
    answer = send(client, EMAIL)
    address = answer["Location"]
    assert address.startswith(f"{FIND}?for=")
    assert EMAIL not in address
    assert "lovelace" not in address.lower()
    page = client.get(address)
    assert "no-store" in page["Cache-Control"]
    text = page.content.decode()
    assert text.count("/admin/orders/order/ord_") == 5
    assert f"Found for “{EMAIL}”" in text  # what they typed themselves
    assert LAST_NAME not in text.replace(EMAIL, "")
    for url in re.findall(r'(?:href|action)="([^"]*)"', text):
        assert "lovelace" not in url.lower()
        assert "%40" not in url


def test_a_search_is_opened_by_nobody_else_and_not_when_it_was_changed(world: World) -> None:
    address = send(person(), EMAIL)["Location"]
    assert person(name="otto").get(address).status_code == 404
    olga = Client()
    olga.force_login(User.objects.get(username="olga"))
    assert olga.get(address).status_code == 200
    assert olga.get(address[:-4]).status_code == 404
    assert olga.get(f"{FIND}?for=%ff").status_code == 404


def test_nothing_found_is_said(world: World) -> None:
    client = person()
    assert "Nothing goes by the name “<b>”" in client.get(send(client, "<b>")["Location"]).content.decode().replace(
        "&lt;b&gt;", "<b>"
    )
    assert send(client, "  ")["Location"] == FIND
    assert send(client, "\0")["Location"].startswith(FIND)


def test_only_who_may_see_orders_searches_and_groups_go_by_permission(world: World) -> None:
    stranger = person()
    User.objects.get(username="olga").user_permissions.clear()
    assert stranger.get(FIND).status_code == 403
    assert send(stranger, EMAIL).status_code == 403
    shown = subjects(search(EMAIL, allows=lambda permission: permission == "orders.view_order"))
    assert list(shown) == ["Their newest orders"]


def test_the_box_is_on_every_page_but_the_search_page_which_has_its_own(world: World) -> None:
    client = person()
    for page in ("/admin/", "/admin/orders/order/", reverse("admin:orders_order_change", args=[world.order(901).pk])):
        text = client.get(page).content.decode()
        assert text.count('id="rh-search-text"') == 1, page
        assert "console/search.js" in text
    assert client.get(FIND).content.decode().count('id="rh-search-text"') == 1


@pytest.mark.parametrize("text", ["901", KNOWN_SKU, EMAIL, f"Ada {LAST_NAME}", "nothing", "eu:901"])
def test_a_search_asks_a_fixed_number_of_queries_by_indexes_alone(world: World, text: str) -> None:
    with CaptureQueriesContext(connection) as before:
        search(text)
    for number in range(960, 970):
        world.deliver(order_body(number))
    world.work()
    with CaptureQueriesContext(connection) as after:
        search(text)
    assert len(before) == len(after) <= MOST_QUERIES
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in after.captured_queries:
            cursor.execute("EXPLAIN " + query["sql"])
            plan = "\n".join(line for (line,) in cursor.fetchall())
            # connections are few, and read whole
            scans = re.findall(r"Seq Scan on (\w+)", plan)
            assert set(scans) <= {"integrations_connection"}, plan
            assert not re.search(r"_pkey on (orders_order|orders_customer)\b(?!.*\n\s*Index Cond)", plan), plan

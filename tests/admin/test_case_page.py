"""The page of a case: the value at fault, the likely fix, what to do, the order as four sides have it, the past."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.services import mappings
from reconciliation.admin.case_page import FIRST_ACT
from reconciliation.codes import CODES
from reconciliation.models import Case, CaseEvent, Cause
from retailhub.console.pages.compare import Comparison, comparison_of
from retailhub.core import clock, ids
from tests.support.world import EMAIL, KNOWN_SKU, LAST_NAME, STREET, UNKNOWN_SKU, World, order_body, person

MOST_QUERIES = 36
SECONDS = 0.15


def page(case: Case, client: Client | None = None, query: str = "") -> str:
    url = reverse("admin:reconciliation_case_change", args=[case.pk])
    return (client or person(everything=True)).get(url + query).content.decode()


def held(world: World) -> Case:
    return Case.objects.get(subject=world.order(904).subject)


def compared(subject: str, *, key: str = "", everything: bool = False) -> Comparison:
    panel = comparison_of(subject, key=key, everything=everything)
    assert panel is not None
    found: Comparison = panel.data
    return found


def row(found: Comparison, label: str) -> list[tuple[str, str]]:
    (line,) = [line for group in found.groups for line in group.lines if line.label == label]
    return [(value.text, value.state) for value in line.values]


def test_it_says_the_value_at_fault_where_it_came_from_and_who_can_mend_it(world: World) -> None:
    case = held(world)
    shown = page(case)
    assert case.sentence.split(",")[0] in shown
    assert f"<mark>{UNKNOWN_SKU}</mark>" in shown
    assert "Order 904 of eu" in shown
    assert "whoever keeps the data" in shown
    assert case.evidence["line"][:20] in shown


def test_the_likely_fix_comes_first_and_only_once(world: World) -> None:
    shown = page(held(world))
    assert shown.count('rh-first"') == 1
    assert 'rh-first" href="/admin/reconciliation/case/' in shown
    assert ">Map this SKU</a>" in shown.partition('rh-first"')[2][:200]
    viewer = page(held(world), person(name="vera"))
    assert 'rh-first"' not in viewer


@pytest.mark.parametrize("code", sorted(FIRST_ACT))
def test_a_likely_fix_is_for_a_code_that_exists(code: str) -> None:
    assert code in CODES


def test_what_to_do_is_the_runbook_without_commands_in_the_way(world: World) -> None:
    shown = page(held(world))
    steps = shown.partition('rh-steps">')[2].partition("</div>")[0]
    assert "<h2>What to do</h2>" in steps
    assert "Map this SKU" in steps
    assert "manage.py" not in steps
    assert "When to call an engineer" in shown


def test_the_order_is_shown_as_each_side_has_it_and_only_differences_unless_asked(world: World) -> None:
    subject = world.order(903).subject
    whole = compared(subject, everything=True)
    assert row(whole, "Total")[0][0] == row(whole, "Total")[1][0] == row(whole, "Total")[2][0]
    assert row(whole, "Total")[3] == ("–", "none")
    few = compared(subject)
    assert few.hidden > 20
    assert len([line for group in few.groups for line in group.lines]) < 6
    assert whole.hidden == 0
    assert "The period is closed." in few.answer
    shown = page(Case.objects.get(code="period_closed"))
    assert "Show all (" in shown
    assert "Only what differs" in page(Case.objects.get(code="period_closed"), person(name="vera"), "?all=1")


def test_what_an_item_is_called_elsewhere_is_a_difference_and_amounts_are_exact(world: World) -> None:
    mappings.map_sku(
        connection_id=world.erp.pk, sku=KNOWN_SKU, item_code="ERP-1", actor="test", reason="test", now=clock.now()
    )
    world.deliver(order_body(950))
    world.work()
    found = compared(world.order(950).subject, key=KNOWN_SKU)
    (line, *_rest) = [line for group in found.groups for line in group.lines if line.label.endswith("sku, item")]
    assert [value.text for value in line.values] == [KNOWN_SKU, KNOWN_SKU, "ERP-1", "–"]
    assert [value.state for value in line.values] == ["same", "same", "differs", "none"]
    assert line.at_fault
    whole = compared(world.order(950).subject, everything=True)
    total = json.loads(order_body(950))["total"]
    assert [text for text, _ in row(whole, "Total")][:3] == [total] * 3
    assert Decimal(row(whole, "Total")[3][0]) == Decimal(total)
    assert row(whole, "State there")[3] == ("confirmed", "same")


def test_another_amount_there_is_a_difference_but_other_zeros_are_not(world: World) -> None:
    subject = world.order(901).subject
    assert compared(subject).differences == compared(subject, everything=True).differences
    with connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_externalreference SET total = total + 0.01 WHERE subject = %s", [subject])
    assert [state for _, state in row(compared(subject), "Total")] == ["same", "same", "same", "differs"]


def test_personal_data_is_compared_but_never_shown(world: World) -> None:
    shown = page(Case.objects.get(code="period_closed"), query="?all=1")
    for secret in (EMAIL, LAST_NAME, STREET):
        assert secret not in shown
    assert "hidden" in shown


def test_a_case_without_an_order_has_no_comparison(world: World) -> None:
    case = Case.objects.get(code="body_not_json")
    assert comparison_of(case.subject, key="", everything=False) is None
    assert "From the shop to the ERP" not in page(case)


def test_it_tells_what_closed_causes_like_it(world: World) -> None:
    mappings.map_sku(
        connection_id=world.erp.pk,
        sku=UNKNOWN_SKU,
        item_code=KNOWN_SKU,
        actor="olga",
        reason="it is the same thing",
        now=clock.now(),
    )
    world.work()
    world.deliver(order_body(960, sku="UNKNOWN-2"))
    world.work()
    shown = page(Case.objects.get(subject=world.order(960).subject))
    past = shown.partition("Similar causes")[2]
    assert f"sku unmapped {UNKNOWN_SKU}" in past
    assert "nothing stands against it" in past
    assert "replayed" in past or "mapped" in past or "no person" in past


def many(count: int) -> None:
    """Cases of one code beside those of the world."""
    now = clock.now()
    cause = Cause.objects.get(code="sku_unmapped")
    causes = Cause.objects.bulk_create(
        [
            Cause(public_id=ids.new_id("cause"), fingerprint=f"{at:032}".encode(), code=cause.code, key=f"K{at}",
                  connection_id=cause.connection_id, first_seen_at=now)
            for at in range(count // 100)
        ]
    )  # fmt: skip
    facts: dict[str, Any] = {
        "code": cause.code, "family": "order", "sentence": "…", "owner_side": "data", "opened_at": now,
        "last_seen_at": now,
    }  # fmt: skip
    Case.objects.bulk_create(
        [
            Case(public_id=ids.new_id("case"), cause=causes[at % len(causes)], subject=f"order:ord_{at}",
                 state="open" if at % 2 else "closed", closed_at=None if at % 2 else now, **facts)
            for at in range(count)
        ],
        batch_size=5000,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE reconciliation_case")
        cursor.execute("ANALYZE reconciliation_cause")


def test_a_page_asks_a_fixed_number_of_queries(world: World) -> None:
    client = person(everything=True)
    for case in (held(world), Case.objects.get(code="period_closed"), Case.objects.get(code="body_not_json")):
        page(case, client)
        with CaptureQueriesContext(connection) as captured:
            page(case, client)
        assert len(captured) <= MOST_QUERIES, (case.code, len(captured), [q["sql"][:120] for q in captured])
    before = len(captured)
    many(300)
    with CaptureQueriesContext(connection) as captured:
        page(case, client)
    assert len(captured) == before


@pytest.mark.long
def test_a_page_is_quick_among_100_000_cases(world: World) -> None:
    many(100_000)
    client, case = person(everything=True), held(world)
    page(case, client)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        page(case, client)
        took.append(time.perf_counter() - began)
    assert min(took) < SECONDS, took


def test_every_event_of_a_case_is_told_with_who_and_why(world: World) -> None:
    case = held(world)
    CaseEvent.objects.create(case=case, at=clock.now(), what="noted", actor="sven", note="asked the shop")
    shown = page(case).partition("What was done about this case")[2].partition("</section>")[0]
    assert "sven" in shown
    assert "asked the shop" in shown

"""Ten journeys of an operator's week, by a real browser, each look at the widths of a desk and of a hand.

The others are beside: triage by keys, live pages, coming in, and setting up from nothing.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Locator, expect

from integrations import doctor
from integrations.models import OutboxMessage
from integrations.ports.capabilities import Ask, Result
from integrations.ports.errors import Rejected
from inventory.models import SkuMapping
from orders.models import Order
from reconciliation.models import Case, CauseWork, ReplayRun
from reconciliation.services import replay_steps
from retailhub.console import trends
from retailhub.core import clock
from retailhub.core.models import AuditEntry
from tests.browser.conftest import NAME, PASSWORD
from tests.browser.support import HEIGHTS, Person
from tests.support.world import EMAIL, KNOWN_SKU, UNKNOWN_SKU, Sink, World, order_body

WAITS = f"The SKU {UNKNOWN_SKU} is not known in the ERP, so the order waits."
NOWHERE = "http://127.0.0.1:9"
"""An address that a connection may not call unless it is said to be in the own network; nothing is sent there."""


class ClosedBooks(Sink):
    """An ERP whose books are closed for everything before a day."""

    opens = dt.date(2031, 1, 1)

    def ensure_many(self, asks: Sequence[Ask]) -> list[Result]:
        closed = Rejected("The period is closed.", code="period_closed")
        answers = super().ensure_many(asks)
        return [
            closed if ask.document.placed_on < self.opens else answer for ask, answer in zip(asks, answers, strict=True)
        ]


def more_orders(world: World, numbers: range) -> None:
    """Orders that are posted, or wait for the same SKU, every other one."""
    for number in numbers:
        world.deliver(order_body(number, sku=UNKNOWN_SKU if number % 2 else KNOWN_SKU))
    world.work()


def a_night(world: World) -> None:
    """A dozen orders, two each hour, and the figures as they were."""
    for hours, first in zip(range(6, 0, -1), range(920, 932, 2), strict=True):
        more_orders(world, range(first, first + 2))
        trends.measure(now=clock.now() - dt.timedelta(hours=hours))
    trends.measure(now=clock.now())


def follow(person: Person, name: str, *, among: Locator | None = None) -> None:
    """The link that is called exactly so."""
    (among or person.page).get_by_role("link", name=name, exact=True).first.click()
    person.looks()


def do(person: Person, name: str, *, reason: str, **fields: str) -> None:
    """Fill in the form of an act that is open, and send it."""
    page = person.page
    for label, value in fields.items():
        place = page.get_by_label(label.replace("_", " "))
        if place.evaluate("e => e.tagName") == "SELECT":
            place.select_option(label=value)
        else:
            place.fill(value)
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_url(re.compile(r"/(change/|flows/|unmask/)$"))
    person.looks()


def go_round(world: World) -> None:
    """What the workers do for replays in the meantime."""
    while replay_steps.step():
        world.work()


def the_cause(person: Person) -> None:
    """From home to what is behind most of the open cases."""
    person.go("/admin/")
    follow(person, WAITS, among=person.page.locator(".rh-panel", has_text="What needs a person"))


def the_plan(person: Person) -> ReplayRun:
    """A replay of the cases of a cause, planned on its page and shown."""
    the_cause(person)
    follow(person, "Replay its cases")
    do(person, "Replay its cases", reason="The item was added in the ERP.")
    return ReplayRun.objects.get()


def now_known(world: World) -> None:
    """Somebody adds the item in the ERP, and nobody is told."""
    key = {"connection_id": world.erp.pk, "sku": UNKNOWN_SKU, "item_code": "ITEM-1"}
    SkuMapping.objects.create(**key, source="catalogue", changed_at=clock.now())


def test_in_the_morning_home_leads_to_the_cause_behind_most_cases(person: Person, world: World) -> None:
    a_night(world)
    person.log_in(NAME, PASSWORD)
    page = person.page
    expect(page.get_by_role("link", name="10 Open cases")).to_be_visible()
    expect(page.get_by_role("link", name="8 Orders held")).to_be_visible()
    if page.viewport_size == {"width": 1280, "height": HEIGHTS[1280]}:
        person.picture("home")
    the_cause(person)
    expect(page.locator(".rh-lead")).to_have_text(WAITS)
    assert page.locator(".rh-panel", has_text="Open cases").first.locator("tbody tr").count() == 8


def test_a_cause_is_given_to_a_colleague_and_put_off_with_a_note_of_why(
    olga: Person, sven: Person, world: World
) -> None:
    page = olga.page
    the_cause(olga)
    follow(olga, "Assign")
    do(olga, "Assign", reason="He knows who orders the goods.", Person="sven")
    follow(olga, "Note")
    page.get_by_label("Note").fill("The shop adds the item on Monday.")
    page.get_by_role("button", name="Note", exact=True).click()
    page.wait_for_url("**/change/")
    sven.go("/admin/reconciliation/cause/")
    sven.picture("triage")
    expect(sven.page.locator("#result_list tbody tr", has_text=WAITS)).to_contain_text("sven")
    follow(sven, WAITS)
    expect(sven.page.locator("#content-main")).to_contain_text("The shop adds the item on Monday.")
    follow(sven, "Snooze")
    do(sven, "Snooze", reason="Until the shop has added it.", For="3 days")
    sven.go("/admin/reconciliation/cause/")
    expect(sven.page.get_by_role("link", name=WAITS)).to_have_count(0)
    assert CauseWork.objects.get(owner__username="sven").snoozed_until is not None


def test_an_unknown_sku_is_mapped_from_its_case_and_the_cases_close_with_proof(olga: Person, world: World) -> None:
    page, case = olga.page, Case.objects.filter(code="sku_unmapped").order_by("pk")[0]
    olga.go("/admin/reconciliation/case/?code=sku_unmapped")
    page.locator("#result_list tbody a").last.click()
    olga.looks()
    expect(page.locator(".rh-lead")).to_have_text(WAITS)
    expect(page.locator(".rh-fault mark")).to_have_text(UNKNOWN_SKU)
    expect(page.locator(".rh-prose").first).to_contain_text("What to do")
    olga.picture("case", width=390)
    follow(olga, "Map this SKU")
    page.get_by_label("It is right").check()
    do(olga, "Map this SKU", reason="The ERP calls it so.", Item_code="ITEM-1")
    world.work()
    olga.go(f"/admin/reconciliation/case/{case.pk}/change/")
    expect(page.locator(".rh-title")).to_contain_text("closed")
    expect(page.locator(".rh-facts")).to_contain_text("nothing stands against it")
    expect(page.locator("#content-main")).to_contain_text("SO-WC-eu-904")
    olga.picture("case_closed")
    assert set(Case.objects.filter(code="sku_unmapped").values_list("state", flat=True)) == {"closed"}
    assert OutboxMessage.objects.filter(reference__in=("WC-eu-904", "WC-eu-905"), status="done").count() == 2


def test_a_replay_begins_with_one_stops_at_a_surprise_and_goes_on(olga: Person, world: World) -> None:
    more_orders(world, range(920, 928))
    page = olga.page
    run = the_plan(olga)
    expect(page.locator("#replay-progress")).to_contain_text("Nothing has been done yet.")
    follow(olga, "Start")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/change/")
    go_round(world)
    # the page looks again by itself
    expect(page.locator("#replay-progress")).to_contain_text("5 stay as they were", timeout=20_000)
    olga.go(f"/admin/reconciliation/replayrun/{run.pk}/change/")
    expect(page.locator(".rh-panel", has_text="What did not end well")).to_contain_text("904")
    olga.picture("replay_stopped")
    now_known(world)
    follow(olga, "Go on")
    do(olga, "Go on", reason="The item is there now.")
    go_round(world)
    expect(page.locator("#replay-progress")).to_contain_text("6 of 6 went through.", timeout=20_000)
    olga.looks()
    assert not Case.objects.filter(code="sku_unmapped", state="open").exists()


def test_a_large_replay_waits_for_the_yes_of_a_second_person(
    olga: Person, sven: Person, world: World, settings: Any
) -> None:
    settings.REPLAY_APPROVAL_ABOVE = 1
    now_known(world)
    run = the_plan(olga)
    follow(olga, "Start")
    expect(olga.page.locator(".rh-lead")).to_contain_text("another person has to approve it")
    olga.page.get_by_role("button", name="Start", exact=True).click()
    olga.page.wait_for_url("**/change/")
    follow(olga, "Approve")
    olga.page.get_by_label("Reason").fill("I know what I do.")
    olga.page.get_by_role("button", name="Approve", exact=True).click()
    expect(olga.page.locator("#content-main")).to_contain_text("you have planned it")
    sven.go(f"/admin/reconciliation/replayrun/{run.pk}/change/")
    expect(sven.page.locator("#content-main")).to_contain_text("Post order under WC-eu-904")
    sven.picture("replay_approve")
    follow(sven, "Approve")
    do(sven, "Approve", reason="I looked at both.")
    go_round(world)
    expect(sven.page.locator("#replay-progress")).to_contain_text("2 of 2 went through.", timeout=20_000)
    assert AuditEntry.objects.get(action="approve_replay").actor_name == "sven"


def test_a_refused_document_is_edited_and_sent(olga: Person, world: World) -> None:
    world.sink = ClosedBooks()
    page, case = olga.page, Case.objects.get(code="period_closed")
    olga.go(f"/admin/reconciliation/case/{case.pk}/change/")
    follow(olga, "Edit and send")
    olga.picture("edit")
    do(olga, "Edit and send", reason="The bookkeeper wants it in the new period.", Placed_on="2031-01-02")
    world.work()
    olga.go(f"/admin/reconciliation/case/{case.pk}/change/")
    expect(page.locator(".rh-title")).to_contain_text("closed")
    assert OutboxMessage.objects.get(reference="WC-eu-903").status == "done"


def test_a_customer_asks_and_the_answer_goes_down_to_the_bytes(olga: Person, world: World) -> None:
    page = olga.page
    olga.go("/admin/")
    page.get_by_role("searchbox").fill(EMAIL)
    page.keyboard.press("Enter")
    page.wait_for_url("**/find/**")
    olga.looks()
    assert EMAIL not in page.url
    follow(olga, "Order 901 of eu")
    kinds = page.locator(".rh-timeline .rh-kind").all_inner_texts()
    assert {"version", "transition", "effect", "attempt", "document"} <= set(kinds)
    olga.picture("order")
    olga.picture("timeline", of=".rh-panel:has(.rh-timeline)")
    amounts_fit(olga)
    follow(olga, "Where every value comes from")
    follow(olga, "total")
    total = f"{Order.objects.get(order_ref='901').total:.2f}"
    expect(page.locator(".rh-value")).to_have_text(total)
    expect(page.locator(".rh-pre mark")).to_have_text(f'"{total}"')
    expect(page.locator(".rh-panel", has_text="What the ERP holds")).to_contain_text(total)
    olga.picture("explain")


def amounts_fit(person: Person) -> None:
    """In a hand, what stands beside a heading on a desk stands under it, and nothing is beyond the edge."""
    page = person.page
    page.set_viewport_size({"width": 390, "height": HEIGHTS[390]})
    cells = page.locator(".rh-panel", has_text="Lines").first.locator("td[data-label=Net]").all()
    boxes = [cell.bounding_box() for cell in cells]
    page.set_viewport_size({"width": 1280, "height": HEIGHTS[1280]})
    assert boxes
    assert all(box is not None and 0 <= box["x"] <= box["x"] + box["width"] <= 390 for box in boxes)


def test_an_erp_is_paused_for_its_maintenance_until_a_moment_and_resumed(olga: Person, world: World) -> None:
    page = olga.page
    olga.go("/admin/flows/")
    follow(olga, "Pause erp")
    do(olga, "Pause", reason="yearly maintenance", For_how_long="4 hours")
    world.deliver(order_body(950))
    olga.go("/admin/flows/")
    expect(page.locator("#flows")).to_contain_text(
        re.compile(rf"Paused by {NAME} until 20\S+ \S+ UTC: yearly maintenance\.")
    )
    olga.picture("flows")
    follow(olga, "Resume erp")
    do(olga, "Resume", reason="They are done early.")
    world.work()
    assert OutboxMessage.objects.get(reference="WC-eu-950").status == "done"


def test_a_connection_is_tested_and_the_page_says_how_to_mend_it(olga: Person, world: World) -> None:
    world.erp.settings = {**world.erp.settings, "base_url": NOWHERE}
    world.erp.save(update_fields=["settings"])
    page = olga.page
    olga.go(f"/admin/integrations/connection/{world.erp.pk}/change/")
    follow(olga, "Test")
    do(olga, "Test", reason="Nothing has been posted since noon.")
    expect(page.get_by_text("it waits for a worker")).to_be_visible()
    assert doctor.step() == 1
    # the page looks again by itself
    expect(page.locator("#doctor")).to_contain_text("is a private address", timeout=20_000)
    olga.looks()
    olga.picture("doctor")


def test_personal_data_is_shown_for_a_reason_and_the_audit_keeps_that(olga: Person, world: World) -> None:
    page = olga.page
    olga.go(f"/admin/orders/order/{Order.objects.get(order_ref='901').public_id}/change/")
    expect(page.locator("#content-main")).not_to_contain_text(EMAIL)
    follow(olga, "Show personal data")
    do(olga, "Show personal data", reason="The customer asks which address we have.")
    expect(page.locator("#content-main")).to_contain_text(EMAIL)
    olga.go("/admin/core/auditentry/")
    row = page.locator("#result_list tbody tr").first
    expect(row).to_contain_text(NAME)
    olga.picture("audit")
    row.get_by_role("link").first.click()
    olga.looks()
    expect(page.locator("#content-main")).to_contain_text("The customer asks which address we have.")

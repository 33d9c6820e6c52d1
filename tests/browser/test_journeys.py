"""What people do at the console, by a real browser on a desk and in a hand."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import NAME, PASSWORD
from tests.browser.support import Person
from tests.support.world import UNKNOWN_SKU, World

LISTS = ("integrations/connection", "integrations/inboxmessage", "integrations/outboxmessage", "orders/order")


def test_somebody_logs_in_and_sees_what_needs_a_person(person: Person) -> None:
    person.log_in(NAME, PASSWORD)
    expect(person.page.get_by_role("link", name="4 Open cases")).to_be_visible()
    expect(person.page.get_by_role("link", name="2 Orders held")).to_be_visible()
    needs = person.page.locator(".rh-panel", has_text="What needs a person")
    expect(needs.get_by_role("link", name="sku unmapped")).to_be_visible()


def test_somebody_opens_a_case_and_reads_what_happened_and_what_to_do(person: Person) -> None:
    person.log_in(NAME, PASSWORD)
    person.open_link("4 Open cases")
    person.open_link(f"The SKU {UNKNOWN_SKU} is not known in the ERP, so the order waits.")
    page = person.page
    expect(page.locator(".rh-lead")).to_have_text(f"The SKU {UNKNOWN_SKU} is not known in the ERP, so the order waits.")
    expect(page.get_by_role("heading", name="What to do", exact=True).first).to_be_visible()
    expect(page.locator(".rh-prose")).to_contain_text("manage.py cases --code sku_unmapped")
    expect(page.get_by_role("link", name="Replay")).to_be_visible()
    person.open_link("Order 90")
    expect(page.locator(".rh-title")).to_have_text("Order 905 of eu")


def test_somebody_looks_an_order_up_and_reads_its_timeline(person: Person, world: World) -> None:
    person.log_in(NAME, PASSWORD)
    person.go("/admin/orders/order/")
    search = person.page.get_by_role("textbox", name="Type to search")
    search.fill("901")
    search.press("Enter")
    person.page.wait_for_url("**q=901**")
    person.looks()
    person.open_link("901")
    page = person.page
    expect(page.locator(".rh-title")).to_have_text("Order 901 of eu")
    kinds = page.locator(".rh-timeline .rh-kind").all_inner_texts()
    assert kinds[0] == "delivery"
    assert {"version", "transition", "effect", "attempt", "document"} <= set(kinds)
    # what stands beside a heading on a desk stands under it in a hand, and nothing is beyond the edge
    for amount in page.locator(".rh-panel", has_text="Lines").first.locator("td[data-label=Net]").all():
        box = amount.bounding_box()
        assert box is not None
        assert page.viewport_size is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= page.viewport_size["width"]


def test_every_list_and_its_first_row_show_all_of_their_words(person: Person) -> None:
    person.log_in(NAME, PASSWORD)
    for path in LISTS:
        person.go(f"/admin/{path}/")
        person.page.locator("#result_list tbody a").first.click()
        person.looks()
        expect(person.page.locator(".rh-title")).to_be_visible()

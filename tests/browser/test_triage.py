"""Triage by keys; and the same by hand where there are no scripts."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from reconciliation.models import CauseEvent, CauseWork
from reconciliation.services import bulk
from tests.browser.conftest import NAME, session
from tests.browser.support import Person
from tests.support.world import World, order_body

LIST = "/admin/reconciliation/cause/"


def some_causes(world: World, number: int) -> None:
    for each in range(1000, 1000 + number):
        world.deliver(order_body(each, sku=f"SHELF-{each}"))
    world.work()


def test_causes_are_gone_through_claimed_and_put_off_by_keys_alone(olga: Person, world: World) -> None:
    some_causes(world, 4)
    olga.go(LIST)
    keys, page = olga.page.keyboard, olga.page
    keys.press("j")
    keys.press("j")
    expect(page.locator("#result_list tbody tr").nth(1)).to_have_class(re.compile("rh-here"))
    expect(page.locator("#result_list tbody a.rh-open").nth(1)).to_be_focused()
    keys.press("x")
    keys.press("k")
    keys.press("x")
    expect(page.locator("input[name=pick]:checked")).to_have_count(2)
    keys.press("c")
    page.wait_for_url("**/bulk/act/claim/**")
    olga.looks()
    page.get_by_role("button", name="Claim").click()
    page.wait_for_url(f"**{LIST}*")
    olga.looks()
    assert list(CauseWork.objects.values_list("owner__username", flat=True)) == [NAME, NAME]


def test_a_cause_is_put_off_noted_and_opened_by_keys_alone(olga: Person, world: World) -> None:
    olga.go(LIST)
    keys, page = olga.page.keyboard, olga.page
    keys.press("j")
    keys.press("e")
    page.wait_for_url("**/act/snooze/**")
    olga.looks()
    page.get_by_label("Reason").fill("until the shop answers")
    page.get_by_role("button", name="Snooze").click()
    page.wait_for_url(f"**{LIST}*")
    assert CauseWork.objects.filter(snoozed_until__isnull=False).count() == 1

    keys.press("j")
    keys.press("n")
    page.wait_for_url("**/act/note/**")
    page.get_by_label("Note").fill("The shelf is empty.")
    page.get_by_role("button", name="Note").click()
    page.wait_for_url(f"**{LIST}*")
    assert CauseEvent.objects.filter(what="noted").count() == 1
    keys.press("j")
    keys.press("Enter")
    page.wait_for_url("**/change/")
    olga.looks()


def test_help_opens_and_keys_are_letters_where_somebody_writes(olga: Person, world: World) -> None:
    olga.go(LIST)
    page = olga.page
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("jxc?")
    expect(page.get_by_label("Find a cause")).to_have_value("jxc?")
    expect(page.locator("input[name=pick]:checked")).to_have_count(0)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=jxc*")
    olga.looks()
    expect(page.get_by_text("No cause with open cases matches.")).to_be_visible()


def test_an_act_on_many_goes_on_by_itself_until_all_is_done(
    olga: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 1)
    monkeypatch.setattr("reconciliation.admin.triage_bulk.SECONDS", 0)
    monkeypatch.setattr("reconciliation.admin.triage.SECONDS", 0)
    olga.go(f"{reverse('admin:reconciliation_cause_bulk_act', args=['note'])}?all=1")
    page = olga.page
    page.get_by_label("Note").fill("All the same.")
    page.get_by_role("button", name="Note").click()
    page.wait_for_url("**/bulk/bulk_*/")
    expect(page.get_by_text("All is done.")).to_be_visible()
    olga.looks()  # before, the page goes on by itself under the look
    assert CauseEvent.objects.filter(what="noted").count() == 3


def test_triage_works_without_scripts(browser: Browser, live_server: LiveServer, world: World) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "sessionid", "value": session(), "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}{LIST}")
    page.locator("input[name=pick]").first.check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tag").fill("by hand")
    page.get_by_label("Reason").fill("no scripts here")
    page.get_by_role("button", name="Tag").click()
    expect(page.get_by_text("by hand")).to_have_count(2)  # on the cause, and what tags can be chosen
    assert CauseWork.objects.get(tags=["by hand"]).owner is None
    context.close()

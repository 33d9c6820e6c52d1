"""Pages that renew themselves, and say when they could not."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from integrations import connections, doctor
from integrations.ports.capabilities import Check, Health
from retailhub.core import clock
from tests.browser.support import Person
from tests.support.world import World

SOON = 20_000
"""Home renews itself every ten seconds."""


def test_flows_renew_themselves_and_say_when_they_cannot(olga: Person, world: World) -> None:
    page = olga.page
    olga.go("/admin/flows/")
    expect(page.get_by_role("link", name="Pause erp")).to_be_visible()
    page.get_by_role("link", name="Pause erp").focus()
    connections.pause(name="erp", until=None, actor="rosa", reason="stocktaking", now=clock.now())
    expect(page.get_by_text("Paused by rosa until resumed: stocktaking.")).to_be_visible(timeout=SOON)
    # who works with the keyboard is still where they were
    expect(page.get_by_role("link", name="Resume erp")).to_be_focused()
    state = page.locator("[data-live-state]")
    expect(state).to_have_text(re.compile(r"As of \d\d:\d\d:\d\d\."))

    def refuse(route: Route) -> None:
        route.fulfill(status=503, body="away")

    page.route("**/admin/flows/", refuse)
    expect(state).to_contain_text("Not renewed: the server answered 503. What you see is from", timeout=SOON)
    expect(page.locator("#flows")).to_have_class("rh-stale")
    page.unroute("**/admin/flows/", refuse)
    expect(state).to_have_text(re.compile(r"As of"), timeout=SOON)
    expect(page.locator("#flows")).not_to_have_class("rh-stale")
    # the browser tells of the refused answers too
    olga.troubles[:] = [trouble for trouble in olga.troubles if "503" not in trouble]


def test_home_shows_what_has_changed_without_a_reload(olga: Person, world: World) -> None:
    olga.go("/admin/")
    expect(olga.page.locator("#home")).not_to_contain_text("paused by rosa")
    connections.pause(name="erp", until=None, actor="rosa", reason="stocktaking", now=clock.now())
    expect(olga.page.locator("#home")).to_contain_text("paused by rosa", timeout=SOON)
    olga.looks()


def test_somebody_has_a_connection_tested_and_sees_what_was_found(
    olga: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [Check("credentials", Health.FAILED, "The key is refused.", "Enter a valid API key.")]
    monkeypatch.setattr(doctor, "examine", lambda *_args, **_more: checks)
    page = olga.page
    olga.go(f"/admin/integrations/connection/{world.erp.pk}/change/")
    olga.open_link("Test")
    page.get_by_label("Reason").fill("they say that it is mended")
    page.get_by_role("button", name="Test").click()
    olga.looks()
    expect(page.get_by_text("it waits for a worker")).to_be_visible()
    assert doctor.step() == 1
    expect(page.get_by_text("Enter a valid API key.")).to_be_visible(timeout=SOON)
    expect(page.locator("#doctor")).not_to_have_attribute("data-live", re.compile("."))
    olga.looks()

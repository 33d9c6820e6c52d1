"""Somebody connects a store and an ERP in the browser, from nothing to an order in the ERP's ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from integrations import doctor, sweep, webhooks
from integrations.models import Connection
from integrations.states import PollKind
from tests.browser.conftest import NAME, PASSWORD
from tests.browser.support import HEIGHTS, Person
from tests.support.hub import install_eligibility
from tests.support.shop import Shop, known_skus, running_shop

GUIDE = "/admin/set-up/"
DESK, HAND = 1280, 390


@pytest.fixture
def shop(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[Shop]:
    """A store and an ERP that are running, a worker that looks, and nothing connected."""
    settings.DEBUG = True  # the look-alike ERP is offered
    settings.HISTORY_PAUSE_MS = 0
    User.objects.create_superuser(NAME, password=PASSWORD)
    install_eligibility()
    webhooks.forget_secrets()
    sweep.beat("pump@test")
    with running_shop(tmp_path) as found:
        found.books.add_products(known_skus())
        yield found


@pytest.fixture
def ines(browser: Browser, live_server: LiveServer, shop: Shop) -> Iterator[Person]:
    """Ines at a fresh browser, logged in. The steps are many, so each is looked at by two widths as it is passed."""
    size: ViewportSize = {"width": DESK, "height": HEIGHTS[DESK]}
    context = browser.new_context(viewport=size, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    somebody = Person(context.new_page(), live_server.url)
    somebody.log_in(NAME, PASSWORD)
    yield somebody
    context.close()
    assert somebody.troubles == []


def fill(page: Page, **said: str) -> None:
    for label, value in said.items():
        page.locator(".rh-guide").get_by_label(label.replace("_", " "), exact=False).first.fill(value)


def press(person: Person, name: str) -> None:
    """Look at the page in a hand too, then press a button of it."""
    person.page.set_viewport_size({"width": HAND, "height": HEIGHTS[HAND]})
    person.looks()
    person.page.set_viewport_size({"width": DESK, "height": HEIGHTS[DESK]})
    person.page.get_by_role("button", name=name, exact=True).click()
    person.looks()


def connect_the_erp(person: Person, shop: Shop) -> None:
    """First without leave to call a private address, then mended at the field that says so."""
    page = person.page
    person.open_link("Connect an ERP")
    person.open_link("Look-alike ERP")
    fill(page, Name="erp", Address=shop.place.base_url, API_key=shop.place.api_key)
    press(person, "Save and test")
    expect(page.get_by_text("It is being tested.")).to_be_visible()
    assert doctor.step() == 1
    # the page looks again by itself
    expect(page.get_by_text("The test found something that must be mended first.")).to_be_visible()
    person.open_link("Mend it")
    expect(page.locator(".rh-wrong").first).to_contain_text("is a private address")
    # what it takes is opened for them
    page.get_by_label("It is in our own network").check()
    fill(page, Reason="It is in our own network.")
    press(person, "Save and test")
    assert doctor.step() == 1
    expect(page.get_by_text("The test found nothing wrong.")).to_be_visible()


def connect_the_store(person: Person, shop: Shop) -> None:
    page = person.page
    person.open_link("Connect a store")
    expect(page.get_by_role("heading", name="Where the keys are made")).to_be_visible()
    fill(page, Name="eu", Address_of_the_store=shop.store.url, Code_of_the_store="eu")
    fill(page, Consumer_key=shop.store.key, Consumer_secret=shop.store.secret)
    page.get_by_text("More settings").click()
    page.get_by_label("It is in our own network").check()
    press(person, "Save and test")
    assert doctor.step() == 1
    expect(page.get_by_text("The test found nothing wrong.")).to_have_count(2)


def test_somebody_sets_up_from_nothing_and_sees_the_first_order_posted(ines: Person, shop: Shop) -> None:
    page = ines.page
    ines.go(GUIDE)
    connect_the_erp(ines, shop)
    connect_the_store(ines, shop)

    ines.open_link("Say where orders go")
    fill(page, Code_of_the_company="acme", Name_of_the_company="Acme GmbH", Currency_of_its_books="EUR")
    press(ines, "Save the route")
    press(ines, "Read the ERP's catalogue")
    press(ines, "Compare the store's SKUs with it")
    expect(page.locator(".rh-lead")).to_contain_text("erp knows")
    ines.open_link("Back")

    ines.open_link("Look on in shadow mode")
    fill(page, Reason="We look on first.")
    press(ines, "Switch both to shadow")
    (number,) = shop.control.place_orders(1, lives={"paid_at_once": 1})
    work(shop)
    # the page looks again by itself
    expect(page.locator("#shadow")).to_contain_text("1 would be posted")
    ines.looks()
    ines.open_link("Go live")
    fill(page, Reason="All is as it should be.")
    press(ines, "Go live")
    work(shop)
    expect(page.locator("#posted")).to_contain_text(f"WC-eu-{number}")
    assert [each.reference for each in shop.books.books().documents if each.live] == [f"WC-eu-{number}"]
    ines.looks()


def work(shop: Shop) -> None:
    """What the workers do in the meantime."""
    shop.eu = Connection.objects.get(name="eu")
    shop.look(PollKind.HISTORY, PollKind.CHANGED)
    shop.settle()

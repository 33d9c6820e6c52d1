"""Pages as people with a screen reader, a keyboard or weak eyes meet them: axe finds nothing serious on any of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, reverse
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from retailhub.console.pages.directory import PAGES
from tests.browser.conftest import NAME
from tests.browser.support import HEIGHTS, Person
from tests.support.world import World

SERIOUS = {"serious", "critical"}
LOOKS = [(1280, "light"), pytest.param((390, "dark"), marks=pytest.mark.long)]


@pytest.fixture(params=LOOKS, ids=["1280 px, light", "390 px, dark"])
def person(browser: Browser, live_server: LiveServer, world: World, request: pytest.FixtureRequest) -> Iterator[Person]:
    """Olga, who is in."""
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHTS[width]}, reduced_motion="reduce", color_scheme=scheme
    )
    context.set_default_timeout(10_000)
    client = Client()
    client.force_login(User.objects.get(username=NAME))
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    yield Person(context.new_page(), live_server.url)
    context.close()


def addresses() -> list[str]:
    """Every list of the admin and every page that belongs to no model."""
    found = [reverse("admin:index"), reverse("admin:password_change")]
    for page in (page for page in PAGES if "GET" in page.methods):
        try:
            found.append(reverse(f"admin:{page.name}"))
        except NoReverseMatch:
            continue  # it is reached from an object's page
    names = [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]
    return found + [reverse(f"admin:{name}_changelist") for name in names]


def serious(person: Person) -> list[str]:
    """What is wrong with the page that is open, and what axe calls serious, each with the first element it found."""
    try:
        person.looks()
    except AssertionError as wrong:
        return [str(wrong)]
    found = Axe().run(person.page).response["violations"]
    return [
        f"{person.page.url}: {each['id']}: {each['nodes'][0]['html'][:160]} {each['nodes'][0]['any'][:1]}"
        for each in found
        if each["impact"] in SERIOUS
    ]


def test_axe_finds_nothing_serious_on_any_list_on_the_page_of_its_first_row_and_on_its_first_act(
    person: Person,
) -> None:
    troubles: list[str] = []
    for address in addresses():
        person.page.goto(person.base + address)
        troubles += serious(person)
        for further in ("#result_list tbody a", ".rh-acts a"):
            link = person.page.locator(further)
            if link.count() == 0:
                break
            link.first.click()
            troubles += serious(person)
    assert troubles == [], "\n".join(troubles)


def test_axe_finds_nothing_serious_at_the_door(browser: Browser, live_server: LiveServer, world: World) -> None:
    context = browser.new_context()
    person = Person(context.new_page(), live_server.url)
    person.go("/admin/")
    assert serious(person) == []
    context.close()

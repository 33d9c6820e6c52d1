"""A server with a little of everything, and somebody at a browser at each of two widths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, ViewportSize
from pytest_django.live_server_helper import LiveServer

from retailhub.core.access import Role
from tests.browser.support import HEIGHTS, WITHOUT, Person, chromium, chromium_path
from tests.support.world import World, build

NAME, PASSWORD = "olga", "correct horse battery"
DESK, HAND = 1280, 390


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = chromium_path()
    if path is None and os.environ.get("CI") != "true":
        pytest.skip(WITHOUT)
    assert path is not None, WITHOUT
    with pytest.MonkeyPatch.context() as patch, chromium(path) as running:
        # Playwright runs its loop in this thread, where the tests use the database as they do elsewhere
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield running


@pytest.fixture
def world(transactional_db: None) -> World:
    """A store, an ERP, orders posted, refused and held; and somebody who may see and do everything."""
    User.objects.create_superuser(NAME, password=PASSWORD)
    return build()


@pytest.fixture(params=HEIGHTS, ids=[f"{width} px" for width in HEIGHTS])
def person(browser: Browser, live_server: LiveServer, world: World, request: pytest.FixtureRequest) -> Iterator[Person]:
    """Olga at a fresh browser, not logged in yet."""
    size: ViewportSize = {"width": request.param, "height": HEIGHTS[request.param]}
    context = browser.new_context(viewport=size, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    somebody = Person(context.new_page(), live_server.url)
    yield somebody
    context.close()
    assert somebody.troubles == []


def session(name: str = NAME) -> str:
    """The session of somebody who has come in already; how they do is told by other tests."""
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client.cookies["sessionid"].value


@contextmanager
def at_a_desk(browser: Browser, base: str, name: str) -> Iterator[Person]:
    """Somebody who is in, at a desk's window; every look is taken in a hand's width too."""
    size: ViewportSize = {"width": DESK, "height": HEIGHTS[DESK]}
    context = browser.new_context(viewport=size, reduced_motion="reduce")
    context.set_default_timeout(10_000)
    context.add_cookies([{"name": "sessionid", "value": session(name), "url": base}])
    somebody = Person(context.new_page(), base, also=(HAND,))
    yield somebody
    context.close()
    assert somebody.troubles == []


@pytest.fixture
def olga(browser: Browser, live_server: LiveServer, world: World) -> Iterator[Person]:
    """Olga, who may do everything."""
    with at_a_desk(browser, live_server.url, NAME) as somebody:
        yield somebody


@pytest.fixture
def sven(browser: Browser, live_server: LiveServer, world: World) -> Iterator[Person]:
    """Sven, a supervisor."""
    user = User.objects.create_user("sven", password=PASSWORD, is_staff=True)
    user.groups.set([Group.objects.get(name=Role.SUPERVISOR.value)])
    with at_a_desk(browser, live_server.url, "sven") as somebody:
        yield somebody

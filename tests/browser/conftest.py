"""A server with a little of everything, and somebody at a browser at each of two widths."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, ViewportSize
from pytest_django.live_server_helper import LiveServer

from tests.browser.support import HEIGHTS, WITHOUT, Person, chromium, chromium_path
from tests.support.world import World, build

NAME, PASSWORD = "olga", "correct horse battery"


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

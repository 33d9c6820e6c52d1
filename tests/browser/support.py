"""A person at a browser: the system's Chromium, driven by Playwright, with an eye on what must never happen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WITHOUT = "No Chromium on PATH: `apt-get install chromium`; with CI=true it must be there."
HEIGHTS = {1280: 800, 390: 844}
"""Widths that are looked at, a desk's and a hand's, with their heights, in CSS pixels."""
CUT_OFF = """() => [...document.querySelectorAll('#main *, .rh *')]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && ['hidden', 'clip'].includes(getComputedStyle(e).overflowX)
        && !e.matches('.truncate.tracking-tight') && e.clientWidth > 1 && e.innerText && e.getClientRects().length)
    .map(e => e.innerText.slice(0, 60))"""
"""Texts of the page's own part that do not fit where they stand and cannot be scrolled to; what is a pixel wide is
there for screen readers only, and the title in the top bar ends in dots where it is narrow."""

SCROLL = "of => of ? document.querySelector(of).scrollIntoView() : window.scrollTo(0, 0)"
PICTURES = Path(os.environ["RETAILHUB_PICTURES"]) if "RETAILHUB_PICTURES" in os.environ else None
"""Where pictures are put, if they are wanted: ``make screenshots`` sets it."""


def chromium_path() -> str | None:
    """Where the system's Chromium is, if it has one."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """A headless browser, gone at the end. Nothing is downloaded."""
    with sync_playwright() as playwright:
        # its own sandbox refuses root
        args = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        browser.close()


@dataclass
class Person:
    """Somebody at a page of ``base``. `looks` is to be called wherever they would look; it fails on what is wrong.

    ``also`` are widths beside the window's own at which every look is taken too, in CSS pixels. Pictures go to the
    folder `PICTURES`, if there is one.
    """

    page: Page
    base: str
    also: tuple[int, ...] = ()
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error in a script: {error}"))
        self.page.on("request", self._request)

    def go(self, path: str) -> None:
        """Open an address of the site and look."""
        self.page.goto(self.base + path)
        self.looks()

    def log_in(self, name: str, password: str) -> None:
        """By the form, from the address that asks for it."""
        self.page.goto(f"{self.base}/admin/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password", exact=False).first.fill(password)
        self.looks()
        self.page.get_by_role("button", name="Log in").click()
        self.looks()

    def open_link(self, name: str) -> None:
        """Click the first link of this name and look."""
        self.page.get_by_role("link", name=name).first.click()
        self.looks()

    def looks(self) -> None:
        """Wait for the page; nothing reaches over its edge, is cut off, or was asked of another host."""
        self.page.wait_for_load_state("load")
        self._fits()
        for width in self.also:
            with self._at(width):
                self._fits()
        troubles, self.troubles[:] = self.troubles[:], []
        assert troubles == [], "\n".join(troubles)

    def picture(self, name: str, *, width: int = 1280, of: str = "") -> None:
        """What is seen now as ``<name>.png``, from the top of the page or from the element ``of`` (CSS) on."""
        if PICTURES is None:
            return
        with self._at(width):
            self.page.evaluate(SCROLL, of)
            self.page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", caret="hide")

    @contextmanager
    def _at(self, width: int) -> Iterator[None]:
        """The same page in a window of this width for a moment."""
        usual = self.page.viewport_size
        assert usual is not None
        self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        yield
        self.page.set_viewport_size(usual)

    def _fits(self) -> None:
        wide, screen = self.page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
        if wide > screen:
            self.troubles.append(f"{self.page.url} is {wide} px wide on a screen of {screen}")
        self.troubles += [f"{self.page.url} cuts off {text!r}" for text in self.page.evaluate(CUT_OFF)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(f"{self.page.url}: {message.type} in the console: {message.text}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).scheme in {"http", "https"} and not request.url.startswith(f"{self.base}/"):
            self.troubles.append(f"{self.page.url} asks another host: {request.url}")

"""Makes the pictures in docs/img anew, from a demo that runs for them: ``make screenshots``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize

from tests.browser.support import HEIGHTS, WITHOUT, Person, chromium, chromium_path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "img"
ORDERS = 80
PATIENCE_SECONDS = 300
AT_REST = re.compile(rf"{ORDERS} of {ORDERS} orders placed;.* 0 to take in, 0 to post,")
CONSOLE = re.compile(r"Console +(\S+)/admin/ +user (\S+) +password (\S+)")


@contextmanager
def demo() -> Iterator[tuple[str, str, str]]:
    """A demo that has come to rest: its address, user and password."""
    with tempfile.TemporaryDirectory(prefix="retailhub-screenshots-") as folder:
        Path(folder).chmod(0o711)  # the account that PostgreSQL runs as goes through it
        process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--orders", str(ORDERS), "--rate", "40", "--seed", "7"],
            cwd=ROOT,
            env={**os.environ, "RETAILHUB_STATE_DIR": folder, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        impatience = threading.Timer(PATIENCE_SECONDS, process.terminate)
        impatience.start()
        try:
            yield _console(process)
        finally:
            impatience.cancel()
            process.send_signal(signal.SIGINT)
            process.communicate()


def _console(process: subprocess.Popen[str]) -> tuple[str, str, str]:
    found = None
    assert process.stdout is not None
    for line in process.stdout:
        found = CONSOLE.match(line) or found
        if found and AT_REST.match(line):
            return found[1], found[2], found[3]
    raise SystemExit(f"The demo ended before it came to rest, or did not say so within {PATIENCE_SECONDS} s.")


def _home(person: Person) -> None:
    person.go("/admin/")


def _case(person: Person) -> None:
    person.go("/admin/reconciliation/case/")
    person.page.locator("#result_list tbody a").first.click()


def _order(person: Person) -> None:
    """The story of one that is posted."""
    person.go("/admin/orders/order/?order_state=accepted")
    person.page.locator("#result_list tbody a").first.click()
    person.page.locator(".rh-panel", has_text="Timeline").last.evaluate("e => e.scrollIntoView()")


SHOTS: tuple[tuple[str, int, Callable[[Person], None]], ...] = (
    ("home", 1280, _home),
    ("order", 1280, _order),
    ("case", 390, _case),
)


def shoot(browser: Browser, where: tuple[str, str, str]) -> None:
    """Each picture by a browser of its own width."""
    base, user, password = where
    for name, width, open_page in SHOTS:
        size: ViewportSize = {"width": width, "height": HEIGHTS[width]}
        context = browser.new_context(viewport=size, reduced_motion="reduce")
        person = Person(context.new_page(), base)
        person.log_in(user, password)
        open_page(person)
        person.looks()
        person.picture(PICTURES / f"{name}.png")
        context.close()


def main() -> None:
    """Make them all."""
    path = chromium_path()
    if path is None:
        raise SystemExit(WITHOUT)
    PICTURES.mkdir(exist_ok=True)
    with demo() as where, chromium(path) as browser:
        shoot(browser, where)


if __name__ == "__main__":
    main()

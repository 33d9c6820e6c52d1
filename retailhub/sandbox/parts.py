"""The other systems of a sandbox, started beside a stack: a look-alike ERP and a look-alike store."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from integrations.connectors.woocommerce.findings import TOPICS
from retailhub.sandbox.erp.control import Control, Place, read_place
from retailhub.sandbox.services import REPOSITORY, Services
from retailhub.sandbox.store import control as store
from retailhub.sandbox.supervisor import Command, SandboxError, StateDirectory

WEBHOOKS_WITHIN_SECONDS = 120.0


def start_erp(services: Services) -> tuple[Place, Control]:
    """A look-alike ERP with empty books: its place and its control. Raises `SandboxError`."""
    ready = services.state.path / "erp.json"
    ready.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "retailhub.sandbox.erp", "--ready-file", str(ready)]
    argv += ["--ledger", str(_fresh(services.state.path / "erp.sqlite"))]
    services.supervisor.start(Command(name="erp", argv=argv, cwd=REPOSITORY, ready=ready.exists))
    place = read_place(ready)
    return place, Control(place.control_url)


def start_store(services: Services, **options: Any) -> tuple[store.Place, store.Control]:
    """A look-alike store with empty books; ``options`` as for `store.argv`. Raises `SandboxError`."""
    ready = services.state.path / "store.json"
    ready.unlink(missing_ok=True)
    argv = store.argv(ledger=_fresh(services.state.path / "store.sqlite"), ready_file=ready, **options)
    services.supervisor.start(Command(name="store", argv=argv, cwd=REPOSITORY, ready=ready.exists))
    place = store.read_place(ready)
    return place, store.Control(place.control_url)


def wait_for_webhooks(services: Services, control: store.Control) -> None:
    """Return when a RetailHub that was given its public address has made its webhooks in the store.

    Raises `SandboxError`.
    """
    until = time.monotonic() + WEBHOOKS_WITHIN_SECONDS
    while control.progress()["webhooks"].get("active", 0) < len(TOPICS):
        services.supervisor.check()
        if time.monotonic() > until:
            raise SandboxError(f"RetailHub did not make its webhooks within {WEBHOOKS_WITHIN_SECONDS:.0f} s.")
        time.sleep(0.1)


def forget(state: Path) -> None:
    """Begin anew: what an earlier run left would be counted with this one. A running one is left alone."""
    if state.exists():
        directory = StateDirectory(state)
        directory.hold()
        directory.release()
        shutil.rmtree(state, ignore_errors=True)


def _fresh(path: Path) -> Path:
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    return path

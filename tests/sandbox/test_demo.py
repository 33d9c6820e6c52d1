"""The demo as its user starts it: from nothing to posted orders, with what was planted found and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from retailhub.sandbox.services import REPOSITORY
from retailhub.sandbox.tally import OFF


def demo(folder: Path, *more: str, seconds: float = 300) -> dict[str, Any]:
    kept = {"PATH", "HOME", "LANG", "TMPDIR", "RETAILHUB_CACHE"}
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--exit", "--json", *more],
        cwd=REPOSITORY,
        env={name: value for name, value in os.environ.items() if name in kept} | {"RETAILHUB_STATE_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    left = [p for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]
    assert left == []
    return result


@pytest.fixture
def folder() -> Iterator[Path]:
    """A state directory that the account PostgreSQL runs as can reach: pytest's own lie in a private one."""
    made = Path(tempfile.mkdtemp(prefix="retailhub-demo-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def assert_true(result: dict[str, Any], orders: int) -> None:
    assert result["placed"] == orders
    assert (result["lost"], result["duplicates"], result["wrongly_posted"], result["stale"]) == (0, 0, [], [])
    assert set(result["money_difference"].values()) <= {"0", "0.00"}
    assert result["cases"] == result["planted"]
    in_orders = sum(count for code, count in result["planted"].items() if code != OFF)
    assert result["posted"] + result["ineligible"] + in_orders == orders


def test_the_demo_posts_everything_once_and_finds_what_was_planted(folder: Path) -> None:
    result = demo(folder, "--orders", "60", "--seed", "7")
    assert_true(result, 60)
    assert OFF not in result["planted"]


@pytest.mark.long
def test_the_demo_with_lost_deliveries_a_broken_store_and_killed_workers_does_too(folder: Path) -> None:
    result = demo(folder, "--orders", "400", "--seed", "5", "--faults", seconds=500)
    assert_true(result, 400)
    assert result["workers_killed"] > 0
    assert result["planted"][OFF] == 1


@pytest.mark.long
def test_the_demo_with_a_real_tryton_and_killed_workers_does_too(folder: Path) -> None:
    result = demo(folder, "--orders", "150", "--seed", "9", "--erp", "tryton", "--faults", seconds=900)
    assert_true(result, 150)
    assert result["workers_killed"] > 0

"""Services made for one command or one test session, and removed with it."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from retailhub.sandbox import throwaway
from retailhub.sandbox.supervisor import StateDirectory

SHOW = "import os, pathlib; pathlib.Path({to!r}).write_text(os.environ['DATABASE_URL']); raise SystemExit(7)"


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for temporary files of the test's own, which PostgreSQL's account may enter."""
    with tempfile.TemporaryDirectory(prefix="retailhub-test-") as made:
        Path(made).chmod(0o711)
        monkeypatch.setattr(tempfile, "tempdir", made)
        yield Path(made)


def left(temporary: Path, name: str, *, seconds_ago: float) -> Path:
    """What a session leaves that was killed some time ago."""
    directory = temporary / f"retailhub-throwaway-{name}"
    directory.mkdir()
    (directory / "lock").write_text("1")
    then = time.time() - seconds_ago
    os.utime(directory / "lock", (then, then))
    return directory


def test_a_command_finds_services_and_its_exit_code_is_ours(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    seen = tmp_path / "seen"
    assert throwaway.main([sys.executable, "-c", SHOW.format(to=str(seen))]) == 7
    assert str(temporary) in seen.read_text()
    assert list(temporary.glob("retailhub-*")) == []


def test_a_wrong_address_is_told_and_nothing_is_run(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://root@localhost/shop")
    assert throwaway.main(["/bin/false"]) == 1
    assert "RetailHub runs on PostgreSQL only" in capsys.readouterr().err
    assert list(temporary.glob("retailhub-*")) == []


def test_only_what_nobody_holds_any_more_is_removed(temporary: Path) -> None:
    abandoned = left(temporary, "abandoned", seconds_ago=600)
    fresh = left(temporary, "fresh", seconds_ago=1)
    held = left(temporary, "held", seconds_ago=600)
    state = StateDirectory(held)
    state.hold()
    os.utime(held / "lock", (0, 0))
    throwaway.remove_abandoned()
    state.release()
    assert (abandoned.exists(), fresh.exists(), held.exists()) == (False, True, True)

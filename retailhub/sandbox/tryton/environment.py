"""Tryton's own virtual environment: made once for the pinned versions, kept in the cache directory."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from retailhub.sandbox.bootstrap import uv_environment
from retailhub.sandbox.supervisor import SandboxError

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"


def default_cache_dir() -> Path:
    """``RETAILHUB_CACHE`` when it is set, else ``.state/cache`` of the checkout."""
    named = os.environ.get("RETAILHUB_CACHE")
    root = Path(named) if named else HERE.parents[2] / ".state" / "cache"
    return root / "tryton"


def digest(*parts: str) -> str:
    """A short key for a file name."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time makes what ``path`` stands for; the others wait and find it made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run(command: list[str], *, env: dict[str, str] | None = None, stdin: str = "") -> str:
    """Run a helper program to its end; answers what it printed, raises `SandboxError` with its last words."""
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        check=False,
    )
    if done.returncode:
        last_words = done.stderr.strip()[-2000:]
        raise SandboxError(f"{Path(command[0]).name} ended with {done.returncode}: {last_words}")
    return done.stdout


def _uv() -> str | None:
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.exists() else shutil.which("uv")


def ensure_environment(cache_dir: Path) -> Path:
    """The environment's ``bin`` directory; installed once, by uv where there is one, else by pip."""
    key = digest(REQUIREMENTS.read_text(), sys.version)
    folder = cache_dir / f"environment-{key}"
    ready = folder / "ready"
    with locked(folder):
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder)
            ready.touch()
    return folder / "bin"


def _install(folder: Path) -> None:
    """By uv where it can be done, else by pip: uv does not read pip's configuration, and a host may block it."""
    uv = _uv()
    if uv:
        python = str(folder / "bin" / "python")
        with contextlib.suppress(SandboxError):
            run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
            install = [uv, "pip", "install", "--quiet", "--python", python, "--requirement", str(REQUIREMENTS)]
            run(install, env=uv_environment())
            return
        shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(folder)])
    run([str(folder / "bin" / "pip"), "install", "--quiet", "--requirement", str(REQUIREMENTS)])

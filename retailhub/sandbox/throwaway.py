"""``python -m retailhub.sandbox.throwaway COMMAND...`` runs a command against services made for it alone.

``make check`` needs a PostgreSQL to look at migrations; so does whoever writes one:
``python -m retailhub.sandbox.throwaway python manage.py makemigrations``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from retailhub.sandbox.services import Services
from retailhub.sandbox.supervisor import SandboxError, StateDirectory, StateInUse, interruptible

_PREFIX = "retailhub-throwaway-"
_FRESH_SECONDS = 60


@contextlib.contextmanager
def throwaway_services(*, environment: Mapping[str, str] = os.environ) -> Iterator[Services]:
    """Services that are not durable, in a directory of their own which is removed at the end."""
    remove_abandoned()
    state_dir = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with Services(state_dir, durable=False, environment=environment) as services:
            yield services
    finally:
        _remove(state_dir)


def remove_abandoned() -> None:
    """Remove the directories that killed owners could not remove; those still held are left alone."""
    for found in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if _is_abandoned(found):
            state = StateDirectory(found)
            with contextlib.suppress(StateInUse):
                state.hold(wait_seconds=0)
                _remove(found)
                state.release()


def _is_abandoned(found: Path) -> bool:
    try:
        directory, lock = found.lstat(), (found / "lock").lstat()
    except FileNotFoundError:  # just made, or just removed
        return False
    # A fresh one may not be locked yet.
    return directory.st_uid == os.geteuid() and time.time() - lock.st_mtime > _FRESH_SECONDS


def _remove(directory: Path) -> None:
    # Its owner and a session that takes it for abandoned may meet here: whatever is gone is gone.
    shutil.rmtree(directory, ignore_errors=True)


def main(argv: Sequence[str]) -> int:
    """Run the command with DATABASE_URL and REDIS_URL in its environment and answer its exit code."""
    try:
        with interruptible(), throwaway_services() as services:
            return subprocess.run(list(argv), env={**os.environ, **services.environment}, check=False).returncode
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

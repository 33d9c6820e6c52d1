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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from retailhub.sandbox.services import Services
from retailhub.sandbox.supervisor import SandboxError, StateDirectory, StateInUse, interruptible

_PREFIX = "retailhub-throwaway-"


@contextlib.contextmanager
def throwaway_services(*, environment: Mapping[str, str] = os.environ) -> Iterator[Services]:
    """Services that are not durable, in a directory of their own which is removed at the end."""
    remove_abandoned()
    state_dir = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with Services(state_dir, durable=False, environment=environment) as services:
            yield services
    finally:
        shutil.rmtree(state_dir)


def remove_abandoned() -> None:
    """Remove the directories that killed owners could not remove; those still held are left alone."""
    for found in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if found.is_symlink() or found.stat().st_uid != os.geteuid() or not (found / "lock").exists():
            continue
        state = StateDirectory(found)
        with contextlib.suppress(StateInUse):
            state.hold(wait_seconds=0)
            shutil.rmtree(found)
            state.release()


def main(argv: Sequence[str]) -> int:
    """Run the command with DATABASE_URL and REDIS_URL in its environment and answer its exit code."""
    try:
        with interruptible(), throwaway_services() as services:
            return subprocess.run(
                list(argv), env={**os.environ, **services.environment}, check=False
            ).returncode
    except SandboxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Named places between a commit and an outside call, where tests kill the process.

``CRASH_AT=name:3`` kills this process with SIGKILL when it passes ``name`` for the third time; without the
variable a crash point costs one comparison.
"""

from __future__ import annotations

import os
import signal

_NAME, _, _COUNT = os.environ.get("CRASH_AT", "").partition(":")
_passed = 0


def crashpoint(name: str) -> None:
    """Die here when the environment asks for it."""
    if name != _NAME:
        return
    global _passed
    _passed += 1
    if _passed >= int(_COUNT or 1):
        os.kill(os.getpid(), signal.SIGKILL)

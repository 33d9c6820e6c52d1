"""Commands that bring their own services: ``demo``, ``run`` and ``bench``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from retailhub.bench import main as bench
from retailhub.sandbox import demo, run
from retailhub.sandbox.supervisor import SandboxError, interruptible

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"demo": demo.main, "run": run.main, "bench": bench.main}

STAY = {"demo", "run"}
"""Commands that stay until Ctrl-C."""


def main(argv: Sequence[str]) -> int:
    """Run ``manage.py COMMAND …``; returns the exit status.

    Ctrl-C is the normal way to end what stays until then; what would have ended by itself was broken off.
    """
    try:
        with interruptible():
            return COMMANDS[argv[1]](argv[2:])
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.", file=sys.stderr)  # noqa: T201 - a command line's answer
        return 0 if argv[1] in STAY and "--exit" not in argv else 130
    except SandboxError as error:
        print(f"retailhub: {error}", file=sys.stderr)  # noqa: T201 - a command line's answer
        return 1

"""Commands that bring their own services: ``demo``, ``run`` and ``bench``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from retailhub.bench import main as bench
from retailhub.sandbox import demo, run
from retailhub.sandbox.supervisor import SandboxError, interruptible

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {"demo": demo.main, "run": run.main, "bench": bench.main}


def main(argv: Sequence[str]) -> int:
    """Run ``manage.py COMMAND …``; returns the exit status. Ctrl-C is a normal way to end."""
    try:
        with interruptible():
            return COMMANDS[argv[1]](argv[2:])
    except KeyboardInterrupt:
        return 130
    except SandboxError as error:
        print(f"retailhub: {error}", file=sys.stderr)  # noqa: T201 - a command line's answer
        return 1

"""Starts the look-alike ERP and serves until SIGTERM or SIGINT.

    python -m retailhub.sandbox.erp --ledger FILE [--port 0] [--control-port 0] [--api-key KEY]
                                    [--ready-file FILE]

Once both ports answer, where they are is written to the ready file (see `control.Place`) and to standard
output.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from retailhub.sandbox.erp.ledger import Ledger
from retailhub.sandbox.erp.server import HOST, Erp


def main() -> int:
    options = _options()
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    key = options.api_key or secrets.token_urlsafe(24)
    erp = Erp(Ledger(options.ledger), port=options.port, control_port=options.control_port, api_key=key)
    place = {
        "base_url": f"http://{HOST}:{erp.port}",
        "control_url": f"http://{HOST}:{erp.control_port}",
        "api_key": key,
        "pid": os.getpid(),
    }
    if options.ready_file:
        _write_whole(options.ready_file, json.dumps(place))
    sys.stdout.write(f"{place['base_url']} control {place['control_url']}\n")
    sys.stdout.flush()
    stop.wait()
    erp.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="retailhub.sandbox.erp")
    parser.add_argument("--ledger", type=Path, required=True, help="SQLite file of the books")
    parser.add_argument("--port", type=int, default=0, help="port of the API; 0 lets the system choose")
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--api-key", default="", help="made up when not given")
    parser.add_argument("--ready-file", type=Path)
    return parser.parse_args()


def _write_whole(path: Path, text: str) -> None:
    """Write so that a reader sees all or nothing, and only its owner sees the key."""
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.rename(path)


if __name__ == "__main__":
    raise SystemExit(main())

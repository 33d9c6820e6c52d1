"""Makes the pictures in docs/img anew: ``make screenshots``. The journeys take them where they pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "img"
JOURNEYS = "tests/browser/test_journeys.py"


def main() -> int:
    """Go all journeys, with somewhere to put pictures; returns what pytest says."""
    PICTURES.mkdir(exist_ok=True)
    environment = {**os.environ, "RETAILHUB_PICTURES": str(PICTURES), "CI": "true"}  # without Chromium: red, no skip
    return subprocess.run([sys.executable, "-m", "pytest", "-q", JOURNEYS], cwd=ROOT, env=environment).returncode


if __name__ == "__main__":
    raise SystemExit(main())

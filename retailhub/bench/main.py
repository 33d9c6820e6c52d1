"""``manage.py bench``."""

from __future__ import annotations

from collections.abc import Sequence


def main(_argv: Sequence[str]) -> int:
    """Placeholder until measured."""
    raise NotImplementedError

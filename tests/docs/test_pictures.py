"""The pictures of the console: each is taken by a journey, shown by a document, and small."""

from __future__ import annotations

import re

from tests.docs.raised_codes import ROOT

PICTURES = ROOT / "docs" / "img"
MOST_BYTES = 150_000


def taken() -> set[str]:
    """Names of the pictures that the journeys take."""
    journeys = (ROOT / "tests" / "browser" / "test_journeys.py").read_text(encoding="utf-8")
    return set(re.findall(r"\.picture\(\s*\"(\w+)\"", journeys))


def shown() -> set[str]:
    """Names of the pictures that documents show."""
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return {
        name for each in documents for name in re.findall(r"!\[[^\]]+\]\(\S*img/(\w+)\.png\)", each.read_text("utf-8"))
    }


def test_every_picture_is_taken_by_a_journey_and_shown_by_a_document() -> None:
    assert {path.stem for path in PICTURES.iterdir()} == taken() == shown()


def test_every_picture_is_small() -> None:
    assert {path.name: size for path in PICTURES.iterdir() if (size := path.stat().st_size) > MOST_BYTES} == {}

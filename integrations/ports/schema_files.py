"""Writes ``docs/schemas``: the JSON Schema of each document that connectors and domain exchange.

Run ``python -m integrations.ports.schema_files`` after a change of a document; a test fails until then, so
that a change of the vocabulary is seen in review.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from integrations.ports import documents, publications

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schemas"

EXCHANGED: tuple[type[documents.Document], ...] = (
    documents.Order,
    documents.Refund,
    documents.Product,
    documents.SalesOrder,
    documents.ExternalDocument,
    publications.StatusWish,
    publications.NoteWish,
    publications.TrackingWish,
    publications.RefundWish,
)
"""What stands by itself; addresses, lines and the like are inside these."""


def schema_texts() -> dict[str, str]:
    """File name → its whole text, for all `EXCHANGED` documents."""
    return {f"{_file_name(kind)}.json": _text(kind) for kind in EXCHANGED}


def write(folder: Path = FOLDER) -> None:
    """Make ``folder`` hold exactly the present schemas."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = schema_texts()
    for path in folder.glob("*.json"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _file_name(kind: type[documents.Document]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


def _text(kind: type[documents.Document]) -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.__name__,
        "x-canon-version": documents.CANON_VERSION,
        **documents.json_schema(kind),
    }
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write()

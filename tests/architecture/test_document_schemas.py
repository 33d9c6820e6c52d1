"""The JSON Schemas in docs/schemas are those of the documents."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from integrations.ports import documents, schema_files


def test_the_schemas_on_disk_are_those_of_the_documents() -> None:
    on_disk = {path.name: path.read_text(encoding="utf-8") for path in schema_files.FOLDER.glob("*.json")}

    assert on_disk == schema_files.schema_texts(), "run: python -m integrations.ports.schema_files"


def test_every_document_class_is_reachable_from_an_exchanged_one() -> None:
    described = {
        name
        for text in schema_files.schema_texts().values()
        for name, shape in json.loads(text)["$defs"].items()
        if shape.get("type") == "object"
    }
    classes = {kind.__name__ for kind in documents.Document.__subclasses__()}

    assert classes == described


def test_amounts_are_decimal_strings_in_the_schema() -> None:
    order = json.loads(schema_files.schema_texts()["order.json"])["$defs"]["Order"]

    assert order["properties"]["total"] == {"type": "string", "format": "decimal"}
    assert order["additionalProperties"] is False


def test_writing_removes_the_schema_of_a_document_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "parcel.json").write_text("{}")

    schema_files.write(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(schema_files.schema_texts())
    assert msgspec.json.decode((tmp_path / "order.json").read_bytes())["title"] == "Order"

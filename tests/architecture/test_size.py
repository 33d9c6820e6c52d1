"""Functions of at most 40 lines, modules of at most 400: over it, they are split by noun."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from retailhub.sandbox.services import REPOSITORY

FUNCTION_LINES = 40
MODULE_LINES = 400


def modules() -> Iterator[Path]:
    for folder in ("retailhub", "integrations", "inventory", "orders", "reconciliation", "tests"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            if "migrations" not in path.parts:
                yield path


def test_no_module_is_longer_than_a_person_reads_at_once() -> None:
    long = {str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines()) for path in modules()}
    assert {name: lines for name, lines in long.items() if lines > MODULE_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long[f"{path.relative_to(REPOSITORY)}:{node.name}"] = lines
    assert long == {}

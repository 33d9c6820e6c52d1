"""Reads out of the source which codes connectors and services raise."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from integrations.connectors.lookalike_erp import mapping as lookalike_erp
from integrations.connectors.woocommerce import webhooks
from integrations.ports import errors

ROOT = Path(__file__).resolve().parents[2]
ERRORS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.ConnectorError)
}
CONNECTORS = ("integrations/connectors", "integrations/ports", "integrations/poll_walk.py")
"""What finds out that another system is not as it should be; a walk over a store's orders does too."""
SERVICES = ("integrations", "orders", "inventory", "reconciliation")


def sources(folders: tuple[str, ...] = SERVICES) -> list[Path]:
    """Python files below these folders, without migrations; a file is itself."""
    places = [ROOT / folder for folder in folders]
    found = [path for at in places for path in (sorted(at.rglob("*.py")) if at.is_dir() else [at])]
    return [path for path in found if "migrations" not in path.parts]


def by_connectors(folders: tuple[str, ...] = CONNECTORS, *, own: bool = True) -> set[tuple[str, str]]:
    """Code and the error's class (or ``in_doubt``) for each code of a connector.

    With ``own`` also each class's own code, and the codes that are looked up in tables.
    """
    found: set[tuple[str, str]] = set()
    if own:
        found = {(kind.code, name) for name in ERRORS if (kind := getattr(errors, name)) is not errors.ConnectorError}
        found |= {(code, "Rejected") for code in (*lookalike_erp.SENTENCES, *webhooks.SENTENCES)}
    for call in _calls(folders):
        name = _name(call.func)
        if name in ERRORS or name == "in_doubt":
            found |= {(code, name) for code in _codes(call)}
    return found


def by_services() -> set[str]:
    """Codes of parked messages and of issues, wherever they are given."""
    found: set[str] = set()
    for call in _calls(SERVICES):
        name = _name(call.func)
        if name == "Issue" and call.args:
            found |= set(_texts(call.args[0]))
        elif name == "_parked" and len(call.args) > 1:
            found |= set(_texts(call.args[1]))
        elif name in {"Parked", "Report", "Finish"}:
            found |= set(_codes(call))
    return {code for code in found if code}


def _calls(folders: tuple[str, ...]) -> Iterator[ast.Call]:
    for path in sources(folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield node


def _codes(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        if keyword.arg == "code":
            yield from _texts(keyword.value)


def _texts(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _name(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""

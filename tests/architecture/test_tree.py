"""The repository's top level is the one that docs name, and nothing else grows there."""

from __future__ import annotations

import fnmatch

from retailhub.sandbox.services import REPOSITORY

ENTRIES = {
    *(
        ".ci",
        ".git",
        ".gitignore",
        ".pre-commit-config.yaml",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
    ),
    *("manage.py", "pyproject.toml", "requirements.txt", "requirements-dev.txt"),
    *("docs", "retailhub", "integrations", "inventory", "orders", "reconciliation", "templates", "tests"),
}


def test_the_top_level_holds_only_what_the_architecture_names() -> None:
    ignored = [line.strip("/") for line in (REPOSITORY / ".gitignore").read_text().split()]
    found = {entry.name for entry in REPOSITORY.iterdir()}
    unknown = {name for name in found - ENTRIES if not any(fnmatch.fnmatch(name, rule) for rule in ignored)}
    assert unknown == set()


def test_every_python_file_below_the_apps_is_in_a_package() -> None:
    apps = ("retailhub", "integrations", "inventory", "orders", "reconciliation")
    folders = {path.parent for app in apps for path in (REPOSITORY / app).rglob("*.py")}
    assert {folder for folder in folders if not (folder / "__init__.py").exists()} == set()

"""What the documents name is there: files, commands, make targets, tasks, environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from retailhub.celery import app
from tests.architecture.test_commands import parsers
from tests.docs.raised_codes import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
OURS_OUTSIDE = {"demo", "run", "bench"}
"""Commands that `manage.py` starts before Django."""
EACH = pytest.mark.parametrize("path", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@EACH
def test_relative_links_lead_somewhere_and_their_anchors_are_headings(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(path)):
        place, _, anchor = target.partition("#")
        if "://" in target:
            continue
        found = path.parent / place if place else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []


def anchors(path: Path) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings."""
    heads = re.findall(r"^#+ (.+)$", text_of(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@EACH
def test_named_files_and_folders_of_the_repository_exist(path: Path) -> None:
    named = re.findall(
        r"`((?:docs|retailhub|integrations|inventory|orders|reconciliation|tests)/[\w./-]+)`", text_of(path)
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


@EACH
def test_named_commands_and_their_verbs_exist(path: Path) -> None:
    known = set(get_commands()) | OURS_OUTSIDE
    named = re.findall(r"(?:manage\.py|\bhub) ([a-z_]+)(?: ([a-z]+(?:-[a-z]+)*)\b)?", text_of(path))
    assert {name for name, _ in named} - known == set()
    spoken = {f"{name} {verb}" for name, verb in named if name in known - OURS_OUTSIDE and len(set(verbs_of(name))) > 1}
    assert {words for words in spoken if words not in set(verbs_of(words.partition(" ")[0]))} - bare() == set()


def verbs_of(name: str) -> list[str]:
    """``connection add``, ``connection list`` …; the name alone for a command without verbs."""
    command = load_command_class(get_commands()[name], name)
    return [called for called, _ in parsers(name, command.create_parser("manage.py", name))]


def bare() -> set[str]:
    """A command named without a verb."""
    return {f"{name} " for name in get_commands()}


@EACH
def test_named_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text_of(path))) - targets == set()


def test_the_readme_lists_every_make_target_that_help_lists() -> None:
    helped = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    listed = set(re.findall(r"^\| `make ([a-z-]+)` \|", text_of(ROOT / "README.md"), flags=re.MULTILINE))
    assert listed == helped


def test_the_readme_lists_every_command_of_ours() -> None:
    ours = {
        name
        for name, where in get_commands().items()
        if str(where).startswith(("retailhub.", "integrations", "inventory", "orders", "reconciliation"))
    }
    section = text_of(ROOT / "README.md").split("\n## Commands\n")[1].split("\n## ")[0]
    listed = {words.split()[0] for words in re.findall(r"`([^`]+)`", section)}
    assert ours - listed == set()


def test_the_schedule_in_the_documents_is_the_one_that_is_installed() -> None:
    folder = ROOT / "retailhub" / "console" / "migrations"
    names = ("0001_schedule.py", "0005_keep_the_audit.py", "0007_measure.py", "0009_send_notices.py")
    migrations = "".join(text_of(folder / name) for name in names)
    installed = {
        (name, int(seconds)) for name, seconds in re.findall(r'\("([a-z_.]+)", ([\d_]+)\)', migrations) if "." in name
    }
    units = {"s": 1, "h": 3600}
    told = re.findall(r"^\| `([a-z_.]+)` \| (\d+) ([sh]) \|", text_of(ROOT / "docs/operating/install.md"), re.MULTILINE)
    assert {(name, int(number) * units[unit]) for name, number, unit in told} == installed
    app.loader.import_default_modules()
    assert {name for name, _ in installed} <= set(app.tasks)


def test_every_decision_is_listed_and_says_what_would_reverse_it() -> None:
    decisions = sorted(path for path in (ROOT / "docs" / "adr").glob("0*.md"))
    index = text_of(ROOT / "docs" / "adr" / "README.md")
    assert [path.name for path in decisions] == re.findall(r"\]\((0[\w-]+\.md)\)", index)
    for number, path in enumerate(decisions, 1):
        text = text_of(path)
        assert text.startswith(f"# {number}. ")
        assert all(f"**{part}" in text for part in ("Why.", "Instead of.", "Reversed by.")), path

"""Every command of ours speaks JSON to whoever asks for it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from django.core.management import get_commands, load_command_class

OURS = ("retailhub.", "integrations", "inventory", "orders", "reconciliation")


def parsers(name: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The command's parser, or those of its subcommands."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, below in group.choices.items():
            yield from parsers(f"{name} {word}", below)


def test_every_management_command_offers_json() -> None:
    ours = {name: str(app) for name, app in get_commands().items() if str(app).startswith(OURS)}
    silent = [
        called
        for name, app in ours.items()
        for called, parser in parsers(name, load_command_class(app, name).create_parser("manage.py", name))
        if "--json" not in parser._option_string_actions
    ]
    assert silent == []

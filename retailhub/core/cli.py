"""What every command of ours has in common: ``--json``, plain sentences, one way to fail.

With ``--json`` a command writes one JSON object, or one object a line, to standard output and nothing else; without
it, sentences and tables. A failure is one sentence and exit status 1; in JSON ``{"error": {"code", "detail"}}``.
Progress and logs go to standard error; logs only of what goes wrong, unless RETAILHUB_LOG_LEVEL is set.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import getpass
import logging
import os
import sys
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, TextIO, cast

import msgspec
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError
from rich.console import Console
from rich.table import Table

PIPED_WIDTH = 200
"""Columns of a table that is not read on a terminal."""


class Failed(Exception):
    """A command cannot do what it was asked. ``code`` is stable, ``detail`` one plain sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command, which ends well."""
        raise BrokenPipeError


class HubCommand(BaseCommand):
    """Base of every command. Subclasses say what they take in `add_options` and do it in `work`."""

    expected: ClassVar[tuple[type[Exception], ...]] = ()
    """Errors with ``code`` and ``detail`` that are an answer, not a fault."""
    as_json = False
    logs_all: ClassVar[bool] = False
    """Whether what goes well is logged too, as by a worker."""

    @abstractmethod
    def add_options(self, parser: CommandParser) -> None:
        """Add arguments; ``--json`` is added to the command, or to each of its subcommands."""

    @abstractmethod
    def work(self, **options: Any) -> None:
        """Do it. Raises `Failed` or one of ``expected``."""

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_options(parser)
        for leaf in _leaves(parser):
            leaf.add_argument("--json", action="store_true", help="Write JSON and nothing else.")

    def handle(self, *_args: Any, **options: Any) -> None:
        self.as_json = bool(options["json"])
        try:
            with contextlib.nullcontext() if self.logs_all else _only_trouble():
                self.work(**options)
            self.stdout.flush()
        except BrokenPipeError:
            # whoever read us has seen enough; what is still buffered has nowhere to go
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OperationalError as error:
            reason = str(error).strip().splitlines() or ["it gave no reason"]
            self._fail("database_unavailable", f"The database did not do its part: {reason[0]}")
        except Failed as error:
            self._fail(error.code, error.detail)
        except self.expected as error:
            told = cast(Failed, error)
            self._fail(told.code, told.detail)

    def _fail(self, code: str, detail: str) -> None:
        if self.as_json:
            self.show({"error": {"code": code, "detail": detail}})
        else:
            self.stderr.write(detail)
        raise SystemExit(1)

    def show(self, value: Any) -> None:
        """One line of JSON: amounts as strings, times as RFC 3339."""
        self.stdout.write(msgspec.json.encode(value).decode())

    def say(self, sentence: str) -> None:
        """One sentence for people; silent with ``--json``."""
        if not self.as_json:
            self.stdout.write(sentence)

    def answer(self, value: Any, sentence: str) -> None:
        """What was done: the object with ``--json``, the sentence without."""
        if self.as_json:
            self.show(value)
        else:
            self.say(sentence)

    def console(self) -> Console:
        """Where tables and colours go: standard output, as wide as the terminal or `PIPED_WIDTH`."""
        return _Console(
            file=cast(TextIO, self.stdout),
            width=None if self.stdout.isatty() else PIPED_WIDTH,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table for people."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console().print(table)


def _leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        return [parser]
    return [leaf for group in groups for below in group.choices.values() for leaf in _leaves(below)]


@contextlib.contextmanager
def _only_trouble() -> Iterator[None]:
    """No log lines of what goes well around an answer, unless a level was asked for."""
    root = logging.getLogger()
    before = root.level
    if "RETAILHUB_LOG_LEVEL" not in os.environ:
        root.setLevel(max(before, logging.WARNING))
    try:
        yield
    finally:
        root.setLevel(before)


def actor() -> str:
    """Who acts, for the audit: the command line has no login but the operating system's."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"command line ({user})"[:150]


def moment(text: str) -> dt.datetime:
    """A moment as people type it: ISO 8601 with an offset. Raises `Failed` for anything else."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise Failed("not_a_moment", f"{text!r} is no date and time, such as 2026-03-01T00:00:00Z.") from error
    if found.tzinfo is None:
        raise Failed("not_a_moment", f"{text!r} names no time zone; write it as {found.isoformat()}Z for UTC.")
    return found.astimezone(dt.UTC)


def shown(at: dt.datetime | None) -> str:
    """A moment for people, in UTC to the second; empty when there is none."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def counted(number: int, one: str, many: str = "") -> str:
    """``1 message``, ``2 messages``."""
    return f"{number} {one if number == 1 else many or one + 's'}"

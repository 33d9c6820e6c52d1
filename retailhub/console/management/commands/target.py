"""Targets of the figures of Home: from where on each is a warning, and bad."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandParser

from retailhub.console import figures
from retailhub.core import clock
from retailhub.core.cli import Failed, HubCommand, actor


class Command(HubCommand):
    help = "Say from where on a figure of Home is a warning, and bad."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("figure", choices=figures.names(), metavar="FIGURE", help=", ".join(figures.names()))
        parser.add_argument("--warn", required=True, metavar="NUMBER", help="A warning above it; times in seconds.")
        parser.add_argument("--bad", required=True, metavar="NUMBER", help="Bad above it.")
        parser.add_argument("--reason", required=True)

    def work(self, **options: Any) -> None:
        try:
            target = figures.set_target(
                figure=options["figure"],
                warn_at=_number(options["warn"]),
                bad_at=_number(options["bad"]),
                actor=actor(),
                reason=options["reason"],
                now=clock.now(),
            )
        except figures.BadTarget as error:
            raise Failed("bad_target", str(error)) from error
        warn_at, bad_at = f"{target.warn_at.normalize():f}", f"{target.bad_at.normalize():f}"
        told = {"figure": options["figure"], "warn_at": warn_at, "bad_at": bad_at}
        self.answer(told, f"{options['figure']}: a warning above {warn_at}, bad above {bad_at}.")


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Failed("not_a_number", f"{text!r} is no number.") from error

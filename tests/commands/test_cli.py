from __future__ import annotations

import datetime as dt
import io
import logging
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import structlog
from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import OperationalError, connection

from retailhub.core import privacy
from retailhub.core.cli import Failed, HubCommand, moment
from retailhub.core.money import plain_amount

ROOT = Path(__file__).resolve().parents[2]


class Away(HubCommand):
    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--times", type=int, default=1)

    def work(self, **_options: Any) -> None:
        raise OperationalError("connection refused\nIs the server running?")


def test_a_database_that_is_away_is_one_sentence_and_no_trace() -> None:
    for words, expected in (
        ((), ("", "The database did not do its part: connection refused\n")),
        (
            ("--json",),
            (
                '{"error":{"code":"database_unavailable",'
                '"detail":"The database did not do its part: connection refused"}}\n',
                "",
            ),
        ),
    ):
        out, err = io.StringIO(), io.StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command(Away(), *words, stdout=out, stderr=err)
        assert ended.value.code == 1
        assert (out.getvalue(), err.getvalue()) == expected


class Chatty(HubCommand):
    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--times", type=int, default=1)

    def work(self, **_options: Any) -> None:
        log = structlog.get_logger("retailhub.tests")
        log.info("went_well")
        log.warning("went_wrong")


class Worker(Chatty):
    logs_all = True


def test_beside_an_answer_only_trouble_is_logged_unless_a_level_was_asked_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def logged(command: HubCommand) -> list[str]:
        caplog.clear()
        call_command(command)
        return [name for name in ("went_well", "went_wrong") if name in caplog.text]

    before = logging.getLogger().level
    monkeypatch.delenv("RETAILHUB_LOG_LEVEL", raising=False)
    assert logged(Chatty()) == ["went_wrong"]
    assert logged(Worker()) == ["went_well", "went_wrong"]
    monkeypatch.setenv("RETAILHUB_LOG_LEVEL", "info")
    assert logged(Chatty()) == ["went_well", "went_wrong"]
    assert logging.getLogger().level == before


def own_database() -> str:
    """The address of this test's database, for a process of its own."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


@pytest.mark.django_db
def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.argv = ['manage.py', 'cases']; import manage; manage.main()"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": own_database()},
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    _, err = process.communicate(timeout=60)
    assert (err, process.returncode) == (b"", 0)


def test_moments_need_an_offset_and_become_utc() -> None:
    assert moment("2026-03-01T02:00:00+02:00") == dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    for text in ("2026-03-01T00:00:00", "soon", ""):
        with pytest.raises(Failed):
            moment(text)


def test_amounts_keep_what_they_have_and_lose_only_needless_zeros() -> None:
    assert plain_amount(Decimal("12.340000"), "EUR") == "12.34"
    assert plain_amount(Decimal("12.345000"), "EUR") == "12.345"
    assert plain_amount(Decimal("1500.000000"), "JPY") == "1500"
    assert plain_amount(Decimal("1500.000000"), "JPY", digits=2) == "1500.00"
    assert plain_amount(Decimal("1E+3"), "EUR") == "1000.00"


def test_masking_hides_people_and_keeps_the_rest() -> None:
    body = {
        "id": 7,
        "total": "9.90",
        "order_key": "wc_order_x",
        "billing": {"first_name": "Ada", "country": "DE", "email": "ada@example.com", "phone": ""},
        "line_items": [{"name": "Mug", "sku": "MUG-01", "meta_data": [{"key": "engraving", "value": "for Ada"}]}],
        "note": "call ada@example.com",
        "message": "mail to ada@example.com failed",
    }
    assert privacy.mask_json(body) == {
        "id": 7,
        "total": "9.90",
        "order_key": "•••",
        "billing": {"first_name": "•••", "country": "DE", "email": "•••", "phone": ""},
        "line_items": [{"name": "Mug", "sku": "MUG-01", "meta_data": [{"key": "engraving", "value": "•••"}]}],
        "note": "•••",
        "message": "mail to a•••@example.com failed",
    }


def test_a_body_that_is_no_json_is_not_shown_masked() -> None:
    raw = b"<p>Ada Lovelace</p>"
    assert "Ada" not in privacy.body_for_people(raw, unmasked=False)
    assert privacy.body_for_people(raw, unmasked=True) == "<p>Ada Lovelace</p>"

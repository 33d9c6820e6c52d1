"""How commands that stay until Ctrl-C end."""

from __future__ import annotations

import datetime as dt
import io
import os
import signal
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from retailhub.sandbox import entry
from retailhub.sandbox.progress import Pulse, line, picture


def interrupted(_argv: Sequence[str]) -> int:
    """What a terminal's Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
    raise AssertionError("the signal was lost")


@pytest.mark.parametrize(
    ("argv", "status"),
    [(["demo"], 0), (["run"], 0), (["demo", "--exit"], 130), (["bench"], 130)],
)
def test_ctrl_c_is_a_good_end_only_of_what_stays_until_then(
    argv: list[str], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(entry.COMMANDS, argv[0], interrupted)

    assert entry.main(["manage.py", *argv]) == status
    assert "Stopped; nothing is left running." in capsys.readouterr().err


NOON = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
SEEN = Pulse(
    now=NOON,
    waiting_in=1,
    waiting_out=2,
    parked=0,
    posted=3,
    holes=0,
    arrived={"webhook": 7, "poll": 2},
    orders={"accepted": 3},
    cases={"sku_unmapped": 4},
    looks={"changed": NOON - dt.timedelta(seconds=3), "history": NOON},
)
STORE = {
    "people": {"placed": 9, "wanted": 10, "finished": False},
    "alive": 2,
    "webhooks": {"active": 5},
    "deliveries": {"taken": 7, "dropped": 1},
}


def test_a_line_of_progress_says_how_orders_came_what_waits_and_what_needs_a_person() -> None:
    assert line(SEEN, STORE) == (
        "9 of 10 orders placed; came by poll 2  webhook 7; 1 to take in, 2 to post, 3 in the ERP; "
        "open cases: sku_unmapped 4"
    )


def test_the_live_picture_shows_the_webhooks_and_how_long_ago_each_look_was() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(picture(SEEN, STORE, 1.5))
    shown = console.export_text()

    assert "active 5   deliveries: dropped 1  taken 7" in shown
    assert "changed 3 s ago" in shown
    assert "2 a second" in shown


def test_all_is_quiet_only_when_nothing_waits_and_no_time_without_webhooks_is_unread() -> None:
    still = replace(SEEN, waiting_in=0, waiting_out=0)

    assert still.quiet
    assert not replace(still, holes=1).quiet
    assert not SEEN.quiet
    assert SEEN.has_looked(("changed",), NOON - dt.timedelta(seconds=4))
    assert not SEEN.has_looked(("changed",), NOON - dt.timedelta(seconds=3))
    assert not SEEN.has_looked(("changed", "trash"), NOON - dt.timedelta(seconds=4))

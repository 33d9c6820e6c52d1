"""How commands that stay until Ctrl-C end."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest

from retailhub.sandbox import entry
from retailhub.sandbox.progress import Pulse, line


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


def test_a_line_of_progress_says_what_waits_and_what_needs_a_person() -> None:
    seen = Pulse(waiting_in=1, waiting_out=2, parked=0, orders={"accepted": 3}, posted=3, cases={"sku_unmapped": 4})

    assert line(seen, {"placed": 9, "orders": 10, "sent": 12}) == (
        "9 of 10 orders placed; 1 to take in, 2 to post, 3 in the ERP; open cases: sku_unmapped 4"
    )

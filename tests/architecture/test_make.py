"""The Makefile is the door: it says what it can do, and hands options on."""

from __future__ import annotations

import subprocess

import pytest

from retailhub.sandbox.services import REPOSITORY

TARGETS = {"help", "demo", "run", "test", "test-long", "check", "bench", "pins"}


def make(*arguments: str) -> str:
    done = subprocess.run(["make", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True)  # noqa: S607
    return done.stdout


def test_make_alone_lists_every_target_with_a_sentence() -> None:
    lines = [line.split(maxsplit=2) for line in make().splitlines() if line.startswith("  make ")]
    assert {line[1] for line in lines} >= TARGETS
    assert all(line[2].endswith(".") for line in lines)


@pytest.mark.parametrize("target", ["demo", "run", "bench"])
def test_options_are_handed_on_and_the_packages_of_the_tests_are_not_asked_for(target: str) -> None:
    printed = make("--dry-run", target, "ARGS=--orders 200 --json")
    assert f"manage.py {target} --orders 200 --json" in printed
    assert "bootstrap.py runtime" in printed
    assert "bootstrap.py dev" not in printed


def test_the_long_tests_run_apart() -> None:
    assert '-m "not long"' in make("--dry-run", "test")
    assert "-m long" in make("--dry-run", "test-long")

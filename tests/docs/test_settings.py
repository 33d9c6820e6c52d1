"""The table of settings is the one that the code reads; a wrong setting is one clear sentence."""

from __future__ import annotations

import ast
import base64
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping

import pytest
from django.core.management.utils import get_random_secret_key

from tests.docs.raised_codes import ROOT

READERS = {"env_text", "env_bool", "env_int", "env_choice", "env_names"}
INTERNAL = {"RETAILHUB_TEST_SERVICES"}
"""Passed between our own processes; nobody sets it."""
KEY = f"2026:{base64.urlsafe_b64encode(bytes(range(32))).decode()}"
COMPLETE = {
    "DATABASE_URL": "postgresql://retailhub:secret@db.example.com:5432/retailhub",
    "REDIS_URL": "redis://redis.example.com:6379/0",
    "RETAILHUB_SECRET_KEY": secrets.token_urlsafe(64),
    "RETAILHUB_ENCRYPTION_KEYS": KEY,
    "RETAILHUB_ALLOWED_HOSTS": "hub.example.com",
}
"""Settings as in production."""


def documented() -> dict[str, list[str]]:
    """Name → cells of its row, of both tables."""
    text = (ROOT / "docs" / "operating" / "settings.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


def read_by_settings() -> dict[str, ast.Call]:
    """Name → the call that reads it."""
    tree = ast.parse((ROOT / "retailhub" / "settings.py").read_text(encoding="utf-8"))
    return {
        node.args[0].value: node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in READERS
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def check(changed: Mapping[str, str], *arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """``manage.py check`` with production-like settings and nothing else in the environment."""
    environment = {"PATH": os.environ["PATH"], **COMPLETE, **changed}
    environment.pop(without, None)
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_table_has_exactly_the_settings_that_are_read() -> None:
    described = {name for name, cells in documented().items() if len(cells) == 4}
    assert described == set(read_by_settings())


def test_settings_read_the_environment_only_through_their_helpers() -> None:
    tree = ast.parse((ROOT / "retailhub" / "settings.py").read_text(encoding="utf-8"))
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name in READERS
        for node in ast.walk(function)
    }
    direct = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "environ"]
    assert [node.lineno for node in direct if id(node) not in inside] == []


def test_whatever_else_is_read_from_the_environment_is_in_the_second_table() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("retailhub", "integrations", "inventory", "orders", "reconciliation", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "test_settings.py"
    )
    named = set(re.findall(r"\bRETAILHUB_[A-Z_]+\b|\bCRASH_AT\b", text))
    assert named - INTERNAL - set(documented()) == set()
    assert set(documented()) - named - {"DATABASE_URL", "REDIS_URL"} == set()


@pytest.mark.parametrize("name", sorted(read_by_settings()))
def test_the_default_in_the_table_is_the_one_in_the_code(name: str) -> None:
    call = read_by_settings()[name]
    given = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "default"), None)
    told = documented()[name][1]
    if isinstance(given, ast.Constant):
        words = {True: "yes", False: "no", "": "empty"}
        assert told.strip("`") == str(words.get(given.value, given.value))
    elif given is None:
        assert told == "none"
    else:
        assert "with `RETAILHUB_DEBUG`" in told


def test_every_row_says_what_it_is_for_and_whether_production_needs_it() -> None:
    rows = [cells for cells in documented().values() if len(cells) == 4]
    assert [row for row in rows if not all(cell.strip() for cell in row)] == []
    needed = {name for name, cells in documented().items() if cells[-1] == "yes"}
    assert needed == {name for name in COMPLETE if name != "REDIS_URL"}


@pytest.mark.parametrize("name", ["DATABASE_URL", "RETAILHUB_SECRET_KEY", "RETAILHUB_ENCRYPTION_KEYS"])
def test_a_missing_setting_is_one_sentence_that_names_it(name: str) -> None:
    done = check({}, without=name)
    assert done.returncode == 1
    assert done.stderr == f"retailhub: {name} is not set; docs/operating/settings.md says what it is for.\n"


WRONG = [
    ("DATABASE_URL", "mysql://db/x"),
    ("DATABASE_URL", "postgresql://db:five/x"),
    ("DATABASE_URL", "postgresql://db/"),
    ("REDIS_URL", "http://redis"),
    ("REDIS_URL", "redis://redis:port/0"),
    ("RETAILHUB_SECRET_KEY", "short"),
    ("RETAILHUB_SECRET_KEY", "x" * 80),
    ("RETAILHUB_ENCRYPTION_KEYS", "2026:short"),
    ("RETAILHUB_ENCRYPTION_KEYS", KEY.partition(":")[2]),
    ("RETAILHUB_ENCRYPTION_KEYS", ","),
    ("RETAILHUB_ALLOWED_HOSTS", "https://hub.example.com"),
    ("RETAILHUB_CSRF_ORIGINS", "hub.example.com"),
    ("RETAILHUB_HTTPS", "maybe"),
    ("RETAILHUB_SECOND_FACTOR", "never"),
    ("RETAILHUB_SESSION_IDLE_MINUTES", "0"),
    ("RETAILHUB_LOG_LEVEL", "loud"),
    ("RETAILHUB_LOG_FORMAT", "xml"),
    ("RETAILHUB_LEASE_SECONDS", "1"),
    ("RETAILHUB_LEASE_SECONDS", "45"),
    ("RETAILHUB_CALL_DEADLINE_SECONDS", "soon"),
    ("RETAILHUB_SMTP_URL", "mail.example.com:587"),
    ("RETAILHUB_SMTP_URL", "smtp://mail:port"),
    ("RETAILHUB_MAIL_FROM", "RetailHub"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_setting_is_one_sentence_that_names_it_and_no_secret(name: str, value: str) -> None:
    done = check({name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"retailhub: {name} ")
    assert done.stderr.endswith(".\n")
    assert done.stderr.count("\n") == 1
    if name in {"RETAILHUB_SECRET_KEY", "RETAILHUB_ENCRYPTION_KEYS"} and len(value) > 1:
        assert value not in done.stderr


def test_a_mail_server_without_a_sender_is_refused_and_its_password_not_shown() -> None:
    done = check({"RETAILHUB_SMTP_URL": "smtp://hub:hush-hush@mail.example.com"})
    assert done.returncode == 1
    assert done.stderr.startswith("retailhub: RETAILHUB_MAIL_FROM must look like ")
    assert "hush-hush" not in done.stderr
    sender = {"RETAILHUB_MAIL_FROM": "RetailHub <hub@example.com>"}
    assert check({"RETAILHUB_SMTP_URL": "smtp://hub:hush-hush@mail.example.com", **sender}).returncode == 0


@pytest.mark.parametrize(
    ("lease", "deadline", "least"), [("60", "40", 61), ("60", "39", 0), ("46", "30", 0), ("2", "1", 0), ("5", "10", 16)]
)
def test_a_lease_that_a_slow_call_may_outlast_is_refused(lease: str, deadline: str, least: int) -> None:
    done = check({"RETAILHUB_LEASE_SECONDS": lease, "RETAILHUB_CALL_DEADLINE_SECONDS": deadline})
    assert done.returncode == (1 if least else 0)
    wanted = f"RETAILHUB_LEASE_SECONDS must be {least} or more with a RETAILHUB_CALL_DEADLINE_SECONDS of {deadline}, "
    assert (wanted in done.stderr) is (least > 0)


def test_production_settings_pass_the_check_for_deployment() -> None:
    done = check({}, "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    "changed", [{"RETAILHUB_DEBUG": "yes"}, {"RETAILHUB_HTTPS": "no"}], ids=["debug", "without https"]
)
def test_the_check_for_deployment_does_not_pass_settings_of_a_developer(changed: dict[str, str]) -> None:
    assert check(changed, "--deploy", "--fail-level", "WARNING").returncode == 1


def test_a_key_as_django_makes_them_is_taken() -> None:
    assert check({"RETAILHUB_SECRET_KEY": get_random_secret_key()}).returncode == 0

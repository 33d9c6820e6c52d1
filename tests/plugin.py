"""Gives a test session its own PostgreSQL and Valkey; loaded by ``-p tests.plugin`` in pyproject.toml.

A plugin and not a conftest, because pytest-django reads the settings, and with them DATABASE_URL, before any
conftest is seen. Under xdist the controller starts PostgreSQL and the workers inherit its address by
environment; pytest-django gives each worker a database of its own, and each starts a Valkey of its own, lest
one takes the other's tasks. Nothing is left behind after a ``kill -9``: the kernel stops the services
with the process that started them.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator

import pytest

from retailhub.sandbox.supervisor import SandboxError, die_with_parent
from retailhub.sandbox.throwaway import throwaway_services

OURS = "RETAILHUB_TEST_SERVICES"
"""Names, in the environment of xdist's workers, the addresses which the controller has set."""

_stack = contextlib.ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Start the services before pytest-django reads the settings: a wrapper runs ahead of the others."""
    asked = early_config.known_args_namespace
    if not (asked.help or asked.version):
        os.environ.setdefault("RETAILHUB_DEBUG", "yes")
        try:
            _start()
        except SandboxError as error:
            raise pytest.UsageError(str(error)) from error
    try:
        return (yield)
    except BaseException:
        _stack.close()  # settings that cannot be read end the session before it can be unconfigured
        raise


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _stack.close()


def _start() -> None:
    given = dict(os.environ)
    if "PYTEST_XDIST_WORKER" in given:
        die_with_parent(signal.SIGKILL)  # left alone, a worker goes on with its test
        if "REDIS_URL" in given.get(OURS, ""):
            del given["REDIS_URL"]
    services = _stack.enter_context(throwaway_services(environment=given))
    os.environ[OURS] = ",".join(name for name in services.environment if name not in given)
    os.environ.update(services.environment)

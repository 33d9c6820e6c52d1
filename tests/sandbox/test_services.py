"""The embedded PostgreSQL and Valkey: they come, they go, and they leave nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from retailhub.sandbox import postgres, valkey
from retailhub.sandbox.services import REPOSITORY, Services, default_state_dir
from retailhub.sandbox.supervisor import SandboxError, StateInUse

HOLDER = """
import sys, time
from pathlib import Path
from retailhub.sandbox.services import Services
with Services(Path(sys.argv[1]), durable=False, environment={}):
    print("up", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A directory below one that PostgreSQL's account may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="retailhub-test-") as made:
        Path(made).chmod(0o711)
        yield Path(made) / "state"


def embedded(state_dir: Path) -> Services:
    return Services(state_dir, durable=False, environment={})


def holders(state_dir: Path) -> set[int]:
    """The living processes that have the state directory's lock open: all that were started on it."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            fds = Path(f"/proc/{process.pid}/fd")
            if state_dir / "lock" in {Path(os.path.realpath(fd)) for fd in fds.iterdir()}:
                found.add(process.pid)
    return found


def ask(url: str, query: str) -> str:
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(query)
            (value,) = cursor.fetchone() or ("",)
            return str(value)


@contextlib.contextmanager
def holder(state_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process of ours that has services up on the directory."""
    argv = [sys.executable, "-c", HOLDER, str(state_dir)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            yield process
        finally:
            process.kill()


def test_services_answer_inside_and_leave_no_process_behind(state_dir: Path) -> None:
    with embedded(state_dir) as services:
        assert ask(services.database_url, "select current_user || '@' || current_database()") == "retailhub@retailhub"
        assert redis.Redis.from_url(services.redis_url).ping()
        children = {child.pid for child in services.supervisor.children.values()}
        assert children < holders(state_dir)
    assert holders(state_dir) == set()
    assert not any(psutil.pid_exists(pid) for pid in children)


def test_data_stays_from_one_start_to_the_next(state_dir: Path) -> None:
    with Services(state_dir, durable=True, environment={}) as services:
        ask(services.database_url, "create table kept (); select 1")
        services.create_database(name="second")
        redis.Redis.from_url(services.redis_url).set("kept", "yes")
    with Services(state_dir, durable=True, environment={}) as services:
        assert ask(services.database_url, "select count(*) from pg_database where datname = 'second'") == "1"
        assert redis.Redis.from_url(services.redis_url).get("kept") == b"yes"
        assert ask(services.database_url, "show fsync") == "on"


def test_sockets_are_private_and_no_port_is_open(state_dir: Path) -> None:
    with embedded(state_dir) as services:
        assert (state_dir / "run").stat().st_mode & 0o777 == 0o700
        assert (state_dir / "run-kv").stat().st_mode & 0o777 == 0o700
        for child in services.supervisor.children.values():
            assert psutil.Process(child.pid).net_connections(kind="inet") == []


def test_letters_beyond_ascii_are_letters_to_the_database(state_dir: Path) -> None:
    with embedded(state_dir) as services:
        ask(services.database_url, "create extension pg_trgm; select 1")
        assert ask(services.database_url, "select lower('ÄÉŁ')") == "äéł"
        assert ask(services.database_url, "select array_length(show_trgm('мир'), 1)") == "4"


def test_a_long_path_gets_its_sockets_elsewhere(state_dir: Path) -> None:
    deep = state_dir.parent / ("d" * 60) / ("e" * 60)
    deep.parent.mkdir(mode=0o711)
    with embedded(deep) as services:
        sockets = Path(postgres.socket_of(services.database_url))
        assert len(str(sockets)) < 80
        assert ask(services.database_url, "select 1") == "1"
        assert redis.Redis.from_url(services.redis_url).ping()
    assert holders(deep) == set()
    assert not sockets.exists()


def test_a_second_start_on_the_same_state_is_refused_with_a_sentence(state_dir: Path) -> None:
    with holder(state_dir) as first, pytest.raises(StateInUse) as refused, embedded(state_dir):
        pass
    assert str(refused.value) == (
        f"{state_dir} is in use by process {first.pid}: stop that first, or set RETAILHUB_STATE_DIR "
        "to another directory."
    )


def test_a_kill_of_the_parent_leaves_nothing_after_three_seconds(state_dir: Path) -> None:
    with holder(state_dir) as parent:
        assert len(holders(state_dir)) > 2
        parent.kill()
        end = time.monotonic() + 3
        while holders(state_dir) - {parent.pid} and time.monotonic() < end:
            time.sleep(0.05)
        assert holders(state_dir) - {parent.pid} == set()


def test_a_start_right_after_a_kill_waits_for_what_is_still_ending(state_dir: Path) -> None:
    with holder(state_dir) as parent:
        parent.kill()
        with embedded(state_dir) as services:
            assert ask(services.database_url, "select 1") == "1"


def test_a_server_killed_with_its_data_open_starts_again(state_dir: Path) -> None:
    with embedded(state_dir) as services:
        os.kill(services.supervisor.children["postgres"].pid, signal.SIGKILL)
    assert (state_dir / "pg" / "postmaster.pid").exists()
    with embedded(state_dir) as services:
        assert ask(services.database_url, "select 1") == "1"


def test_data_of_another_major_version_is_refused_before_the_server_is_started(state_dir: Path) -> None:
    with embedded(state_dir):
        pass
    (state_dir / "pg" / "PG_VERSION").write_text("14\n")
    with (
        pytest.raises(SandboxError, match="was made by PostgreSQL 14, and here is PostgreSQL"),
        embedded(state_dir),
    ):
        pass
    assert holders(state_dir) == set()


def test_a_cluster_whose_making_was_cut_short_is_made_anew(state_dir: Path) -> None:
    half = state_dir / "pg.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with embedded(state_dir) as services:
        assert ask(services.database_url, "select 1") == "1"


def test_addresses_given_by_the_user_are_used_and_nothing_is_started(state_dir: Path) -> None:
    given = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    with Services(state_dir, durable=True, environment=given) as services:
        assert services.environment == given
        assert services.supervisor.children == {}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://root@localhost/shop", "DATABASE_URL must begin with postgresql://"),
        ("sqlite:///shop.db", "DATABASE_URL must begin with postgresql://"),
        ("postgresql://nobody@/none?host=/nowhere", "DATABASE_URL names a server that does not answer"),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_with_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(SandboxError, match=sentence):
        postgres.check_server(url)


def test_an_old_postgresql_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "OLDEST_MAJOR", 99)
    with pytest.raises(SandboxError, match="RetailHub needs 99 or newer"):
        postgres.check_server(os.environ["DATABASE_URL"])


@pytest.mark.parametrize(
    ("about", "refused"),
    [
        ({"redis_version": "6.0.16"}, True),
        ({"redis_version": "5.0.7"}, True),
        ({"redis_version": "6.2.0"}, False),
        ({"redis_version": "8.4.1"}, False),
        ({"redis_version": "5.0.0", "valkey_version": "8.1.0"}, False),
    ],
)
def test_an_old_redis_is_refused_and_any_valkey_taken(
    monkeypatch: pytest.MonkeyPatch,
    about: dict[str, str],
    refused: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(redis.Redis, "info", lambda _self, _section: about)
    expected = pytest.raises(SandboxError, match=r"6\.2 or newer") if refused else contextlib.nullcontext()
    with expected:
        valkey.check_server("redis://localhost/0")


def test_a_redis_that_does_not_answer_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="REDIS_URL names a server that does not answer"):
        valkey.check_server(f"unix://{tmp_path}/none.sock")


def test_a_database_can_be_copied_from_a_template_for_another_role(state_dir: Path) -> None:
    with embedded(state_dir) as services:
        model = services.create_database(name="model", owner="tryton")
        ask(model, "create table sale (); select 1")
        copy = services.create_database(name="copy", template="model", owner="tryton")
        assert ask(copy, "select current_user || ' ' || to_regclass('sale')") == "tryton sale"
        services.drop_database(name="copy")
        assert not postgres.database_exists(services.database_url, name="copy")


def test_state_lies_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAILHUB_STATE_DIR", "/srv/hub")
    assert default_state_dir("demo") == Path("/srv/hub/demo")


def test_state_lies_beside_the_code_or_where_the_servers_account_gets_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RETAILHUB_STATE_DIR", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_state_dir("demo") == REPOSITORY / ".state" / "demo"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(postgres, "reachable", lambda _path, _account: False)
    assert default_state_dir("demo").parent == Path("/var/tmp")

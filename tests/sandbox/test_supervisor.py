"""Child processes are started, watched and stopped in order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from retailhub.sandbox.services import REPOSITORY
from retailhub.sandbox.stack import wanted_port
from retailhub.sandbox.supervisor import (
    Child,
    ChildDied,
    Command,
    SandboxError,
    StateDirectory,
    Supervisor,
    interruptible,
    uninterrupted,
)

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = (
    "import os, signal, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print(os.fork(), flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    state = StateDirectory(tmp_path / "state")
    state.hold()
    supervisor = Supervisor(state)
    yield supervisor
    supervisor.stop_all()
    state.release()


def sleeper(supervisor: Supervisor, name: str) -> Command:
    log = supervisor.state.path / "logs" / f"{name}.log"
    return Command(name=name, argv=SLEEPER, ready=lambda: log.read_text() == "up\n")


def test_children_are_stopped_in_the_reverse_order_of_their_start(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[str] = []
    stop = Child.stop

    def noted(child: Child) -> None:
        stopped.append(child.name)
        stop(child)

    monkeypatch.setattr(Child, "stop", noted)
    for name in ("database", "queue", "web"):
        supervisor.start(sleeper(supervisor, name))
    pids = [child.pid for child in supervisor.children.values()]
    supervisor.stop_all()
    assert stopped == ["web", "queue", "database"]
    assert supervisor.children == {}
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_those_that_nobody_needs_are_asked_to_end_together_and_once(supervisor: Supervisor, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    meets = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        "    with open(sys.argv[1], 'a') as file: file.write('asked ')\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('up', flush=True)\n"
        "while len(pathlib.Path(sys.argv[1]).read_text().split()) < 2: time.sleep(0.01)\n"
    )
    asked.touch()
    for name in ("pump", "worker"):
        argv = [sys.executable, "-c", meets, str(asked)]
        supervisor.start(replace(sleeper(supervisor, name), argv=argv, leaf=True))
    children = list(supervisor.children.values())
    supervisor.stop_all()  # one after the other each would wait for the other's being asked, and be killed
    assert [child.process.returncode for child in children] == [0, 0]
    assert asked.read_text() == "asked asked "


def test_a_terminal_that_is_gone_interrupts_even_where_nobody_was_told(tmp_path: Path) -> None:
    """A make that was started as the terminal's own command is told by the kernel, and what it waits for is not."""
    ours, theirs = os.openpty()
    code = (
        "import pathlib, sys\n"
        "from retailhub.sandbox.supervisor import StateDirectory, Supervisor\n"
        "supervisor = Supervisor(StateDirectory(pathlib.Path(sys.argv[1])))\n"
        "print('up', flush=True)\n"
        "try:\n"
        "    supervisor.wait(lambda: False, seconds=20)\n"
        "except KeyboardInterrupt:\n"
        "    raise SystemExit(7)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=theirs, stdout=subprocess.PIPE, cwd=REPOSITORY
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        os.close(theirs)
        assert process.poll() is None
        os.close(ours)
        assert process.wait(10) == 7


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=rf"Port {port} cannot be used \(.*\): name another one with --port\."):
            wanted_port(port)
    assert wanted_port(port) == port
    with pytest.raises(SandboxError, match="Port 70000 cannot be used"):
        wanted_port(70000)


def test_a_child_that_ends_is_told_in_one_sentence(supervisor: Supervisor) -> None:
    argv = [sys.executable, "-c", "import sys; print('first', flush=True); sys.exit('no such port')"]
    child = supervisor.start(Command(name="web", argv=argv))
    child.process.wait()
    with pytest.raises(ChildDied) as died:
        supervisor.check()
    assert str(died.value) == f"web ended with exit code 1; its log {child.log} closes: no such port"


def test_a_killed_child_is_told_by_its_signal(supervisor: Supervisor) -> None:
    child = supervisor.start(sleeper(supervisor, "worker"))
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ChildDied, match="worker ended with signal SIGKILL"):
        supervisor.wait(lambda: False, seconds=10)


def test_a_child_that_dies_before_it_is_ready_is_not_waited_for(supervisor: Supervisor) -> None:
    argv = [sys.executable, "-c", "raise SystemExit(3)"]
    with pytest.raises(ChildDied, match="web ended with exit code 3"):
        supervisor.start(Command(name="web", argv=argv, ready=lambda: False, ready_seconds=30))


def test_a_child_that_never_gets_ready_is_an_error(supervisor: Supervisor) -> None:
    with pytest.raises(SandboxError, match=r"web was not ready within 0.2 s"):
        supervisor.start(Command(name="web", argv=SLEEPER, ready=lambda: False, ready_seconds=0.2))


def test_waiting_ends_when_the_question_is_answered_or_time_is_up(supervisor: Supervisor) -> None:
    supervisor.start(sleeper(supervisor, "web"))
    assert supervisor.wait(lambda: True)
    assert not supervisor.wait(lambda: False, seconds=0.05)


def test_a_child_that_ignores_its_signal_is_killed_with_all_its_workers(supervisor: Supervisor) -> None:
    log = supervisor.state.path / "logs" / "stubborn.log"
    child = supervisor.start(
        Command(
            name="stubborn",
            argv=[sys.executable, "-c", STUBBORN],
            ready=lambda: len(log.read_text().split()) == 2,
            stop_seconds=0.2,
        )
    )
    workers = [psutil.Process(int(pid)) for pid in log.read_text().split() if pid != "0"]
    supervisor.stop_all()
    assert child.process.returncode == -signal.SIGKILL
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE] == []


def test_a_name_runs_once(supervisor: Supervisor) -> None:
    supervisor.start(sleeper(supervisor, "web"))
    with pytest.raises(SandboxError, match="web is running already"):
        supervisor.start(sleeper(supervisor, "web"))


def test_the_log_of_the_start_before_is_kept(supervisor: Supervisor) -> None:
    for words in ("one", "two"):
        child = supervisor.start(Command(name="web", argv=["/bin/echo", words]))
        child.process.wait()
        supervisor.stop("web")
    assert child.log.read_text() == "two\n"
    assert child.log.with_suffix(".log.1").read_text() == "one\n"


def test_a_child_is_not_started_from_a_thread_that_may_end_before_us(supervisor: Supervisor) -> None:
    errors: list[SandboxError] = []

    def start() -> None:
        try:
            supervisor.start(sleeper(supervisor, "web"))
        except SandboxError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert [str(error) for error in errors] == ["web must be started from the main thread."]


def test_a_state_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(SandboxError, match="is not a directory of this user"):
        StateDirectory(tmp_path / "link").hold()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_stop_signal_interrupts_even_where_it_was_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), interruptible():
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_second_ctrl_c_does_not_cut_the_stop_short() -> None:
    with interruptible(), uninterrupted():
        signal.raise_signal(signal.SIGINT)

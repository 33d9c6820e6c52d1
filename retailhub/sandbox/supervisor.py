"""Starts processes of our own, watches them, and stops them in reverse order.

Everything the sandbox, the tests and the benches run hangs on one state directory, held by a file lock. Each
child inherits the locked descriptor and is told by the kernel to stop when we die, so a ``kill -9`` of the
parent leaves nothing behind, and the next start waits exactly as long as any child is still ending.
Linux only: it rests on ``prctl(PR_SET_PDEATHSIG)`` (man 2 prctl) and ``flock`` (man 2 flock).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import pwd
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_SECONDS = 0.02
_PR_SET_PDEATHSIG = 1


class SandboxError(Exception):
    """What the person at the terminal has to know, in one sentence."""


class ChildDied(SandboxError):
    """A process that should run has ended."""


class StateInUse(SandboxError):
    """Another stack holds this state directory."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One process to run.

    ``ready`` is asked until it says yes, at most ``ready_seconds``. ``stop_signal`` is sent at the end and by
    the kernel when we die; whoever is still there after ``stop_seconds`` is killed. ``leaf`` says that no other
    process needs this one, so that it may end beside others. ``account`` is whom to drop to when we are root.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    account: pwd.struct_passwd | None = None
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 30
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20
    leaf: bool = False


class StateDirectory:
    """A directory that one stack at a time may use: its sockets, data and logs."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        if self._descriptor is None:
            raise SandboxError(f"{self.path} is not held.")
        return self._descriptor

    def hold(self, *, wait_seconds: float = 20) -> None:
        """Lock the directory, making it first; raises StateInUse.

        A living holder is given a second, the children of a dead one ``wait_seconds`` to end.
        """
        private_directory(self.path, mode=0o711)
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        started = time.monotonic()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = os.pread(descriptor, 20, 0).decode()
                patience = 1.0 if _is_alive(holder) else wait_seconds
                if time.monotonic() - started > patience:
                    os.close(descriptor)
                    raise StateInUse(
                        f"{self.path} is in use by process {holder or '?'}: stop that first, "
                        "or set RETAILHUB_STATE_DIR to another directory."
                    ) from None
                time.sleep(POLL_SECONDS)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def log(self, name: str) -> Path:
        """Where a child writes; the log of the start before is kept beside it."""
        path = self.path / "logs" / f"{name}.log"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.exists():
            path.replace(path.with_suffix(".log.1"))
        return path


class Child:
    """One running process: its own session, so that a terminal's Ctrl-C reaches only us."""

    def __init__(self, command: Command, state: StateDirectory) -> None:
        if threading.current_thread() is not threading.main_thread():
            # The kernel sends the death signal when the starting *thread* ends.
            raise SandboxError(f"{command.name} must be started from the main thread.")
        self.command = command
        self._asked = False
        self.log = state.log(command.name)
        account = command.account
        identity: dict[str, object] = {}
        if account is not None:
            identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                [str(part) for part in command.argv],
                env=None if command.env is None else dict(command.env),
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                pass_fds=(state.descriptor,),
                start_new_session=True,
                preexec_fn=_in_child(command.stop_signal),  # runs after setuid, which would clear it
                **identity,
            )

    @property
    def name(self) -> str:
        return self.command.name

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def check(self) -> None:
        """Raise ChildDied when the process has ended."""
        code = self.process.poll()
        if code is None:
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise ChildDied(f"{self.name} ended with {how}; its log {self.log} closes: {_last_line(self.log)}")

    def wait_until_ready(self) -> None:
        """Ask ``ready`` until it says yes; raises ChildDied, or SandboxError when time is up."""
        if self.command.ready is None:
            return
        end = time.monotonic() + self.command.ready_seconds
        while not self.command.ready():
            self.check()
            if time.monotonic() > end:
                raise SandboxError(
                    f"{self.name} was not ready within {self.command.ready_seconds:g} s; "
                    f"its log {self.log} closes: {_last_line(self.log)}"
                )
            time.sleep(POLL_SECONDS)

    def ask(self) -> None:
        """Ask the process to end: once, as being asked twice means haste to some."""
        if not self._asked and self.process.poll() is None:
            self.process.send_signal(self.command.stop_signal)
            self._asked = True

    def stop(self) -> None:
        """Ask the process to end, then kill whatever is left of its session."""
        self.ask()
        if self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.command.stop_seconds)
        # Workers of a master that ended badly share its process group; an empty group is no error.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


class Supervisor:
    """The children of one state directory, in the order they were started. Restarts none."""

    def __init__(self, state: StateDirectory) -> None:
        self.state = state
        self.children: dict[str, Child] = {}
        self._terminals = [number for number in (0, 1, 2) if os.isatty(number)]

    def start(self, command: Command) -> Child:
        """Start a process and wait until it is ready; raises ChildDied, SandboxError."""
        if command.name in self.children:
            raise SandboxError(f"{command.name} is running already.")
        child = Child(command, self.state)
        self.children[command.name] = child
        child.wait_until_ready()
        return child

    def stop(self, name: str) -> None:
        """Stop one process and forget it."""
        self.children[name].stop()
        del self.children[name]

    def check(self) -> None:
        """Raise ChildDied, naming the first process that has ended, or KeyboardInterrupt when the terminal is gone."""
        # SIGHUP need not reach us: the kernel sends it to the session's leader, which may be a make that waits for us
        if _hung_up(self._terminals):
            raise KeyboardInterrupt
        for child in self.children.values():
            child.check()

    def wait(self, until: Callable[[], bool], *, seconds: float | None = None) -> bool:
        """Watch the children until ``until`` says yes (True) or time is up (False); raises ChildDied."""
        end = None if seconds is None else time.monotonic() + seconds
        while not until():
            self.check()
            if end is not None and time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def stop_all(self) -> None:
        """Stop everything, the last started first: workers before the queue, the database at the end.

        Those that no other needs are asked together, so that their ends take as long as the slowest's.
        """
        for child in reversed(list(self.children.values())):
            if child.command.leaf:
                child.ask()
        for name in reversed(list(self.children)):
            self.stop(name)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into KeyboardInterrupt inside, and ignore none of them.

    SIGINT too, though Python does so by itself: a job that a shell put in the background inherits it ignored.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handling(interrupt):
        yield


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold the stop signals back while children are being stopped: a second Ctrl-C must leave none behind."""
    with _handling(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handling(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, former in before.items():
            # None stands for a handler that was not set by Python, which Python cannot set again.
            signal.signal(number, signal.SIG_DFL if former is None else former)


def die_with_parent(number: signal.Signals) -> None:
    """Have the kernel send us ``number`` when the process that started us ends."""
    parent = os.getppid()
    _prctl()(_PR_SET_PDEATHSIG, int(number))
    if os.getppid() != parent:
        signal.raise_signal(number)


def private_directory(path: Path, *, mode: int) -> None:
    """Make a directory of ours, or refuse one that belongs to somebody else; raises SandboxError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise SandboxError(f"{path} is not a directory of this user: name another state directory.")
    path.chmod(mode)


def _prctl() -> Callable[[int, int], int]:
    if sys.platform != "linux":
        raise SandboxError("The embedded services run on Linux only: set DATABASE_URL and REDIS_URL.")
    found: Callable[[int, int], int] = ctypes.CDLL(None, use_errno=True).prctl
    return found


def _in_child(number: signal.Signals) -> Callable[[], None]:
    # Looked up before the fork: between fork and exec only what is already loaded is safe to call.
    prctl = _prctl()
    parent = os.getpid()

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number))
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if os.getppid() != parent:
            os._exit(1)

    return in_child


def _hung_up(terminals: Sequence[int]) -> bool:
    poll = select.poll()
    for number in terminals:
        poll.register(number, 0)  # what is not asked for is told all the same: gone, or an error
    return bool(poll.poll(0))


def _is_alive(pid: str) -> bool:
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.NoSuchProcess):
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "(empty)"

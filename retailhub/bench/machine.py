"""What processes have used: CPU seconds and memory, by name."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

import psutil


def family(pid: int) -> list[psutil.Process]:
    """A process and everything below it."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system seconds of these processes and their children, as long as they live."""
    total = 0.0
    for pid in pids:
        for process in family(pid):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
    return total


def memory_mb(pid: int) -> float:
    """Resident memory without what is shared between forks twice (proportional where the kernel tells it)."""
    total = 0.0
    for process in family(pid):
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 1024 / 1024


class Watcher:
    """Notes the peak memory of named processes while something else runs."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.pids = pids
        self.peak: dict[str, float] = dict.fromkeys(pids, 0.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(1.0):
            for name, pid in self.pids.items():
                self.peak[name] = max(self.peak[name], memory_mb(pid))

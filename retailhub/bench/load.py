"""A frugal HTTP client for load: prepared bytes over kept connections, one selector, latencies to the microsecond."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Load:
    """What a load did. ``latencies`` in seconds, of answers 200 alone."""

    sent: int = 0
    ok: int = 0
    other: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """A latency in milliseconds; 0 when there was no answer."""
        if not self.latencies:
            return 0.0
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


def request_bytes(path: str, host: str, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """One POST as it goes over a kept connection."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
    lines += [f"Content-Length: {len(body)}", "Connection: keep-alive", "", ""]
    return "\r\n".join(lines).encode() + body


class _Line:
    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self.buffer = b""


def run(address: tuple[str, int], requests: Sequence[bytes], *, connections: int) -> Load:
    """Send every request once over so many connections, each waiting for its answer before the next."""
    load, left = Load(), iter(requests)
    chooser = selectors.DefaultSelector()
    lines = [_Line(address) for _ in range(min(connections, len(requests)))]
    began = time.perf_counter()
    open_lines = 0
    for line in lines:
        chooser.register(line.socket, selectors.EVENT_READ, line)
        open_lines += _send(line, left, load)
    while open_lines:
        for key, _ in chooser.select(timeout=30):
            line = key.data
            if _answered(line, load):
                open_lines -= 1 - _send(line, left, load)
    load.seconds = time.perf_counter() - began
    for line in lines:
        chooser.unregister(line.socket)
        line.socket.close()
    chooser.close()
    return load


def _send(line: _Line, left: object, load: Load) -> int:
    request = next(left, None)  # type: ignore[call-overload]
    if request is None:
        return 0
    line.began = time.perf_counter()
    line.socket.sendall(request)
    load.sent += 1
    return 1


def _answered(line: _Line, load: Load) -> bool:
    received = line.socket.recv(65536)
    if not received:
        raise ConnectionError("the server closed a kept connection")
    line.buffer += received
    head, found, rest = line.buffer.partition(b"\r\n\r\n")
    if not found:
        return False
    length = next(
        (int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.lower().startswith(b"content-length:")), 0
    )
    if len(rest) < length:
        return False
    line.buffer = b""
    status = int(head.split(b" ", 2)[1])
    if status == 200:
        load.ok += 1
        load.latencies.append(time.perf_counter() - line.began)
    else:
        load.other[status] = load.other.get(status, 0) + 1
    return True

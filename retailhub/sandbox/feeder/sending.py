"""Posting deliveries over plain HTTP/1.1, as cheaply as Python can.

A store's queue posts one delivery after another and never again: what is not answered with 2xx is lost to
it. (The real one counts 301 and 302 as delivered too; here everything but 2xx is booked as refused, because
the receiver did not take it.) The switching off of a webhook after seven refusals is not played.
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit


class NoAnswer(Exception):
    """Refused connection, time-out, reset or an answer that is not HTTP."""


class Sender:
    """One connection at a time to one target. For one thread; ``target`` is a plain http address."""

    def __init__(self, target: str, *, keep_alive: bool, timeout: float) -> None:
        parts = urlsplit(target)
        self.host = parts.netloc
        self._address = (parts.hostname or "", parts.port or 80)
        self._keep_alive = keep_alive
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def post(self, request: bytes) -> int:
        """Sends one request and returns the status. Raises NoAnswer.

        A kept connection that the receiver closed in between is replaced once.
        """
        kept = self._socket is not None
        try:
            return self._exchange(request)
        except ConnectionError as error:
            self.close()
            if not kept:
                raise NoAnswer(str(error)) from error
        except (OSError, ValueError) as error:
            self.close()
            raise NoAnswer(str(error)) from error
        try:
            return self._exchange(request)
        except (OSError, ValueError) as error:
            self.close()
            raise NoAnswer(str(error)) from error

    def _exchange(self, request: bytes) -> int:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, self._timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        status, reusable = _read_answer(self._socket)
        if not (self._keep_alive and reusable):
            self.close()
        return status


def _read_answer(connection: socket.socket) -> tuple[int, bool]:
    """Status, and whether the connection can be used again. Raises ConnectionError or ValueError."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _more(connection)
    head = data[:end].lower()
    if not head.startswith(b"http/1."):
        raise ValueError("not an HTTP answer")
    status = int(head[9:12])
    close = b"\r\nconnection: close" in head
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        return status, status == 204 and not close
    left = int(head[at + 17 :].split(b"\r\n", 1)[0]) - (len(data) - end - 4)
    while left > 0:
        left -= len(_more(connection))
    return status, not close


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionResetError("closed before the answer was complete")
    return data

"""A server that answers as Tryton 8.2 was recorded to, for one connector under test."""

from __future__ import annotations

import functools
import gzip
import json
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FOLDER = Path(__file__).resolve().parents[2] / "payloads" / "tryton"
LARGE = 1400
"""Bytes over which Tryton sends its answer gzipped."""


@functools.cache
def recording(number: str) -> dict[str, Any]:
    """A recorded pair by the start of its file name, such as ``04-sale-030``."""
    (path,) = FOLDER.glob(f"{number}-*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@dataclass(frozen=True)
class Call:
    """One call as it came."""

    method: str
    parameters: list[Any]
    authorization: str
    keys: frozenset[str]


class RecordedTryton:
    """Answers each method with what was queued for it: a recording's number, or a result."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._answers: dict[str, deque[tuple[int, Any]]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/erp"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.recorded("common.db.login", "01-auth-003")
        self.recorded("model.res.user.get_preferences", "01-auth-010")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def recorded(self, method: str, *numbers: str) -> None:
        """Queue recorded answers for a method, whatever they were recorded for."""
        queue = self._answers.setdefault(method, deque())
        for number in numbers:
            answer = recording(number)["response"]
            queue.append((answer["status"], answer["body"]))

    def result(self, method: str, *results: Any) -> None:
        """Queue successful answers."""
        queue = self._answers.setdefault(method, deque())
        queue.extend((200, {"id": 1, "result": result}) for result in results)

    def forget(self, method: str) -> None:
        """Drop what is queued for a method."""
        self._answers.pop(method, None)

    def methods(self) -> list[str]:
        """The methods called so far, in order."""
        return [call.method for call in self.calls]

    def settings(self) -> dict[str, Any]:
        return {"url": self.url, "web_shop": "woo", "allow_private": True}

    def answer(self, call: Call) -> tuple[int, bytes]:
        """The next answer; the last one of a method stays."""
        self.calls.append(call)
        queue = self._answers[call.method]
        status, body = queue.popleft() if len(queue) > 1 else queue[0]
        return status, body.encode() if isinstance(body, str) else json.dumps(body).encode()


def _handler(server: RecordedTryton) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            authorization = self.headers.get("Authorization", "")
            status, answer = server.answer(Call(body["method"], body["params"], authorization, frozenset(body)))
            self.send_response(status)
            if len(answer) > LARGE:
                answer = gzip.compress(answer)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Type", "application/json" if status == 200 else "text/html")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            """Silence: the test tells what was called."""

    return Handler

"""Who notices are sent to in tests: a mail server and a webhook, each a real socket that answers as it is told."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    owner: MailServer


class _Dialogue(socketserver.StreamRequestHandler):
    """One SMTP session, without TLS and log-in."""

    def handle(self) -> None:
        owner = cast(_Server, self.server).owner
        self._say("220 mail.example.com")
        while words := self.rfile.readline().decode().strip():
            verb = words.partition(" ")[0].upper()
            answer = owner.answers.pop(verb, "") if verb in owner.answers else "250 fine"
            if not answer:
                return
            if verb == "RCPT":
                owner.asked.append(words)
            if verb == "DATA" and answer.startswith("250"):
                self._say("354 go on")
                owner.take(self._body())
                answer = owner.answers.pop("TAKEN", "250 taken")
                if answer == "hang up":
                    return
            self._say(answer)
            if verb == "QUIT":
                return

    def _body(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


class MailServer:
    """Keeps the mails it takes. ``answers`` are given once, by verb; ``TAKEN`` is the answer after the text."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.asked: list[str] = []
        self.answers: dict[str, str] = {}
        self._server = _Server(("127.0.0.1", 0), _Dialogue)
        self._server.owner = self
        self.port = int(self._server.server_address[1])

    def take(self, raw: bytes) -> None:
        self.mails.append(email.message_from_bytes(raw, policy=email.policy.default))

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Answer:
    """What the webhook says. It begins to after ``gate`` is set, where there is one."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)
    gate: threading.Event | None = None


@dataclass(frozen=True)
class Call:
    """One call of the webhook."""

    path: str
    headers: Mapping[str, str]
    json: Any


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    owner: Hook


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        owner = cast(_Http, self.server).owner
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # one that is told to wait counts when it came
        owner.calls.append(Call(self.path, dict(self.headers), json.loads(body)))
        answer = owner.answers.pop(0) if owner.answers else Answer()
        if answer.gate is not None:
            answer.gate.wait(10)
        try:
            self.send_response(answer.status)
            # as Slack labels its "ok"
            headers = {"Content-Type": "text/html", "Content-Length": str(len(answer.body)), **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
        except OSError:
            # whoever called does not wait any more
            self.close_connection = True

    def log_message(self, *_args: Any) -> None:
        """Be silent."""


class Hook:
    """Keeps the calls it gets. ``answers`` are given in order, then always 200."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: list[Answer] = []
        self._server = _Http(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.port = self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/T000/must-stay-secret"

    @property
    def headlines(self) -> list[str]:
        """What plain JSON calls said first."""
        return [call.json["headline"] for call in self.calls]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

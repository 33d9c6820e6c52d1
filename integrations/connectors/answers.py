"""What an HTTP answer means for the engine, decided once for all connectors.

Every call is a read or a write (`Effect`), and that decides what comes of it:

    what happened                        read                       write
    nothing left us                      Transient unreachable      Transient unreachable
    no or broken answer after a byte     Transient                  Unknown
    401, 403                             AuthRejected               AuthRejected
    login page with 200                  AuthRejected login_page    Unknown login_page
    429                                  RateLimited                RateLimited
    503 with Retry-After                 RateLimited                Unknown(retry_at)
    other 5xx, 408                       Transient                  Unknown
    3xx                                  Misconfigured              Unknown redirected
    404, 405, 410                        Misconfigured              Misconfigured
    other 4xx                            Rejected                   Rejected

A connector that knows better what a status means names it in ``handle`` and gets the answer itself.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from integrations.ports.errors import (
    AuthRejected,
    ConnectorError,
    Misconfigured,
    RateLimited,
    Rejected,
    Transient,
    Unknown,
)

T = TypeVar("T")

RETRY_AFTER_DEFAULT = dt.timedelta(seconds=5)
"""Waited when 429 names no time."""
RETRY_AFTER_MOST = dt.timedelta(days=1)
_SECRET_PARTS = ("key", "secret", "token", "signature", "password", "oauth", "auth", "nonce")
_EVIDENCE_LIMIT = 300


class Effect(StrEnum):
    """Whether a call may change something on the other side."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True)
class Answer:
    """A definite answer: status 2xx, or one the caller said it handles."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    effect: Effect
    host: str

    def json(self, kind: type[T]) -> T:
        """The body as ``kind``, numbers exact. Raises ``bad_answer`` when it is not, as `in_doubt` does."""
        try:
            decoder: msgspec.json.Decoder[T] = _decoder(kind)  # type: ignore[arg-type]
            return decoder.decode(self.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise in_doubt(
                self.effect,
                f"{self.host} answered with something that is not the expected JSON.",
                code="bad_answer",
                evidence=self.evidence() | {"reason": str(error)[:_EVIDENCE_LIMIT]},
            ) from error

    def evidence(self) -> dict[str, str]:
        """Status and the body's beginning, for a case page."""
        start = self.body[:_EVIDENCE_LIMIT].decode("utf-8", "replace")
        return {"status": str(self.status), "answer": start}


@functools.lru_cache(maxsize=256)
def _decoder(kind: Any) -> Any:
    return msgspec.json.Decoder(kind, float_hook=Decimal)


def in_doubt(
    effect: Effect,
    detail: str,
    *,
    code: str,
    evidence: Mapping[str, str],
    retry_at: dt.datetime | None = None,
) -> ConnectorError:
    """The error for an answer that tells nothing: a read can be repeated, a write is `Unknown`."""
    if effect is Effect.READ:
        return Transient(detail, code=code, evidence=evidence)
    return Unknown(detail, code=code, evidence=evidence, retry_at=retry_at)


def refuse(answer: Answer, *, handle: frozenset[int], now: dt.datetime) -> None:
    """Raise the error an answer stands for; return when it is a definite answer for the caller."""
    status = answer.status
    if status in handle:
        return
    if 200 <= status < 300:
        if is_html(answer):
            _refuse_html(answer)
        return
    if 300 <= status < 400:
        _refuse_redirect(answer)
    if status in (401, 403):
        raise AuthRejected(f"{answer.host} refused the credentials.", evidence=answer.evidence())
    if status == 429:
        raise RateLimited(
            f"{answer.host} asks us to call less often.",
            retry_at=retry_after(answer.headers, now=now) or now + RETRY_AFTER_DEFAULT,
            evidence=answer.evidence(),
        )
    if status >= 500 or status == 408:
        _refuse_trouble(answer, now)
    if status in (404, 405, 410):
        raise Misconfigured(
            f"{answer.host} has nothing at the address that was called; check the base URL.",
            code="wrong_address",
            evidence={"field": "base_url"} | answer.evidence(),
        )
    raise Rejected(
        f"{answer.host} refused the call with status {status}.",
        code="call_refused",
        evidence=answer.evidence(),
    )


def _refuse_trouble(answer: Answer, now: dt.datetime) -> NoReturn:
    told = retry_after(answer.headers, now=now) if answer.status == 503 else None
    if told is not None and answer.effect is Effect.READ:
        raise RateLimited(
            f"{answer.host} is unavailable and told us when to come back.",
            retry_at=told,
            evidence=answer.evidence(),
        )
    raise in_doubt(
        answer.effect,
        f"{answer.host} answered with status {answer.status}.",
        code="server_error",
        evidence=answer.evidence(),
        retry_at=told,
    )


def _refuse_redirect(answer: Answer) -> NoReturn:
    evidence = {"field": "base_url", "location": without_secrets(answer.headers.get("Location", ""))}
    detail = f"{answer.host} sends calls elsewhere; set the base URL to its final address."
    if answer.effect is Effect.READ:
        raise Misconfigured(detail, code="redirected", evidence=evidence | answer.evidence())
    raise Unknown(detail, code="redirected", evidence=evidence | answer.evidence())


def _refuse_html(answer: Answer) -> NoReturn:
    if not is_login_page(answer):
        raise in_doubt(
            answer.effect,
            f"{answer.host} answered with a web page where data was due.",
            code="html_answer",
            evidence=answer.evidence(),
        )
    detail = f"{answer.host} answered with its login page."
    if answer.effect is Effect.READ:
        raise AuthRejected(detail, code="login_page", evidence=answer.evidence())
    raise Unknown(detail, code="login_page", evidence=answer.evidence())


def is_html(answer: Answer) -> bool:
    """Whether the body is a web page, by its label or by its looks."""
    start = answer.body[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "text/html" in answer.headers.get("Content-Type", "") or start.startswith((b"<!doctype html", b"<html"))


def is_login_page(answer: Answer) -> bool:
    """Whether a web page asks for a password."""
    page = answer.body.lower()
    return b'type="password"' in page or b"type='password'" in page


def retry_after(headers: Mapping[str, str], *, now: dt.datetime) -> dt.datetime | None:
    """When ``Retry-After`` (seconds or an HTTP date) says to come back, in UTC; ``None`` without one.

    Never before ``now`` and at most a day away: a slip of the other side cannot stop a connection for good.
    """
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        seconds = min(int(text[:12]), int(RETRY_AFTER_MOST.total_seconds()))
        return now + dt.timedelta(seconds=seconds)
    try:
        told = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    if told.tzinfo is None:
        told = told.replace(tzinfo=dt.UTC)
    return min(max(told, now), now + RETRY_AFTER_MOST)


def without_secrets(url: str) -> str:
    """The URL as it may be kept: no user part, and the values of key-like parameters removed."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    query = [
        (name, "removed" if any(secret in name.lower() for secret in _SECRET_PARTS) else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(query), ""))

"""The one way a connector speaks HTTP: bounded, watched, repeated by nobody; `answers` classifies."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from integrations.connectors.answers import Answer, Effect, in_doubt, refuse, without_secrets
from integrations.connectors.wire import Wire, WireAdapter
from integrations.ports.context import CallContext, Exchange
from integrations.ports.errors import ConnectorError, Misconfigured, Transient

__all__ = ["Answer", "Effect", "HttpClient", "check_base_url"]

RECORD_LIMIT = 32 * 1024
"""Bytes of each body kept in an `Exchange`."""
_CHUNK = 64 * 1024


class HttpClient:
    """Calls one outside system for one connector, in one thread. The pool is made at a process's first call.

    ``context`` is asked at each call. ``allow_private`` lets names resolve to private or loopback addresses.
    Sockets idle longer than ``idle_seconds`` are not used again: the other side may have closed them already.
    """

    def __init__(
        self,
        *,
        base_url: str,
        context: Callable[[], CallContext],
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        allow_private: bool = False,
        idle_seconds: float = 4.0,
        connect_seconds: float = 5.0,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._host = urlsplit(base_url).hostname or base_url
        self._context = context
        self._headers = {"Accept": "application/json", "User-Agent": "RetailHub", **(headers or {})}
        self._auth = auth
        self._idle_seconds = idle_seconds
        self._wire = Wire(allow_private=allow_private, connect_seconds=connect_seconds)
        self._session: requests.Session | None = None
        self._adapter: WireAdapter | None = None
        self._process = 0
        self._last_used = 0.0

    def close(self) -> None:
        """Close the pooled sockets. The next call opens new ones."""
        if self._session is not None:
            self._session.close()
        self._session = self._adapter = None

    def call(
        self,
        method: str,
        path: str,
        *,
        effect: Effect,
        params: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        handle: frozenset[int] = frozenset(),
        conceal: bool = False,
    ) -> Answer:
        """One call within ``context.deadline_seconds``, connecting and reading included.

        ``path`` follows the base URL. ``handle`` are statuses beside 2xx that the caller deals with.
        ``conceal`` keeps both bodies out of the record (logins). Raises as the table in `answers` says.
        """
        context = self._context()
        context.before_call()
        prepared = self._prepare(method, self._base_url + path, params, body, headers, context)
        exchange = _Recording(context, prepared, conceal=conceal)
        try:
            answer = self._exchange(prepared, effect, context)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as failure:
            exchange.failed(failure)
            raise self._classify_failure(failure, effect) from failure
        except ConnectorError as error:
            exchange.failed(error)
            raise
        exchange.answered(answer)
        refuse(answer, handle=handle, now=context.now())
        return answer

    def _prepare(
        self,
        method: str,
        url: str,
        params: Sequence[tuple[str, str]],
        body: bytes | None,
        headers: Mapping[str, str] | None,
        context: CallContext,
    ) -> requests.PreparedRequest:
        all_headers = {**self._headers, **(headers or {})}
        if body is not None:
            all_headers.setdefault("Content-Type", "application/json")
        if context.correlation_id:
            all_headers["X-Correlation-Id"] = context.correlation_id
        request = requests.Request(method, url, params=list(params), data=body, headers=all_headers, auth=self._auth)
        return self._ready_session().prepare_request(request)

    def _ready_session(self) -> requests.Session:
        if self._process != os.getpid():
            # Sockets inherited over a fork belong to the parent.
            self._session = self._adapter = None
            self._process = os.getpid()
        elif self._adapter is not None and time.monotonic() - self._last_used > self._idle_seconds:
            self._adapter.close()
        if self._session is None:
            self._session = requests.Session()
            self._session.trust_env = False
            self._adapter = WireAdapter(self._wire)
        return self._session

    def _exchange(self, prepared: requests.PreparedRequest, effect: Effect, context: CallContext) -> Answer:
        self._wire.begin(context.deadline_seconds)
        adapter = self._adapter
        if adapter is None:
            raise RuntimeError("a call was prepared without a session")
        timeout = (self._wire.connect_seconds, context.deadline_seconds)
        # The adapter, not the session, sends: a session would follow or swallow redirects and keep cookies.
        response = adapter.send(prepared, stream=True, timeout=timeout, verify=True, proxies={})
        try:
            body = self._read(response, effect, context.max_answer_bytes)
        except BaseException:
            response.close()
            raise
        self._last_used = time.monotonic()
        return Answer(response.status_code, response.headers, body, effect, self._host)

    def _read(self, response: requests.Response, effect: Effect, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        for part in response.raw.stream(_CHUNK, decode_content=True):
            size += len(part)
            if size > limit:
                raise in_doubt(
                    effect,
                    f"The answer of {self._host} is larger than the {limit} bytes allowed.",
                    code="answer_too_large",
                    evidence={"status": str(response.status_code), "limit": str(limit)},
                )
            parts.append(part)
        return b"".join(parts)

    def _classify_failure(self, failure: Exception, effect: Effect) -> ConnectorError:
        evidence = {"failure": type(failure).__name__}
        if self._wire.refused_address:
            return Misconfigured(
                f"{self._host} is a private address, which this connection may not call.",
                code="private_address",
                evidence={"field": "base_url", "address": self._wire.refused_address},
            )
        if not self._wire.sent:
            return Transient(f"{self._host} could not be reached.", code="unreachable", evidence=evidence)
        if _is_timeout(failure):
            return in_doubt(effect, f"{self._host} did not answer in time.", code="timed_out", evidence=evidence)
        return in_doubt(
            effect,
            f"The connection to {self._host} broke before the answer was complete.",
            code="connection_lost",
            evidence=evidence,
        )


class _Recording:
    """Tells the context of one exchange, without secrets and with bodies cut."""

    def __init__(self, context: CallContext, prepared: requests.PreparedRequest, *, conceal: bool) -> None:
        self._context = context
        self._prepared = prepared
        self._conceal = conceal
        self._begun = time.monotonic()

    def answered(self, answer: Answer) -> None:
        self._tell(answer.status, b"" if self._conceal else answer.body[:RECORD_LIMIT], "")

    def failed(self, failure: Exception) -> None:
        self._tell(None, b"", type(failure).__name__)

    def _tell(self, status: int | None, received: bytes, error: str) -> None:
        body = self._prepared.body
        sent = body if isinstance(body, bytes) and not self._conceal else b""
        self._context.record(
            Exchange(
                method=self._prepared.method or "",
                url=without_secrets(self._prepared.url or ""),
                sent=sent[:RECORD_LIMIT],
                status=status,
                received=received,
                seconds=time.monotonic() - self._begun,
                error=error,
            )
        )


def _is_timeout(failure: BaseException) -> bool:
    """Whether a deadline is at the bottom of it, however deep the libraries wrapped it."""
    kinds = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, kinds) or any(isinstance(part, kinds) for part in seen.args):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def check_base_url(value: str, *, name: str = "base_url") -> str:
    """The URL without a trailing slash. Raises `Misconfigured` naming the setting when it is not one."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username:
        raise Misconfigured(
            f"The setting {name} must be a plain http or https address, like https://erp.example.com.",
            evidence={"field": name},
        )
    return value.rstrip("/")

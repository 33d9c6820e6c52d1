"""Tryton's JSON-RPC, one method an endpoint.

Protocol: https://docs.tryton.org/latest/server/topics/rpc.html. A call is answered with HTTP 200 also when it
failed; the shape of ``error`` tells how, and by then its transaction is over: nothing of it stays. Of a write
that is a `Fault`, for the caller to judge; of a read it means that we may not see what we need, or trouble.
Sessions end (idle, age, server's choice) with 401, before anything is done; then one fresh login is made.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from integrations.connectors.answers import Answer, Effect, in_doubt, retry_after
from integrations.connectors.http import HttpClient
from integrations.connectors.tryton import schemas
from integrations.connectors.tryton.config import Credentials, Settings
from integrations.ports.context import CallContext
from integrations.ports.errors import AuthRejected, ConnectorError, Misconfigured, RateLimited, Transient

T = TypeVar("T")
R = TypeVar("R", bound=schemas.Row)

LOGIN_WAIT = dt.timedelta(seconds=60)
"""Tryton refuses logins with 429 after five wrong ones, and names no time."""
PAGE = 500
TEXT_LIMIT = 500


class Fault(Exception):
    """Tryton did the call's transaction and undid it. ``text`` is its sentence, in the context's language."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text[:TEXT_LIMIT]


class UserFault(Fault):
    """A business no. There are no codes, only a text."""


class WarningFault(Fault):
    """A question to the user; ``name`` is what `Client.skip_warning` takes to answer it with yes."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


class ConcurrencyFault(Fault):
    """Somebody else changed the record meanwhile."""


class ServerFault(Fault):
    """An exception in the server's code."""


class _Reply(msgspec.Struct, frozen=True):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: tuple[Any, ...] | None = None


def read_fault(error: Sequence[Any]) -> Fault | None:
    """What an ``error`` says, by its shape; ``None`` for a shape that Tryton does not have."""
    match error:
        case ["UserError", [str(text), *_]]:
            return UserFault(text)
        case ["UserWarning", [str(name), str(text), *_]]:
            return WarningFault(name, text)
        case ["ConcurrencyException", str(text)]:
            return ConcurrencyFault(text)
        case [str(text), str()]:
            return ServerFault(text)
        case _:
            return None


class Client:
    """One user's session with one database. All raise ``ConnectorError``, writes also `Fault`."""

    def __init__(self, settings: Settings, credentials: Credentials, *, context: Callable[[], CallContext]) -> None:
        self._credentials = credentials
        self._company = settings.company
        self._now: Callable[[], dt.datetime] = lambda: context().now()
        self._http = HttpClient(base_url=settings.url, context=context, allow_private=settings.allow_private)
        self._authorization = ""
        self._preferences: dict[str, Any] = {}

    def close(self) -> None:
        """Close the sockets; the session at the server ends by itself."""
        self._http.close()

    def preferences(self) -> Mapping[str, Any]:
        """The user's context, sent along with every call; ``company`` is among it."""
        if not self._preferences:
            found = self._call("model.res.user.get_preferences", [True, {}], Effect.READ, dict[str, Any])
            self._preferences = {**found, "language": "en"}
            if self._company is not None:
                self._preferences["company"] = self._company
        return self._preferences

    def search_read(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        kind: type[R],
        *,
        order: Sequence[tuple[str, str]] | None = None,
        limit: int | None = None,
    ) -> list[R]:
        """The records of a model that match."""
        arguments = [domain, 0, limit, order, fields]
        return self._model(model, "search_read", arguments, Effect.READ, list[kind])  # type: ignore[valid-type]

    def walk(self, model: str, domain: Sequence[Any], fields: Sequence[str], kind: type[R]) -> Iterator[R]:
        """The records that match, by id and page by page: changes meanwhile neither lose nor double one."""
        last = 0
        while True:
            after = [*domain, ("id", ">", last)]
            page = self.search_read(model, after, fields, kind, order=[("id", "ASC")], limit=PAGE)
            yield from page
            if len(page) < PAGE:
                return
            last = page[-1].id

    def read(self, model: str, ids: Sequence[int], fields: Sequence[str], kind: type[R]) -> list[R]:
        """These records, which must be there."""
        return self._model(model, "read", [ids, fields], Effect.READ, list[kind])  # type: ignore[valid-type]

    def has_field(self, model: str, name: str) -> bool:
        """Whether a model has the field, that is, whether the module that adds it is active."""
        found = self._model(model, "fields_get", [[name]], Effect.READ, dict[str, Any])
        return name in found

    def create(self, model: str, values: Sequence[Mapping[str, Any]]) -> list[int]:
        """All these records or none."""
        return self._model(model, "create", [values], Effect.WRITE, list[int])

    def press(self, model: str, button: str, ids: Sequence[int]) -> None:
        """A button of the form, on all these records or none."""
        self._model(model, button, [ids], Effect.WRITE, Any)

    def skip_warning(self, name: str) -> None:
        """Answer a question with yes, for the next call only."""
        self._model("res.user.warning", "skip", [name, False], Effect.WRITE, Any)

    def _model(self, model: str, method: str, arguments: list[Any], effect: Effect, kind: type[T]) -> T:
        parameters = [*arguments, dict(self.preferences())]
        return self._call(f"model.{model}.{method}", parameters, effect, kind)

    def _call(self, method: str, parameters: list[Any], effect: Effect, kind: type[T]) -> T:
        if not self._authorization:
            self._login()
        answer = self._post(method, parameters, effect, handle=frozenset({401}))
        if answer.status == 401:
            self._login()
            answer = self._post(method, parameters, effect, handle=frozenset({401}))
        if answer.status == 401:
            self._authorization = ""
            raise AuthRejected("Tryton refuses the session it has just given.", evidence=answer.evidence())
        return _result(answer, kind)

    def _login(self) -> None:
        """A new session. Raises `AuthRejected`, and `RateLimited` when too many logins failed."""
        self._authorization = ""
        user = self._credentials.user
        parameters = [user, {"password": self._credentials.password}, "en"]
        handle = frozenset({401, 429})
        answer = self._post("common.db.login", parameters, Effect.READ, handle=handle, conceal=True)
        if answer.status == 401:
            raise AuthRejected("Tryton refused the user name or the password.")
        if answer.status == 429:
            retry_at = retry_after(answer.headers, now=self._now()) or self._now() + LOGIN_WAIT
            raise RateLimited("Tryton takes no more logins of this user for a while.", retry_at=retry_at)
        session = self._session_of(answer)
        pair = f"{user}:{session[0]}:{session[1]}"
        self._authorization = "Session " + base64.b64encode(pair.encode()).decode()

    def _session_of(self, answer: Answer) -> tuple[int, str]:
        hidden = dataclasses.replace(answer, body=b"")
        try:
            reply = msgspec.json.decode(answer.body, type=_Reply)
            if reply.error is not None:
                raise AuthRejected("Tryton asks for more than a password at login.")
            found = msgspec.json.decode(reply.result, type=tuple[Any, ...])
        except msgspec.DecodeError as error:
            raise in_doubt(
                Effect.READ, "Tryton's login answer is unreadable.", code="bad_answer", evidence={}
            ) from error
        match found:
            case (int(number), str(key), *_):
                return number, key
        raise AuthRejected("Tryton gave no session.", evidence=hidden.evidence())

    def _post(
        self,
        method: str,
        parameters: list[Any],
        effect: Effect,
        *,
        handle: frozenset[int],
        conceal: bool = False,
    ) -> Answer:
        body = msgspec.json.encode({"id": 1, "method": method, "params": schemas.to_wire(parameters)})
        headers = {"Authorization": self._authorization} if self._authorization else {}
        return self._http.call(
            "POST", "/rpc/", effect=effect, body=body, headers=headers, handle=handle, conceal=conceal
        )


def _result(answer: Answer, kind: type[T]) -> T:
    reply = answer.json(_Reply)
    fault = read_fault(reply.error) if reply.error is not None else None
    if fault is not None:
        raise fault if answer.effect is Effect.WRITE else _unreadable(fault)
    try:
        if reply.error is None:
            value = msgspec.json.decode(reply.result, type=Any)
            return schemas.rows(value, kind)
        problem = "an error of unknown shape"
    except (msgspec.DecodeError, ValueError, TypeError, KeyError) as error:
        problem = str(error)
    raise in_doubt(
        answer.effect,
        "Tryton answered with something that is not expected of it.",
        code="bad_answer",
        evidence=answer.evidence() | {"reason": problem[:TEXT_LIMIT]},
    )


def _unreadable(fault: Fault) -> ConnectorError:
    evidence = {"erp_text": fault.text}
    if isinstance(fault, UserFault):
        return Misconfigured(
            "The Tryton user may not read what the connector needs; check its groups.", evidence=evidence
        )
    return Transient("Tryton failed while it was read.", code="erp_fault", evidence=evidence)

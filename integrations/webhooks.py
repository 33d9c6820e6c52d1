"""Intake of webhooks: raw bytes, signature, one durable row, 200.

A WSGI application of its own (`intake`), asked before Django's middleware: no redirect, no session, no Redis, no
JSON on this path. The row is committed before the answer goes out.

| request | answer |
|---|---|
| signed body, known connection | 200, one row (or one more ``seen_count``) |
| unsigned form ping of a new webhook | 200, nothing stored |
| wrong or no signature | 401, counted |
| over 16 MB | 413, counted |
| unknown connection | 404 |
| other method | 405 |
| database away | 503 with Retry-After |
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import F

from integrations import inbox
from integrations.connections import INTAKE
from integrations.connectors.woocommerce import webhooks as woocommerce
from integrations.models import Connection, ConnectionState, WebhookCare
from integrations.states import Lane, Way
from retailhub.core import clock, ids

log = structlog.get_logger(__name__)

OLD_NOTED_SECONDS = 60.0
"""Between two notes that a store still signs with its old secret."""
SECRETS_SECONDS = 5.0
"""How long a process may go on with the secrets it read: a rotation is in force after that."""
KEPT_HEADERS = (
    "CONTENT_TYPE",
    "HTTP_USER_AGENT",
    "HTTP_CONTENT_ENCODING",
    "HTTP_X_WC_WEBHOOK_SOURCE",
    "HTTP_X_WC_WEBHOOK_TOPIC",
    "HTTP_X_WC_WEBHOOK_RESOURCE",
    "HTTP_X_WC_WEBHOOK_EVENT",
    "HTTP_X_WC_WEBHOOK_ID",
    "HTTP_X_WC_WEBHOOK_DELIVERY_ID",
)
STATUS_LINES = {
    200: "200 OK",
    401: "401 Unauthorized",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    413: "413 Content Too Large",
    503: "503 Service Unavailable",
}
LANES = {"order": Lane.ORDERS, "action": Lane.ORDERS}


@dataclass(frozen=True)
class Store:
    """What intake needs to know of a store connection."""

    id: int
    secrets: tuple[str, ...]


_stores: dict[str, tuple[float, Store | None]] = {}


def _store_named(name: str) -> Store | None:
    known = _stores.get(name)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    row = Connection.objects.filter(name=name, kind="woocommerce").only("id", "credentials").first()
    store = None if row is None else Store(id=row.pk, secrets=tuple(row.credentials.get("webhook_secrets", ())))
    if store is not None or known is not None or len(_stores) < 1000:
        _stores[name] = (time.monotonic() + SECRETS_SECONDS, store)
    return store


def forget_secrets() -> None:
    """Read connections anew on the next request (tests, and right after a rotation in this process)."""
    _stores.clear()
    _old_noted.clear()


def intake(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The WSGI application for everything under `INTAKE`."""
    try:
        code, text = _receive(environ)
    except (DatabaseError, InterfaceError) as error:
        log.warning("intake_without_database", error=type(error).__name__)
        connection.close()
        code, text = 503, "The database is away; nothing was stored."
    body = (text + "\n").encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    if code == 503:
        headers.append(("Retry-After", "5"))
    start_response(STATUS_LINES[code], headers)
    return [body]


def _receive(environ: Mapping[str, Any]) -> tuple[int, str]:
    name = environ["PATH_INFO"][len(INTAKE) :].strip("/")
    if environ["REQUEST_METHOD"] != "POST":
        return 405, "Deliveries are POST requests."
    store = _store_named(name)
    if store is None:
        return 404, "There is no such connection."
    body = _read_body(environ)
    if body is None:
        _count(store, "refused_too_large")
        return 413, "A delivery has at most 16 MB."
    headers = {key: environ[key] for key in KEPT_HEADERS if key in environ}
    signature = environ.get("HTTP_X_WC_WEBHOOK_SIGNATURE", "")
    if not signature:
        if woocommerce.is_ping(environ.get("CONTENT_TYPE", ""), body, _header_names(environ)):
            return 200, "Hello, store."
        _count(store, "refused_unsigned")
        return 401, "The delivery is not signed."
    if not woocommerce.verify(body, signature, store.secrets):
        _count(store, "refused_signature")
        return 401, "The signature does not fit the body."
    if len(store.secrets) > 1 and not woocommerce.verify(body, signature, store.secrets[:1]):
        _note_old_secret(store)
    (stored,) = inbox.store([message_of(store.id, headers, body)])
    log.info(
        "delivery_stored",
        trace_id=stored.trace_id,
        message=f"msg_i{stored.id}",
        connection=name,
        again=not stored.is_new,
    )
    return 200, "Stored."


def message_of(connection_id: int, headers: dict[str, str], body: bytes) -> inbox.NewMessage:
    """The inbox message of a verified delivery. Topic and ids only say where to look; they decide nothing."""
    topic = headers.get("HTTP_X_WC_WEBHOOK_TOPIC", "")[:80]
    seen = woocommerce.peek(body)
    resource = woocommerce.topic_resource(topic)[:40]
    return inbox.NewMessage(
        connection_id=connection_id,
        topic=topic,
        # one shard for an id whatever the topic calls it: the topic is not signed; what names none waits for nobody
        shard=f"store:{seen.resource_id}" if seen.resource_id else f"store:-{ids.new_trace_id()}",
        body=body,
        headers=headers,
        way=Way.WEBHOOK,
        lane=LANES.get(resource, Lane.CATALOGUE),
        wake=not seen.has_modified,
        unique=seen.is_rest_error,
    )


def _read_body(environ: Mapping[str, Any]) -> bytes | None:
    """The raw body, or ``None`` when it is larger than allowed; never reads more than the limit."""
    limit = settings.INTAKE_MAX_BYTES
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > limit:
        return None
    source = environ["wsgi.input"]
    body: bytes = source.read(int(length)) if length.isdigit() else source.read(limit + 1)
    return body if len(body) <= limit else None


def _header_names(environ: Mapping[str, Any]) -> dict[str, str]:
    return {key[5:].replace("_", "-"): "" for key in environ if key.startswith("HTTP_")}


_old_noted: dict[int, float] = {}


def _note_old_secret(store: Store) -> None:
    """A secret that is being changed is still in use; noted before the delivery is, or both are asked for again."""
    if _old_noted.get(store.id, 0.0) < time.monotonic():
        WebhookCare.objects.filter(pk=store.id).update(old_secret_used_at=clock.now())
        _old_noted[store.id] = time.monotonic() + OLD_NOTED_SECONDS


def _count(store: Store, column: str) -> None:
    ConnectionState.objects.filter(pk=store.id).update(**{column: F(column) + 1})

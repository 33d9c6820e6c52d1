"""Which of a store's webhooks are this RetailHub's. Two may look after one store under one connection name.

| a webhook with our path | is |
|---|---|
| delivers to `PUBLIC_URL`, where that is set | ours |
| without `PUBLIC_URL`: we made it, or a genuine delivery of it came in here | ours |
| without `PUBLIC_URL`: delivers to the same address as such a one | ours |
| was ours, and delivers to another address now, or `PUBLIC_URL` names another | moved: told of, never touched |
| any other | foreign, as far as we know: told of, never touched |

What is known is kept by the store's id and the address together: an id alone proves nothing once somebody edited the
webhook, or once the store was put back from a backup.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from integrations import connections
from integrations.models import Connection, WebhookCare
from integrations.ports.stores import Webhook

USUAL_PORTS = {"http": 80, "https": 443}
OURS, MOVED, FOREIGN = "ours", "moved", "foreign"
LOOKED_AT = 200
"""The last deliveries that are asked which webhook they came from."""
RECENT = dt.timedelta(days=1)


class Note(TypedDict):
    """What is kept of one webhook. ``since``: only later deliveries prove anything; empty where any does."""

    address: str
    whose: str
    since: str


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """The webhooks with our path."""

    ours: list[Webhook]
    moved: list[Webhook]
    foreign: list[Webhook]


def sort_out(row: Connection, care: WebhookCare, listed: Sequence[Webhook], now: dt.datetime) -> Sorted:
    """Tell ours from those of others among the webhooks of a store, and keep what is known of them."""
    path = f"{connections.INTAKE}{row.name}"
    with_path = [hook for hook in listed if _path(hook.delivery_url) == path]
    first = care.known is None
    before: dict[str, Note] = care.known or {}
    notes = {hook.ref: _noted(before.get(hook.ref), address(hook.delivery_url), now) for hook in with_path}
    if here := address(settings.PUBLIC_URL):
        _by_address(notes, here, now)
    else:
        _by_deliveries(notes, _delivered(row, since=None if first else now - RECENT))
    if notes != before or first:
        care.known = notes
        care.save(update_fields=["known"])
    found = {kind: [hook for hook in with_path if notes[hook.ref]["whose"] == kind] for kind in (OURS, MOVED, FOREIGN)}
    return Sorted(ours=found[OURS], moved=found[MOVED], foreign=found[FOREIGN])


def note_made(care: WebhookCare, hook: Webhook) -> None:
    """Remember a webhook that we made."""
    care.known = {**(care.known or {}), hook.ref: Note(address=address(hook.delivery_url), whose=OURS, since="")}
    care.save(update_fields=["known"])


def address(url: str) -> str:
    """Host of a URL, with the port where that is not the usual one; empty when it is no URL."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    return host if port is None or port == USUAL_PORTS.get(parts.scheme) else f"{host}:{port}"


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""


def _noted(before: Note | None, at: str, now: dt.datetime) -> Note:
    if before is None:
        return Note(address=at, whose=FOREIGN, since="")
    if before["address"] == at:
        return before
    # deliveries from before somebody edited it came to the old address
    return Note(address=at, whose=FOREIGN if before["whose"] == FOREIGN else MOVED, since=now.isoformat())


def _by_address(notes: dict[str, Note], here: str, now: dt.datetime) -> None:
    """`PUBLIC_URL` decides alone."""
    for ref, note in notes.items():
        if note["address"] == here:
            notes[ref] = Note(address=here, whose=OURS, since="")
        elif note["whose"] == OURS:
            notes[ref] = Note(address=note["address"], whose=MOVED, since=now.isoformat())


def _by_deliveries(notes: dict[str, Note], delivered: dict[str, dt.datetime]) -> None:
    """What delivers here is ours, and so is what delivers to the same address."""
    for ref, note in notes.items():
        at = delivered.get(ref)
        if at is not None and (not note["since"] or at > dt.datetime.fromisoformat(note["since"])):
            notes[ref] = Note(address=note["address"], whose=OURS, since="")
    addresses = {note["address"] for note in notes.values() if note["whose"] == OURS}
    for ref, note in notes.items():
        if note["address"] in addresses:
            notes[ref] = Note(address=note["address"], whose=OURS, since="")


DELIVERED = """
SELECT b.headers ->> 'HTTP_X_WC_WEBHOOK_ID', max(m.received_at)
FROM (SELECT id, received_at FROM integrations_inboxmessage
      WHERE connection_id = %(connection)s AND way = 'webhook' AND received_at > %(since)s
      ORDER BY received_at DESC LIMIT %(limit)s) m
JOIN integrations_inboxbody b ON b.message_id = m.id AND b.received_at = m.received_at
WHERE b.headers ? 'HTTP_X_WC_WEBHOOK_ID' GROUP BY 1
"""


def _delivered(row: Connection, *, since: dt.datetime | None) -> dict[str, dt.datetime]:
    """Webhook to its last delivery among the last ones; those of all time are read once for each store."""
    values: dict[str, int | dt.datetime] = {
        "connection": row.pk,
        "since": since or dt.datetime.min.replace(tzinfo=dt.UTC),
        "limit": LOOKED_AT,
    }
    with connection.cursor() as cursor:
        cursor.execute(DELIVERED, values)
        return {ref: at.astimezone(dt.UTC) for ref, at in cursor.fetchall()}


def fact(hook: Webhook) -> dict[str, str]:
    """One that is left alone, for reports."""
    at = address(hook.delivery_url)
    return {"webhook": hook.ref, "topic": hook.topic, "status": hook.status.value, "address": at}


def told(found: Sorted, row: Connection) -> list[str]:
    """What people must know of webhooks that are left alone."""
    said = []
    if found.moved:
        said.append(_moved_words(found.moved, row))
    if found.foreign and settings.PUBLIC_URL:
        said.append(
            f"{len(found.foreign)} more have this path at another address than {settings.PUBLIC_URL}: "
            f"{_named(found.foreign)}. They are another RetailHub's, and left alone."
        )
    elif found.foreign:
        said.append(
            f"{len(found.foreign)} have this path, and nothing shows that they are this RetailHub's: "
            f"{_named(found.foreign)}. They are left alone until one delivers here; "
            "RETAILHUB_PUBLIC_URL says at once which are."
        )
    return said


def _moved_words(moved: Sequence[Webhook], row: Connection) -> str:
    url = f"{settings.PUBLIC_URL or 'https://<this RetailHub>'}{connections.INTAKE}{row.name}/"
    return (
        f"{len(moved)} that were ours deliver to another address than ours: {_named(moved)}. They are left alone: if "
        f"that is nobody's address any more, delete them in WooCommerce or set their delivery URL to {url}."
    )


def _named(hooks: Sequence[Webhook]) -> str:
    return ", ".join(f"{hook.ref} ({hook.topic}, {hook.status.value}, {address(hook.delivery_url)})" for hook in hooks)

"""Finding messages and documents in other systems by a name that somebody typed: exact, each by one index."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from integrations.models import InboxMessage, OutboxMessage


@dataclass(frozen=True, kw_only=True)
class DocumentHead:
    """A document of ours in another system. ``subject`` is what it is of."""

    subject: str
    connection: str
    document_type: str
    reference: str
    external_id: str
    number: str
    state: str


@dataclass(frozen=True, kw_only=True)
class MessageHead:
    """A message: what it was about, and what became of it."""

    name: str
    connection: str
    about: str
    subject: str
    status: str
    outcome: str


FIELDS = ("subject", "connection", "document_type", "reference", "external_id", "number", "state")
DOCUMENTS = """
SELECT r.subject, c.name, r.document_type, r.reference, r.external_id, r.number, r.state FROM (
    -- naming the connections lets the unique index (connection, reference) answer
    (SELECT id FROM integrations_externalreference
     WHERE connection_id = ANY(ARRAY(SELECT id FROM integrations_connection)) AND reference = %(text)s
     LIMIT %(limit)s)
    UNION
    (SELECT id FROM integrations_externalreference WHERE number = %(text)s AND number <> '' LIMIT %(limit)s)
    UNION
    (SELECT id FROM integrations_externalreference WHERE external_id = %(text)s AND external_id <> '' LIMIT %(limit)s)
) AS found JOIN integrations_externalreference r USING (id) JOIN integrations_connection c ON c.id = r.connection_id
ORDER BY r.id DESC LIMIT %(limit)s
"""


def documents_called(text: str, *, limit: int) -> list[DocumentHead]:
    """Documents with this reference of ours, number, or id in the other system."""
    with connection.cursor() as cursor:
        cursor.execute(DOCUMENTS, {"text": text, "limit": limit})
        return [DocumentHead(**dict(zip(FIELDS, row, strict=True))) for row in cursor.fetchall()]


def message_named(name: str) -> MessageHead | None:
    """The message of this name (``msg_i12``, ``msg_o12``), if there is one."""
    direction, digits = name[4:5], name[5:]
    if not name.startswith("msg_") or not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        return None
    if direction == "i":
        told = InboxMessage.objects.filter(pk=int(digits)).select_related("connection").defer("connection__credentials")
        return next((_head(row, row.topic or "something", row.subject) for row in told), None)
    if direction == "o":
        sent = OutboxMessage.objects.filter(pk=int(digits)).select_related("connection")
        rows = sent.defer("connection__credentials")
        return next((_head(row, f"{row.operation} {row.reference}", row.subject) for row in rows), None)
    return None


def _head(row: InboxMessage | OutboxMessage, about: str, subject: str) -> MessageHead:
    return MessageHead(
        name=str(row),
        connection=row.connection.name,
        about=about,
        subject=subject,
        status=row.status,
        outcome=row.outcome,
    )

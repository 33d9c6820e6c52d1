"""Our references in other systems: given out once, filled in with what the other side made of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Max
from psycopg2.extras import execute_values

from integrations.events import EffectDone
from integrations.models import ExternalReference


@dataclass(frozen=True, kw_only=True)
class NewReference:
    """A reference for one document of one subject in one sink."""

    connection_id: int
    subject: str
    document_type: str
    ordinal: int
    reference: str


def reserve(references: Sequence[NewReference]) -> None:
    """Store new references; a second row for one (sink, subject, type, ordinal) is an ``IntegrityError``."""
    ExternalReference.objects.bulk_create(
        [
            ExternalReference(
                connection_id=ref.connection_id,
                subject=ref.subject,
                document_type=ref.document_type,
                ordinal=ref.ordinal,
                reference=ref.reference,
            )
            for ref in references
        ]
    )


def highest_ordinals(*, subjects: Sequence[str], document_type: str) -> dict[str, int]:
    """The highest ordinal each subject has used, over all sinks."""
    rows = (
        ExternalReference.objects.filter(subject__in=subjects, document_type=document_type)
        .values("subject")
        .annotate(highest=Max("ordinal"))
        .values_list("subject", "highest")
    )
    return dict(rows)


FILL = """
UPDATE integrations_externalreference r SET
    external_id = v.external_id, number = v.number, state = v.state, currency = v.currency, total = v.total,
    document_hash = v.hash,
    confirmed_at = coalesce(r.confirmed_at, CASE WHEN v.state = 'confirmed' THEN v.at END)
FROM (VALUES %s) AS v (connection_id, reference, external_id, number, state, currency, total, hash, at)
WHERE r.connection_id = v.connection_id AND r.reference = v.reference
"""
FILL_ROW = "(%s::bigint, %s, %s, %s, %s, %s, %s::numeric, %s::bytea, %s::timestamptz)"


def fill(done: Sequence[EffectDone], *, now: dt.datetime) -> None:
    """Write down what the other system holds under our references, in the caller's transaction."""
    rows = [
        (
            effect.connection_id,
            effect.reference,
            effect.document.external_id,
            effect.document.number,
            effect.document.state.value,
            effect.document.currency,
            effect.document.total,
            effect.document_hash,
            now,
        )
        for effect in done
    ]
    if rows:
        with connection.cursor() as cursor:
            execute_values(cursor.cursor, FILL, rows, template=FILL_ROW, page_size=len(rows))


def note_ids(told: Sequence[tuple[int, str, str]]) -> None:
    """Keep ids that other systems told along with a failure: (connection, reference, external id).

    Reading a document by its id does not lag behind, as a search may.
    """
    for connection_id, reference, external_id in told:
        unknown = ExternalReference.objects.filter(connection_id=connection_id, reference=reference, external_id="")
        unknown.update(external_id=external_id[:80])
